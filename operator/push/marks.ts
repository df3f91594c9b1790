// What a pod's memory says about itself, for whoever reads it next: this operator after a failure, or its successor.
//
// `@boot` is a random word that only memory holds: when it is gone, HAProxy has loaded its files again. `@gen` is the generation that memory
// holds, with that word behind it; from the beginning of a change until nothing has changed for a moment it says `busy` instead. So one of
// many changes in a row costs its own calls and no more, and `@gen` is never ahead of what it stands for.

import { randomBytes } from 'node:crypto'

import { metaMap } from '../model/names.ts'
import type { DataPlaneSettings } from '../model/settings.ts'

import {
  bootKey,
  generationKey,
  layoutOf,
  loadingFiles,
  markedGeneration,
  sparesOf,
  unsettled,
  type Held,
} from './held.ts'
import { unknownMachine } from './machine-change.ts'
import { PodError, type PodApi } from './pod-api.ts'
import { runStages } from './runtime.ts'
import type { Timing } from './timing.ts'

/** The marks in one pod's memory. */
export class MemoryMarks {
  readonly #timing: Pick<Timing, 'settle' | 'settleAtMost'>
  #boot: string | undefined
  /** Since when `@gen` has not told what memory holds. */
  #openSince: number | undefined
  #due = Infinity

  constructor(timing: Pick<Timing, 'settle' | 'settleAtMost'>) {
    this.#timing = timing
  }

  /** The word in memory; undefined until the first change at run time. */
  get boot(): string | undefined {
    return this.#boot
  }

  /** Memory does not say yet what it holds. */
  get isOpen(): boolean {
    return this.#openSince !== undefined
  }

  /** When it is to say so, if nothing else comes; in the time of `performance.now()`. */
  get due(): number {
    return this.#due
  }

  /** When it is to say so, whatever comes. */
  get overdue(): number {
    return this.#openSince === undefined ? Infinity : this.#openSince + this.#timing.settleAtMost
  }

  /** What was read from memory. */
  found(boot: string | undefined, isSettled: boolean): void {
    this.#boot = boot
    this.#openSince = isSettled ? undefined : performance.now()
    this.#due = Infinity
  }

  /** HAProxy has loaded its files: nothing was changed since. */
  loaded(): void {
    this.found(undefined, true)
  }

  /**
   * Makes changes at run time. Before the very first of a HAProxy process both marks stand; later ones do not have to stand first: as long as
   * this process lives it believes nothing that it did not see end, and it saves a call's time. Rejects when either fails, after both ended.
   */
  async during<T>(api: PodApi, work: () => Promise<T>): Promise<T> {
    const boot = this.#boot ?? randomBytes(6).toString('hex')
    const isFirst = this.#boot === undefined
    const wasOpen = this.isOpen
    const busy = () => setGeneration(api, markedGeneration(unsettled, boot))
    this.#openSince ??= performance.now()
    this.#due = Infinity
    if (isFirst) {
      await setMark(api, { key: bootKey, value: boot, known: false })
      await busy()
      this.#boot = boot
    }
    // What requests wait for goes out first.
    const [done, marked] = await Promise.allSettled([work(), isFirst || wasOpen ? undefined : busy()])
    if (done.status === 'rejected') throw done.reason
    if (marked.status === 'rejected') throw marked.reason
    this.#due = performance.now() + this.#timing.settle
    return done.value
  }

  /** Lets memory say that it holds this generation. False when it is not the memory of the process that was changed. */
  async settle(api: PodApi, generation: string): Promise<boolean> {
    if (this.#boot !== undefined && !(await isIn(api, this.#boot))) return false
    await setGeneration(api, this.expected(generation))
    this.#openSince = undefined
    this.#due = Infinity
    return true
  }

  /** Files are about to be written for a reload: should nobody see its end, nobody takes them for what was loaded. */
  async loading(api: PodApi): Promise<void> {
    this.#openSince ??= performance.now()
    this.#due = Infinity
    try {
      await setGeneration(api, markedGeneration(loadingFiles, this.#boot))
    } catch (error) {
      // No map of ours in this memory: then nobody believes it anyway.
      if (!(error instanceof PodError)) throw error
    }
  }

  /** There is nothing yet that memory could say. */
  wait(): void {
    this.#openSince = this.#openSince === undefined ? undefined : performance.now()
    this.#due = Infinity
  }

  /** HAProxy refused to load: memory is what it was. */
  refused(): void {
    this.#due = performance.now() + this.#timing.settle
  }

  /** `@gen` as it stands in a memory that holds this generation and says so. */
  expected(generation: string): string {
    return markedGeneration(generation, this.#boot)
  }
}

// Both ways lead to the process that was changed.
async function isIn({ runtime, readEntry }: PodApi, boot: string): Promise<boolean> {
  if (runtime.isOpen) {
    const [answer = ''] = await runtime.ask([`get map ${runtime.maps}/${metaMap} ${bootKey}`])
    if (!answer.includes(`value="${boot}"`)) return false
  }
  return (await readEntry(metaMap, bootKey)) === boot
}

type Mark = { readonly key: string; readonly value: string; readonly known: boolean }

function setGeneration(api: PodApi, value: string): Promise<void> {
  return setMark(api, { key: generationKey, value, known: true })
}

async function setMark(api: PodApi, mark: Mark): Promise<void> {
  await runStages(api, [{ chains: [[{ kind: 'set-entry', map: metaMap, ...mark }]] }])
}

/** Another machine than the wanted one, or one whose state cannot be told: everything has to be loaded. */
export function strange(settings: DataPlaneSettings): Held {
  const none = new Map<string, never>()
  const layout = layoutOf(new Map(), sparesOf(unknownMachine, settings))
  return {
    generation: '',
    machine: unknownMachine,
    maps: none,
    backends: none,
    certificates: none,
    certificateLists: none,
    authorities: none,
    layout,
  }
}
