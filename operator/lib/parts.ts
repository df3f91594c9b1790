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
  const [only] = changes
  if (only !== undefined && changes.length === 1) return withOne(entries, only)
  const byMember = new Map(entries.map((entry) => [entry.member, entry]))
  for (const { member, entry } of changes) {
    if (entry === undefined) byMember.delete(member)
    else byMember.set(member, entry)
  }
  return inOrder([...byMember.values()])
}

// The usual case, without sorting what is in order.
function withOne<T>(entries: readonly Entry<T>[], { member, entry }: PartsChange<T>): readonly Entry<T>[] {
  const at = position(entries, member)
  const known = entries[at]?.member === member ? 1 : 0
  return entry === undefined ? entries.toSpliced(at, known) : entries.toSpliced(at, known, entry)
}

// First position whose member is not less than `member`.
function position(entries: readonly Entry<unknown>[], member: string): number {
  let low = 0
  let high = entries.length
  while (low < high) {
    const middle = (low + high) >>> 1
    const entry = entries[middle]
    if (entry !== undefined && entry.member < member) low = middle + 1
    else high = middle
  }
  return low
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
  #index: ReadonlyMap<string, Entry<V>> | undefined

  constructor(parts: Parts<V>) {
    this.parts = parts
  }

  get size(): number {
    return this.parts.size
  }

  get(key: string): V | undefined {
    return this.#find(key)?.value
  }

  has(key: string): boolean {
    return this.#find(key) !== undefined
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

  #find(key: string): Entry<V> | undefined {
    const leaf = leafFor(this.parts, key)
    if (leaf !== undefined && leaf.size <= mostEntries) return leaf.entries.find(({ member }) => member === key)
    this.#index ??= new Map([...leavesOf(this.parts)].flatMap(({ entries }) => entries.map((one) => [one.member, one])))
    return this.#index.get(key)
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

/**
 * The entries of `map` that stand differently in `other`, or not at all: a walk over the nodes that the two do not share, no further ahead
 * than it is asked for.
 */
export function* entriesNotIn<V, W>(
  map: ReadonlyMap<string, V>,
  other: ReadonlyMap<string, W>,
): Generator<Difference<V, W>> {
  const same: unknown = other
  if (map === same) return
  if (map instanceof PartedMap && other instanceof PartedMap) yield* entriesNotBelow<V, W>(map.parts, other.parts)
  else yield* differing(map, other)
}

function* differing<V, W>(
  own: Iterable<readonly [string, V]>,
  against: ReadonlyMap<string, W>,
): Generator<Difference<V, W>, undefined> {
  for (const [key, value] of own) {
    const found = against.get(key)
    const isSame: unknown = found
    if (isSame !== value) yield [key, value, found]
  }
}

// Nodes that both have are on the same level in both, and what stands below one of them stands below its counterpart or nowhere.
function* entriesNotBelow<V, W>(one: Parts<V>, two: Parts<W>): Generator<Difference<V, W>, undefined> {
  const same: unknown = two
  if (one === same) return
  const pairs = counterparts(one, two)
  if (pairs === undefined) yield* differing(...unshared(one, two))
  else for (const [own, other] of pairs) yield* entriesNotBelow<V, W>(own, other)
}

// The branches that differ, each with what stands in its place; undefined where one node is a leaf, or where collections were put together
// and several differ.
function counterparts<V, W>(one: Parts<V>, two: Parts<W>): readonly (readonly [Parts<V>, Parts<W>])[] | undefined {
  if (one.branches.length === 0 || two.branches.length === 0) return undefined
  const others: readonly unknown[] = two.branches
  const isSame = (branch: Parts<V>, at: number) => branch === others[at]
  if (one.places === two.places && one.branches.length === two.branches.length) {
    const pairs = one.branches.flatMap((branch, at) =>
      isSame(branch, at) ? [] : [[branch, two.branches[at] ?? noParts] as const],
    )
    return one.places !== 0 || pairs.length <= 1 ? pairs : undefined
  }
  if (one.places === 0 || two.places === 0) return undefined
  return one.branches.map((branch, at) => [branch, branchAt(two, nthBit(one.places, at))])
}

function branchAt<V>({ branches, places }: Parts<V>, bit: number): Parts<V> {
  return (places & bit) === 0 ? noParts : (branches[bitsIn(places & (bit - 1))] ?? noParts)
}

function nthBit(places: number, n: number): number {
  let rest = places
  for (let at = 0; at < n; at += 1) rest &= rest - 1
  return rest & -rest
}

/** The keys that stand differently in two maps, or in one of them only: a walk over the nodes that they do not share. */
export function* keysApart<V>(map: ReadonlyMap<string, V>, other: ReadonlyMap<string, V>): Generator<string> {
  if (map === other) return
  const [own, against] =
    map instanceof PartedMap && other instanceof PartedMap ? unshared<V, V>(map.parts, other.parts) : [map, other]
  for (const [key, value] of own) if (against.get(key) !== value) yield key
  for (const key of against.keys()) if (!own.has(key)) yield key
}

type Apart<V, W> = readonly [Map<string, V>, Map<string, W>]

// What stands below nodes that only one of two trees has, of each, but for entries that did not change.
function unshared<V, W>(one: Parts<V>, two: Parts<W>): Apart<V, W> {
  const found: Apart<V, W> = [new Map(), new Map()]
  walkApart([one], [two], found)
  return found
}

// Nodes that both trees have are on the same level in both. Where one branch became another, all others stand where they stood.
function walkApart<V, W>(ones: readonly Parts<V>[], twos: readonly Parts<W>[], found: Apart<V, W>): void {
  const [own, other] = ones.length === twos.length ? [ones, twos] : withoutCommon(ones, twos)
  if (own.length !== other.length) {
    for (const { entries } of own) take(entries, found[0])
    for (const { entries } of other) take(entries, found[1])
    const [fresh, old] = [own.flatMap(({ branches }) => branches), other.flatMap(({ branches }) => branches)]
    if (fresh.length > 0 || old.length > 0) walkApart(fresh, old, found)
    return
  }
  for (const [at, node] of own.entries()) {
    const against = other[at]
    const isSame: unknown = against
    if (against === undefined || node === isSame) continue
    const [entries, others] = withoutCommon(node.entries, against.entries, isSameEntry)
    take(entries, found[0])
    take(others, found[1])
    if (node.branches.length > 0 || against.branches.length > 0) walkApart(node.branches, against.branches, found)
  }
}

function take<V>(entries: readonly Entry<V>[], found: Map<string, V>): void {
  for (const { member, value } of entries) found.set(member, value)
}

function isSameEntry(one: Entry<unknown>, two: Entry<unknown>): boolean {
  return one === two || (one.value === two.value && one.member === two.member)
}

function withoutCommon<A, B>(
  ones: readonly A[],
  twos: readonly B[],
  isSame: (one: A, two: B) => boolean = isIdentical,
): readonly [readonly A[], readonly B[]] {
  const isCommon = (at: number, atOther: number): boolean => {
    const [one, two] = [ones[at], twos[atOther]]
    return one !== undefined && two !== undefined && isSame(one, two)
  }
  const most = Math.min(ones.length, twos.length)
  let from = 0
  while (from < most && isCommon(from, from)) from += 1
  let behind = 0
  while (behind < most - from && isCommon(ones.length - 1 - behind, twos.length - 1 - behind)) behind += 1
  return [ones.slice(from, ones.length - behind), twos.slice(from, twos.length - behind)]
}

function isIdentical(one: unknown, two: unknown): boolean {
  return one === two
}

/** Whether two maps have the same entries. Of two with trees, it looks no further than at the first node that differs. */
export function sameEntries<V>(map: ReadonlyMap<string, V>, other: ReadonlyMap<string, V>): boolean {
  if (map.size !== other.size) return false
  if (map instanceof PartedMap && other instanceof PartedMap) {
    const [one, two]: readonly [Parts<V>, Parts<V>] = [map.parts, other.parts]
    return sameParts(one, two)
  }
  return entriesNotIn(map, other).next().done === true
}

// Where entries stand depends on their keys alone, so that the same entries are the same tree.
function sameParts<V>(one: Parts<V>, two: Parts<V>): boolean {
  if (one === two) return true
  if (one.size !== two.size || one.places !== two.places || one.branches.length !== two.branches.length) return false
  return (
    one.branches.every((branch, at) => sameParts(branch, two.branches[at] ?? noParts)) &&
    one.entries.every(({ member, value }, at) => two.entries[at]?.member === member && two.entries[at].value === value)
  )
}

/** The leaves of a map, each with its entries; a map without a tree is its own only one. */
export function partsOf<V>(map: ReadonlyMap<string, V>): readonly Parts<V>[] {
  if (map instanceof PartedMap) return [...leavesOf<V>(map.parts)]
  return [leafOf([...map].map(([member, value]) => ({ member, value })))]
}
