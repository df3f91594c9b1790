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
 * Rules of GRPCRoutes: the longer service first; then the longer method; then Exact before RegularExpression; then as above from headers on.
 * https://gateway-api.sigs.k8s.io/reference/spec/#httprouterule https://gateway-api.sigs.k8s.io/reference/spec/#grpcrouterule
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
/** Above the 1024 characters of a gRPC service or method. */
const longestName = 9999

// Smaller wins. One number, for it is compared some 100,000 times when a virtual host has thousands of routes: from left to right one
// digit for the kind of path, five for its length, one for the method, three for headers and three for query parameters.
function rankOf(match: Match): number {
  const first = match.grpc === undefined ? pathRank(match) : callRank(match.path, match.grpc)
  return (first * 1000 + fewness(match.headers)) * 1000 + fewness(match.queries)
}

function pathRank({ path, method }: Match): number {
  const shortness = path.kind === 'exact' ? 0 : longest - Math.min(path.value.length, longest)
  const kindAndLength = pathRanks[path.kind] * (longest + 1) + shortness
  return kindAndLength * 10 + (method === undefined ? 1 : 0)
}

// Four digits for each length, one for the kind.
function callRank({ kind }: PathMatch, { service, method }: NonNullable<Match['grpc']>): number {
  const shortness = (length: number) => longestName - Math.min(length, longestName)
  const lengths = shortness(service) * (longestName + 1) + shortness(method)
  return lengths * 10 + (kind === 'regex' ? 1 : 0)
}

function fewness(conditions: readonly unknown[]): number {
  return most - Math.min(conditions.length, most)
}
