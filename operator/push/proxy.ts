// One proxy: its Secrets and its pods, each at its own pace; what they say together is the proxy's outcome.

import type { KubeCaller } from '../model/kube-call.ts'
import type { V1Pod, V1Service } from '../model/kubernetes.ts'
import type { Workload } from '../model/proxy-model.ts'
import type { Outcome, RenderedConfig } from '../model/rendered.ts'
import type { DataPlaneSettings } from '../model/settings.ts'
import type { ObjectKey, Snapshot } from '../model/snapshot.ts'
import type { Logger } from '../lib/log.ts'

import type { Identity } from './identity.ts'
import { addressOf, hasAll, isCallable, isReady, outcomeOf, type PodReport } from './outcome.ts'
import { unlessTerminating } from './kube-objects.ts'
import { isLeaving } from './leaving.ts'
import type { ConnectPod } from './pod-client.ts'
import { PodWorker } from './pod.ts'
import type { PushMetrics } from './push-metrics.ts'
import type { Queues } from './queues.ts'
import { applyPodIdentity, applyState, authorityPlace, ensureIdentity, type Owner } from './secrets.ts'
import type { Timing } from './timing.ts'

export type ProxyOptions = {
  readonly call: KubeCaller
  readonly snapshot: Snapshot
  readonly operatorNamespace: string
  readonly settings: DataPlaneSettings
  readonly timing: Timing
  readonly log: Logger
  readonly metrics: PushMetrics
  readonly clock: () => Date
  readonly connectPod: ConnectPod
  /** Shared by all proxies; keys are `identity ID` and `state ID`. */
  readonly secrets: Queues
  /** Both Secrets exist: pods may start. */
  readonly onSecrets: (id: ObjectKey) => void
  readonly onOutcome: () => void
}

/** What the cluster shows of the proxy. */
export type Surroundings = { readonly pods: readonly V1Pod[]; readonly service: V1Service | undefined }

type KnownPod = { readonly worker: PodWorker; readonly address: string }

/** Configurations that pods or the Secret may still hold, so that a pod found with one of them needs no reading back. */
const remembered = 8

export class Proxy {
  readonly #id: ObjectKey
  readonly #options: ProxyOptions
  #workload: Workload
  #rendered: RenderedConfig
  #surroundings: Surroundings = { pods: [], service: undefined }
  #identity: Identity | undefined
  #state: { readonly rendered: RenderedConfig; readonly at: number } | undefined
  #stateTimer: NodeJS.Timeout | undefined
  #trouble: string | undefined
  #acknowledged: RenderedConfig | undefined
  readonly #recent = new Map<string, RenderedConfig>()
  readonly #pods = new Map<string, KnownPod>()
  readonly #leaving = new Set<Promise<void>>()
  #outcome: Outcome | undefined
  #stopped = false

  constructor(owner: Owner, rendered: RenderedConfig, options: ProxyOptions) {
    this.#id = owner.id
    this.#workload = owner.workload
    this.#rendered = rendered
    this.#options = options
    this.checkIdentity()
    this.#writeState()
  }

  get workload(): Workload {
    return this.#workload
  }

