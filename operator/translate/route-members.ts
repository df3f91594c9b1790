import { routeId, type RouteKind, routeKinds } from '../model/report.ts'
import type { Snapshot } from '../model/snapshot.ts'

import { joined, type Members } from '../lib/derive.ts'

/** Kinds whose rules are for connections or datagrams, not for requests. */
export const streamKinds: readonly RouteKind[] = ['TLSRoute', 'TCPRoute', 'UDPRoute']
/** Kinds whose rules are for requests to a virtual host. */
export const requestKinds: readonly RouteKind[] = routeKinds.filter((kind) => !streamKinds.includes(kind))

/** Routes of all these kinds, as members of one gathering. */
export function routeMembers(snapshot: Snapshot, kinds: readonly RouteKind[] = routeKinds): Members {
  return joined(snapshot, kinds, routeId)
}
