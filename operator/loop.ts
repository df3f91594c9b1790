// When to run: at once after a change when no run is under way, never before the first full sync, again after a run that failed.

import { Counter, Gauge, Histogram, type Registry } from 'prom-client'

import { backoff, type BackoffLimits } from './lib/backoff.ts'
import { recomputed } from './lib/derive.ts'
import { errorText, type Logger } from './lib/log.ts'
import { endOfSlice, nextTurn } from './lib/turns.ts'

import type { Built, RunResult } from './reconcile.ts'

export type LoopOptions = {
  /** What a run would have to compute, in short steps: they are taken before it, a slice in each turn of the event loop. */
  readonly prepare: () => Iterator<undefined, undefined>
  readonly run: () => RunResult
  /** No run starts before. */
  readonly synced: Promise<void>
  readonly registry: Registry
  readonly logger: Logger
  readonly backoffLimits?: BackoffLimits
  /** Milliseconds; for tests. */
  readonly longestPreparation?: number
  readonly statusPause?: number
}

/** Milliseconds from a change of a status to the run that sees it, for others to join in. */
const statusPause = 100

/** Milliseconds after which a held run looks again whether to go on without what is still being fetched. */
const heldRecheck = 200

/** Milliseconds after which the run computes the rest at once: changes that keep coming must not put it off for ever. */
const longestPreparation = 30_000

/** Steps, or things computed in them, that the run may follow even when they took longer than a slice: with so few the run finds little left. */
const few = 50

/** Proxies that the line of a run names. */
const mostNamed = 5

type Done = RunResult & { readonly kind: 'done' }

/** A run from its first prepared step on. */
type Pass = {
  readonly began: number
  readonly recomputedBefore: number
  /** Under way; undefined: to be begun. */
  steps: Iterator<undefined, undefined> | undefined
  /** Steps taken of them. */
  taken: number
  /** What `recomputed` said when they began. */
  computedBefore: number
  /** Milliseconds. */
  spent: number
  slices: number
}

/** The dirty flag and what it sets off. */
export class Loop {
  readonly #options: LoopOptions
  readonly #metrics: ReturnType<typeof createMetrics>
  #state: 'waiting for sync' | 'idle' | 'due' | 'stopped' = 'waiting for sync'
  #number = 0
  #failures = 0
  #timer: NodeJS.Timeout | undefined
  #statusTimer: NodeJS.Timeout | undefined
  #last: Done | undefined

  constructor(options: LoopOptions) {
    this.#options = options
    this.#metrics = createMetrics(options.registry)
    options.synced.then(
      () => this.#begin(),
      (error: unknown) => options.logger.error('the cluster cannot be watched', { error: errorText(error) }),
    )
  }

  /** Whether a run has handed out a result. */
  get published(): boolean {
    return this.#last !== undefined
  }

  /** Something a run could read has changed. */
  changed(): void {
    if (this.#state !== 'idle') return
    this.#state = 'due'
    setImmediate(() => this.#beginRun())
  }

  /** Only a status has changed, which no pod waits for: the next run that something else brings is soon enough, or one a moment later. */
  changedStatus(): void {
    if (this.#state !== 'idle' || this.#statusTimer !== undefined) return
    this.#statusTimer = setTimeout(() => this.changed(), this.#options.statusPause ?? statusPause)
  }

  stop(): void {
    this.#state = 'stopped'
    clearTimeout(this.#timer)
    clearTimeout(this.#statusTimer)
  }

  #begin(): void {
    if (this.#state === 'stopped') return
    this.#state = 'idle'
    this.changed()
  }

  #beginRun(): void {
    clearTimeout(this.#statusTimer)
    this.#statusTimer = undefined
    this.#number += 1
    this.#prepare({
      began: performance.now(),
      recomputedBefore: recomputed(),
      steps: undefined,
      taken: 0,
      computedBefore: 0,
      spent: 0,
      slices: 0,
    })
  }

  // The run follows in the turn in which one slice was enough for all steps: a small change does not wait.
  #prepare(pass: Pass): void {
    if (this.#state === 'stopped') return
    const began = performance.now()
    const isReady = this.#attempt(() => advance(pass, this.#options.prepare, endOfSlice()))
    pass.spent += performance.now() - began
    pass.slices += 1
    const isOverdue = began - pass.began > (this.#options.longestPreparation ?? longestPreparation)
    if (isReady === undefined || isReady || isOverdue) this.#runNow(pass, isReady !== undefined)
    else void nextTurn().then(() => this.#prepare(pass))
  }

  #runNow(pass: Pass, isPrepared: boolean): void {
    this.#state = 'idle'
    const began = performance.now()
    const result = isPrepared ? this.#attempt(this.#options.run) : undefined
    const milliseconds = pass.spent + performance.now() - began
    const cost = {
      run: this.#number,
      milliseconds: Math.round(milliseconds * 1e3) / 1e3,
      slices: pass.slices,
      recomputed: recomputed() - pass.recomputedBefore,
    }
    this.#metrics.seconds.observe(milliseconds / 1000)
    this.#metrics.recomputed.inc(cost.recomputed)
    this.#metrics.runs.inc({ result: result?.kind ?? 'failed' })
    if (result !== undefined) this.#failures = 0
    if (result === undefined) this.#again(backoff(this.#failures, this.#options.backoffLimits))
    else if (result.kind === 'held') this.#hold(result.pending, cost)
    else this.#conclude(result, cost)
  }

  #attempt<T>(work: () => T): T | undefined {
    try {
      return work()
    } catch (error) {
      this.#failures += 1
      const stack = error instanceof Error ? error.stack : undefined
      this.#options.logger.error('a run failed; trying again', { run: this.#number, error: errorText(error), stack })
      return undefined
    }
  }

  #again(milliseconds: number): void {
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => this.changed(), milliseconds)
  }

  #hold(pending: number, cost: object): void {
    this.#options.logger.debug('run held until objects that are referred to were fetched', { ...cost, pending })
    this.#again(heldRecheck)
  }

