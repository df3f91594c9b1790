// One data plane pod: whatever is wanted newest is brought to it, by one loop that does one thing at a time. Nothing else writes to the pod.

import { randomBytes } from 'node:crypto'

import { metaMap } from '../model/names.ts'
import type { RenderedConfig } from '../model/rendered.ts'
import type { DataPlaneSettings } from '../model/settings.ts'
import { errorText, type Logger } from '../lib/log.ts'

import { BusyServers } from './busy-servers.ts'
import { change, type Change, type Reload } from './change.ts'
import { bootKey, freshlyLoaded, generationKey, holding, layoutOf, markedGeneration, type Held } from './held.ts'
import { markStage, strange } from './marks.ts'
import { Failures } from './failures.ts'
import { PodError, type PodApi } from './pod-api.ts'
import { unfinishedMeta } from './files.ts'
import { generationOfFiles, loadConfig, persistFiles, Refused } from './pod-files.ts'
import type { PushMetrics } from './push-metrics.ts'
import { readBack, readMemory } from './read-back.ts'
import { runStages, setEntry, writesFiles, type BusyServer } from './runtime.ts'
import type { Timing } from './timing.ts'
import { UdpFollower } from './udp.ts'

export type PodState =
  | { readonly kind: 'waiting'; readonly message: string }
  | { readonly kind: 'rejected'; readonly generation: string; readonly message: string }
  | { readonly kind: 'programmed'; readonly generation: string }

export type PodOptions = {
  readonly name: string
  readonly connect: () => PodApi
  /** Kubernetes takes the pod for ready. */
  readonly isReady: () => boolean
  readonly settings: DataPlaneSettings
  readonly timing: Timing
  readonly log: Logger
  readonly metrics: PushMetrics
  /** The configuration of a generation, if this process has met it. */
  readonly known: (generation: string) => RenderedConfig | undefined
  /** The files of a pod hold this configuration now. */
  readonly onFiles: (config: RenderedConfig) => void
  readonly onState: () => void
}

export class PodWorker {
  readonly #options: PodOptions
  #state: PodState = { kind: 'waiting', message: 'not connected yet' }
  #api: PodApi
  #wanted: RenderedConfig
  /** Undefined: nobody knows; to be read back. */
  #held: Held | undefined
  /** What `#held` was brought from. */
  #current: RenderedConfig | undefined
  /** The word in memory that tells this HAProxy process from the next; undefined until the first change at run time. */
  #boot: string | undefined
  /** What the pod's files hold, if that is known. */
  #persisted: RenderedConfig | undefined
  /** Files were changed after `#persisted` was written. */
  #filesOpen = false
  #refused: RenderedConfig | undefined
  /** A change broke off: the pod's word on its generation is not to be believed. After a reload, nor what its files say was loaded. */
  #distrusted: 'changing' | 'loading' | undefined
  /** Changes at run time that went wrong in a row; a refusal counts double, since it hardly ever goes away by itself. */
  #setbacks = 0
  /** Attempts in a row to tell what the pod holds. */
  #blind = 0
  readonly #failures: Failures
  readonly #busy = new BusyServers()
  readonly #udp = new UdpFollower()
  readonly #due = { persist: Infinity, drift: Infinity, busy: Infinity, refused: Infinity, retry: 0 }
  #wake: () => void = () => {}
  #stopped = false
  #reconnect = false
  readonly #ended: Promise<void>

  constructor(options: PodOptions, wanted: RenderedConfig) {
    this.#options = options
    this.#wanted = wanted
    this.#failures = new Failures(options.timing)
    this.#api = options.connect()
    this.#ended = this.#live()
  }

  get state(): PodState {
    return this.#state
  }

  /** The newest wanted configuration; one that was not begun yet is forgotten. */
  want(config: RenderedConfig): void {
    if (this.#wanted === config) return
    this.#wanted = config
    this.#wake()
  }

  /** The pod is to be called with new certificates from the next call on. */
  reconnect(): void {
    this.#reconnect = true
    this.#wake()
  }

  /** Ends the loop; calls under way are given up. */
  async stop(): Promise<void> {
    this.#stopped = true
    this.#wake()
    await this.#api.close()
    await this.#ended
  }

  async #live(): Promise<void> {
    while (!this.#stopped) {
      // One look at the clock for both: what becomes due between two looks would be slept through.
      const now = performance.now()
      const step = this.#nextStep(now)
      if (step === undefined) await this.#rest(now)
      else await this.#attempt(step)
    }
  }

