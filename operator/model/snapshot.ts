import type { Table } from '../lib/derive.ts'
import type { Kind, ObjectOf } from './kubernetes.ts'

/** `namespace/name`, or `name` for a kind without namespaces. */
export type ObjectKey = string

/** The cluster as seen by the watches: frozen objects by kind and key. Reads by derivations are tracked. */
export type Snapshot = { readonly [K in Kind]: Table<ObjectOf[K]> }

/** Identity of an object inside its kind. */
export function keyOf(object: {
  readonly metadata?: { readonly namespace?: string; readonly name?: string }
}): ObjectKey {
  const { namespace, name } = object.metadata ?? {}
  return namespace === undefined ? (name ?? '') : `${namespace}/${name ?? ''}`
}

export function keyFor(namespace: string, name: string): ObjectKey {
  return `${namespace}/${name}`
}

/** The two halves of a namespaced key. */
export function splitKey(key: ObjectKey): { readonly namespace: string; readonly name: string } {
  const slash = key.indexOf('/')
  return { namespace: key.slice(0, Math.max(0, slash)), name: key.slice(slash + 1) }
}
