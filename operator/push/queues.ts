// Level-triggered work: one queue per key in which a newer job replaces one that did not begin yet. What fails is tried again with
// back-off and jitter; a limit bounds how many jobs are under way at once. Two jobs of the same key never run together.

import { setMaxListeners } from 'node:events'

import { errorText } from '../lib/log.ts'

import { backOffTime, pause } from './pause.ts'

export type Job = (signal: AbortSignal) => Promise<void>

/** Thrown by a job that knows when to come back, in milliseconds. */
export class ComeBack extends Error {
  readonly after: number

  constructor(after: number, message: string) {
    super(message)
    this.name = 'ComeBack'
    this.after = after
  }
}

export type QueuesOptions = {
  readonly limit: number
  /** Milliseconds: the longest pause between two attempts. */
  readonly longestPause: number | ((failure: Error) => number)
  /** `isNews`: no attempt failed with these words since the last that succeeded. */
  readonly onFailure: (key: string, failure: Error, attempt: number, isNews: boolean) => void
}

export class Queues {
  readonly #options: QueuesOptions
  readonly #waiting = new Map<string, Job>()
  readonly #running = new Map<string, Promise<void>>()
  /** Pauses that a newer job may end. */
  readonly #pauses = new Map<string, AbortController>()
  readonly #line: (() => void)[] = []
  readonly #stop = new AbortController()
  #free: number

  constructor(options: QueuesOptions) {
    this.#options = options
    this.#free = options.limit
    setMaxListeners(0, this.#stop.signal)
  }

  /** The newest job for a key; a pause before another attempt of an older one ends at once. */
  put(key: string, job: Job): void {
    if (this.#stop.signal.aborted) return
    this.#waiting.set(key, job)
    this.#pauses.get(key)?.abort()
    if (!this.#running.has(key)) this.#running.set(key, this.#drain(key))
  }

  /** Forgets what did not begin, and gives up repeating what failed. */
  drop(key: string): void {
    this.#waiting.set(key, nothing)
    this.#pauses.get(key)?.abort()
    if (!this.#running.has(key)) this.#waiting.delete(key)
  }

  /** When everything that is under way now has ended. */
  async idle(): Promise<void> {
    while (this.#running.size > 0) await Promise.all(this.#running.values())
  }

  async stop(): Promise<void> {
    this.#stop.abort()
    for (const admit of this.#line.splice(0)) admit()
    await this.idle()
  }

  async #drain(key: string): Promise<void> {
    let attempt = 0
    const causes = new Set<string>()
    for (let job = this.#take(key); job !== undefined; job = this.#take(key)) {
      const failure = await this.#attempt(job)
      if (failure === undefined) {
        attempt = 0
        causes.clear()
      } else {
        attempt += 1
        this.#options.onFailure(key, failure, attempt, !causes.has(failure.message))
        causes.add(failure.message)
        if (!this.#waiting.has(key)) {
          await this.#pause(key, failure, attempt)
          if (!this.#waiting.has(key) && !this.#stop.signal.aborted) this.#waiting.set(key, job)
        }
      }
    }
    this.#running.delete(key)
  }

  #take(key: string): Job | undefined {
    const job = this.#stop.signal.aborted ? undefined : this.#waiting.get(key)
    this.#waiting.delete(key)
    return job
  }

  async #attempt(job: Job): Promise<Error | undefined> {
    await this.#admitted()
    try {
      if (!this.#stop.signal.aborted) await job(this.#stop.signal)
      return undefined
    } catch (error) {
      return error instanceof Error ? error : new Error(errorText(error))
    } finally {
      this.#free += 1
      this.#line.shift()?.()
    }
  }

  async #admitted(): Promise<void> {
    while (this.#free <= 0 && !this.#stop.signal.aborted)
      await new Promise<void>((resolve) => {
        this.#line.push(resolve)
      })
    this.#free -= 1
  }

  // What the server asks for holds for newer jobs too.
  async #pause(key: string, failure: Error, attempt: number): Promise<void> {
    if (failure instanceof ComeBack) return pause(failure.after, this.#stop.signal)
    const early = new AbortController()
    this.#pauses.set(key, early)
    const signal = AbortSignal.any([early.signal, this.#stop.signal])
    const { longestPause } = this.#options
    const longest = typeof longestPause === 'number' ? longestPause : longestPause(failure)
    await pause(backOffTime(attempt, longest), signal)
    this.#pauses.delete(key)
  }
}

const nothing: Job = async () => {}
