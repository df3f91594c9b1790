// Attempts at one pod that failed in a row: when the next one is due, and whether a person should hear of it.

import { backOffTime } from './pause.ts'
import { HAProxyDown } from './pod-api.ts'
import type { Timing } from './timing.ts'

export class Failures {
  readonly #timing: Timing
  readonly #began = performance.now()
  #count = 0
  /** The pod was ready, or had all that was wanted, once. */
  #hasStarted = false
  /** When the next warning about a pod that fails on and on is due. */
  #quietUntil = 0

  constructor(timing: Timing) {
    this.#timing = timing
  }

  get count(): number {
    return this.#count
  }

  clear(): void {
    this.#hasStarted = true
    this.#count = 0
  }

  /** Counts a failure; milliseconds until the next attempt. */
  add(error: unknown): number {
    this.#count += 1
    const pause = backOffTime(this.#count, this.#timing.longestPause)
    // A HAProxy that is asked in the moment of its start answers nobody for half a minute: it is given time.
    return error instanceof HAProxyDown ? Math.max(pause, this.#timing.down) : pause
  }

  /** Whether failures are the pod's start still: it was never ready, and its time to start is not over. */
  isStarting(isReady: boolean): boolean {
    this.#hasStarted ||= isReady || performance.now() >= this.#began + this.#timing.starting
    return !this.#hasStarted
  }

  /** A pod that starts refuses connections for some seconds, which is nothing to warn of. */
  isWarningDue(isReady: boolean): boolean {
    const { starting, warning } = this.#timing
    const now = performance.now()
    if (!isReady && now < this.#began + starting) return false
    const isDue = this.#count === 3 || this.#count === 10 || (this.#count > 10 && now >= this.#quietUntil)
    if (isDue) this.#quietUntil = now + warning
    return isDue
  }
}
