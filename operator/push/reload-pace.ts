import type { RenderedConfig } from '../model/rendered.ts'

import type { Reload } from './change.ts'
import type { Timing } from './timing.ts'

/**
 * When a pod may be reloaded: what comes close together is one reload, and each leaves an old worker behind for up to 30 s. Times are those of
 * `performance.now()`.
 */
export class ReloadPace {
  readonly #timing: Pick<Timing, 'reloadGather' | 'reloadPause'>
  /** Since when one is needed; undefined: none is. */
  #since: number | undefined
  #ended = -Infinity
  #held: { readonly wanted: RenderedConfig; readonly until: number } | undefined

  constructor(timing: Pick<Timing, 'reloadGather' | 'reloadPause'>) {
    this.#timing = timing
  }

  /** The moment for a reload that is needed now. A pod whose state is not known is repaired at once; one that is not ready serves nobody. */
  due(now: number, { cause }: Pick<Reload, 'cause'>, isReady: boolean): number {
    this.#since ??= now
    if (cause === 'unknown' || !isReady) return now
    const { reloadGather, reloadPause } = this.#timing
    return Math.max(this.#since + reloadGather, this.#ended + reloadPause)
  }

  /** Whether a configuration that takes a reload has to wait for it; then `until` says how long. */
  holdsBack(wanted: RenderedConfig, reload: Pick<Reload, 'cause'>, isReady: boolean): boolean {
    const now = performance.now()
    const until = this.due(now, reload, isReady)
    this.#held = until > now ? { wanted, until } : undefined
    return until > now
  }

  /** Until when this configuration waits for a reload; undefined: it does not. */
  until(wanted: RenderedConfig): number | undefined {
    return this.#held?.wanted === wanted ? this.#held.until : undefined
  }

  /** A reload was tried. */
  ended(now: number): void {
    this.#ended = now
    this.notNeeded()
  }

  /** What is wanted by now takes none. */
  notNeeded(): void {
    this.#since = undefined
    this.#held = undefined
  }
}
