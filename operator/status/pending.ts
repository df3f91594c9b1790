// The patches of many objects, kept up to date: an object is judged again when it or its report was replaced, or when somebody asks for it.

import type { StatusPatch } from '../model/rendered.ts'
import { itemsOf, keysApart, noParts, type Parts, withChanges } from '../lib/parts.ts'
import { atOnce, inSteps } from '../lib/steps.ts'

type Inputs<O, R> = { readonly objects: ReadonlyMap<string, O>; readonly reports: ReadonlyMap<string, R> }

/** Objects judged at once, between two steps. */
const judgedPerStep = 32

export class Pending<O, R> {
  readonly #judge: (object: O, report: R | undefined) => StatusPatch | undefined
  #before: Inputs<O, R> = { objects: new Map(), reports: new Map() }
  /** To be judged again. */
  readonly #due = new Set<string>()
  #patches: Parts<StatusPatch> = noParts

  /** @param judge undefined: the status is as it should be */
  constructor(judge: (object: O, report: R | undefined) => StatusPatch | undefined) {
    this.#judge = judge
  }

  /** Something else that `judge` looks at has changed. */
  add(keys: Iterable<string>): void {
    for (const key of keys) this.#due.add(key)
  }

  /** A patch comes again, identically, until its object is judged again. */
  patches(inputs: Inputs<O, R>): readonly StatusPatch[] {
    atOnce(this.#taking(inputs))
    this.#judgeSome(inputs, [...this.#due])
    return itemsOf(this.#patches)
  }

  /** Judges what is due, some each step, for a call of `patches` that then finds it done. */
  *steps(inputs: Inputs<O, R>): Generator<undefined, undefined> {
    yield* this.#taking(inputs)
    while (this.#due.size > 0) {
      this.#judgeSome(inputs, [...this.#due.values().take(judgedPerStep)])
      yield
    }
  }

  // What was taken counts from the end on: steps may be given up.
  *#taking({ objects, reports }: Inputs<O, R>): Generator<undefined, undefined> {
    const before = this.#before
    const add = (key: string): void => void this.#due.add(key)
    yield* inSteps(keysApart(objects, before.objects), add)
    yield* inSteps(keysApart(reports, before.reports), add)
    this.#before = { objects, reports }
  }

  #judgeSome({ objects, reports }: Inputs<O, R>, keys: readonly string[]): void {
    const changes = keys.map((member) => {
      const object = objects.get(member)
      const value = object === undefined ? undefined : this.#judge(object, reports.get(member))
      this.#due.delete(member)
      return { member, entry: value === undefined ? undefined : { member, value } }
    })
    this.#patches = withChanges(this.#patches, changes)
  }
}
