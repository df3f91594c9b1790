import type { ProxyModel, Workload } from '../model/proxy-model.ts'
import type { DesiredObject } from '../model/rendered.ts'
import type { DataPlaneSettings } from '../model/settings.ts'
import { memo } from '../lib/derive.ts'
import { deployment } from './deployment.ts'
import { disruptionBudget } from './disruption-budget.ts'
import { serviceAccount } from './service-account.ts'
import { service } from './service.ts'

/**
 * The Kubernetes objects that one proxy needs. The same workload gives the same array again.
 *
 * They stay while the Gateway has an accepted listener, also when none can be served for the moment: a Secret that is missing for a
 * minute must not cost the address.
 */
export function provision(proxy: ProxyModel, settings: DataPlaneSettings): readonly DesiredObject[] {
  const known = provisioned(settings)
  const before = known.get(proxy.workload)
  if (before !== undefined) return before
  const objects = provisionAll(proxy, settings)
  known.set(proxy.workload, objects)
  return objects
}

const provisioned = memo<DataPlaneSettings, WeakMap<Workload, readonly DesiredObject[]>>(() => new WeakMap())

function provisionAll(proxy: ProxyModel, settings: DataPlaneSettings): readonly DesiredObject[] {
  if (proxy.workload.ports.length === 0) return []
  return [
    serviceAccount(proxy),
    deployment(proxy, settings),
    service(proxy),
    ...(settings.replicas > 1 ? [disruptionBudget(proxy)] : []),
  ]
}
