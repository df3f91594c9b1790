// What is told of the reloads of one proxy: a line and a count for each pod; one word to the Gateway's author for all pods together.

import type { RenderedConfig } from '../model/rendered.ts'
import type { Logger } from '../lib/log.ts'

import type { Reload } from './change.ts'
import type { PushMetrics } from './push-metrics.ts'
import { explain, labelOf, summary } from './reload-reasons.ts'

export type Reloaded = {
  readonly pod: string
  /** Kubernetes took the pod for ready: the reload was not its first load, it has clients. */
  readonly wasReady: boolean
  readonly reload: Reload
  readonly wanted: RenderedConfig
  readonly milliseconds: number
}

/** A reload of the proxy, or another pod that joins one. */
export type ReloadNews = {
  /** What for, and because of whom. */
  readonly summary: string
  readonly pod: string
  readonly milliseconds: number
  readonly isAnother: boolean
}

export type ReloadsOptions = {
  readonly log: Logger
  readonly metrics: Pick<PushMetrics, 'reloaded' | 'loadedFirst'>
  readonly onNews: (news: ReloadNews) => void
}

export class Reloads {
  readonly #options: ReloadsOptions
  /** The newest, by generation and summary, with the pods that were seen doing it. */
  readonly #recent = new Map<string, Set<string>>()
  #last: string | undefined

  constructor(options: ReloadsOptions) {
    this.#options = options
  }

  /** What the last one was for, and because of whom. */
  get last(): string | undefined {
    return this.#last
  }

  add({ pod, wasReady, reload, wanted, milliseconds }: Reloaded): void {
    const { log, metrics, onNews } = this.#options
    const reasons = explain(reload, wanted)
    const { generation } = wanted
    const fields = { pod, generation, cause: reload.cause, reasons: reasons.slice(0, mostLogged), ms: milliseconds }
    if (!wasReady) {
      log.info('pod loaded its first configuration', fields)
      return metrics.loadedFirst()
    }
    log.info('HAProxy reloaded', fields)
    metrics.reloaded(labelOf(reload))
    const text = summary(reasons)
    const isAnother = this.#isAnother(`${generation} ${text}`, pod)
    if (isAnother) this.#last = text
    onNews({ summary: text, pod, milliseconds, isAnother })
  }

  // Each pod does it once; the same pod again is another reload.
  #isAnother(name: string, pod: string): boolean {
    const pods = this.#recent.get(name)
    if (pods !== undefined && !pods.has(pod)) {
      pods.add(pod)
      return false
    }
    this.#recent.delete(name)
    this.#recent.set(name, new Set([pod]))
    for (const oldest of this.#recent.keys()) {
      if (this.#recent.size <= remembered) break
      this.#recent.delete(oldest)
    }
    return true
  }
}

const remembered = 8
const mostLogged = 20
