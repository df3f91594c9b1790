import type { ProxyModel, Workload } from '../model/proxy-model.ts'
import type { DesiredObject } from '../model/rendered.ts'
import type { DataPlaneSettings } from '../model/settings.ts'
import { memo } from '../lib/derive.ts'
import { deployment } from './deployment.ts'
import { disruptionBudget } from './disruption-budget.ts'
import { serviceAccount } from './service-account.ts'
import { service } from './service.ts'

/**
 * The Kubernetes objects that one proxy needs. Unchanged workload and ports give the same array again.
 *
 * A proxy without frontends (no listener can be served) needs nothing: a Service cannot be without ports, and pods without a listener
 * would wait for nobody.
 */
export function provision(proxy: ProxyModel, settings: DataPlaneSettings): readonly DesiredObject[] {
  const ports = proxy.frontends.map(({ port, tls }) => `${port}${tls === undefined ? '' : 's'}`).join(' ')
  const newest = newestOf(settings)(proxy.workload)
  if (newest.ports !== ports) {
    newest.ports = ports
    newest.objects = provisionAll(proxy, settings)
  }
  return newest.objects
}

type Newest = { ports: string; objects: readonly DesiredObject[] }
const nothing: readonly DesiredObject[] = Object.freeze([])

// The newest result of each workload; it goes when the workload goes.
const newestOf = memo<DataPlaneSettings, (workload: Workload) => Newest>(() =>
  memo<Workload, Newest>(() => ({ ports: '', objects: nothing })),
)

function provisionAll(proxy: ProxyModel, settings: DataPlaneSettings): readonly DesiredObject[] {
  if (proxy.frontends.length === 0) return nothing
  return [
    serviceAccount(proxy),
    deployment(proxy, settings),
    service(proxy),
    ...(settings.replicas > 1 ? [disruptionBudget(proxy)] : []),
  ]
}
