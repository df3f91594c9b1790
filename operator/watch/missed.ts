// Objects whose last event could not be taken in, by a mistake of ours: no further event comes as long as nobody changes them, so each is
// read again, ever more rarely, until it can be taken in.

import type { KubernetesObject } from '../model/kubernetes.ts'
import type { ObjectKey } from '../model/snapshot.ts'

import { backoff, type BackoffLimits } from '../lib/backoff.ts'
import { nextTurn } from '../lib/turns.ts'

import { pause } from './pause.ts'

export type MissedOptions = {
  /** The object as it is now; undefined: it is gone. */
  readonly read: (key: ObjectKey) => Promise<KubernetesObject | undefined>
  /** Is told of the object unless a newer event of it came meanwhile; whoever cannot take it calls `add` again. */
  readonly take: (key: ObjectKey, object: KubernetesObject | undefined) => void
  readonly limits?: BackoffLimits
}

/** So many are read in one round. */
const mostPerRound = 20

export class Missed {
  readonly #options: MissedOptions
  readonly #keys = new Map<ObjectKey, symbol>()
  readonly #stopping = new AbortController()
  #running: Promise<void> | undefined

  constructor(options: MissedOptions) {
    this.#options = options
  }

  add(key: ObjectKey): void {
    this.#keys.set(key, Symbol(key))
    this.#running ??= this.#run()
  }

  /** A newer event of the object is being taken in. */
  forget(key: ObjectKey): void {
    this.#keys.delete(key)
  }

  async stop(): Promise<void> {
    this.#stopping.abort()
    await this.#running
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopping
    for (let round = 1; this.#keys.size > 0; round += 1) {
      await pause(backoff(round, this.#options.limits), signal)
      if (signal.aborted) return
      for (const [key, mark] of [...this.#keys].slice(0, mostPerRound)) await this.#again(key, mark)
      // Until whoever could not take it has said so.
      await nextTurn()
    }
    this.#running = undefined
  }

  async #again(key: ObjectKey, mark: symbol): Promise<void> {
    try {
      const object = await this.#options.read(key)
      if (this.#keys.get(key) !== mark) return
      this.#keys.delete(key)
      this.#options.take(key, object)
    } catch {
      // The watch tells what is wrong with the API server; the next round asks again.
    }
  }
}
