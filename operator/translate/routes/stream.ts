import type { TCPRoute } from '../../model/kubernetes.ts'
import type { Action, Match, Rule, Target } from '../../model/proxy-model.ts'
import { keyOf, splitKey } from '../../model/snapshot.ts'

import { gatewayApiGroup } from '../defaults.ts'
import { type BackendReferences, resolveBackendRef } from './backend-refs.ts'
import { httpDefaults } from './http-defaults.ts'
import { type BrokenReference, createProblems, type Refuse } from './problems.ts'
import type { RouteDraft, RuleDraft } from './route-draft.ts'
import { routeHostnames } from './route-hostnames.ts'
import { weightFault } from './writable.ts'

/** What TLSRoutes, TCPRoutes and UDPRoutes have in common: rules without matches and filters. */
export type StreamRoute = {
  readonly kind: 'TLSRoute' | 'TCPRoute' | 'UDPRoute'
  readonly metadata: TCPRoute['metadata']
  readonly spec: { readonly hostnames?: readonly string[]; readonly rules: TCPRoute['spec']['rules'] }
}
type StreamRule = StreamRoute['spec']['rules'][number]
type StreamBackendRef = NonNullable<StreamRule['backendRefs']>[number]

/**
 * The rule of a TLSRoute, TCPRoute or UDPRoute. A rule that leads nowhere responds, which here means that connections are closed and
 * datagrams dropped. https://gateway-api.sigs.k8s.io/reference/spec/#tlsrouterule
 */
export function draftStreamRoute(route: StreamRoute, references: BackendReferences): RouteDraft {
  const { refuse, problems } = createProblems()
  // Only TLSRoutes have any: nothing else of a connection names a host.
  const hostnames = route.kind === 'TLSRoute' ? routeHostnames(route.spec.hostnames, refuse) : []
  const rules = route.spec.rules.map((rule, index) =>
    index === 0 ? draftRule(rule, { route, references }) : superfluous(route, index),
  )
  return { hostnames, problems, rules }
}

const everything: Match = { path: { kind: 'prefix', value: '/' }, headers: [], queries: [] }

type RulePlace = { readonly route: StreamRoute; readonly references: BackendReferences }

function draftRule(rule: StreamRule, place: RulePlace): RuleDraft {
  const { refuse, problems } = createProblems()
  const brokenReferences: BrokenReference[] = []
  const targets = (rule.backendRefs ?? []).flatMap(
    (ref, index) => targetOf(ref, { ...place, index, refuse, brokenReferences }) ?? [],
  )
  const drafted: Rule = {
    id: `${place.route.kind}/${keyOf(place.route)}/0`,
    match: everything,
    action: forwardTo(targets),
  }
  return { rules: [drafted], complete: true, problems, brokenReferences }
}

// Nothing could tell a second rule's connections from those of the first.
function superfluous({ kind }: StreamRoute, index: number): RuleDraft {
  const { refuse, problems } = createProblems()
  refuse(`spec.rules[${index}]`, `a ${kind} has one rule; write another route for another listener.`)
  return { rules: [], complete: true, problems, brokenReferences: [] }
}

function forwardTo(targets: readonly Target[]): Action {
  if (targets.some(({ kind }) => kind === 'backend')) return { kind: 'forward', targets }
  return { kind: 'respond', status: 500 }
}

type TargetPlace = RulePlace & {
  readonly index: number
  readonly refuse: Refuse
  readonly brokenReferences: BrokenReference[]
}

function targetOf(ref: StreamBackendRef, place: TargetPlace): Target | undefined {
  const { kind } = place.route
  const field = `spec.rules[0].backendRefs[${place.index}]`
  const { weight = httpDefaults.weight } = ref
  const fault = weightFault(weight)
  if (fault !== undefined) place.refuse(`${field}.weight`, fault)

  const from = { group: gatewayApiGroup, kind, namespace: splitKey(keyOf(place.route)).namespace }
  const speaks = kind === 'UDPRoute' ? 'udp' : 'tcp'
  const backend = resolveBackendRef(ref, { field, from, references: place.references, speaks })
  if (backend.kind === 'broken') place.brokenReferences.push(backend.problem)
  if (weight === 0) return undefined
  if (backend.kind === 'broken') return { kind: 'respond', weight, status: 500 }
  return { kind: 'backend', weight, backend: backend.id, profile: speaks, filters: [], timeouts: {} }
}
