import type { Finding, GatewayReport, ListenerReport, RouteId, RouteReport } from '../model/report.ts'
import type { ObjectKey, Snapshot } from '../model/snapshot.ts'

import { family, Gathering } from '../lib/derive.ts'

import type { GatewayPlan } from './gateway.ts'
import type { ProxyNeeds } from './needs.ts'
import { routeMembers } from './route-members.ts'
import type { PlacedRoute } from './routes-placed.ts'
import type { VirtualHosts } from './virtual-hosts.ts'

type Sources = {
  readonly gateways: (key: ObjectKey) => GatewayPlan | undefined
  readonly routes: (route: RouteId) => PlacedRoute
  readonly virtualHosts: Pick<VirtualHosts, 'faults'>
  readonly needs: Pick<ProxyNeeds, 'faults'>
}

/** What there is to say about a route; the same object as long as it is the same. Tracked. */
export function createRouteReports(routes: Sources['routes']): (route: RouteId) => RouteReport | undefined {
  return family((route) => routes(route).report)
}

/** What there is to say about a Gateway of ours, by key; undefined for any other key. Tracked. */
export function createGatewayReports(
  snapshot: Snapshot,
  { gateways, routes, virtualHosts, needs }: Sources,
): (key: ObjectKey) => GatewayReport | undefined {
  const attached = new Gathering(routeMembers(snapshot), (route) =>
    routes(route).attached.map(({ gateway, listener }) => [`${gateway}|${listener}`, true] as const),
  )
  const attachedRoutes = family((listener) => attached.size(listener))

  return family((key) => {
    const plan = gateways(key)
    if (plan === undefined) return undefined
    const listeners = plan.listeners.map(
      ({ name, findings, supportedKinds }): ListenerReport => ({
        name,
        findings,
        supportedKinds,
        attachedRoutes: attachedRoutes(`${key}|${name}`),
      }),
    )
    return {
      findings: [...plan.findings, ...incomplete(plan, [...virtualHosts.faults(key), ...needs.faults(key)])],
      listeners,
    }
  })
}

function incomplete(plan: GatewayPlan, faults: readonly string[]): readonly Finding[] {
  if (faults.length === 0 || plan.findings.some(({ type }) => type === 'Programmed')) return []
  return [{ type: 'Programmed', status: 'False', reason: 'Invalid', message: faults.join(' ') }]
}
