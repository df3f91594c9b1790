// What the specification says should become of a request, read from its text and decided the slow way: every object is looked at for every
// request. It shares nothing with the operator but the types of the API, so that the two can disagree.
// https://gateway-api.sigs.k8s.io/reference/spec/
//
// Where the text leaves the choice, this is what the product documents: a request belongs to the most specific hostname that some route of
// its listener serves, and to no other one; regular expressions match the whole path or value and stand between Exact and PathPrefix, longer
// ones first; the slash at the end of a prefix counts for nothing; a rule without backends, or with weights of 0 only, answers 500; a Service
// without ready endpoints 503.

import type { GatewayListener, HTTPMatch, HTTPRoute, HTTPRouteRule } from '../../operator/model/kubernetes.ts'

import { backendOf, listenerFor, routesAt } from './oracle-places.ts'
import { changed, type Answer, type Request, respond } from './oracle-answers.ts'
import type { World } from './world.ts'

/** One of the answers that are right, and how often it should come. The shares of all add up to 1. */
export type Expected = { readonly share: number; readonly answer: Answer }

export function expectedAnswers(world: World, request: Request): readonly Expected[] {
  const host = request.host.toLowerCase().replace(/:\d+$/, '')
  const listener = listenerFor(world, request.port, host)
  if (listener === undefined) return [{ share: 1, answer: respond(404) }]
  // The connection is another listener's: a misdirected request.
  if (request.sni !== undefined && listenerFor(world, request.port, request.sni) !== listener)
    return [{ share: 1, answer: respond(421) }]
  const routes = routesAt(world, world.routes, { listener, host })
  const chosen = routes.flatMap(candidatesOf).filter(({ match }) => matches(match, request))
  const [winner] = chosen.toSorted(byPrecedence)
  return winner === undefined ? [{ share: 1, answer: respond(404) }] : answersOf(world, winner, { request, listener })
}

// ---- rules --------------------------------------------------------------------------------------------------------------------------

type Candidate = {
  readonly route: HTTPRoute
  readonly rule: HTTPRouteRule
  readonly match: HTTPMatch
  readonly position: readonly [rule: number, match: number]
}

const everyPath = { path: { type: 'PathPrefix', value: '/' } } as const

function candidatesOf(route: HTTPRoute): readonly Candidate[] {
  return (route.spec.rules ?? [{}]).flatMap((rule, at) =>
    (rule.matches ?? [everyPath]).map((match, index) => ({ route, rule, match, position: [at, index] as const })),
  )
}

// ---- matches ------------------------------------------------------------------------------------------------------------------------

function matches(match: HTTPMatch, request: Request): boolean {
  const parameters = request.query.split('&').map((pair) => pair.split('='))
  const parameter = (name: string): string | undefined => {
    const value = parameters.find(([key]) => key === name)?.[1]
    return value === undefined ? undefined : decodeURIComponent(value.replaceAll('+', ' '))
  }
  const header = (name: string): string | undefined =>
    Object.entries(request.headers).find(([key]) => key.toLowerCase() === name.toLowerCase())?.[1]
  return (
    pathMatches(match.path ?? {}, request.path) &&
    (match.method === undefined || match.method === request.method) &&
    headersOf(match).every((test) => valueMatches(test, header(test.name))) &&
    (match.queryParams ?? []).every((test) => valueMatches(test, parameter(test.name)))
  )
}

// Of equivalent names only the first is considered.
function headersOf({ headers = [] }: HTTPMatch): NonNullable<HTTPMatch['headers']> {
  const names = headers.map(({ name }) => name.toLowerCase())
  return headers.filter((_, index) => names.indexOf(names[index] ?? '') === index)
}

function pathMatches({ type = 'PathPrefix', value = '/' }: NonNullable<HTTPMatch['path']>, path: string): boolean {
  if (type === 'Exact') return path === value
  if (type === 'RegularExpression') return wholly(value, path)
  const prefix = value === '/' ? [] : value.replace(/\/$/, '').split('/').slice(1)
  const elements = path.split('/').slice(1)
  return prefix.every((element, index) => elements[index] === element)
}

type Test = { readonly type?: 'Exact' | 'RegularExpression'; readonly value: string }

function valueMatches({ type = 'Exact', value }: Test, actual: string | undefined): boolean {
  if (actual === undefined) return false
  return type === 'Exact' ? actual === value : wholly(value, actual)
}

function wholly(expression: string, text: string): boolean {
  return new RegExp(`^(?:${expression})$`).test(text)
}

// ---- precedence ---------------------------------------------------------------------------------------------------------------------

function byPrecedence(a: Candidate, b: Candidate): number {
  const kinds = ['Exact', 'RegularExpression', 'PathPrefix']
  const kind = ({ match }: Candidate) => kinds.indexOf(match.path?.type ?? 'PathPrefix')
  const length = ({ match }: Candidate) => {
    const { type = 'PathPrefix', value = '/' } = match.path ?? {}
    if (type === 'PathPrefix') return value.replace(/\/$/, '').length
    return type === 'Exact' ? 0 : value.length
  }
  const method = ({ match }: Candidate) => (match.method === undefined ? 0 : 1)
  const headers = ({ match }: Candidate) => headersOf(match).length
  const queries = ({ match }: Candidate) => match.queryParams?.length ?? 0
  const age = ({ route }: Candidate) => new Date(route.metadata.creationTimestamp ?? 0).getTime()
  const name = ({ route }: Candidate) => `${route.metadata.namespace}/${route.metadata.name}`
  return (
    kind(a) - kind(b) ||
    length(b) - length(a) ||
    method(b) - method(a) ||
    headers(b) - headers(a) ||
    queries(b) - queries(a) ||
    age(a) - age(b) ||
    (name(a) < name(b) ? -1 : Number(name(a) > name(b))) ||
    a.position[0] - b.position[0] ||
    a.position[1] - b.position[1]
  )
}

// ---- what a rule does ---------------------------------------------------------------------------------------------------------------

type Arrival = { readonly request: Request; readonly listener: GatewayListener }

function answersOf(
  world: World,
  { route, rule, match }: Candidate,
  { request, listener }: Arrival,
): readonly Expected[] {
  const prefix = match.path?.value ?? '/'
  const redirect = rule.filters?.find(({ type }) => type === 'RequestRedirect')?.requestRedirect
  if (redirect !== undefined)
    return [
      { share: 1, answer: changed({ request, filters: rule.filters ?? [], prefix }).redirected(redirect, listener) },
    ]
  const refs = (rule.backendRefs ?? []).map((ref) => ({ ref, weight: ref.weight ?? 1 }))
  const total = refs.reduce((sum, { weight }) => sum + weight, 0)
  if (total === 0) return [{ share: 1, answer: respond(500) }]
  return refs.flatMap(({ ref, weight }) => {
    if (weight === 0) return []
    const backend = backendOf(world, { kind: 'HTTPRoute', from: route.metadata.namespace ?? '' }, ref)
    const filters = [...(rule.filters ?? []), ...(ref.filters ?? [])]
    const answer =
      typeof backend === 'number' ? respond(backend) : changed({ request, filters, prefix }).forwarded(backend)
    return [{ share: weight / total, answer }]
  })
}
