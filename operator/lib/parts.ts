// Large collections as trees. A node keeps its identity as long as nothing below it changes, so that one change among thousands is found,
// and worked on (`memo`), node by node: the cost is that of the few nodes from the root to the leaf.

import type { Entry } from './derive.ts'

/** A node: a leaf with entries, or branches. Where an entry stands depends on its key alone, not on history; the order means nothing. */
export type Parts<T> = {
  readonly size: number
  readonly entries: readonly Entry<T>[]
  readonly branches: readonly Parts<T>[]
  /** At which of sixteen places there is a branch, a bit each; 0 for nodes put together from others (`together`). */
  readonly places: number
}

/** An entry that is to stand there, or the key of one that is not. */
export type PartsChange<T> = { readonly member: string; readonly entry: Entry<T> | undefined }

const none: readonly never[] = Object.freeze([])
export const noParts: Parts<never> = Object.freeze({ size: 0, entries: none, branches: none, places: 0 })

/** Entries of a leaf, at most: both a walk over one and over the branches on the way to it stay short. */
const mostEntries = 32
/** Four bits of a key's fingerprint choose the branch on each level. */
const bitsPerLevel = 4
const levels = 32 / bitsPerLevel

/** The tree with these changes, each of another key. */
export function withChanges<T>(parts: Parts<T>, changes: readonly PartsChange<T>[]): Parts<T> {
  return changes.length === 0 ? parts : changed(parts, changes, 0)
}

/** A leaf of any size with these entries. */
export function leafOf<T>(entries: readonly Entry<T>[]): Parts<T> {
  return { size: entries.length, entries, branches: none, places: 0 }
}

/** Items without keys of their own, as one leaf. */
export function leafOfItems<T>(items: readonly T[]): Parts<T> {
  return leafOf(items.map((value, at) => ({ member: String(at), value })))
}

/** Collections that have no key in common, as one. A single one gets a node above it too: it stands on the same level when another comes. */
export function together<T>(collections: readonly Parts<T>[]): Parts<T> {
  const branches = collections.filter(({ size }) => size > 0)
  const size = branches.reduce((sum, branch) => sum + branch.size, 0)
  return size === 0 ? noParts : { size, entries: none, branches, places: 0 }
}

/** Everything that stands in a tree. */
export function itemsOf<T>(parts: Parts<T> = noParts): readonly T[] {
  return [...leavesOf(parts)].flatMap(({ entries }) => entries.map(({ value }) => value))
}

/** All leaves that hold something. */
export function* leavesOf<T>(parts: Parts<T>): Generator<Parts<T>, undefined> {
  if (parts.entries.length > 0) yield parts
  for (const branch of parts.branches) yield* leavesOf(branch)
}

function changed<T>(parts: Parts<T>, changes: readonly PartsChange<T>[], level: number): Parts<T> {
  if (parts.branches.length === 0) return grown(changedEntries(parts.entries, changes), level)
  const branches = [...parts.branches]
  let { places, size } = parts
  for (const [place, some] of grouped(changes, level)) {
    const bit = 1 << place
    const at = bitsIn(places & (bit - 1))
    const isThere = (places & bit) !== 0
    const before: Parts<T> = (isThere ? branches[at] : undefined) ?? noParts
    const after = changed(before, some, level + 1)
    size += after.size - before.size
    if (after.size > 0) branches.splice(at, isThere ? 1 : 0, after)
    else if (isThere) branches.splice(at, 1)
    places = after.size > 0 ? places | bit : places & ~bit
  }
  if (size > mostEntries) return { size, entries: none, branches, places }
  return leafOf(inOrder(branches.flatMap((branch) => [...leavesOf(branch)].flatMap(({ entries }) => entries))))
}

function changedEntries<T>(entries: readonly Entry<T>[], changes: readonly PartsChange<T>[]): readonly Entry<T>[] {
  const byMember = new Map(entries.map((entry) => [entry.member, entry]))
  for (const { member, entry } of changes) {
    if (entry === undefined) byMember.delete(member)
    else byMember.set(member, entry)
  }
  return inOrder([...byMember.values()])
}

function inOrder<T>(entries: readonly Entry<T>[]): readonly Entry<T>[] {
  return entries.toSorted((a, b) => (a.member < b.member ? -1 : 1))
}

// A leaf, or as many levels as it takes.
function grown<T>(entries: readonly Entry<T>[], level: number): Parts<T> {
  if (entries.length <= mostEntries || level === levels) return entries.length === 0 ? noParts : leafOf(entries)
  const byPlace = [...grouped(entries, level)].toSorted(([a], [b]) => a - b)
  const branches = byPlace.map(([, some]) => grown(some, level + 1))
  return { size: entries.length, entries: none, branches, places: byPlace.reduce((bits, [at]) => bits | (1 << at), 0) }
}

function grouped<E extends { readonly member: string }>(all: readonly E[], level: number): Iterable<[number, E[]]> {
  const [only] = all
  if (only !== undefined && all.length === 1) return [[placeOf(only.member, level), [only]]]
  return Map.groupBy(all, ({ member }) => placeOf(member, level))
}

