// Tracked derivations: a value computed from tables and from other derivations is computed again only when
// something it read was replaced. Knows no Kubernetes and no HAProxy.
//
//   table     keyed inputs; `get` is a tracked read, also of a key that is absent
//   family    one derivation per key, made at the first read, forgotten with its last reader
//   gather    turns a table or a family of members inside out: every member contributes values to named buckets,
//             a bucket is a tracked read, and a changed member touches only the buckets it contributes to
//
// The propagation is alien-signals'; this file adds keys, equality and eviction. Everything is synchronous.

import { leavesOf, noParts, type Parts, type PartsChange, withChanges } from './parts.ts'
import { Computed, countRecomputed, Input, isTracking, sameValue, untracked, Watcher } from './reactive.ts'

export { recomputed, sameValue, settle, settling } from './reactive.ts'

export type Derived<T> = () => T

/**
 * A derivation. A result deeply equal to the one before keeps the old identity and stops the wave there. A failure is a
 * result too: readers get it thrown, may catch it, and are computed again when an input of the failed derivation changes.
 */
export function derive<T>(compute: () => T, unwatched?: () => void): Derived<T> {
  const node = new Computed(compute, '', unwatched)
  return () => node.read()
}

/** Keyed inputs. Values are replaced, never edited; the same identity means the same content. */
export class Table<T> {
  readonly #cells = new Map<string, Input<T | undefined>>()
  readonly #members = new Set<string>()
  readonly #watchers = new Set<(key: string, present: boolean) => void>()
  readonly #onDemand: ((key: string, wanted: boolean) => void) | undefined
  readonly #release = (key: string): void => {
    if (!this.#members.has(key)) this.#cells.delete(key)
    this.#onDemand?.(key, false)
  }

  /** `onDemand(key, true)` is called when an absent key is first read by a derivation, `(key, false)` when the last reader left. */
  constructor(onDemand?: (key: string, wanted: boolean) => void) {
    this.#onDemand = onDemand
  }

  /** Tracked. */
  get(key: string): T | undefined {
    let cell = this.#cells.get(key)
    if (cell === undefined) {
      if (!isTracking()) return undefined
      cell = this.#add(key)
      this.#onDemand?.(key, true)
    }
    return cell.read()
  }

