import type { Action, ConditionNames, Filter, Hostname, Rule, Target, ValueMatch } from '../../model/proxy-model.ts'
import { type Finding, type RouteId, type RouteKind, splitRouteId } from '../../model/report.ts'
import type { ObjectKey, Snapshot } from '../../model/snapshot.ts'

import { compareTexts } from '../../lib/compare-texts.ts'
import { family } from '../../lib/derive.ts'

import { type BackendIdentity, backendKey } from '../backend-key.ts'
import { attempt } from '../fault.ts'
import { timestampOf } from '../timestamps.ts'
import type { BackendReferences } from './backend-refs.ts'
import { draftGrpcRoute } from './grpc.ts'
import { draftHttpRoute } from './http.ts'
import type { Problem } from './problems.ts'
import type { RouteDraft, RuleDraft } from './route-draft.ts'
import { draftStreamRoute } from './stream.ts'

/** What a route means, whatever it is attached to. After this nobody asks which kind it was. */
export type TranslatedRoute = {
  /** Lower case, each once, in the user's order; empty: those of the listener. */
  readonly hostnames: readonly Hostname[]
  /** In the order of the route's rules and their matches; redirects to be completed by `rulesAtListener`. */
  readonly rules: readonly Rule[]
  /** For every parent of the route. */
  readonly findings: readonly Finding[]
  /** Accepted is False: nothing of it is programmed. */
  readonly rejected: boolean
  /** Sorted; every backend that a rule names, once per profile. */
  readonly backends: readonly BackendIdentity[]
  readonly conditionNames: ConditionNames
  /** RFC 3339 in UTC; empty for an object that does not say. */
  readonly createdAt: string
}

export type RouteTranslator = { readonly translate: (route: RouteId) => TranslatedRoute }

type Drafted = { readonly createdAt: Date | string | undefined; readonly draft: RouteDraft }
type DraftRoute = (snapshot: Snapshot, references: BackendReferences, key: ObjectKey) => Drafted | undefined

const drafts = {
  HTTPRoute(snapshot, references, key) {
    const route = snapshot.HTTPRoute.get(key)
    return route && { createdAt: route.metadata.creationTimestamp, draft: draftHttpRoute(route, references) }
  },
  GRPCRoute(snapshot, references, key) {
    const route = snapshot.GRPCRoute.get(key)
    return route && { createdAt: route.metadata.creationTimestamp, draft: draftGrpcRoute(route, references) }
  },
  TLSRoute(snapshot, references, key) {
    const route = snapshot.TLSRoute.get(key)
    return route && { createdAt: route.metadata.creationTimestamp, draft: draftStreamRoute(route, references) }
  },
  TCPRoute(snapshot, references, key) {
    const route = snapshot.TCPRoute.get(key)
    return route && { createdAt: route.metadata.creationTimestamp, draft: draftStreamRoute(route, references) }
  },
  UDPRoute(snapshot, references, key) {
    const route = snapshot.UDPRoute.get(key)
    return route && { createdAt: route.metadata.creationTimestamp, draft: draftStreamRoute(route, references) }
  },
} satisfies Record<RouteKind, DraftRoute>

/** Routes of all kinds, each translated again only when something it read has changed. */
export function createRouteTranslator(snapshot: Snapshot, references: BackendReferences): RouteTranslator {
  const translate = family((route) => {
    const { kind, key } = splitRouteId(route)
    return translateRoute(() => drafts[kind](snapshot, references, key))
  })
  return { translate }
}

function translateRoute(draft: () => Drafted | undefined): TranslatedRoute {
  return attempt(
    () => {
      const drafted = draft()
      return drafted === undefined ? nothing : judge(drafted)
    },
    (fault) => ({ ...nothing, findings: [notAccepted('UnsupportedValue', fault)] }),
  )
}

const nothing: TranslatedRoute = {
  hostnames: [],
  rules: [],
  findings: [],
  rejected: true,
  backends: [],
  conditionNames: { headers: [], queries: [] },
  createdAt: '',
}

// A route is accepted if at least one of its rules is; rules that are not are dropped, aloud.
// https://gateway-api.sigs.k8s.io/reference/spec/#routeconditiontype
function judge({ createdAt, draft }: Drafted): TranslatedRoute {
  const invalid = draft.rules.filter(({ problems }) => problems.length > 0)
  const rejected = draft.problems.length > 0 || (invalid.length > 0 && invalid.length === draft.rules.length)
  const rules = rejected ? [] : draft.rules.flatMap(programmable)
  return {
    hostnames: draft.hostnames,
    rules,
    findings: [...(rejected ? rejection(draft) : partialInvalidity(draft)), ...unresolved(draft)],
    rejected,
    backends: backendsOf(rules),
    conditionNames: conditionNamesOf(rules),
    createdAt: timestampOf(createdAt),
  }
}

