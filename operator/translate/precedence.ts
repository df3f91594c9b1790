import type { Match, PathMatch, Rule } from '../model/proxy-model.ts'
import type { ObjectKey } from '../model/snapshot.ts'

import { compareTexts } from '../lib/compare-texts.ts'

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
    .flatMap(({ routeKey, createdAt, rules }) =>
      rules.map((rule, position) => ({ rule, routeKey, createdAt, position, rank: rankOf(rule.match) })),
    )
    .toSorted(compare)
    .map(({ rule }) => rule)
}

type Candidate = {
  readonly rule: Rule
  readonly routeKey: ObjectKey
  readonly createdAt: string
  readonly position: number
  readonly rank: readonly number[]
}

function compare(a: Candidate, b: Candidate): number {
  return (
    compareRanks(a.rank, b.rank) ||
    compareTexts(a.createdAt, b.createdAt) ||
    compareTexts(a.routeKey, b.routeKey) ||
    a.position - b.position ||
    compareTexts(a.rule.id, b.rule.id)
  )
}

const pathRanks = { exact: 0, regex: 1, prefix: 2 } satisfies Record<PathMatch['kind'], number>

// Smaller numbers win, from left to right.
function rankOf(match: Match): readonly number[] {
  const { kind, value } = match.path
  return [
    pathRanks[kind],
    kind === 'exact' ? 0 : -value.length,
    match.method === undefined ? 1 : 0,
    -match.headers.length,
    -match.queries.length,
  ]
}

function compareRanks(a: readonly number[], b: readonly number[]): number {
  for (const [index, rank] of a.entries()) {
    const difference = rank - (b[index] ?? 0)
    if (difference !== 0) return difference
  }
  return 0
}