  #nextStep(now: number): (() => Promise<void>) | undefined {
    const wanted = this.#wanted
    const due = this.#due
    if (this.#reconnect) return () => this.#connectAgain()
    if (now < due.retry) return undefined
    if (this.#held === undefined) return () => this.#find(wanted)
    if (this.#refused === wanted && now >= due.refused) this.#refused = undefined
    if (this.#refused !== wanted && this.#current !== wanted) return () => this.#bring(wanted)
    if (now >= this.#udp.due) return () => this.#followUdp()
    if (now >= due.persist) return () => this.#persist()
    if (now >= due.busy) return () => this.#deleteBusyServers()
    if (now >= due.drift) return () => this.#checkDrift()
    return undefined
  }

  async #rest(now: number): Promise<void> {
    const { persist, drift, busy, refused, retry } = this.#due
    const next = now < retry ? retry : Math.min(persist, drift, busy, refused, this.#udp.due)
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, Math.min(Math.max(0, next - now), 2 ** 30))
      this.#wake = () => {
        clearTimeout(timer)
        resolve()
      }
    })
    this.#wake = () => {}
  }

  async #attempt(step: () => Promise<void>): Promise<void> {
    try {
      await step()
    } catch (error) {
      if (!this.#stopped) this.#failed(error)
    }
  }

