import type { Gateway, GatewayClass, ListenerSet } from '../model/kubernetes.ts'
import type { Outcome, StatusPatch } from '../model/rendered.ts'
import {
  type ClassReport,
  type GatewayReport,
  type ListenerSetReport,
  type Report,
  type RouteId,
  routeId,
  routeKinds,
  type RouteReport,
  splitRouteId,
} from '../model/report.ts'
import type { ObjectKey, Snapshot } from '../model/snapshot.ts'
import { type Entry, Gathering, joined, memo, settle } from '../lib/derive.ts'
import { partNamed, partOf } from '../lib/parts.ts'
import { judgeClass } from './gateway-classes.ts'
import { judgeGateway } from './gateways.ts'
import { judgeListenerSet } from './listener-sets.ts'
import { createPolicyStatuses } from './policies.ts'
import { judgeRoute, type Route } from './routes.ts'

export type StatusInput = {
  readonly snapshot: Snapshot
  readonly report: Report
  readonly outcomes: ReadonlyMap<ObjectKey, Outcome>
  /** Features of the Gateway API that we support, for the classes. */
  readonly features: readonly string[]
  /** The time of conditions that change now. */
  readonly now: Date
}

type Judge = (input: StatusInput) => readonly StatusPatch[]
type Patch = StatusPatch | undefined

// Stand for what is absent, where identity counts.
const noOutcome: Outcome = { kind: 'waiting', message: '', addresses: [] }
const noReport: RouteReport = { kind: 'HTTPRoute', parents: [] }
const noReports: Report['routes'] = new Map()

/**
 * Judges statuses: a patch for every object whose status is not as it should be. A patch comes again, identically, until the object is
 * seen with it or one of its inputs is replaced. A Gateway that the report does not name is left to whoever owns its class now.
 */
export function createStatuses(): Judge {
  let now = new Date(0)
  const ofClass = memo((object: GatewayClass) =>
    memo((report: ClassReport) =>
      memo((features: readonly string[]): Patch => judgeClass(object, report, { features, now })),
    ),
  )
  const ofGateway = memo((gateway: Gateway) =>
    memo((report: GatewayReport) =>
      memo((given: Outcome): Patch => {
        const outcome = given === noOutcome ? undefined : given
        return judgeGateway({ gateway, report, outcome, now })
      }),
    ),
  )
  const ofSet = memo((set: ListenerSet) =>
    memo((report: ListenerSetReport) =>
      memo((given: Outcome): Patch => {
        const outcome = given === noOutcome ? undefined : given
        return judgeListenerSet({ set, report, outcome, now })
      }),
    ),
  )
  const ofPolicies = createPolicyStatuses()
  const ofRoutes = createRouteStatuses()

  return (input) => {
    now = input.now
    const { snapshot, report, outcomes, features } = input
    const patches: StatusPatch[] = []
    const add = (patch: Patch) => {
      if (patch !== undefined) patches.push(patch)
    }
    for (const [key, found] of report.classes) {
      const object = snapshot.GatewayClass.get(key)
      if (object !== undefined) add(ofClass(object)(found)(features))
    }
    for (const [key, found] of report.gateways) {
      const gateway = snapshot.Gateway.get(key)
      if (gateway !== undefined) add(ofGateway(gateway)(found)(outcomes.get(key) ?? noOutcome))
    }
    for (const [key, found] of report.listenerSets) {
      const set = snapshot.ListenerSet.get(key)
      if (set !== undefined) add(ofSet(set)(found)(outcomes.get(found.gateway) ?? noOutcome))
    }
    return [...patches, ...ofRoutes(input), ...ofPolicies(snapshot, report.policies, now)]
  }
}

function createRouteStatuses(): Judge {
  let now = new Date(0)
  const ofRoute = memo((route: Route) =>
    memo((given: RouteReport): Patch => {
      const report = given === noReport ? undefined : given
      return judgeRoute({ route, report, now })
    }),
  )
  const routesOf = memo(routesByPart)
  const ofRoutes = memo((routes: readonly Entry<Route>[]) =>
    memo((reports: Report['routes']): readonly StatusPatch[] =>
      routes.flatMap(({ member, value }) => ofRoute(value)(reports.get(member) ?? noReport) ?? []),
    ),
  )

  return (input) => {
    now = input.now
    const { snapshot, report, outcomes } = input
    const refused = refusals(outcomes)
    const routes = routesOf(snapshot)
    settle()
    const patches = [...routes.names()].flatMap((part) =>
      ofRoutes(routes.bucket(part))(partNamed(report.routes, part) ?? noReports),
    )
    const again = [...refused].flatMap(([id, refusedBy]) => {
      const route = routeOf(snapshot, id)
      return (route && judgeRoute({ route, report: report.routes.get(id), refusals: refusedBy, now })) ?? []
    })
    return [...patches.filter(({ kind, key }) => !refused.has(`${kind} ${key}`)), ...again]
  }
}

// In parts, so that one changed route costs the judging of its part.
function routesByPart(snapshot: Snapshot): Gathering<Route> {
  return new Gathering(joined(snapshot, routeKinds, routeId), (id) => {
    const route = routeOf(snapshot, id)
    return route === undefined ? [] : [[partOf(id), route]]
  })
}

function routeOf(snapshot: Snapshot, id: RouteId): Route | undefined {
  const { kind, key } = splitRouteId(id)
  return snapshot[kind].get(key)
}

// Route → the Gateways whose configuration HAProxy refused because of it.
function refusals(outcomes: ReadonlyMap<ObjectKey, Outcome>): ReadonlyMap<RouteId, ReadonlyMap<ObjectKey, Outcome>> {
  const found = new Map<RouteId, Map<ObjectKey, Outcome>>()
  for (const [gateway, outcome] of outcomes) {
    const { kind, guilty } = outcome
    if (kind !== 'rejected' || guilty === undefined) continue
    const guiltyKind = routeKinds.find((name) => name === guilty.kind)
    if (guiltyKind === undefined) continue
    const id = routeId(guiltyKind, guilty.key)
    const refused = found.get(id) ?? new Map<ObjectKey, Outcome>()
    found.set(id, refused.set(gateway, outcome))
  }
  return found
}
