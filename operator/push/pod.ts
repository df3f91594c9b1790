// One data plane pod: whatever is wanted newest is brought to it, by one loop that does one thing at a time. Nothing else writes to the pod.

import { metaMap } from '../model/names.ts'
import type { RenderedConfig } from '../model/rendered.ts'
import { errorText } from '../lib/log.ts'
import { finished } from '../lib/turns.ts'

import { Auditor } from './audit.ts'
import { BusyServers } from './busy-servers.ts'
import { allCommands, changing, lastResort, type Change, type Reload } from './change.ts'
import { Failures } from './failures.ts'
import { FilesBehind } from './files-behind.ts'
import { freshlyLoaded, generationKey, holding, layoutOf, sparesOf, type Held, type HeldMachine } from './held.ts'
import { MemoryMarks, strange } from './marks.ts'
import { PodError, type PodApi } from './pod-api.ts'
import { generationOfFiles, loadConfig, Refused } from './pod-files.ts'
import type { PodOptions, PodState } from './pod-options.ts'
import { ReloadPace } from './reload-pace.ts'
import { readBack, readMemory } from './read-back.ts'
import { runStages, writesFiles } from './runtime.ts'
import { UdpFollower } from './udp.ts'

export class PodWorker {
  readonly #options: PodOptions
  #state: PodState = { kind: 'waiting', message: 'not connected yet' }
  #api: PodApi
  #wanted: RenderedConfig
  /** Undefined: nobody knows; to be read back. */
  #held: Held | undefined
  /** What `#held` was brought from. */
  #current: RenderedConfig | undefined
  readonly #marks: MemoryMarks
  readonly #files: FilesBehind
  readonly #auditor: Auditor
  #refused: RenderedConfig | undefined
  /** A change broke off, or memory was found to be another than it says: the pod's word on its generation is not to be believed. */
  #distrusted: 'changed' | 'drifted' | undefined
  /** Spares that were given away since HAProxy loaded its files; undefined: another operator may have done it. */
  #lent: Set<string> | undefined
  /** Changes at run time that went wrong in a row; a refusal counts double, since it hardly ever goes away by itself. */
  #setbacks = 0
  /** Attempts in a row to tell what the pod holds. */
  #blind = 0
  readonly #failures: Failures
  readonly #busy: BusyServers
  readonly #pace: ReloadPace
  readonly #udp = new UdpFollower()
  readonly #due = { drift: Infinity, refused: Infinity, retry: 0 }
  #wake: () => void = () => {}
  #stopped = false
  #reconnect = false
  readonly #uncount: () => void
  readonly #ended: Promise<void>

  constructor(options: PodOptions, wanted: RenderedConfig) {
    this.#options = options
    this.#wanted = wanted
    this.#failures = new Failures(options.timing)
    this.#busy = new BusyServers(options.timing)
    this.#pace = new ReloadPace(options.timing)
    this.#marks = new MemoryMarks(options.timing)
    this.#files = new FilesBehind(options)
    this.#auditor = new Auditor(options)
    this.#api = options.connect()
    this.#uncount = options.metrics.watchSpares(() => this.#held?.layout.free)
    this.#ended = this.#live()
  }

  get state(): PodState {
    return this.#state
  }

