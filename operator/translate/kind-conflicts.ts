// HTTPRoutes and GRPCRoutes of one listener must not share a hostname: the one of two that came first keeps its place, the other is not
// accepted there. Where a listener has routes of one kind only, nothing is gathered and nothing compared.

import type { Hostname } from '../model/proxy-model.ts'
import { type RouteId, type RouteKind, splitRouteId } from '../model/report.ts'
import type { Snapshot } from '../model/snapshot.ts'

import { compareTexts } from '../lib/compare-texts.ts'
import { Gathering, settled } from '../lib/derive.ts'

import { wildcardsAbove } from './hostnames.ts'
import { requestKinds, routeMembers } from './route-members.ts'

/** What a route wants of a listener. */
export type Claim = {
  readonly route: RouteId
  /** Tells listeners of all Gateways apart. */
  readonly listener: string
  readonly hostnames: readonly Hostname[]
  /** RFC 3339 in UTC. */
  readonly createdAt: string
}

/**
 * The route of the other kind that a route has to give way to at a listener, by both: the older one wins, then the one whose
 * namespace/name comes first. Tracked. https://gateway-api.sigs.k8s.io/reference/spec/#grpcroutespec
 */
export function createKindConflicts(
  snapshot: Snapshot,
  claimsOf: (route: RouteId) => readonly Claim[],
): (listener: string, route: RouteId) => RouteId | undefined {
  const byListener = new Gathering(routeMembers(snapshot, ['GRPCRoute']), (route) =>
    claimsOf(route).map(({ listener }) => [listener, true] as const),
  )
  const isMixed = settled(byListener, () => true)
  const mixedClaims = (route: RouteId) => claimsOf(route).filter(({ listener }) => isMixed(listener) === true)
  const places = new Gathering(routeMembers(snapshot, requestKinds), (route) =>
    mixedClaims(route).flatMap((claim) => placesOf(claim).map((place) => [place, true] as const)),
  )
  const contested = new Gathering(routeMembers(snapshot, requestKinds), (route) =>
    mixedClaims(route)
      .filter((claim) => rivalPlaces(claim).some((place) => places.size(place) > 0))
      .map((claim) => [claim.listener, claim] as const),
  )
  const winners = new Gathering(contested, (listener) =>
    defeats(contested.values(listener)).map(({ loser, winner }) => [`${listener}|${loser}`, winner] as const),
  )
  return (listener, route) => winners.values(`${listener}|${route}`)[0]
}

type Defeat = { readonly loser: RouteId; readonly winner: RouteId }

/** Of all claims to one listener those that fail: from the oldest on, each that shares a hostname with one of the other kind that stands. */
export function defeats(claims: readonly Claim[]): readonly Defeat[] {
  const standing = new Map<string, RouteId>()
  const failed: Defeat[] = []
  for (const claim of claims.toSorted(compare)) {
    const place = rivalPlaces(claim).find((rival) => standing.has(rival))
    const winner = place === undefined ? undefined : standing.get(place)
    if (winner === undefined) for (const own of placesOf(claim)) standing.set(own, standing.get(own) ?? claim.route)
    else failed.push({ loser: claim.route, winner })
  }
  return failed
}

// An HTTPRoute and a GRPCRoute of the same age and name still need an order.
function compare(a: Claim, b: Claim): number {
  const [first, second] = [splitRouteId(a.route), splitRouteId(b.route)]
  return (
    compareTexts(a.createdAt, b.createdAt) ||
    compareTexts(first.key, second.key) ||
    requestKinds.indexOf(first.kind) - requestKinds.indexOf(second.kind)
  )
}

// Two hostnames have requests in common when they are equal or when one is a wildcard above the other. So a hostname stands at itself and
// `below` all wildcards above it, and is met by who looks for it there.
function placesOf({ route, listener, hostnames }: Claim): readonly string[] {
  const { kind } = splitRouteId(route)
  return hostnames.flatMap((hostname) => [
    `${listener}|${kind}|${hostname}`,
    ...wildcardsAbove(hostname).map((wildcard) => `${listener}|${kind}|below ${wildcard}`),
  ])
}

function rivalPlaces({ route, listener, hostnames }: Claim): readonly string[] {
  const kind = otherKind(splitRouteId(route).kind)
  return hostnames.flatMap((hostname) => [
    ...[hostname, ...wildcardsAbove(hostname)].map((wanted) => `${listener}|${kind}|${wanted}`),
    ...(isWildcard(hostname) ? [`${listener}|${kind}|below ${hostname}`] : []),
  ])
}

function otherKind(kind: RouteKind): RouteKind {
  return kind === 'GRPCRoute' ? 'HTTPRoute' : 'GRPCRoute'
}

function isWildcard(hostname: Hostname): boolean {
  return hostname === '' || hostname.startsWith('*.')
}
