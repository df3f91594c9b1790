// The files of one pod, which follow what runs: written a moment after a change, beside the changes that come meanwhile.

import type { RenderedConfig } from '../model/rendered.ts'
import type { DataPlaneSettings } from '../model/settings.ts'
import { errorText, type Logger } from '../lib/log.ts'

import { unfinishedMeta } from './files.ts'
import { unknownMachine } from './machine-change.ts'
import type { PodApi } from './pod-api.ts'
import { persistFiles } from './pod-files.ts'
import type { Timing } from './timing.ts'

export type FilesBehindOptions = {
  readonly name: string
  readonly settings: DataPlaneSettings
  readonly timing: Timing
  readonly log: Logger
  /** The files of the pod hold this configuration now. */
  readonly onFiles: (config: RenderedConfig) => void
}

export class FilesBehind {
  readonly #options: FilesBehindOptions
  /** The one in haproxy.cfg, which runs, as far as it was ever known. */
  machine = unknownMachine
  #held: RenderedConfig | undefined
  /** Files were changed after `#held` was written. */
  #isOpen = false
  #underWay: Promise<void> | undefined
  #due = Infinity
  /** What is to be written next waits until then. */
  #restsUntil = 0

  constructor(options: FilesBehindOptions) {
    this.#options = options
  }

  /** When they are to be written, in the time of `performance.now()`. */
  get due(): number {
    return this.#underWay === undefined ? this.#due : Infinity
  }

  /** What they hold; undefined when that is not known, or when some of them are ahead. */
  get held(): RenderedConfig | undefined {
    return this.#isOpen ? undefined : this.#held
  }

  /** They were found to hold, or have been loaded with, this configuration; undefined: nobody knows. */
  found(config: RenderedConfig | undefined): void {
    this.#held = config
    this.#isOpen = false
    this.#due = Infinity
  }

  /** Something runs that they do not hold. */
  soon(): void {
    this.#due = Math.min(this.#due, Math.max(performance.now() + this.#options.timing.persist, this.#restsUntil))
  }

  /**
   * A certificate changes in its file as well, and nginx has nothing but a file: from here until they are written the next time, the files
   * are nobody's generation.
   */
  async open(api: PodApi): Promise<void> {
    await this.#underWay
    this.#isOpen = true
    await api.putFile(unfinishedMeta.name, unfinishedMeta.content)
  }

  /** Begins to write this configuration beside the machine in haproxy.cfg; `onEnd` is called when that has ended, well or not. */
  start(api: PodApi, config: RenderedConfig, onEnd: () => void): void {
    const { settings } = this.#options
    const before = this.#held
    this.#due = Infinity
    if (config === before && !this.#isOpen) return
    this.#held = undefined
    this.#isOpen = false
    const began = performance.now()
    this.#underWay = persistFiles(api, { config, machine: this.machine, persisted: before, settings })
      .then(() => this.#written(config))
      .catch((error: unknown) => this.#failed(error))
      .finally(() => {
        const now = performance.now()
        // Changes without a pause give at most a tenth of the time to files, which traffic does not wait for.
        this.#restsUntil = now + Math.min(9 * (now - began), this.#options.timing.longestPause)
        this.#underWay = undefined
        onEnd()
      })
  }

  /** Resolves when nothing is being written. */
  async idle(): Promise<void> {
    await this.#underWay
  }

  #written(config: RenderedConfig): void {
    this.#held = config
    this.#options.onFiles(config)
  }

  #failed(error: unknown): void {
    const { name, log, timing } = this.#options
    this.#due = performance.now() + timing.longestPause
    log.warn('files of a pod cannot be written', { pod: name, cause: errorText(error) })
  }
}