  /** What HAProxy has loaded, as far as it was ever known. */
  get machine(): HeldMachine {
    return this.#files.machine
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
    this.#uncount()
    this.#wake()
    await this.#api.close()
    await Promise.all([this.#ended, this.#files.idle(), this.#auditor.idle()])
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
    if (this.#auditor.hasFound) this.#distrusted = 'drifted'
    if (this.#auditor.hasFound || this.#held === undefined) return () => this.#find(wanted)
    if (now >= this.#marks.overdue) return () => this.#settle()
    if (this.#refused === wanted && now >= due.refused) this.#refused = undefined
    if (this.#busy.isNext(now)) return () => this.#deleteBusyServers()
    // Goes on beside whatever comes; of changes without a pause, none would leave it time to begin.
    if (now >= this.#files.due) return async () => this.#persist()
    if (now >= this.#auditor.overdue) return async () => this.#audit(this.#held)
    const isBehind = this.#refused !== wanted && this.#current !== wanted
    if (isBehind && now >= (this.#pace.until(wanted) ?? now)) return () => this.#bring(wanted)
    if (now >= this.#marks.due) return () => this.#settle()
    if (now >= this.#udp.due) return () => this.#followUdp()
    if (now >= this.#busy.due) return () => this.#deleteBusyServers()
    if (now >= due.drift) return () => this.#checkDrift()
    if (now >= this.#auditor.due) return async () => this.#audit(this.#held)
    return undefined
  }

  async #rest(now: number): Promise<void> {
    const { drift, refused, retry } = this.#due
    const paced = this.#pace.until(this.#wanted) ?? Infinity
    const others = [paced, this.#marks.due, this.#files.due, this.#auditor.due, this.#udp.due]
    const next = now < retry ? retry : Math.min(drift, refused, this.#busy.due, ...others)
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
    if (this.#stopped) return
    this.#api = this.#options.connect()
    this.#api.runtime.renew()
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
      this.#marks.loaded()
      this.#busy.clear()
      this.#current = undefined
      this.#files.found(undefined)
      this.#held = strange(settings)
    }
    this.#blind = 0
    this.#distrusted = undefined
    this.#due.drift = performance.now() + timing.drift
    this.#auditor.startOver()
  }

  async #look(wanted: RenderedConfig): Promise<void> {
    const { settings, known } = this.#options
    await this.#files.idle()
    this.#api.runtime.renew()
    const meta = await readMemory(this.#api)
    // The same process still has the servers that wait for their end.
    const isSame = meta?.boot !== undefined && meta.boot === this.#marks.boot
    if (!isSame) {
      this.#busy.clear()
      this.#lent = meta?.boot === undefined ? new Set() : undefined
    }
    if (this.#distrusted === 'drifted') this.#lent = undefined
    this.#marks.found(meta?.boot, meta?.generation !== '')
    const trusted = meta === undefined || this.#distrusted !== undefined ? '' : meta.generation
    const config = trusted === wanted.generation ? wanted : known(trusted)
    if (meta !== undefined && config !== undefined) {
      this.#adopt(config, holding(config, layoutOf(meta.aliases, sparesOf(meta.machine, settings)), meta.machine))
      const isWritten = meta.boot === undefined || (await generationOfFiles(this.#api)) === config.generation
      this.#files.found(isWritten ? config : undefined)
      if (this.#files.held === undefined) this.#files.soon()
    } else {
      const doubted = this.#distrusted === 'drifted'
      const read = await readBack(this.#api, { wanted, meta, settings, doubted, lent: this.#lent })
      this.#current = undefined
      this.#files.found(undefined)
      this.#held = read ? read.held : strange(settings)
      this.#busy.remember(read ? read.busy : [])
    }
  }

  #adopt(config: RenderedConfig, held: Held): void {
    this.#held = held
    this.#files.machine = held.machine
    this.#current = config
    if (config === this.#wanted) this.#pace.notNeeded()
    if (config === this.#wanted) this.#failures.clear()
    this.#udp.expect(config.udp)
    this.#acknowledge()
  }

  // With UDP ports only once nginx has them as well. While it is about to follow, what was said before stands.
  #acknowledge(): void {
    const config = this.#current
    if (config === undefined || (config !== this.#wanted && this.#refused === this.#wanted)) return
    // Memory is not known to be that of the process that was changed before it says so.
    if (this.#marks.isOpen) return
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
    const held = this.#held
    this.#due.drift = performance.now() + this.#options.timing.drift
    this.#udp.doubt()
    // While memory says nothing, the moment in which it is to say so again is near, and tells the same.
    if (held === undefined || held.generation === '' || this.#marks.isOpen) return
    const found = await this.#api.readEntry(metaMap, generationKey)
    if (found === this.#marks.expected(held.generation)) return
    this.#lost(`generation ${held.generation}, found ${found ?? 'none'}`)
  }

  #lost(missing: string): void {
    const { name, log, metrics } = this.#options
    log.warn('pod lost its state, reading it back', { pod: name, missing })
    metrics.drifted('state')
    this.#held = undefined
  }

  #audit(held: Held | undefined): void {
    if (held === undefined || held.generation === '') return this.#auditor.later()
    this.#auditor.start(this.#api, held, () => this.#wake())
  }

  // ---- bringing it there ------------------------------------------------------------------------------------------------------------

  async #bring(wanted: RenderedConfig): Promise<void> {
    const held = this.#held
    if (held === undefined) return
    // The same content in new objects: only the identities are taken over.
    if (held.generation === wanted.generation) return this.#adopt(wanted, holding(wanted, held.layout, held.machine))
    const ways = () => changing(held, wanted, { resting: this.#busy.resting(), hasLines: this.#api.runtime.isOpen })
    const plan: Change = this.#setbacks < patience ? await finished(ways()) : lastResort
    if (this.#held !== held) return
    if (plan.kind === 'reload' && this.#pace.holdsBack(wanted, plan, this.#options.isReady())) return
    const began = performance.now()
    if (plan.kind === 'reload') await this.#load(wanted, plan)
    else await this.#change(wanted, plan)
    const seconds = (performance.now() - began) / 1000
    this.#options.metrics.pushed(plan.kind === 'reload' ? 'files' : 'runtime', seconds)
    this.#due.drift = performance.now() + this.#options.timing.drift
  }

  async #change(wanted: RenderedConfig, { stages, after }: Extract<Change, { kind: 'commands' }>): Promise<void> {
    const { name, log } = this.#options
    const api = this.#api
    const began = performance.now()
    if (after.layout !== this.#held?.layout) for (const spare of after.layout.aliases.values()) this.#lent?.add(spare)
    this.#held = undefined
    this.#distrusted = 'changed'
    try {
      const busy = await this.#marks.during(api, async () => {
        if (writesFiles(stages)) await this.#files.open(api)
        this.#auditor.touch(stages)
        return runStages(api, stages)
      })
      this.#busy.remember(busy)
    } catch (error) {
      this.#setbacks += error instanceof PodError ? 2 : 1
      const cause = errorText(error)
      if (this.#setbacks >= patience) log.warn('changes at run time fail, loading everything', { pod: name, cause })
      throw error
    }
    this.#setbacks = 0
    this.#failures.clear()
    this.#distrusted = undefined
    this.#files.soon()
    this.#adopt(wanted, after)
    const commands = allCommands(stages).length
    log.info('pod changed at run time', { pod: name, commands, ms: Math.round(performance.now() - began) })
  }

  // The word behind the generation proves that all changes since the last time went to one and the same HAProxy.
  async #settle(): Promise<void> {
    const config = this.#current
    if (config === undefined) return this.#marks.wait()
    if (await this.#marks.settle(this.#api, config.generation)) return this.#acknowledge()
    // The newest changes may have gone to the next process, which says nothing of them.
    this.#distrusted = 'drifted'
    this.#lost('the word of the process that was changed')
  }

  async #load(wanted: RenderedConfig, reload: Reload): Promise<void> {
    const { name, log, settings, timing, onFiles, onReload, isReady } = this.#options
    const [began, wasReady] = [performance.now(), isReady()]
    const before = this.#held
    this.#held = undefined
    this.#distrusted = 'changed'
    this.#auditor.abandon()
    // If this fails as well, the way without a reload gets another chance.
    this.#setbacks = 0
    await this.#files.idle()
    const persisted = this.#files.held
    this.#files.found(undefined)
    try {
      await this.#files.open(this.#api)
      await this.#marks.loading(this.#api)
      await loadConfig(this.#api, { wanted, running: this.#files.machine, persisted, settings })
    } catch (error) {
      if (!(error instanceof Refused)) throw error
      this.#held = before
      this.#distrusted = undefined
      this.#refused = wanted
      this.#due.refused = performance.now() + timing.refused
      this.#marks.refused()
      this.#files.found(persisted)
      this.#files.soon()
      log.error('HAProxy refused a configuration', { pod: name, generation: wanted.generation, words: error.message })
      return this.#report({ kind: 'rejected', generation: wanted.generation, message: error.message })
    } finally {
      this.#pace.ended(performance.now())
    }
    onReload({ pod: name, wasReady, reload, wanted, milliseconds: Math.round(performance.now() - began) })
    this.#distrusted = undefined
    this.#api.runtime.renew()
    this.#marks.loaded()
    this.#busy.clear()
    this.#lent = new Set()
    this.#files.found(wanted)
    onFiles(wanted)
    this.#adopt(wanted, freshlyLoaded(wanted, settings))
  }

  // ---- what can wait ----------------------------------------------------------------------------------------------------------------

  #persist(): void {
    if (this.#current === undefined) return this.#files.found(undefined)
    this.#files.start(this.#api, this.#current, () => this.#wake())
  }

  async #deleteBusyServers(): Promise<void> {
    if (this.#held !== undefined) await this.#busy.deleteFrom(this.#api, this.#held)
  }
}

/** After this many failures in a row another way is tried. */
const patience = 4