  #conclude(result: Done, cost: { readonly run: number }): void {
    const { logger } = this.#options
    const before = this.#last
    this.#last = result
    this.#metrics.proxies.set(result.built.size)
    const changed = [...result.built].filter(([id, built]) => before?.built.get(id) !== built)
    for (const [proxy, built] of changed) this.#tellFailure(proxy, built)
    const gone = [...(before?.built.keys() ?? [])].filter((id) => !result.built.has(id))
    const statuses = newItems(result.patches, before?.patches ?? [])
    const proxiesChanged = changed.length + gone.length
    const isQuiet = proxiesChanged === 0 && statuses === 0
    if (isQuiet && !logger.isDebug()) return
    const names = { changed: changed.slice(0, mostNamed).map(([id]) => id), gone: gone.slice(0, mostNamed) }
    const fields = { ...cost, proxies: result.built.size, proxiesChanged, ...names, statuses }
    if (isQuiet) logger.debug('run changed nothing', fields)
    else logger.info('run', fields)
  }

  #tellFailure(proxy: string, built: Built): void {
    if (built.kind !== 'failed') return
    const stack = built.error instanceof Error ? built.error.stack : undefined
    this.#options.logger.error('a proxy could not be computed; it keeps what it has', {
      run: this.#number,
      proxy,
      error: errorText(built.error),
      stack,
    })
  }
}

// Takes steps until that moment; true when what was left from the first step to the last was little: all of it in one slice, few steps, or
// many that found little to compute, as with thousands of proxies.
function advance(pass: Pass, prepare: LoopOptions['prepare'], until: number): boolean {
  const isWhole = pass.steps === undefined
  if (isWhole) {
    pass.taken = 0
    pass.computedBefore = recomputed()
  }
  const steps = (pass.steps ??= prepare())
  do {
    if (steps.next().done === true) {
      pass.steps = undefined
      return isWhole || Math.min(pass.taken, recomputed() - pass.computedBefore) <= few
    }
    pass.taken += 1
  } while (performance.now() < until)
  return false
}

// What is not yet as it should be comes again, identically, in every run.
function newItems(items: readonly unknown[], before: readonly unknown[]): number {
  const known = new Set(before)
  return items.filter((item) => !known.has(item)).length
}

function createMetrics(registry: Registry) {
  const registers = [registry]
  return {
    runs: new Counter({
      name: 'haproxy_gateway_runs_total',
      help: 'Runs by result: done, held (an object was still being fetched), failed.',
      labelNames: ['result'],
      registers,
    }),
    seconds: new Histogram({
      name: 'haproxy_gateway_run_seconds',
      help: 'How long runs took.',
      buckets: [0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2],
      registers,
    }),
    recomputed: new Counter({
      name: 'haproxy_gateway_recomputed_total',
      help: 'Derivations that runs computed again because something they read had changed.',
      registers,
    }),
    proxies: new Gauge({ name: 'haproxy_gateway_proxies', help: 'Gateways that have a data plane.', registers }),
  }
}