  #failed(error: unknown): void {
    const { name, log, metrics, isReady } = this.#options
    this.#held = undefined
    this.#due.retry = performance.now() + this.#failures.add(error)
    if (!this.#failures.isStarting(isReady())) metrics.failed('pod')
    const message = errorText(error)
    const fields = { pod: name, cause: message, attempt: this.#failures.count }
    if (this.#failures.isWarningDue(isReady())) log.warn('pod cannot be brought up to date', fields)
    else log.debug('pod: attempt failed', fields)
    // One call without an answer does not make a pod that has everything unprogrammed.
    const hasAll = this.#state.kind === 'programmed' && this.#state.generation === this.#wanted.generation
    if (!hasAll || this.#failures.count > 1) this.#report({ kind: 'waiting', message: `pod ${name}: ${message}` })
  }

  #report(state: PodState): void {
    const before = this.#state
    this.#state = state
    if (JSON.stringify(before) !== JSON.stringify(state)) this.#options.onState()
  }

  async #connectAgain(): Promise<void> {
    this.#reconnect = false
    await this.#api.close()
    if (!this.#stopped) this.#api = this.#options.connect()
  }

  // ---- what does the pod hold? ------------------------------------------------------------------------------------------------------

  // A memory that cannot be read by a HAProxy that runs is no reason to wait for ever: everything is loaded anew.
  async #find(wanted: RenderedConfig): Promise<void> {
    const { name, settings, timing, log } = this.#options
    try {
      await this.#look(wanted)
    } catch (error) {
      this.#blind += 1
      if (this.#blind < patience || this.#stopped || !(await this.#api.isRunning())) throw error
      log.warn('what a pod holds cannot be told, loading everything', { pod: name, cause: errorText(error) })
      this.#boot = undefined
      this.#busy.clear()
      this.#current = undefined
      this.#persisted = undefined
      this.#held = strange(settings)
    }
    this.#blind = 0
    this.#distrusted = undefined
    this.#due.drift = performance.now() + timing.drift
  }

  async #look(wanted: RenderedConfig): Promise<void> {
    const { settings, known } = this.#options
    const meta = await readMemory(this.#api)
    // The same process still has the servers that wait for their end.
    if (meta?.boot === undefined || meta.boot !== this.#boot) this.#busy.clear()
    this.#boot = meta?.boot
    const trusted = meta === undefined || this.#distrusted !== undefined ? '' : meta.generation
    const config = trusted === wanted.generation ? wanted : known(trusted)
    if (meta !== undefined && config !== undefined) {
      const layout = layoutOf(meta.aliases, settings)
      this.#adopt(config, meta.boot === undefined ? freshlyLoaded(config, settings) : holding(config, layout))
      this.#persisted = (await this.#filesHold(config, meta.boot)) ? config : undefined
      if (this.#persisted === undefined) this.#due.persist = performance.now() + this.#options.timing.persist
    } else {
      const loading = this.#distrusted === 'loading'
      const read =
        meta?.machine === wanted.machine.hash && (await readBack(this.#api, { wanted, meta, settings, loading }))
      this.#current = undefined
      this.#persisted = undefined
      this.#held = read ? read.held : strange(settings)
      this.#rememberBusy(read ? read.busy : [])
    }
  }

  async #filesHold(config: RenderedConfig, boot: string | undefined): Promise<boolean> {
    return boot === undefined || (await generationOfFiles(this.#api)) === config.generation
  }

  #adopt(config: RenderedConfig, held: Held): void {
    this.#held = held
    this.#current = config
    if (config === this.#wanted) this.#failures.clear()
    this.#udp.expect(config.udp)
    this.#acknowledge()
  }

  // With UDP ports only once nginx has them as well. While it is about to follow, what was said before stands.
  #acknowledge(): void {
    const config = this.#current
    if (config === undefined || (config !== this.#wanted && this.#refused === this.#wanted)) return
    const { trouble } = this.#udp
    if (trouble === undefined) return this.#report({ kind: 'programmed', generation: config.generation })
    if (trouble.soon && this.#state.kind === 'programmed') return
    this.#report({ kind: 'waiting', message: `pod ${this.#options.name}: ${trouble.words}` })
  }

  async #followUdp(): Promise<void> {
    await this.#udp.look(this.#api)
    this.#acknowledge()
  }

  async #checkDrift(): Promise<void> {
    const { name, log, timing } = this.#options
    const held = this.#held
    this.#due.drift = performance.now() + timing.drift
    this.#udp.doubt()
    if (held === undefined || held.generation === '') return
    const found = await this.#api.readEntry(metaMap, generationKey)
    if (found === markedGeneration(held.generation, this.#boot)) return
    log.warn('pod lost its state, reading it back', { pod: name, generation: held.generation, found: found ?? 'none' })
    this.#held = undefined
  }

  // ---- bringing it there ------------------------------------------------------------------------------------------------------------

  async #bring(wanted: RenderedConfig): Promise<void> {
    const held = this.#held
    if (held === undefined) return
    // The same content in new objects: only the identities are taken over.
    if (held.generation === wanted.generation) return this.#adopt(wanted, holding(wanted, held.layout))
    const plan: Change = this.#setbacks < patience ? change(held, wanted) : lastResort
    const began = performance.now()
    if (plan.kind === 'reload') await this.#load(wanted, plan)
    else await this.#change(wanted, plan)
    const seconds = (performance.now() - began) / 1000
    this.#options.metrics.pushed(plan.kind === 'reload' ? 'files' : 'runtime', seconds)
    this.#due.drift = performance.now() + this.#options.timing.drift
  }

  async #change(wanted: RenderedConfig, { stages, after }: Extract<Change, { kind: 'commands' }>): Promise<void> {
    const { name, log, timing } = this.#options
    const boot = this.#boot ?? randomBytes(6).toString('hex')
    const began = performance.now()
    this.#held = undefined
    this.#distrusted = 'changing'
    try {
      const isFirst = this.#boot === undefined
      const mark = () => runStages(this.#api, [markStage(boot, isFirst)])
      // Without any mark the next operator would take memory for what the files say. Later ones do not have to stand first: as long as
      // this process lives it believes nothing anyway, and it saves a call's time.
      if (isFirst) await mark()
      if (writesFiles(stages)) await this.#openFiles()
      const [marked, done] = await Promise.allSettled([isFirst ? undefined : mark(), runStages(this.#api, stages)])
      if (done.status === 'rejected') throw done.reason
      if (marked.status === 'rejected') throw marked.reason
      this.#rememberBusy(done.value)
      const generation = markedGeneration(wanted.generation, boot)
      await setEntry(this.#api, { map: metaMap, key: generationKey, value: generation, known: true })
      if ((await this.#api.readEntry(metaMap, bootKey)) !== boot)
        throw new Error('HAProxy was reloaded in the middle of a change')
    } catch (error) {
      this.#setbacks += error instanceof PodError ? 2 : 1
      throw error
    }
    this.#setbacks = 0
    this.#distrusted = undefined
    this.#boot = boot
    this.#due.persist = Math.min(this.#due.persist, performance.now() + timing.persist)
    this.#adopt(wanted, after)
    const commands = stages.reduce((sum, stage) => sum + stage.commands.length, 0)
    log.info('pod changed at run time', { pod: name, commands, ms: Math.round(performance.now() - began) })
  }

  async #load(wanted: RenderedConfig, { cause, reasons }: Reload): Promise<void> {
    const { name, log, metrics, settings, timing, onFiles } = this.#options
    const before = this.#held
    const persisted = this.#persisted
    this.#held = undefined
    this.#distrusted = 'changing'
    this.#persisted = undefined
    // If this fails as well, the way without a reload gets another chance.
    this.#setbacks = 0
    try {
      await this.#openFiles()
      this.#distrusted = 'loading'
      await loadConfig(this.#api, { wanted, persisted, settings })
    } catch (error) {
      if (!(error instanceof Refused)) throw error
      this.#held = before
      this.#distrusted = undefined
      this.#refused = wanted
      this.#due.refused = performance.now() + timing.refused
      this.#persisted = persisted
      this.#due.persist = performance.now() + timing.persist
      log.error('HAProxy refused a configuration', { pod: name, generation: wanted.generation, words: error.message })
      return this.#report({ kind: 'rejected', generation: wanted.generation, message: error.message })
    }
    log.info('HAProxy reloaded', { pod: name, generation: wanted.generation, cause, reasons })
    metrics.reloaded(cause === 'machine' ? firstWord(reasons) : cause)
    this.#distrusted = undefined
    this.#boot = undefined
    this.#busy.clear()
    this.#due.busy = Infinity
    this.#due.persist = Infinity
    this.#persisted = wanted
    this.#filesOpen = false
    onFiles(wanted)
    this.#adopt(wanted, freshlyLoaded(wanted, settings))
  }

  // ---- what can wait ----------------------------------------------------------------------------------------------------------------

  // A certificate changes in its file as well, and nginx has nothing but a file: until the files are written, they are nobody's generation any more.
  async #openFiles(): Promise<void> {
    this.#filesOpen = true
    await this.#api.putFile(unfinishedMeta.name, unfinishedMeta.content)
  }

  async #persist(): Promise<void> {
    const config = this.#current
    const persisted = this.#persisted
    this.#due.persist = Infinity
    if (config === undefined || (config === persisted && !this.#filesOpen)) return
    this.#persisted = undefined
    try {
      await persistFiles(this.#api, { config, persisted, settings: this.#options.settings })
    } catch (error) {
      const { name, log, timing } = this.#options
      this.#due.persist = performance.now() + timing.longestPause
      if (!(error instanceof PodError)) throw error
      log.warn('files of a pod cannot be written', { pod: name, cause: error.message })
      return
    }
    this.#persisted = config
    this.#filesOpen = false
    this.#options.onFiles(config)
  }

  #rememberBusy(servers: readonly BusyServer[]): void {
    this.#busy.remember(servers)
    this.#due.busy = this.#busy.size > 0 ? performance.now() + this.#options.timing.busyServers : Infinity
  }

  async #deleteBusyServers(): Promise<void> {
    if (this.#held !== undefined) await this.#busy.deleteFrom(this.#api, this.#held)
    this.#rememberBusy([])
  }
}

/** After this many failures in a row another way is tried. */
const patience = 4

const lastResort: Reload = { kind: 'reload', cause: 'unknown', reasons: ['changes at run time failed again and again'] }

// `port`, `header`, `query`, `profile`: labels must stay few.
function firstWord(reasons: readonly string[]): string {
  return /^[a-z]+/.exec(reasons[0] ?? '')?.[0] ?? 'machine'
}
