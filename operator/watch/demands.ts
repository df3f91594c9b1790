// Objects that are kept only while a derivation reads them: fetched at the first read, again when the watch says they changed,
// let go after the last read. What nobody refers to is never fetched.

import { kinds } from '../model/kinds.ts'
import type { Kind, KubernetesObject } from '../model/kubernetes.ts'
import type { ObjectKey } from '../model/snapshot.ts'

import { backoff, type BackoffLimits } from '../lib/backoff.ts'
import { errorText, type Logger } from '../lib/log.ts'

import { pause } from './pause.ts'

/** The kinds that are kept only when referred to. */
export type DemandKind = { [K in Kind]: (typeof kinds)[K]['keep'] extends 'referred' ? K : never }[Kind]

export function isDemandKind(kind: Kind): kind is DemandKind {
  return kinds[kind].keep === 'referred'
}

export type DemandsOptions = {
  /** Undefined: there is none. Rejects when there was no answer. */
  readonly fetch: (kind: DemandKind, key: ObjectKey, signal: AbortSignal) => Promise<KubernetesObject | undefined>
  /** Takes the newest state over, undefined for gone; true when it differs from what was held. */
  readonly keep: (kind: DemandKind, key: ObjectKey, object: KubernetesObject | undefined) => boolean
  readonly onChange: () => void
  readonly logger: Logger
  readonly backoffLimits?: BackoffLimits
}

type Demand = {
  readonly kind: DemandKind
  readonly key: ObjectKey
  /** On the clock of `performance.now()`. */
  readonly since: number
  readonly ending: AbortController
  /** Counts what the watch told; what was fetched is up to date when it was asked for at the newest count. */
  told: number
  fetched: number
  following: boolean
}

export class Demands {
  readonly #options: DemandsOptions
  readonly #wanted = new Map<string, Demand>()
  readonly #unanswered = new Set<Demand>()

  constructor(options: DemandsOptions) {
    this.#options = options
  }

  /** A derivation begins, or the last one ceases, to read a key. */
  want(kind: DemandKind, key: ObjectKey, wanted: boolean): void {
    this.#forget(`${kind} ${key}`)
    if (!wanted) {
      this.#options.keep(kind, key, undefined)
      return
    }
    const ending = new AbortController()
    const demand = { kind, key, since: performance.now(), ending, told: 0, fetched: -1, following: false }
    this.#wanted.set(`${kind} ${key}`, demand)
    this.#unanswered.add(demand)
    // The derivation that asks is still being computed.
    queueMicrotask(() => void this.#follow(demand))
  }

  /** The watch tells that an object came, changed or went. */
  changed(kind: DemandKind, key: ObjectKey): void {
    const demand = this.#wanted.get(`${kind} ${key}`)
    if (demand === undefined) return
    demand.told += 1
    void this.#follow(demand)
  }

  /** How many demands wait for their first answer, and have for less than `patience` milliseconds. */
  pending(patience: number): number {
    const latest = performance.now() - patience
    return [...this.#unanswered].filter((demand) => demand.since > latest).length
  }

  stop(): void {
    for (const name of this.#wanted.keys()) this.#forget(name)
  }

  #forget(name: string): void {
    const demand = this.#wanted.get(name)
    if (demand === undefined) return
    demand.ending.abort()
    this.#wanted.delete(name)
    this.#unanswered.delete(demand)
  }

  async #follow(demand: Demand): Promise<void> {
    const { signal } = demand.ending
    if (demand.following) return
    demand.following = true
    let failures = 0
    while (demand.fetched !== demand.told && !signal.aborted) {
      failures = (await this.#fetch(demand)) ? 0 : failures + 1
      await pause(backoff(failures, this.#options.backoffLimits), signal)
    }
    demand.following = false
  }

  async #fetch(demand: Demand): Promise<boolean> {
    const { fetch, keep, onChange, logger } = this.#options
    const { kind, key, told } = demand
    const { signal } = demand.ending
    try {
      const object = await fetch(kind, key, signal)
      if (signal.aborted) return true
      demand.fetched = told
      const differs = keep(kind, key, object)
      // Also the news that there is no such object ends a wait.
      if (this.#unanswered.delete(demand) || differs) onChange()
      return true
    } catch (error) {
      if (!signal.aborted)
        logger.warn(`Cannot read a ${kind} that is referred to; trying again.`, { key, error: errorText(error) })
      return false
    }
  }
}
