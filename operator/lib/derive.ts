// Tracked derivations: a value computed from tables and from other derivations is computed again only when
// something it read was replaced. Knows no Kubernetes and no HAProxy.
//
//   table     keyed inputs; `get` is a tracked read, also of a key that is absent
//   family    one derivation per key, made at the first read, forgotten with its last reader
//   gather    turns a table or a family of members inside out: every member contributes values to named buckets,
//             a bucket is a tracked read, and a changed member touches only the buckets it contributes to
//
// The propagation is alien-signals'; this file adds keys, equality and eviction. Everything is synchronous.

import { Computed, countRecomputed, Input, isTracking, sameValue, untracked, Watcher } from './reactive.ts'

export { recomputed, settle } from './reactive.ts'

export type Derived<T> = () => T

/**
 * A derivation. A result deeply equal to the one before keeps the old identity and stops the wave there. A failure is a
 * result too: readers get it thrown, may catch it, and are computed again when an input of the failed derivation changes.
 */
export function derive<T>(compute: () => T, unwatched?: () => void): Derived<T> {
  const node = new Computed(compute, unwatched)
  return () => node.read()
}

/** Keyed inputs. Values are replaced, never edited; the same identity means the same content. */
export class Table<T> {
  readonly #cells = new Map<string, Input<T | undefined>>()
  readonly #members = new Set<string>()
  readonly #watchers = new Set<(key: string, present: boolean) => void>()
  readonly #onDemand: ((key: string, wanted: boolean) => void) | undefined

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
    const cell = new Input<T | undefined>(undefined, () => {
      if (!this.#members.has(key)) this.#cells.delete(key)
      this.#onDemand?.(key, false)
    })
    this.#cells.set(key, cell)
    return cell
  }
}

/** One derivation per key. */
export function family<T>(compute: (key: string) => T): (key: string) => T {
  const known = new Map<string, Derived<T>>()
  return (key) => {
    let derived = known.get(key)
    if (derived === undefined) {
      derived = derive(
        () => compute(key),
        () => known.delete(key),
      )
      if (isTracking()) known.set(key, derived)
    }
    return derived()
  }
}

export type Entry<V> = { readonly member: string; readonly value: V }

/** Where a gathering's members come from: a table, or another gathering (its non-empty buckets). */
export type Members = { watchMembers(watcher: (key: string, present: boolean) => void): void }

/** Buckets of what members contribute. Reads are tracked; a bucket is sorted by member, so results do not depend on history. */
export class Gathering<V> implements Members {
  readonly #contribute: (member: string) => Iterable<readonly [bucket: string, value: V]>
  /** Edited in place: thousands of members that join one bucket would copy it as many times. */
  readonly #contents = new Map<string, Content<V>>()
  /** What readers see: another one after each edit, which copies the content when it is read for the first time. */
  readonly #buckets = new Table<Version<V>>()
  readonly #watchers = new Map<string, Watcher>()
  readonly #given = new Map<string, ReadonlyMap<string, V>>()

  constructor(members: Members, contribute: (member: string) => Iterable<readonly [bucket: string, value: V]>) {
    this.#contribute = contribute
    members.watchMembers((key, present) => (present ? this.#join(key) : this.#leave(key)))
  }

  /** Tracked. Empty for a bucket nobody contributes to. */
  bucket(name: string): readonly Entry<V>[] {
    const version = this.#buckets.get(name)
    if (version === undefined) return nothing
    const values = this.values(name)
    version.entries ??= this.#contents.get(name)?.members.flatMap((member, at) => {
      const value = values[at]
      return value === undefined ? [] : [{ member, value }]
    })
    return version.entries ?? nothing
  }

  /** Tracked. The values of a bucket, without their members; identical until one of them changes. */
  values(name: string): readonly V[] {
    const version = this.#buckets.get(name)
    if (version === undefined) return nothing
    version.values ??= this.#contents.get(name)?.values.slice()
    return version.values ?? nothing
  }

  /** Tracked. */
  size(name: string): number {
    return this.#buckets.get(name) === undefined ? 0 : (this.#contents.get(name)?.members.length ?? 0)
  }

  /** Not tracked: the names of the buckets that hold something now. */
  names(): IterableIterator<string> {
    return this.#buckets.keys()
  }

  watchMembers(watcher: (bucket: string, present: boolean) => void): void {
    this.#buckets.watchMembers(watcher)
  }

  #join(member: string): void {
    if (this.#watchers.has(member)) return
    const watcher = new Watcher(() => this.#update(member))
    this.#watchers.set(member, watcher)
    watcher.start()
  }

  #leave(member: string): void {
    const watcher = this.#watchers.get(member)
    if (watcher === undefined) return
    this.#watchers.delete(member)
    watcher.end()
    this.#give(member, new Map())
  }

  #update(member: string): void {
    this.#give(member, new Map(this.#contribute(member)))
  }

  #give(member: string, values: ReadonlyMap<string, V>): void {
    const before = this.#given.get(member)
    untracked(() => {
      for (const bucket of before?.keys() ?? []) if (!values.has(bucket)) this.#put(bucket, member, undefined)
      for (const [bucket, value] of values) {
        if (before?.has(bucket) && sameValue(before.get(bucket), value)) continue
        this.#put(bucket, member, { value })
      }
    })
    if (values.size > 0) this.#given.set(member, values)
    else this.#given.delete(member)
  }

  #put(bucket: string, member: string, given: { readonly value: V } | undefined): void {
    const content = this.#contents.get(bucket) ?? { members: [], values: [] }
    const { members, values } = content
    const at = position(members, member)
    const present = members[at] === member ? 1 : 0
    members.splice(at, present, ...(given === undefined ? [] : [member]))
    values.splice(at, present, ...(given === undefined ? [] : [given.value]))
    if (members.length === 0) {
      this.#contents.delete(bucket)
      this.#buckets.delete(bucket)
    } else {
      this.#contents.set(bucket, content)
      this.#buckets.set(bucket, {})
    }
  }
}

type Content<V> = { readonly members: string[]; readonly values: V[] }
type Version<V> = { values?: readonly V[] | undefined; entries?: readonly Entry<V>[] | undefined }

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

/** A pure function of one object, computed once per identity. */
export function memo<A extends object, R>(compute: (argument: A) => R): (argument: A) => R {
  const known = new WeakMap<A, { readonly result: R }>()
  return (argument) => {
    const before = known.get(argument)
    if (before !== undefined) return before.result
    countRecomputed()
    const result = compute(argument)
    known.set(argument, { result })
    return result
  }
}

// First position whose member is not less than `member`.
function position(members: readonly string[], member: string): number {
  let low = 0
  let high = members.length
  while (low < high) {
    const middle = (low + high) >>> 1
    const other = members[middle]
    if (other !== undefined && other < member) low = middle + 1
    else high = middle
  }
  return low
}
