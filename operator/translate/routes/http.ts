import type { HTTPBackendRef, HTTPRoute, HTTPRouteRule } from '../../model/kubernetes.ts'
import type { Action, Filter, Rule, Target, Timeouts } from '../../model/proxy-model.ts'
import { keyOf, splitKey } from '../../model/snapshot.ts'

import { gatewayApiGroup } from '../defaults.ts'
import { headerBytes, mergeFilters, translateFilters } from '../filters/filters.ts'
import type { References } from '../references.ts'
import { translateTimeouts } from '../timeouts.ts'
import { resolveBackendRef } from './backend-refs.ts'
import { httpDefaults } from './http-defaults.ts'
import { translateMatch } from './http-matches.ts'
import { type BrokenReference, createProblems, type Refuse } from './problems.ts'
import type { RouteDraft, RuleDraft } from './route-draft.ts'
import { quoted, routeHostnameFault } from './writable.ts'

/** Fields of rules that the experimental API has. Accepting and ignoring them would break what they promise. */
const unsupportedFields = ['retry', 'sessionPersistence']
/** With these and the longest path and names, a record still fits into one call of the Data Plane API. */
const mostHeaderBytes = 5000
const greatestWeight = 1_000_000

/** The rules of an HTTPRoute. https://gateway-api.sigs.k8s.io/reference/spec/#httproutespec */
export function draftHttpRoute(route: HTTPRoute, references: References): RouteDraft {
  const { refuse, problems } = createProblems()
  const hostnames = (route.spec.hostnames ?? []).map((hostname) => hostname.toLowerCase())
  for (const [index, hostname] of hostnames.entries()) {
    const fault = routeHostnameFault(hostname)
    if (fault !== undefined) refuse(`spec.hostnames[${index}]`, fault)
  }
  const rules = route.spec.rules ?? httpDefaults.rules
  return {
    hostnames: [...new Set(hostnames)],
    problems,
    rules: rules.map((rule, index) => draftRule(rule, { route, index, references })),
  }
}

type RulePlace = { readonly route: HTTPRoute; readonly index: number; readonly references: References }

function draftRule(rule: HTTPRouteRule, { route, index, references }: RulePlace): RuleDraft {
  const { refuse, problems } = createProblems()
  const field = `spec.rules[${index}]`
  for (const name of unsupportedFields)
    if (Object.hasOwn(rule, name)) refuse(`${field}.${name}`, 'is not supported; leave it out.')

  const wanted = rule.matches === undefined || rule.matches.length === 0 ? httpDefaults.matches : rule.matches
  const matches = wanted.map((match, at) => translateMatch(match, `${field}.matches[${at}]`, refuse))
  const [only] = matches
  const prefix = matches.length === 1 && only?.path.kind === 'prefix' ? { prefix: only.path.value } : {}

  const brokenReferences: BrokenReference[] = []
  const action = actionOf(rule, { route, field, references, refuse, brokenReferences, ...prefix })
  const id = `HTTPRoute/${keyOf(route)}/${index}`
  const rules = matches.flatMap((match, at): readonly Rule[] =>
    match === undefined ? [] : [{ id: `${id}/${at}`, match, action }],
  )
  return { rules, complete: rules.length === matches.length, problems, brokenReferences }
}

type ActionPlace = {
  readonly route: HTTPRoute
  readonly field: string
  readonly references: References
  readonly refuse: Refuse
  readonly brokenReferences: BrokenReference[]
  readonly prefix?: string
}

function actionOf(rule: HTTPRouteRule, place: ActionPlace): Action {
  const { field, refuse } = place
  const { filters, redirect } = translateFilters(rule.filters ?? [], { ...place, field: `${field}.filters` })
  const timeouts = translateTimeouts(rule.timeouts, `${field}.timeouts`, refuse)
  const refs = rule.backendRefs ?? []
  const targets = refs.flatMap((ref, index) => targetOf(ref, { ...place, index, filters, timeouts }) ?? [])
  if (redirect === undefined) return forwardTo(targets)
  if (refs.length > 0)
    refuse(
      `${field}.backendRefs`,
      'a RequestRedirect leaves nothing to forward; keep one of the two.',
      'IncompatibleFilters',
    )
  checkSize(filters, `${field}.filters`, refuse)
  return { kind: 'redirect', redirect, filters }
}

// A rule that has nowhere to forward to answers 500. https://gateway-api.sigs.k8s.io/reference/spec/#httprouterule
function forwardTo(targets: readonly Target[]): Action {
  if (targets.some(({ kind }) => kind === 'backend')) return { kind: 'forward', targets }
  return { kind: 'respond', status: 500 }
}

type TargetPlace = ActionPlace & {
  readonly index: number
  readonly filters: readonly Filter[]
  readonly timeouts: Timeouts
}

function targetOf(ref: HTTPBackendRef, place: TargetPlace): Target | undefined {
  const { refuse, references, timeouts } = place
  const field = `${place.field}.backendRefs[${place.index}]`
  const own = translateFilters(ref.filters ?? [], { ...place, field: `${field}.filters` })
  if (own.redirect !== undefined)
    refuse(`${field}.filters`, `a RequestRedirect is supported in ${place.field}.filters only; move it there.`)
  const filters = mergeFilters([...place.filters, ...own.filters])
  checkSize(filters, `${field}.filters`, refuse)

  const { weight = httpDefaults.weight } = ref
  if (!Number.isInteger(weight) || weight < 0 || weight > greatestWeight)
    refuse(
      `${field}.weight`,
      `${quoted(String(weight))} is not a weight; write a whole number from 0 to ${greatestWeight}.`,
    )

  const { namespace } = splitKey(keyOf(place.route))
  const from = { group: gatewayApiGroup, kind: 'HTTPRoute', namespace }
  const backend = resolveBackendRef(ref, { field, from, references })
  if (backend.kind === 'broken') place.brokenReferences.push(backend.problem)
  if (weight === 0) return undefined
  if (backend.kind === 'broken') return { kind: 'respond', weight, status: 500 }
  const profile = filters.length > 0 || Object.keys(timeouts).length > 0 ? 'filtered' : 'plain'
  return { kind: 'backend', weight, backend: backend.id, profile, filters, timeouts }
}

function checkSize(filters: readonly Filter[], field: string, refuse: Refuse): void {
  const bytes = headerBytes(filters)
  if (bytes > mostHeaderBytes)
    refuse(
      field,
      `the header changes for one request take ${bytes} bytes, and at most ${mostHeaderBytes} can be programmed; set fewer or shorter headers.`,
    )
}