function placeOf(member: string, level: number): number {
  return (fingerprint(member) >>> (level * bitsPerLevel)) & ((1 << bitsPerLevel) - 1)
}

// FNV-1a, and MurmurHash's last steps, after which each bit depends on all others.
function fingerprint(key: string): number {
  let hash = 0x811c9dc5
  for (let at = 0; at < key.length; at += 1) hash = Math.imul(hash ^ key.charCodeAt(at), 0x01000193)
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return hash ^ (hash >>> 16)
}

function bitsIn(places: number): number {
  let bits = 0
  for (let rest = places; rest !== 0; rest &= rest - 1) bits += 1
  return bits
}

/**
 * A map over a tree; no key stands in it twice. In a tree that was put together from others under other keys, a look-up makes an index of
 * all keys first: to compare two such maps, walk `entriesNotIn`.
 */
export class PartedMap<V> implements ReadonlyMap<string, V> {
  readonly parts: Parts<V>
  #index: ReadonlyMap<string, V> | undefined

  constructor(parts: Parts<V>) {
    this.parts = parts
  }

  get size(): number {
    return this.parts.size
  }

  get(key: string): V | undefined {
    return this.#around(key).get(key)
  }

  has(key: string): boolean {
    return this.#around(key).has(key)
  }

  forEach(visit: (value: V, key: string, map: ReadonlyMap<string, V>) => void): void {
    for (const [key, value] of this.entries()) visit(value, key, this)
  }

  *entries(): Generator<[string, V], undefined> {
    for (const { entries } of leavesOf(this.parts)) for (const { member, value } of entries) yield [member, value]
  }

  *keys(): Generator<string, undefined> {
    for (const [key] of this.entries()) yield key
  }

  *values(): Generator<V, undefined> {
    for (const [, value] of this.entries()) yield value
  }

  [Symbol.iterator](): Generator<[string, V], undefined> {
    return this.entries()
  }

  #around(key: string): ReadonlyMap<string, V> {
    const leaf = leafFor(this.parts, key)
    if (leaf !== undefined) return new Map(leaf.entries.map(({ member, value }) => [member, value]))
    return (this.#index ??= new Map(this.entries()))
  }
}

// Undefined where keys do not tell the way.
function leafFor<V>(parts: Parts<V>, key: string): Parts<V> | undefined {
  let node = parts
  for (let level = 0; node.branches.length > 0; level += 1) {
    if (node.places === 0) return undefined
    const bit = 1 << placeOf(key, level)
    const branch = (node.places & bit) === 0 ? undefined : node.branches[bitsIn(node.places & (bit - 1))]
    if (branch === undefined) return noParts
    node = branch
  }
  return node
}

/** An entry of one of two maps, and what stands under its key in the other. */
export type Difference<V, W> = readonly [key: string, value: V, other: W | undefined]

/** The entries of `map` that stand differently in `other`, or not at all: a walk over the nodes that the two do not share. */
export function* entriesNotIn<V, W>(
  map: ReadonlyMap<string, V>,
  other: ReadonlyMap<string, W>,
): Generator<Difference<V, W>> {
  const same: unknown = other
  if (map === same) return
  const [own, against] =
    map instanceof PartedMap && other instanceof PartedMap ? unshared<V, W>(map.parts, other.parts) : [map, other]
  for (const [key, value] of own) {
    const found = against.get(key)
    const isSame: unknown = found
    if (isSame !== value) yield [key, value, found]
  }
}

// What stands below nodes that only one of two trees has, of each. Nodes that both have are on the same level in both.
function unshared<V, W>(one: Parts<V>, two: Parts<W>): [Iterable<readonly [string, V]>, ReadonlyMap<string, W>] {
  const [ones, twos] = [new Map<string, V>(), new Map<string, W>()]
  let fresh: readonly Parts<V>[] = [one]
  let old: readonly Parts<W>[] = [two]
  while (fresh.length > 0 || old.length > 0) {
    const [inFresh, inOld] = [new Set<unknown>(fresh), new Set<unknown>(old)]
    fresh = below(
      fresh.filter((node) => !inOld.has(node)),
      ones,
    )
    old = below(
      old.filter((node) => !inFresh.has(node)),
      twos,
    )
  }
  return [ones, twos]
}

function below<V>(nodes: readonly Parts<V>[], found: Map<string, V>): readonly Parts<V>[] {
  for (const { entries } of nodes) for (const { member, value } of entries) found.set(member, value)
  return nodes.flatMap(({ branches }) => branches)
}

/** The leaves of a map, each with its entries; a map without a tree is its own only one. */
export function partsOf<V>(map: ReadonlyMap<string, V>): readonly Parts<V>[] {
  if (map instanceof PartedMap) return [...leavesOf<V>(map.parts)]
  return [leafOf([...map].map(([member, value]) => ({ member, value })))]
}
