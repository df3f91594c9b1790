import type { Match, PathMatch, Rule } from '../model/proxy-model.ts'
import type { ObjectKey } from '../model/snapshot.ts'

import { compareTexts } from '../lib/compare-texts.ts'
import { memo } from '../lib/derive.ts'

/** The rules of one route, in the order of the route's rules and their matches. */
export type RouteRules = {
  readonly routeKey: ObjectKey
  /** RFC 3339 in UTC. */
  readonly createdAt: string
  readonly rules: readonly Rule[]
}

/**
 * All rules of a virtual host, the one that wins first: Exact before RegularExpression (longer first) before PathPrefix (longer
 * first); then a method match; then more header matches; then more query matches; then the older route; then the route whose
 * namespace/name comes first; then the order inside the route. A total order: the order of `entries` does not matter.
 * https://gateway-api.sigs.k8s.io/reference/spec/#httprouterule
 */
export function sortRules(entries: readonly RouteRules[]): readonly Rule[] {
  return entries
    .flatMap(candidatesOf)
    .toSorted(compare)
    .map(({ rule }) => rule)
}

type Candidate = {
  readonly rule: Rule
  readonly routeKey: ObjectKey
  readonly createdAt: string
  readonly position: number
  readonly rank: number
}

// Thousands of routes may share a virtual host, and an edit changes one of them.
const candidatesOf = memo(({ routeKey, createdAt, rules }: RouteRules): readonly Candidate[] =>
  rules.map((rule, position) => ({ rule, routeKey, createdAt, position, rank: rankOf(rule.match) })),
)

function compare(a: Candidate, b: Candidate): number {
  return (
    a.rank - b.rank ||
    compareTexts(a.createdAt, b.createdAt) ||
    compareTexts(a.routeKey, b.routeKey) ||
    a.position - b.position ||
    compareTexts(a.rule.id, b.rule.id)
  )
}

const pathRanks = { exact: 0, regex: 1, prefix: 2 } satisfies Record<PathMatch['kind'], number>

/** Above what the API allows: 1024 characters of a path, 16 headers, 16 query parameters. */
const longest = 99_999
const most = 999

// Smaller wins. One number, for it is compared some 100,000 times when a virtual host has thousands of routes: from left to right one
// digit for the kind of path, five for its length, one for the method, three for headers and three for query parameters.
function rankOf({ path, method, headers, queries }: Match): number {
  const shortness = path.kind === 'exact' ? 0 : longest - Math.min(path.value.length, longest)
  const kindAndLength = pathRanks[path.kind] * (longest + 1) + shortness
  const withMethod = kindAndLength * 10 + (method === undefined ? 1 : 0)
  return (withMethod * 1000 + fewness(headers)) * 1000 + fewness(queries)
}

function fewness(conditions: readonly unknown[]): number {
  return most - Math.min(conditions.length, most)
}
