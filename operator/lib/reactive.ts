// The graph under `derive.ts`: inputs, computed values and watchers over alien-signals' propagation, with equality and eviction.

import { createReactiveSystem, type Link, type ReactiveNode } from 'alien-signals/system'
import { isDeepStrictEqual } from 'node:util'

const Flag = { mutable: 1, watching: 2, computing: 4, dirty: 16, pending: 32 } as const

// A node of the graph; what alien-signals asks of it.
abstract class Cell implements ReactiveNode {
  deps?: Link
  depsTail?: Link
  subs?: Link
  subsTail?: Link
  flags: number = Flag.mutable

  /** Brings the value up to date; whether it became another. */
  abstract refresh(): boolean
  /** The last reader has gone. */
  abstract unwatched(): void
}

const stale = new Set<Watcher>()
const counters = { recomputed: 0 }
let reader: ReactiveNode | undefined
let cycle = 0

const { link, unlink, propagate, checkDirty, shallowPropagate } = createReactiveSystem({
  update: (node) => node instanceof Cell && node.refresh(),
  notify: (node) => void (node instanceof Watcher && stale.add(node)),
  unwatched: (node) => void (node instanceof Cell && node.unwatched()),
})

/** How many derivations and members were computed since the process started: what a change really cost. */
export function recomputed(): number {
  return counters.recomputed
}

/** Brings every `gather` up to date. Call it before reading buckets from outside; rounds end when nothing is stale. */
export function settle(): void {
  for (const watcher of stale) {
    stale.delete(watcher)
    watcher.runWhenDue()
  }
}

/** The same in steps, one stale member each; inputs may change between two of them. */
export function* settling(): Generator<undefined, undefined> {
  for (const watcher of stale) {
    stale.delete(watcher)
    watcher.runWhenDue()
    yield
  }
}

/** Counts one more computation that took place outside the graph. */
export function countRecomputed(): void {
  counters.recomputed += 1
}

/** Whether somebody is being computed now, whose reads are recorded. */
export function isTracking(): boolean {
  return reader !== undefined
}

/** Equal by identity or, failing that, by content. */
export function sameValue(a: unknown, b: unknown): boolean {
  if (a === b) return true
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return Object.is(a, b)
  if (Array.isArray(a) && Array.isArray(b)) return sameItems(a, b)
  if (isPlain(a) && isPlain(b)) return sameFields(a, b)
  return isDeepStrictEqual(a, b)
}

// Long lists of which all but a few items are identical are the usual case, and Node's comparison takes fifty times as long for them.
function sameItems(a: readonly unknown[], b: readonly unknown[]): boolean {
  if (a.length !== b.length) return false
  for (let at = 0; at < a.length; at += 1) if (a[at] !== b[at] && !sameValue(a[at], b[at])) return false
  return true
}

function sameFields(a: Readonly<Record<string, unknown>>, b: Readonly<Record<string, unknown>>): boolean {
  const fields = Object.keys(a)
  return (
    fields.length === Object.keys(b).length &&
    fields.every((field) => Object.hasOwn(b, field) && sameValue(a[field], b[field]))
  )
}

function isPlain(value: object): value is Readonly<Record<string, unknown>> {
  return Object.getPrototypeOf(value) === Object.prototype
}

/** Reads during `work` are nobody's. */
export function untracked(work: () => void): void {
  const outer = reader
  reader = undefined
  try {
    work()
  } finally {
    reader = outer
  }
}

// An input: what the outside last put there.
export class Input<T> extends Cell {
  #value: T
  #next: T
  readonly #key: string
  readonly #released: (key: string) => void

  /** Functions are shared by all inputs of a table: a closure for each would be a good part of the memory. */
  constructor(value: T, key: string, released: (key: string) => void) {
    super()
    this.#value = value
    this.#next = value
    this.#key = key
    this.#released = released
  }

  read(): T {
    if (this.flags & Flag.dirty && this.refresh() && this.subs !== undefined) shallowPropagate(this.subs)
    if (reader !== undefined) link(this, reader, cycle)
    return this.#value
  }

  write(value: T): void {
    if (this.#next === value) return
    this.#next = value
    this.flags = Flag.mutable | Flag.dirty
    if (this.subs !== undefined) propagate(this.subs, false)
  }

  refresh(): boolean {
    this.flags = Flag.mutable
    const changed = this.#value !== this.#next
    this.#value = this.#next
    return changed
  }

  unwatched(): void {
    this.#released(this.#key)
  }
}

export class Computed<T> extends Cell {
  #result: { readonly value: T } | { readonly error: unknown } | undefined
  readonly #compute: (key: string) => T
  readonly #key: string
  readonly #released: ((key: string) => void) | undefined

  constructor(compute: (key: string) => T, key: string, released: ((key: string) => void) | undefined) {
    super()
    this.flags = Flag.mutable | Flag.dirty
    this.#compute = compute
    this.#key = key
    this.#released = released
  }

  read(): T {
    if (this.flags & Flag.computing) throw new Error('a derivation reads itself')
    if (isDue(this)) {
      if (this.refresh() && this.subs !== undefined) shallowPropagate(this.subs)
    } else this.flags &= ~Flag.pending
    if (reader !== undefined) link(this, reader, cycle)
    if (this.#result === undefined) throw new Error('a derivation has no result')
    if ('error' in this.#result) throw this.#result.error
    return this.#result.value
  }

  refresh(): boolean {
    counters.recomputed += 1
    this.flags = Flag.mutable | Flag.computing
    const before = this.#result
    try {
      const value = track(this, () => this.#compute(this.#key))
      if (before !== undefined && 'value' in before && sameValue(before.value, value)) return false
      this.#result = { value }
    } catch (error) {
      // Kept until an input changes: propagation must not be interrupted, and whoever caught it must hear of the repair.
      this.#result = { error }
    }
    return true
  }

  unwatched(): void {
    if (this.depsTail !== undefined) {
      this.flags = Flag.mutable | Flag.dirty
      dropInputs(this)
    }
    this.#released?.(this.#key)
  }
}

// Something to be run again, by `settle`, when what it read has changed.
export class Watcher implements ReactiveNode {
  deps?: Link
  depsTail?: Link
  flags: number = Flag.watching | Flag.dirty
  readonly #run: (member: string) => void
  readonly #member: string

  constructor(run: (member: string) => void, member: string) {
    this.#run = run
    this.#member = member
  }

  runWhenDue(): void {
    const due = isDue(this)
    this.flags = Flag.watching
    if (!due) return
    counters.recomputed += 1
    this.flags = Flag.watching | Flag.computing
    track(this, () => this.#run(this.#member))
  }

  /** Starts the first run with the next `settle`. */
  start(): void {
    stale.add(this)
  }

  end(): void {
    stale.delete(this)
    dropInputs(this)
    this.flags = 0
  }
}

function isDue(node: ReactiveNode): boolean {
  if (node.flags & Flag.dirty) return true
  return (node.flags & Flag.pending) !== 0 && node.deps !== undefined && checkDirty(node.deps, node)
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