  set(key: string, value: T): void {
    const cell = this.#cells.get(key) ?? this.#add(key)
    cell.write(value)
    if (this.#members.has(key)) return
    this.#members.add(key)
    for (const watcher of this.#watchers) watcher(key, true)
  }

  delete(key: string): void {
    const cell = this.#cells.get(key)
    if (cell === undefined || !this.#members.delete(key)) return
    cell.write(undefined)
    if (cell.subs === undefined) this.#cells.delete(key)
    for (const watcher of this.#watchers) watcher(key, false)
  }

  has(key: string): boolean {
    return this.#members.has(key)
  }

  /** Not tracked: the keys present now. */
  keys(): IterableIterator<string> {
    return this.#members.values()
  }

  get size(): number {
    return this.#members.size
  }

  /** Calls `watcher` for every present key and from then on for each that comes or goes. */
  watchMembers(watcher: (key: string, present: boolean) => void): void {
    for (const key of this.#members) watcher(key, true)
    this.#watchers.add(watcher)
  }

  #add(key: string): Input<T | undefined> {
    const cell = new Input<T | undefined>(undefined, key, this.#release)
    this.#cells.set(key, cell)
    return cell
  }
}

/** One derivation per key. */
export function family<T>(compute: (key: string) => T): (key: string) => T {
  const known = new Map<string, Computed<T>>()
  const forget = (key: string): void => void known.delete(key)
  return (key) => {
    let node = known.get(key)
    if (node === undefined) {
      node = new Computed(compute, key, forget)
      if (isTracking()) known.set(key, node)
    }
    return node.read()
  }
}

export type Entry<V> = { readonly member: string; readonly value: V }

/** Where a gathering's members come from: a table, or another gathering (its non-empty buckets). */
export type Members = { watchMembers(watcher: (key: string, present: boolean) => void): void }

/** Members of several kinds as those of one collection, each under the id that `idOf` makes of its kind and key. */
export function joined<K extends string>(
  byKind: Readonly<Record<K, Members>>,
  kinds: readonly K[],
  idOf: (kind: K, key: string) => string,
): Members {
  return {
    watchMembers(watcher) {
      for (const kind of kinds) byKind[kind].watchMembers((key, present) => watcher(idOf(kind, key), present))
    },
  }
}

/** Buckets of what members contribute. Reads are tracked; a bucket is sorted by member, so results do not depend on history. */
export class Gathering<V> implements Members {
  /** As trees, for a bucket may hold thousands; small ones are a leaf. */
  readonly #trees = new Map<string, Parts<V>>()
  /** What readers see: another one after each edit, with the whole of a bucket once it was read. */
  readonly #buckets = new Table<Version<V>>()

  constructor(members: Members, contribute: (member: string) => Iterable<Gift<V>>) {
    void new Contributions(members, contribute, (bucket, member, entry) => this.#put(bucket, member, entry))
  }

  /** Tracked. Empty for a bucket nobody contributes to. */
  bucket(name: string): readonly Entry<V>[] {
    const version = this.#buckets.get(name)
    const tree = this.#trees.get(name)
    if (version === undefined || tree === undefined) return nothing
    return tree.branches.length === 0 ? tree.entries : (version.entries ??= sortedEntries(tree))
  }

  /** Tracked. The values of a bucket, without their members; identical until one of them changes. */
  values(name: string): readonly V[] {
    const version = this.#buckets.get(name)
    if (version === undefined) return nothing
    return (version.values ??= this.bucket(name).map(({ value }) => value))
  }

  /** Tracked. The value of one member, the same one as long as the members are the same. */
  first(name: string): V | undefined {
    return this.#buckets.get(name) === undefined ? undefined : someEntry(this.#trees.get(name))?.value
  }

  /** Tracked. */
  size(name: string): number {
    return this.#buckets.get(name) === undefined ? 0 : (this.#trees.get(name)?.size ?? 0)
  }

  /** Not tracked: the names of the buckets that hold something now. */
  names(): IterableIterator<string> {
    return this.#buckets.keys()
  }

  watchMembers(watcher: (bucket: string, present: boolean) => void): void {
    this.#buckets.watchMembers(watcher)
  }

  #put(bucket: string, member: string, entry: Entry<V> | undefined): void {
    const tree = withChanges(this.#trees.get(bucket) ?? noParts, [{ member, entry }])
    if (tree.size === 0) {
      this.#trees.delete(bucket)
      this.#buckets.delete(bucket)
    } else {
      this.#trees.set(bucket, tree)
      this.#buckets.set(bucket, {})
    }
  }
}

function sortedEntries<V>(tree: Parts<V>): readonly Entry<V>[] {
  return [...leavesOf(tree)].flatMap(({ entries }) => entries).toSorted((a, b) => (a.member < b.member ? -1 : 1))
}

function someEntry<V>(tree: Parts<V> | undefined): Entry<V> | undefined {
  let node = tree
  while (node?.branches[0] !== undefined) node = node.branches[0]
  return node?.entries[0]
}

/** As a gathering, for buckets of thousands: a bucket is a tree, and one changed member costs the nodes above it. */
export class Grove<V> implements Members {
  readonly #trees = new Map<string, Growing<V>>()
  readonly #versions = new Table<object>()

  constructor(members: Members, contribute: (member: string) => Iterable<Gift<V>>) {
    void new Contributions(members, contribute, (bucket, member, entry) => this.#put(bucket, member, entry))
  }

  /** Tracked. Empty for a bucket nobody contributes to. */
  tree(name: string): Parts<V> {
    const growing = this.#versions.get(name) === undefined ? undefined : this.#trees.get(name)
    if (growing === undefined) return noParts
    grow(growing)
    return growing.tree
  }

  watchMembers(watcher: (bucket: string, present: boolean) => void): void {
    this.#versions.watchMembers(watcher)
  }

  // Thousands of members may join before somebody looks: many at a time, but not all at once, which would take long.
  #put(bucket: string, member: string, entry: Entry<V> | undefined): void {
    const growing = this.#trees.get(bucket) ?? { tree: noParts, changes: new Map<string, PartsChange<V>>() }
    growing.changes.set(member, { member, entry })
    // Only as many changes as there are members can have taken the last one: nothing stays of a bucket that nobody reads any more.
    const mayBeEmpty = entry === undefined && growing.changes.size >= growing.tree.size
    if (mayBeEmpty || growing.changes.size >= grownAtOnce) grow(growing)
    if (mayBeEmpty && growing.tree.size === 0) {
      this.#trees.delete(bucket)
      this.#versions.delete(bucket)
    } else {
      this.#trees.set(bucket, growing)
      this.#versions.set(bucket, {})
    }
  }
}

const grownAtOnce = 256

function grow<V>(growing: Growing<V>): void {
  growing.tree = withChanges(growing.tree, [...growing.changes.values()])
  growing.changes.clear()
}

type Growing<V> = { tree: Parts<V>; readonly changes: Map<string, PartsChange<V>> }

/** Computes what each member contributes when something it read has changed, and tells what became another: `undefined`, nothing any more. */
class Contributions<V> {
  readonly #contribute: (member: string) => Iterable<Gift<V>>
  readonly #put: (bucket: string, member: string, entry: Entry<V> | undefined) => void
  readonly #watchers = new Map<string, Watcher>()
  readonly #given = new Map<string, readonly Gift<V>[]>()
  readonly #update = (member: string): void => {
    const gifts = [...this.#contribute(member)]
    this.#give(member, gifts.length > 1 ? [...new Map(gifts)] : gifts)
  }

  constructor(
    members: Members,
    contribute: (member: string) => Iterable<Gift<V>>,
    put: (bucket: string, member: string, entry: Entry<V> | undefined) => void,
  ) {
    this.#contribute = contribute
    this.#put = put
    members.watchMembers((key, present) => (present ? this.#join(key) : this.#leave(key)))
  }

  #join(member: string): void {
    if (this.#watchers.has(member)) return
    const watcher = new Watcher(this.#update, member)
    this.#watchers.set(member, watcher)
    watcher.start()
  }

  #leave(member: string): void {
    const watcher = this.#watchers.get(member)
    if (watcher === undefined) return
    this.#watchers.delete(member)
    watcher.end()
    this.#give(member, nothing)
  }

  // Each bucket once. What was given is kept as a list: among thousands of members a map for each would be most of the memory.
  #give(member: string, gifts: readonly Gift<V>[]): void {
    const before = this.#given.get(member) ?? nothing
    const kept = new Map(before)
    untracked(() => {
      for (const [bucket, value] of gifts) {
        const isSame = kept.has(bucket) && sameValue(kept.get(bucket), value)
        kept.delete(bucket)
        if (!isSame) this.#put(bucket, member, { member, value })
      }
      for (const bucket of kept.keys()) this.#put(bucket, member, undefined)
    })
    if (gifts.length > 0) this.#given.set(member, gifts)
    else this.#given.delete(member)
  }
}

type Gift<V> = readonly [bucket: string, value: V]
type Version<V> = { values?: readonly V[]; entries?: readonly Entry<V>[] }

const nothing: readonly never[] = Object.freeze([])

/**
 * The values of a table's or gathering's members, each computed as soon as something it read has changed. Readers are disturbed only when
 * the value became another one; those of a derivation are all visited while that is being found out. Tracked; up to date in `settle`.
 */
export function settled<T>(
  members: Members,
  compute: (member: string) => T | undefined,
): (member: string) => T | undefined {
  const gathered = new Gathering(members, (member) => {
    const value = compute(member)
    return value === undefined ? [] : [[member, value] as const]
  })
  return (member) => gathered.values(member)[0]
}

export type Memo<A extends object, R> = ((argument: A) => R) & {
  /** Whether it was computed. */
  readonly knows: (argument: A) => boolean
}

/**
 * A pure function of one object, computed once per identity. The result is kept in the object itself, in a private field that nobody else can
 * name: a collection of garbage has to look at the entries of weak maps again and again, in one block.
 */
export function memo<A extends object, R>(compute: (argument: A) => R): Memo<A, R> {
  const ofFrozen = new WeakMap<A, { readonly result: R }>()
  class Known extends Given {
    readonly #result: R
    constructor(argument: A, result: R) {
      super(argument)
      this.#result = result
    }
    static of(argument: object): { readonly result: R } | undefined {
      return #result in argument ? { result: argument.#result } : undefined
    }
  }
  const knownOf = (argument: A) => Known.of(argument) ?? ofFrozen.get(argument)
  const recall = (argument: A): R => {
    const before = knownOf(argument)
    if (before !== undefined) return before.result
    countRecomputed()
    const result = compute(argument)
    if (Known.canTake(argument)) void new Known(argument, result)
    else ofFrozen.set(argument, { result })
    return result
  }
  return Object.assign(recall, { knows: (argument: A) => knownOf(argument) !== undefined })
}

// What `new` gives is the object that it is given: a class above it adds its private fields to that.
class Given {
  constructor(argument: object) {
    return argument
  }

  static canTake(argument: object): boolean {
    return Object.isExtensible(argument)
  }
}