  want(workload: Workload, rendered: RenderedConfig, surroundings: Surroundings): void {
    const isOther = workload.uid !== this.#workload.uid || workload.name !== this.#workload.name
    this.#workload = workload
    if (isOther) {
      this.#identity = undefined
      this.#state = undefined
      this.checkIdentity()
    }
    if (rendered !== this.#rendered || isOther) {
      this.#rendered = rendered
      for (const { worker } of this.#pods.values()) worker.want(rendered)
      this.#stateSoon()
    }
    if (surroundings !== this.#surroundings) {
      this.#surroundings = surroundings
      this.#matchPods()
    }
    this.#judge()
  }

  outcome(): Outcome {
    return (this.#outcome ??= this.#judged())
  }

  /** Looks at the age of the certificates and renews what is due. */
  checkIdentity(): void {
    const { secrets, call, snapshot, operatorNamespace, clock, log } = this.#options
    secrets.put(`identity ${this.#id}`, async (signal) => {
      if (isLeaving(snapshot, this.#id)) return
      const before = this.#identity
      const place = authorityPlace(this.#id, operatorNamespace)
      const identity = await ensureIdentity(call, this.#id, place, clock())
      if (this.#stopped || before?.client.certificate === identity.client.certificate) return
      const written = applyPodIdentity(call, { id: this.#id, workload: this.#workload }, identity, signal)
      if (!(await unlessTerminating(written))) return
      this.#identity = identity
      if (before !== undefined) log.info('certificates renewed', { gateway: this.#id })
      for (const { worker } of this.#pods.values()) worker.reconnect()
      this.#secretWritten()
    })
  }

  /** A Secret of this proxy could not be written. */
  secretFailed(message: string): void {
    this.#trouble = message
    this.#judge()
  }

  async stop(): Promise<void> {
    this.#stopped = true
    clearTimeout(this.#stateTimer)
    this.#options.secrets.drop(`identity ${this.#id}`)
    this.#options.secrets.drop(`state ${this.#id}`)
    for (const id of this.#pods.keys()) this.#leave(id)
    await Promise.all(this.#leaving)
  }

  #secretWritten(): void {
    this.#trouble = undefined
    if (this.#identity === undefined || this.#state === undefined) return
    this.#options.onSecrets(this.#id)
    this.#matchPods()
    this.#judge()
  }

  // ---- what new pods start from -----------------------------------------------------------------------------------------------------

  #stateSoon(): void {
    if (this.#state === undefined) return this.#writeState()
    if (this.#stateTimer !== undefined || this.#stopped) return
    const wait = Math.max(0, this.#state.at + this.#options.timing.state - performance.now())
    this.#stateTimer = setTimeout(() => {
      this.#stateTimer = undefined
      this.#writeState()
    }, wait)
  }

  // What no HAProxy has taken yet must not be what the next one starts from; without any pod there is nobody to ask.
  #writeState(): void {
    const { secrets, call, snapshot, settings } = this.#options
    secrets.put(`state ${this.#id}`, async (signal) => {
      const rendered = this.#rendered
      if (this.#stopped || this.#state?.rendered === rendered) return
      if (this.#state !== undefined && !this.#isTried(rendered)) return
      if (isLeaving(snapshot, this.#id)) return
      const written = applyState(call, { id: this.#id, workload: this.#workload }, { rendered, settings }, signal)
      if (!(await unlessTerminating(written))) return
      this.#state = { rendered, at: performance.now() }
      this.#remember(rendered)
      this.#secretWritten()
      if (this.#rendered !== rendered) this.#stateSoon()
    })
  }

  #isTried({ generation }: RenderedConfig): boolean {
    const states = [...this.#pods.values()].map(({ worker }) => worker.state)
    const isHeld = states.some((state) => state.kind === 'programmed' && state.generation === generation)
    return isHeld || states.every((state) => state.kind === 'waiting')
  }

  #remember(config: RenderedConfig): void {
    this.#recent.delete(config.generation)
    this.#recent.set(config.generation, config)
    for (const [oldest] of this.#recent) {
      if (this.#recent.size <= remembered) return
      this.#recent.delete(oldest)
    }
  }

  // ---- pods -------------------------------------------------------------------------------------------------------------------------

  #matchPods(): void {
    if (this.#identity === undefined || this.#stopped) return
    const present = new Map(this.#surroundings.pods.filter(isCallable).map((pod) => [pod.metadata?.uid ?? '', pod]))
    for (const [id, { address }] of this.#pods) {
      const pod = present.get(id)
      if (pod === undefined || addressOf(pod) !== address) this.#leave(id)
    }
    for (const [id, pod] of present) if (!this.#pods.has(id)) this.#join(id, pod)
  }

  #join(id: string, pod: V1Pod): void {
    const { settings, timing, log, metrics, connectPod } = this.#options
    const address = addressOf(pod)
    const connect = () => {
      if (this.#identity === undefined) throw new Error(`proxy ${this.#id} has no identity yet`)
      return connectPod(address, this.#identity)
    }
    const worker = new PodWorker(
      {
        name: pod.metadata?.name ?? address,
        connect,
        settings,
        timing,
        log,
        metrics,
        known: (generation) => this.#recent.get(generation),
        onFiles: (config) => this.#remember(config),
        onState: () => this.#podChanged(),
      },
      this.#rendered,
    )
    this.#pods.set(id, { worker, address })
  }

  #leave(id: string): void {
    const known = this.#pods.get(id)
    if (known === undefined) return
    this.#pods.delete(id)
    const leaving = known.worker.stop().finally(() => this.#leaving.delete(leaving))
    this.#leaving.add(leaving)
  }

  #podChanged(): void {
    if (this.#stopped) return
    if (this.#state !== undefined && this.#state.rendered !== this.#rendered) this.#stateSoon()
    this.#judge()
  }

  // ---- outcome ----------------------------------------------------------------------------------------------------------------------

  #judge(): void {
    const before = this.#outcome
    const after = this.#judged()
    if (before !== undefined && JSON.stringify(before) === JSON.stringify(after)) return
    this.#outcome = after
    if (!this.#stopped) this.#options.onOutcome()
  }

  #judged(): Outcome {
    const pods = this.#surroundings.pods.map((pod): PodReport => {
      const known = this.#pods.get(pod.metadata?.uid ?? '')
      const report = { name: pod.metadata?.name ?? '', ready: isReady(pod) }
      return known === undefined ? report : { ...report, state: known.worker.state }
    })
    const rendered = this.#rendered
    if (hasAll(pods, rendered)) this.#acknowledged = rendered
    return outcomeOf({
      rendered,
      workload: `${this.#workload.namespace}/${this.#workload.name}`,
      trouble: this.#trouble,
      pods,
      service: this.#surroundings.service,
      acknowledged: this.#acknowledged,
    })
  }
}
