// Tracked derivations: a value computed from tables and from other derivations is computed again only when
// something it read was replaced. Knows no Kubernetes and no HAProxy.
//
//   table     keyed inputs; `get` is a tracked read, also of a key that is absent
//   family    one derivation per key, made at the first read, forgotten with its last reader
//   gather    turns a table or a family of members inside out: every member contributes values to named buckets,
//             a bucket is a tracked read, and a changed member touches only the buckets it contributes to
//
// The propagation is alien-signals'; this file adds keys, equality and eviction. Everything is synchronous.

import { createReactiveSystem, type Link, type ReactiveNode } from 'alien-signals/system'
import { isDeepStrictEqual } from 'node:util'

const Flag = { mutable: 1, watching: 2, computing: 4, dirty: 16, pending: 32 } as const

type CellNode<T> = ReactiveNode & { kind: 'cell'; value: T; next: T; unwatched: (() => void) | undefined }
type DerivedNode<T> = ReactiveNode & {
  kind: 'derived'
  value: T | undefined
  compute: () => T
  unwatched: (() => void) | undefined
}
type WatcherNode = ReactiveNode & { kind: 'watcher'; run: () => void }
type Node = CellNode<unknown> | DerivedNode<unknown> | WatcherNode

const nodes = new WeakMap<ReactiveNode, Node>()
const stale = new Set<WatcherNode>()
const counters = { recomputed: 0 }
let reader: ReactiveNode | undefined
let cycle = 0

const { link, unlink, propagate, checkDirty, shallowPropagate } = createReactiveSystem({
  update(node) {
    const known = nodes.get(node)
    if (known?.kind === 'cell') return updateCell(known)
    return known?.kind === 'derived' && recompute(known)
  },
  notify(node) {
    const known = nodes.get(node)
    if (known?.kind === 'watcher') stale.add(known)
  },
  unwatched(node) {
    const known = nodes.get(node)
    if (known === undefined || known.kind === 'watcher') return
    if (known.kind === 'derived' && known.depsTail !== undefined) {
      known.flags = Flag.mutable | Flag.dirty
      dropInputs(known)
    }
    known.unwatched?.()
  },
})

/** How many derivations and members were computed since the process started: what a change really cost. */
export function recomputed(): number {
  return counters.recomputed
}

/** Brings every `gather` up to date. Call it before reading buckets from outside; rounds end when nothing is stale. */
export function settle(): void {
  while (stale.size > 0) {
    const round = [...stale]
    stale.clear()
    for (const watcher of round) runWatcher(watcher)
  }
}

export type Derived<T> = () => T

/** A derivation. A result deeply equal to the one before keeps the old identity and stops the wave there. */
export function derive<T>(compute: () => T, unwatched?: () => void): Derived<T> {
  const node: DerivedNode<T> = {
    kind: 'derived',
    flags: Flag.mutable | Flag.dirty,
    value: undefined,
    compute,
    unwatched,
  }
  nodes.set(node, node as Node)
  return () => readDerived(node)
}

