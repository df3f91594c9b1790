import type { HTTPBackendRef, HTTPRoute, HTTPRouteRule } from '../../model/kubernetes.ts'
import type { Action, Filter, Match, Rule, Target, Timeouts } from '../../model/proxy-model.ts'
import { type RetryPolicy, retryProfile } from '../../model/retry.ts'
import { keyOf, type ObjectKey, splitKey } from '../../model/snapshot.ts'

import { gatewayApiGroup } from '../defaults.ts'
import { actsOnRedirect, listBytes, mergeFilters, translateFilters } from '../filters/filters.ts'
import type { FilterPlace } from '../filters/filter-place.ts'
import { translateRetry } from '../retry.ts'
import { translateTimeouts } from '../timeouts.ts'
import { type BackendReferences, resolveBackendRef } from './backend-refs.ts'
import { httpDefaults } from './http-defaults.ts'
import { type BrokenReference, createProblems, type Refuse } from './problems.ts'
import type { RouteDraft, RuleDraft } from './route-draft.ts'
import { routeHostnames } from './route-hostnames.ts'
import { weightFault } from './writable.ts'

/** Fields of rules that the experimental API has. Accepting and ignoring them would break what they promise. */
const unsupportedFields = ['sessionPersistence']
/** With these and the longest path and names, a record still fits into one piece of a map that the Data Plane API sends: `scenarios/limits.test.ts`. */
const mostListBytes = 4500

/** What HTTPRoutes and GRPCRoutes have in common: rules for requests. */
export type RequestRoute<R extends RequestRule> = {
  readonly metadata: HTTPRoute['metadata']
  readonly spec: { readonly hostnames?: readonly string[] | undefined; readonly rules?: readonly R[] | undefined }
}
export type RequestRule = Pick<HTTPRouteRule, 'filters' | 'backendRefs' | 'timeouts' | 'retry'>

/** What one of the two kinds makes of it. */
export type RequestKind<R extends RequestRule> = {
  readonly kind: 'HTTPRoute' | 'GRPCRoute'
  readonly speaks: 'http' | 'grpc'
  /** The answer where nothing can be forwarded to. */
  readonly failure: Failure
  /** Requests last as long as client and backend have something to say to each other. */
  readonly streams?: true
  /** The types of filters that it knows; absent: all. */
  readonly filterTypes?: readonly string[]
  /** One per match of the rule, at least one; undefined for one that cannot be programmed, of which `refuse` has been told. */
  readonly matches: (rule: R, field: string, refuse: Refuse) => readonly (Match | undefined)[]
}
type Failure = 500 | 503

/** The rules of a route for requests. https://gateway-api.sigs.k8s.io/reference/spec/#httproutespec */
export function draftRequestRoute<R extends RequestRule>(
  route: RequestRoute<R>,
  kind: RequestKind<R>,
  references: BackendReferences,
): RouteDraft {
  const { refuse, problems } = createProblems()
  const hostnames = routeHostnames(route.spec.hostnames, refuse)
  const rules = route.spec.rules ?? []
  return {
    hostnames,
    problems,
    rules: rules.map((rule, index) => draftRule(rule, { key: keyOf(route), kind, index, references })),
  }
}

type Draft<R extends RequestRule> = {
  readonly key: ObjectKey
  readonly kind: RequestKind<R>
  readonly index: number
  readonly references: BackendReferences
}
type RulePlace = FilterPlace & { readonly failure: Failure; readonly stream: Pick<Timeouts, 'stream'> }