// Requests that a dropped rule was meant for get an answer of its own: falling through to a broader rule, they would get around
// the filter that could not be programmed.
function programmable({ rules, problems }: RuleDraft): readonly Rule[] {
  return problems.length === 0 ? rules : rules.map((rule) => ({ ...rule, action: { kind: 'respond', status: 500 } }))
}

function rejection({ problems, rules }: RouteDraft): readonly Finding[] {
  const all = [...problems, ...rules.flatMap((rule) => rule.problems)]
  return all.slice(0, 1).map(({ reason }) => notAccepted(reason, textOf(all)))
}

function partialInvalidity({ rules }: RouteDraft): readonly Finding[] {
  const problems = rules.flatMap((rule) => rule.problems)
  const [first] = problems
  if (first === undefined) return []
  const message = `${fateOf(rules)} ${textOf(problems)}`
  return [{ type: 'PartiallyInvalid', status: 'True', reason: first.reason, message }]
}

// Which rules are dropped, and what becomes of their requests: those that only a faulty match would select cannot be told from others.
function fateOf(rules: readonly RuleDraft[]): string {
  const named = (has: (rule: RuleDraft) => boolean): string | undefined => {
    const indexes = rules.flatMap((rule, index) => (rule.problems.length > 0 && has(rule) ? [index] : []))
    return indexes.length === 0 ? undefined : `Rule${indexes.length === 1 ? '' : 's'} ${indexes.join(', ')}`
  }
  const answered = named((rule) => rule.rules.length > 0)
  const missed = named((rule) => !rule.complete)
  return [
    // The specification asks for this beginning.
    `Dropped ${named(() => true)}.`,
    ...(answered === undefined ? [] : [`Requests for ${answered} are answered with 500.`]),
    ...(missed === undefined ? [] : [`Requests that only a faulty match of ${missed} would select go to other rules.`]),
  ].join(' ')
}

function unresolved({ rules }: RouteDraft): readonly Finding[] {
  const broken = rules.flatMap(({ brokenReferences }) => brokenReferences)
  return broken
    .slice(0, 1)
    .map(({ reason }) => ({ type: 'ResolvedRefs', status: 'False', reason, message: textOf(broken) }))
}

function notAccepted(reason: Problem['reason'], message: string): Finding {
  return { type: 'Accepted', status: 'False', reason, message }
}

// A condition's message is bounded, and nobody reads more than a few sentences.
const mostSentences = 8

function textOf(problems: readonly { readonly message: string }[]): string {
  const sentences = problems.slice(0, mostSentences).map(({ message }) => message)
  const more = problems.length - sentences.length
  return [...sentences, ...(more > 0 ? [`And ${more} more.`] : [])].join(' ')
}

/** Sorted; every backend that a rule names, once per profile. */
export function backendsOf(rules: readonly Rule[]): TranslatedRoute['backends'] {
  const backends = rules
    .flatMap(({ action }) => backendsOfAction(action))
    .map((backend) => [backendKey(backend), backend] as const)
  return [...new Map(backends)].toSorted(([a], [b]) => compareTexts(a, b)).map(([, backend]) => backend)
}

function backendsOfAction(action: Action): TranslatedRoute['backends'] {
  if (action.kind === 'forward') return action.targets.flatMap(backendsOfTarget)
  return action.kind === 'redirect' ? action.filters.flatMap(backendsOfFilter) : []
}

function backendsOfTarget(target: Target): TranslatedRoute['backends'] {
  if (target.kind === 'respond') return []
  const others = target.filters.flatMap(backendsOfFilter)
  return target.kind === 'backend' ? [{ id: target.backend, profile: target.profile }, ...others] : others
}

function backendsOfFilter(filter: Filter): TranslatedRoute['backends'] {
  if (filter.kind !== 'mirror' && filter.kind !== 'external-auth') return []
  const references = filter.kind === 'mirror' ? filter.mirrors : filter.auths
  return references.map(({ backend }) => ({ id: backend, profile: 'plain' }))
}

// Regular expressions are walked in Lua, which needs no line of its own per name.
function conditionNamesOf(rules: readonly Rule[]): ConditionNames {
  const names = (of: (rule: Rule) => readonly ValueMatch[]): readonly string[] => {
    const exact = rules.flatMap(of).filter(({ kind }) => kind === 'exact')
    return [...new Set(exact.map(({ name }) => name))].toSorted()
  }
  return { headers: names(({ match }) => match.headers), queries: names(({ match }) => match.queries) }
}