/** Keyed inputs. Values are replaced, never edited; the same identity means the same content. */
export class Table<T> {
  readonly #cells = new Map<string, CellNode<T | undefined>>()
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
      if (reader === undefined) return undefined
      cell = this.#add(key, undefined)
      this.#onDemand?.(key, true)
    }
    return readCell(cell)
  }

  set(key: string, value: T): void {
    const cell = this.#cells.get(key) ?? this.#add(key, undefined)
    writeCell(cell, value)
    if (this.#members.has(key)) return
    this.#members.add(key)
    for (const watcher of this.#watchers) watcher(key, true)
  }

  delete(key: string): void {
    const cell = this.#cells.get(key)
    if (cell === undefined || !this.#members.delete(key)) return
    writeCell(cell, undefined)
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

  #add(key: string, value: T | undefined): CellNode<T | undefined> {
    const unwatched = () => {
      if (this.#members.has(key) && this.#onDemand === undefined) return
      if (!this.#members.has(key)) this.#cells.delete(key)
      this.#onDemand?.(key, false)
    }
    const cell: CellNode<T | undefined> = { kind: 'cell', flags: Flag.mutable, value, next: value, unwatched }
    nodes.set(cell, cell as Node)
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
      if (reader !== undefined) known.set(key, derived)
    }
    return derived()
  }
}

export type Entry<V> = { readonly member: string; readonly value: V }

/** Where a gathering's members come from: a table, or another gathering (its non-empty buckets). */
export type Members = { watchMembers(watcher: (key: string, present: boolean) => void): void }

/** Buckets of what members contribute. `bucket` is tracked; entries are sorted by member, so results do not depend on history. */
export class Gathering<V> implements Members {
  readonly #contribute: (member: string) => Iterable<readonly [bucket: string, value: V]>
  readonly #buckets = new Table<readonly Entry<V>[]>()
  readonly #watchers = new Map<string, WatcherNode>()
  readonly #given = new Map<string, ReadonlyMap<string, V>>()

  constructor(members: Members, contribute: (member: string) => Iterable<readonly [bucket: string, value: V]>) {
    this.#contribute = contribute
    members.watchMembers((key, present) => (present ? this.#join(key) : this.#leave(key)))
  }

  /** Tracked. Empty for a bucket nobody contributes to. */
  bucket(name: string): readonly Entry<V>[] {
    return this.#buckets.get(name) ?? []
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
    const watcher: WatcherNode = { kind: 'watcher', flags: Flag.watching | Flag.dirty, run: () => this.#update(member) }
    nodes.set(watcher, watcher)
    this.#watchers.set(member, watcher)
    stale.add(watcher)
  }

  #leave(member: string): void {
    const watcher = this.#watchers.get(member)
    if (watcher === undefined) return
    this.#watchers.delete(member)
    stale.delete(watcher)
    dropInputs(watcher)
    watcher.flags = 0
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
        this.#put(bucket, member, { member, value })
      }
    })
    if (values.size > 0) this.#given.set(member, values)
    else this.#given.delete(member)
  }

  #put(bucket: string, member: string, entry: Entry<V> | undefined): void {
    const entries = this.#buckets.get(bucket) ?? []
    const at = position(entries, member)
    const present = entries[at]?.member === member ? 1 : 0
    const next = entry === undefined ? entries.toSpliced(at, present) : entries.toSpliced(at, present, entry)
    if (next.length === 0) this.#buckets.delete(bucket)
    else this.#buckets.set(bucket, next)
  }
}

/** A pure function of one object, computed once per identity. */
export function memo<A extends object, R>(compute: (argument: A) => R): (argument: A) => R {
  const known = new WeakMap<A, { readonly result: R }>()
  return (argument) => {
    const before = known.get(argument)
    if (before !== undefined) return before.result
    counters.recomputed += 1
    const result = compute(argument)
    known.set(argument, { result })
    return result
  }
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

function sameValue(a: unknown, b: unknown): boolean {
  return a === b || isDeepStrictEqual(a, b)
}

function untracked(work: () => void): void {
  const outer = reader
  reader = undefined
  try {
    work()
  } finally {
    reader = outer
  }
}

function track<T>(node: ReactiveNode, work: () => T): T {
  const outer = reader
  reader = node
  forgetTail(node)
  cycle += 1
  try {
    return work()
  } finally {
    reader = outer
    node.flags &= ~Flag.computing
    purge(node)
  }
}

function readCell<T>(cell: CellNode<T>): T {
  if (cell.flags & Flag.dirty && updateCell(cell as CellNode<unknown>) && cell.subs !== undefined)
    shallowPropagate(cell.subs)
  if (reader !== undefined) link(cell, reader, cycle)
  return cell.value
}

function writeCell<T>(cell: CellNode<T>, value: T): void {
  if (cell.next === value) return
  cell.next = value
  cell.flags = Flag.mutable | Flag.dirty
  if (cell.subs !== undefined) propagate(cell.subs, false)
}

function updateCell(cell: CellNode<unknown>): boolean {
  cell.flags = Flag.mutable
  const changed = cell.value !== cell.next
  cell.value = cell.next
  return changed
}

function readDerived<T>(node: DerivedNode<T>): T {
  if (node.flags & Flag.computing) throw new Error('a derivation reads itself')
  const dirty =
    node.flags & Flag.dirty || (node.flags & Flag.pending && node.deps !== undefined && checkDirty(node.deps, node))
  if (dirty) {
    if (recompute(node as DerivedNode<unknown>) && node.subs !== undefined) shallowPropagate(node.subs)
  } else if (node.flags & Flag.pending) node.flags &= ~Flag.pending
  if (reader !== undefined) link(node, reader, cycle)
  return node.value as T
}

function recompute(node: DerivedNode<unknown>): boolean {
  counters.recomputed += 1
  node.flags = Flag.mutable | Flag.computing
  let value: unknown
  try {
    value = track(node, node.compute)
  } catch (error) {
    node.flags = Flag.mutable | Flag.dirty
    throw error
  }
  if (sameValue(node.value, value)) return false
  node.value = value
  return true
}

function runWatcher(watcher: WatcherNode): void {
  const due =
    watcher.flags & Flag.dirty ||
    (watcher.flags & Flag.pending && watcher.deps !== undefined && checkDirty(watcher.deps, watcher))
  watcher.flags = Flag.watching
  if (!due) return
  counters.recomputed += 1
  watcher.flags = Flag.watching | Flag.computing
  track(watcher, watcher.run)
}

// A reader's list of inputs is rebuilt from its start: inputs read again keep their links, `purge` drops the rest.
function forgetTail(node: { depsTail?: Link | undefined }): void {
  node.depsTail = undefined
}

function dropInputs(node: ReactiveNode): void {
  let input = node.depsTail
  while (input !== undefined) {
    const before = input.prevDep
    unlink(input, node)
    input = before
  }
}

function purge(node: ReactiveNode): void {
  let unused = node.depsTail === undefined ? node.deps : node.depsTail.nextDep
  while (unused !== undefined) unused = unlink(unused, node)
}
