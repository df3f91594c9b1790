import type {
  Finding,
  GatewayReport,
  ListenerReport,
  ListenerSetReport,
  RouteId,
  RouteReport,
} from '../model/report.ts'
import type { ObjectKey, Snapshot } from '../model/snapshot.ts'

import { family, Gathering } from '../lib/derive.ts'

import type { GatewayPlan } from './gateway.ts'
import { createOverlaps } from './listener-overlaps.ts'
import type { ListenerSets } from './listener-sets.ts'
import { type ParentId, parentId } from './parent-ids.ts'
import type { Parents } from './parents.ts'
import type { ProxyNeeds } from './needs.ts'
import { routeMembers } from './route-members.ts'
import type { PlacedRoute } from './routes-placed.ts'
import type { VirtualHosts } from './virtual-hosts.ts'

type Sources = {
  readonly gateways: (key: ObjectKey) => GatewayPlan | undefined
  readonly listeners: ListenerReports
  readonly virtualHosts: Pick<VirtualHosts, 'faults'>
  readonly needs: Pick<ProxyNeeds, 'faults'>
}

/** What there is to say about a route; the same object as long as it is the same. Tracked. */
export function createRouteReports(
  routes: (route: RouteId) => PlacedRoute,
): (route: RouteId) => RouteReport | undefined {
  return family((route) => routes(route).report)
}

/** What there is to say about a Gateway of ours, by key; undefined for any other key. Tracked. */
export function createGatewayReports({
  gateways,
  listeners,
  virtualHosts,
  needs,
}: Sources): (key: ObjectKey) => GatewayReport | undefined {
  return family((key) => {
    const plan = gateways(key)
    if (plan === undefined) return undefined
    return {
      findings: [...plan.findings, ...incomplete(plan, [...virtualHosts.faults(key), ...needs.faults(key)])],
      listeners: listeners(parentId('Gateway', key)),
      attachedListenerSets: plan.attachedListenerSets,
    }
  })
}

/** What there is to say about a ListenerSet of a Gateway of ours, by key; undefined for any other key. Tracked. */
export function createListenerSetReports(
  sets: ListenerSets['plan'],
  listeners: ListenerReports,
): (key: ObjectKey) => ListenerSetReport | undefined {
  return family((key) => {
    const plan = sets(key)
    if (plan === undefined) return undefined
    const { gateway, orphaned, findings } = plan
    return { gateway, orphaned, findings, listeners: listeners(parentId('ListenerSet', key)) }
  })
}

type ListenerReports = (parent: ParentId) => readonly ListenerReport[]

/** What there is to say about the listeners of a Gateway or ListenerSet, in its order. Tracked. */
export function createListenerReports(
  snapshot: Snapshot,
  { parents, routes }: { readonly parents: Pick<Parents, 'plan'>; readonly routes: (route: RouteId) => PlacedRoute },
): ListenerReports {
  const attached = new Gathering(routeMembers(snapshot), (route) =>
    routes(route).attached.map(({ parent, listener }) => [`${parent}|${listener}`, true] as const),
  )
  const attachedRoutes = family((listener) => attached.size(listener))
  const overlaps = createOverlaps(snapshot, parents)
  return (parent) =>
    (parents.plan(parent)?.listeners ?? []).map((listener) => ({
      name: listener.name,
      findings: [...listener.findings, ...overlaps(parent, listener)],
      supportedKinds: listener.supportedKinds,
      attachedRoutes: attachedRoutes(`${parent}|${listener.name}`),
    }))
}

function incomplete(plan: GatewayPlan, faults: readonly string[]): readonly Finding[] {
  if (faults.length === 0 || plan.findings.some(({ type }) => type === 'Programmed')) return []
  return [{ type: 'Programmed', status: 'False', reason: 'Invalid', message: faults.join(' ') }]
}