function draftRule<R extends RequestRule>(rule: R, { key, kind, index, references }: Draft<R>): RuleDraft {
  const { refuse, problems } = createProblems()
  const field = `spec.rules[${index}]`
  for (const name of unsupportedFields)
    if (Object.hasOwn(rule, name)) refuse(`${field}.${name}`, 'is not supported; leave it out.')

  const matches = kind.matches(rule, `${field}.matches`, refuse)
  const [only] = matches
  const prefix = matches.length === 1 && only?.path.kind === 'prefix' ? { prefix: only.path.value } : {}

  const brokenReferences: BrokenReference[] = []
  const from = { group: gatewayApiGroup, kind: kind.kind, namespace: splitKey(key).namespace }
  const resolve: FilterPlace['resolve'] = (ref, at) => {
    const backend = resolveBackendRef(ref, { field: at, from, references, speaks: kind.speaks })
    if (backend.kind === 'backend') return backend.id
    brokenReferences.push(backend.problem)
    return undefined
  }
  const { failure, filterTypes, streams } = kind
  const stream = streams === undefined ? {} : { stream: streams }
  const action = actionOf(rule, {
    field,
    refuse,
    resolve,
    failure,
    stream,
    ...(filterTypes && { types: filterTypes }),
    ...prefix,
  })
  const rules = matches.flatMap((match, at): readonly Rule[] =>
    match === undefined ? [] : [{ id: `${kind.kind}/${key}/${index}/${at}`, match, action }],
  )
  return { rules, complete: rules.length === matches.length, problems, brokenReferences }
}

function actionOf(rule: RequestRule, place: RulePlace): Action {
  const { field, refuse } = place
  const { filters, redirect, closed } = translateFilters(rule.filters ?? [], { ...place, field: `${field}.filters` })
  const timeouts = { ...translateTimeouts(rule.timeouts, `${field}.timeouts`, refuse), ...place.stream }
  const retry = translateRetry(rule, `${field}.retry`, refuse)
  const refs = rule.backendRefs ?? []
  const targets = refs.flatMap((ref, index) => targetOf(ref, { ...place, index, filters, timeouts, retry }) ?? [])
  if (closed === true) return { kind: 'respond', status: place.failure }
  if (redirect === undefined) return forwardTo(targets, place.failure)
  if (refs.length > 0)
    refuse(
      `${field}.backendRefs`,
      'a RequestRedirect leaves nothing to forward; keep one of the two.',
      'IncompatibleFilters',
    )
  checkSize(filters, `${field}.filters`, refuse)
  return { kind: 'redirect', redirect, filters }
}

// A rule that has nowhere to forward to answers with an error. https://gateway-api.sigs.k8s.io/reference/spec/#httprouterule
function forwardTo(targets: readonly Target[], status: Failure): Action {
  if (targets.some(({ kind }) => kind !== 'respond')) return { kind: 'forward', targets }
  return { kind: 'respond', status }
}

type TargetPlace = RulePlace & {
  readonly index: number
  readonly filters: readonly Filter[]
  readonly timeouts: Timeouts
  readonly retry: RetryPolicy | undefined
}

function targetOf(ref: HTTPBackendRef, place: TargetPlace): Target | undefined {
  const { refuse, timeouts } = place
  const field = `${place.field}.backendRefs[${place.index}]`
  const own = translateFilters(ref.filters ?? [], { ...place, field: `${field}.filters` })
  const all = mergeFilters([...place.filters, ...own.filters])
  if (own.redirect !== undefined && all.some(({ kind }) => kind === 'url-rewrite'))
    refuse(
      `${field}.filters`,
      'a RequestRedirect leaves nothing to rewrite; keep one of the two.',
      'IncompatibleFilters',
    )
  const filters = own.redirect === undefined ? all : all.filter(actsOnRedirect)
  checkSize(filters, `${field}.filters`, refuse)

  const { weight = httpDefaults.weight } = ref
  const fault = weightFault(weight)
  if (fault !== undefined) refuse(`${field}.weight`, fault)

  const backend = place.resolve(ref, field)
  if (weight === 0) return undefined
  if (backend === undefined || own.closed === true) return { kind: 'respond', weight, status: place.failure }
  if (own.redirect !== undefined) return { kind: 'redirect', weight, redirect: own.redirect, filters }
  const hasRecord = filters.length > 0 || Object.keys(timeouts).length > 0
  const profile = place.retry === undefined ? (hasRecord ? 'filtered' : 'plain') : retryProfile(place.retry)
  return { kind: 'backend', weight, backend, profile, filters, timeouts }
}

function checkSize(filters: readonly Filter[], field: string, refuse: Refuse): void {
  const bytes = listBytes(filters)
  if (bytes > mostListBytes)
    refuse(
      field,
      `the filters for one request take ${bytes} bytes, and at most ${mostListBytes} can be programmed; write fewer or shorter headers and origins.`,
    )
}
