import { type ObjectKey, type Snapshot } from '../model/snapshot.ts'

import { joined, type Members } from '../lib/derive.ts'

/** Kinds of objects that have listeners, and that routes name as their parents. */
export const parentKinds = ['Gateway', 'ListenerSet'] as const
export type ParentKind = (typeof parentKinds)[number]
/** `Gateway shop/web`: parents of both kinds in one collection. */
export type ParentId = string

export function parentId(kind: ParentKind, key: ObjectKey): ParentId {
  return `${kind} ${key}`
}

export function splitParentId(id: ParentId): { readonly kind: ParentKind; readonly key: ObjectKey } {
  const space = id.indexOf(' ')
  const kind = parentKinds.find((name) => name === id.slice(0, space))
  if (kind === undefined) throw new Error(`${id} names no kind of parent`)
  return { kind, key: id.slice(space + 1) }
}

/** Gateways and ListenerSets, as members of one gathering. */
export function parentMembers(snapshot: Snapshot): Members {
  return joined(snapshot, parentKinds, parentId)
}
