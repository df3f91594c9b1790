import { isDeepStrictEqual } from 'node:util'
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
import { keyOf, type ObjectKey, type Snapshot } from '../model/snapshot.ts'
import { joined, memo, settle, settling } from '../lib/derive.ts'
import { follow } from '../lib/followed.ts'
import { judgeClass } from './gateway-classes.ts'
import { judgeGateway } from './gateways.ts'
import { judgeListenerSet } from './listener-sets.ts'
import { Pending } from './pending.ts'
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
/** What statuses should be. */
export type Statuses = Judge & {
  /** Judges all objects but the classes, which are few, a part each step, for a call that then finds it done. */
  readonly preparing: (input: StatusInput) => Generator<undefined, undefined>
}

/**
 * Judges statuses: a patch for every object whose status is not as it should be. A patch comes again, identically, until the object is
 * seen with it or one of its inputs is replaced. A Gateway that the report does not name is left to whoever owns its class now.
 * @param followed a snapshot that will be judged: to follow its objects as they come costs no time later
 */
export function createStatuses(followed?: Snapshot): Statuses {
  let current: Pick<StatusInput, 'now' | 'outcomes'> = { now: new Date(0), outcomes: new Map() }
  const ofClass = memo((object: GatewayClass) =>
    memo((report: ClassReport) =>
      memo((features: readonly string[]) => judgeClass(object, report, { features, now: current.now })),
    ),
  )
  const gateways = new Pending((gateway: Gateway, report: GatewayReport | undefined) => {
    const { now, outcomes } = current
    return report && judgeGateway({ gateway, report, outcome: outcomes.get(keyOf(gateway)), now })
  })
  const sets = new Pending((set: ListenerSet, report: ListenerSetReport | undefined) => {
    const { now, outcomes } = current
    return report && judgeListenerSet({ set, report, outcome: outcomes.get(report.gateway), now })
  })
  const routes = new Pending((route: Route, report: RouteReport | undefined) =>
    judgeRoute({ route, report, now: current.now }),
  )
  const ofPolicies = createPolicyStatuses(followed)
  const objectsOf = memo(followObjects)
  if (followed !== undefined) objectsOf(followed)

  // Another generation is nobody's news; anything else of an outcome is in the status of the Gateway and of all its ListenerSets.
  function take({ report, now, outcomes }: StatusInput): void {
    const before = current.outcomes
    current = { now, outcomes }
    if (outcomes === before) return
    const changed = new Set(
      [...before.keys(), ...outcomes.keys()].filter((key) => !isSame(before.get(key), outcomes.get(key))),
    )
    gateways.add(changed)
    if (changed.size === 0) return
    for (const [key, { gateway }] of report.listenerSets) if (changed.has(gateway)) sets.add([key])
  }

  function judge(input: StatusInput): readonly StatusPatch[] {
    const { snapshot, report, outcomes, features, now } = input
    take(input)
    const objects = objectsOf(snapshot)
    settle()
    const ofClasses = [...report.classes].flatMap(([key, found]) => {
      const object = snapshot.GatewayClass.get(key)
      return (object && ofClass(object)(found)(features)) ?? []
    })
    return [
      ...ofClasses,
      ...gateways.patches({ objects: objects.gateways(), reports: report.gateways }),
      ...sets.patches({ objects: objects.sets(), reports: report.listenerSets }),
      ...withRefusals(routes.patches({ objects: objects.routes(), reports: report.routes }), input, refusals(outcomes)),
      ...ofPolicies(snapshot, report.policies, now),
    ]
  }

  function* preparing(input: StatusInput): Generator<undefined, undefined> {
    take(input)
    const objects = objectsOf(input.snapshot)
    yield* settling()
    yield* gateways.steps({ objects: objects.gateways(), reports: input.report.gateways })
    yield* sets.steps({ objects: objects.sets(), reports: input.report.listenerSets })
    yield* routes.steps({ objects: objects.routes(), reports: input.report.routes })
    yield* ofPolicies.preparing(input.snapshot, input.report.policies, input.now)
  }
  return Object.assign(judge, { preparing })
}

function followObjects(snapshot: Snapshot) {
  return {
    gateways: follow(snapshot.Gateway, (key) => snapshot.Gateway.get(key)),
    sets: follow(snapshot.ListenerSet, (key) => snapshot.ListenerSet.get(key)),
    routes: follow(joined(snapshot, routeKinds, routeId), (id) => routeOf(snapshot, id)),
  }
}

function isSame(a: Outcome | undefined, b: Outcome | undefined): boolean {
  if (a === b) return true
  return a !== undefined && b !== undefined && isDeepStrictEqual(saidOf(a), saidOf(b))
}

function saidOf(outcome: Outcome): object {
  return { ...outcome, generation: '' }
}

type Refusals = ReadonlyMap<RouteId, ReadonlyMap<ObjectKey, Outcome>>

function withRefusals(
  patches: readonly StatusPatch[],
  { snapshot, report, now }: StatusInput,
  refused: Refusals,
): readonly StatusPatch[] {
  if (refused.size === 0) return patches
  const again = [...refused].flatMap(([id, refusedBy]) => {
    const route = routeOf(snapshot, id)
    return (route && judgeRoute({ route, report: report.routes.get(id), refusals: refusedBy, now })) ?? []
  })
  return [...patches.filter(({ kind, key }) => !refused.has(`${kind} ${key}`)), ...again]
}

function routeOf(snapshot: Snapshot, id: RouteId): Route | undefined {
  const { kind, key } = splitRouteId(id)
  return snapshot[kind].get(key)
}

// Route → the Gateways whose configuration HAProxy refused because of it.
function refusals(outcomes: ReadonlyMap<ObjectKey, Outcome>): Refusals {
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
