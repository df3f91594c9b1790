// What the specification says should become of a gRPC call. A GRPCRoute has a hostname of its own here, which no HTTPRoute names.
// A call for which no rule is gets 404, one that cannot be forwarded 503: what clients take for UNIMPLEMENTED and UNAVAILABLE.

import type { GRPCMatch, GRPCRoute, GRPCRouteRule } from '../../operator/model/kubernetes.ts'

import { type Expected, expectedAnswers } from './oracle.ts'
import { changed, type Request, respond } from './oracle-answers.ts'
import { backendOf, listenerFor, routesAt } from './oracle-places.ts'
import type { World } from './world.ts'

/** The host of all calls. */
export const grpcHost = 'grpc.example.com'

export type Call = { readonly request: Request; readonly service: string; readonly method: string }

export function expectedCall(world: World, call: Call): readonly Expected[] {
  const { port } = call.request
  const listener = listenerFor(world, port, grpcHost)
  const routes = listener === undefined ? [] : routesAt(world, world.grpcRoutes, { listener, host: grpcHost })
  if (routes.length === 0) return expectedAnswers(world, call.request)
  const candidates = routes.flatMap(candidatesOf).filter(({ match }) => matches(match, call))
  const [winner] = candidates.toSorted(byPrecedence)
  return winner === undefined ? [{ share: 1, answer: respond(404) }] : answersOf(world, winner, call)
}

type Candidate = {
  readonly route: GRPCRoute
  readonly rule: GRPCRouteRule
  readonly match: GRPCMatch
  readonly position: readonly [rule: number, match: number]
}

function candidatesOf(route: GRPCRoute): readonly Candidate[] {
  return (route.spec.rules ?? [{}]).flatMap((rule, at) =>
    (rule.matches ?? [{}]).map((match, index) => ({ route, rule, match, position: [at, index] as const })),
  )
}

function matches({ method: name, headers = [] }: GRPCMatch, { service, method, request }: Call): boolean {
  return (
    [undefined, service].includes(name?.service) &&
    [undefined, method].includes(name?.method) &&
    headers.every((header) => request.headers[header.name.toLowerCase()] === header.value)
  )
}

function byPrecedence(a: Candidate, b: Candidate): number {
  const service = ({ match }: Candidate) => match.method?.service?.length ?? 0
  const method = ({ match }: Candidate) => match.method?.method?.length ?? 0
  const headers = ({ match }: Candidate) => match.headers?.length ?? 0
  const age = ({ route }: Candidate) => new Date(route.metadata.creationTimestamp ?? 0).getTime()
  const name = ({ route }: Candidate) => `${route.metadata.namespace}/${route.metadata.name}`
  return (
    service(b) - service(a) ||
    method(b) - method(a) ||
    headers(b) - headers(a) ||
    age(a) - age(b) ||
    (name(a) < name(b) ? -1 : Number(name(a) > name(b))) ||
    a.position[0] - b.position[0] ||
    a.position[1] - b.position[1]
  )
}

function answersOf(world: World, { route, rule }: Candidate, { request }: Call): readonly Expected[] {
  const refs = (rule.backendRefs ?? []).map((ref) => ({ ref, weight: ref.weight ?? 1 }))
  const total = refs.reduce((sum, { weight }) => sum + weight, 0)
  if (total === 0) return [{ share: 1, answer: respond(503) }]
  return refs.flatMap(({ ref, weight }) => {
    if (weight === 0) return []
    const backend = backendOf(world, { kind: 'GRPCRoute', from: route.metadata.namespace ?? '' }, ref)
    const answer =
      typeof backend === 'number' ? respond(503) : changed({ request, filters: [], prefix: '/' }).forwarded(backend)
    return [{ share: weight / total, answer }]
  })
}
