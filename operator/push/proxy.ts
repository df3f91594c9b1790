// One proxy: its Secrets and its pods, each at its own pace; what they say together is the proxy's outcome.

import type { KubeCaller } from '../model/kube-call.ts'
import type { V1Deployment, V1Pod, V1Service } from '../model/kubernetes.ts'
import type { Workload } from '../model/proxy-model.ts'
import type { Outcome, RenderedConfig } from '../model/rendered.ts'
import type { DataPlaneSettings } from '../model/settings.ts'
import type { ObjectKey, Snapshot } from '../model/snapshot.ts'
import type { Logger } from '../lib/log.ts'

import { troubleText } from './apply.ts'
import type { Identity } from './identity.ts'
import { addressOf, hasAll, isCallable, isReady, outcomeOf, type PodReport } from './outcome.ts'
import { placeText, unlessTerminating } from './kube-objects.ts'
import { isLeaving } from './leaving.ts'
import type { ConnectPod } from './pod-client.ts'
import { PodWorker } from './pod.ts'
import type { PushMetrics } from './push-metrics.ts'
import type { Queues } from './queues.ts'
import { ReloadEvents } from './reload-events.ts'
import { Reloads } from './reloads.ts'
import {
  applyPodIdentity,
  applyState,
  authorityPlace,
  ensureIdentity,
  podSecretPlace,
  secretJob,
  type Owner,
  type SecretKind,
} from './secrets.ts'
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
  /** Shared by all proxies; keys are those of `secretJob`. */
  readonly secrets: Queues
  /** Shared by all proxies; keys are those of Gateways. */
  readonly events: Queues
  /** Both Secrets exist: pods may start. */
  readonly onSecrets: (id: ObjectKey) => void
  readonly onOutcome: () => void
}

/** What the cluster shows of the proxy. */
export type Surroundings = {
  readonly pods: readonly V1Pod[]
  readonly service: V1Service | undefined
  readonly deployment: V1Deployment | undefined
}
export const nothingSeen: Surroundings = { pods: [], service: undefined, deployment: undefined }

type KnownPod = { readonly worker: PodWorker; readonly address: string }

/** Configurations that pods or the Secret may still hold, so that a pod found with one of them needs no reading back. */
const remembered = 8

export class Proxy {
  readonly #id: ObjectKey
  readonly #options: ProxyOptions
  #workload: Workload
  #rendered: RenderedConfig
  #surroundings = nothingSeen
  #identity: Identity | undefined
  #state: { readonly rendered: RenderedConfig; readonly at: number; readonly uid: string } | undefined
  #stateTimer: NodeJS.Timeout | undefined
  /** Secrets to be written although they are what was written last: somebody may have deleted them, and nobody watches Secrets. */
  readonly #again = new Set<SecretKind>()
  #seenPods: ReadonlySet<string> = new Set()
  /** Object → why it cannot be written. */
  readonly #troubles = new Map<string, string>()
  #acknowledged: RenderedConfig | undefined
  readonly #recent = new Map<string, RenderedConfig>()
  readonly #pods = new Map<string, KnownPod>()
  readonly #leaving = new Set<Promise<void>>()
  readonly #reloads: Reloads
  readonly #events: ReloadEvents
  #outcome: Outcome | undefined
  #stopped = false

  constructor(owner: Owner, rendered: RenderedConfig, options: ProxyOptions) {
    this.#id = owner.id
    this.#workload = owner.workload
    this.#rendered = rendered
    this.#options = options
    this.#events = new ReloadEvents({ ...options, gateway: owner.id, queue: options.events })
    const { log, metrics } = options
    this.#reloads = new Reloads({ log, metrics, onNews: (news) => this.#events.add(news, this.#workload.uid) })
    this.checkIdentity()
    this.#writeState()
  }

  get workload(): Workload {
    return this.#workload
  }

  want(workload: Workload, rendered: RenderedConfig, surroundings: Surroundings): void {
    const isOther = workload.uid !== this.#workload.uid
    // What comes from pods and Secrets is judged when it comes.
    if (workload === this.#workload && rendered === this.#rendered && surroundings === this.#surroundings) return
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
    const key = this.#job('identity')
    this.#options.secrets.put(key, async (signal) => {
      await this.#renewIdentity(signal)
      this.trouble(key, undefined)
    })
  }

  /** Writes both Secrets once more, renewing certificates that are due: without them no new pod starts. */
  writeSecretsAgain(): void {
    this.#again.add('identity').add('state')
    this.checkIdentity()
    this.#writeState()
  }

  /** A job of `secrets` failed. */
  secretFailed(key: string, failure: Error, attempt: number): void {
    const kind = (['identity', 'state'] as const).find((each) => this.#job(each) === key)
    if (kind === undefined) return
    const secret = placeText(podSecretPlace(kind, this.#workload))
    const what = kind === 'identity' ? `${secret} or the authority behind it` : secret
    const text = troubleText(what, failure, attempt)
    if (text !== undefined) this.trouble(key, text)
  }

  #job(kind: SecretKind): string {
    return secretJob(kind, { id: this.#id, workload: this.#workload })
  }

  /** What keeps an object of this proxy from being written; undefined once that is over. Pods that serve go on. */
  trouble(object: string, message: string | undefined): void {
    if (this.#troubles.get(object) === message) return
    if (message === undefined) this.#troubles.delete(object)
    else this.#troubles.set(object, message)
    this.#judge()
  }

  async stop(): Promise<void> {
    this.#stopped = true
    clearTimeout(this.#stateTimer)
    this.#events.stop()
    this.#options.secrets.drop(this.#job('identity'))
    this.#options.secrets.drop(this.#job('state'))
    for (const id of this.#pods.keys()) this.#leave(id)
    await Promise.all(this.#leaving)
  }

  async #renewIdentity(signal: AbortSignal): Promise<void> {
    const { call, snapshot, operatorNamespace, clock, log } = this.#options
    if (isLeaving(snapshot, this.#id)) return
    const before = this.#identity
    const place = authorityPlace(this.#id, operatorNamespace)
    const identity = await ensureIdentity(call, this.#id, place, clock())
    const isSame = before?.client.certificate === identity.client.certificate
    if (this.#stopped || (isSame && !this.#again.has('identity'))) return
    const written = applyPodIdentity(call, { id: this.#id, workload: this.#workload }, identity, signal)
    if ((await unlessTerminating(written)) === undefined) return
    this.#again.delete('identity')
    if (isSame) return
    this.#identity = identity
    if (before !== undefined) log.info('certificates renewed', { gateway: this.#id })
    for (const { worker } of this.#pods.values()) worker.reconnect()
    this.#secretWritten()
  }

  #secretWritten(): void {
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
    const key = this.#job('state')
    this.#options.secrets.put(key, async (signal) => {
      await this.#applyState(signal)
      this.trouble(key, undefined)
    })
  }

  async #applyState(signal: AbortSignal): Promise<void> {
    const { call, snapshot, settings } = this.#options
    const before = this.#state
    const isAgain = this.#again.has('state')
    const rendered = before !== undefined && !this.#isTried(this.#rendered) ? before.rendered : this.#rendered
    if (this.#stopped || (before?.rendered === rendered && !isAgain)) return
    if (isLeaving(snapshot, this.#id)) return
    const state = { rendered, settings, uid: isAgain ? undefined : before?.uid }
    const applied = applyState(call, { id: this.#id, workload: this.#workload }, state, signal)
    const written = await unlessTerminating(applied)
    if (written === undefined) return
    this.#again.delete('state')
    this.#state = { rendered, at: performance.now(), uid: written.uid }
    this.#remember(rendered)
    this.#secretWritten()
    if (this.#rendered !== rendered) this.#stateSoon()
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
    if (this.#stopped) return
    this.#meetPods()
    if (this.#identity === undefined) return
    const present = new Map(this.#surroundings.pods.filter(isCallable).map((pod) => [pod.metadata?.uid ?? '', pod]))
    for (const [id, { address }] of this.#pods) {
      const pod = present.get(id)
      if (pod === undefined || addressOf(pod) !== address) this.#leave(id)
    }
    for (const [id, pod] of present) if (!this.#pods.has(id)) this.#join(id, pod)
  }

  // A pod that has just been made needs both Secrets to start. Before they were written for the first time nothing is to be repeated.
  #meetPods(): void {
    const ids = new Set(this.#surroundings.pods.map((pod) => pod.metadata?.uid ?? ''))
    const isNew = !ids.isSubsetOf(this.#seenPods)
    this.#seenPods = ids
    if (isNew && this.#identity !== undefined && this.#state !== undefined) this.writeSecretsAgain()
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
        isReady: () => this.#surroundings.pods.some((now) => now.metadata?.uid === id && isReady(now)),
        settings,
        timing,
        log,
        metrics,
        known: (generation) => this.#recent.get(generation),
        onFiles: (config) => this.#remember(config),
        onState: () => this.#podChanged(),
        onReload: (reloaded) => this.#reloads.add(reloaded),
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
      if (known === undefined) return report
      const { state, machine } = known.worker
      return { ...report, state, machine }
    })
    const rendered = this.#rendered
    if (hasAll(pods, rendered)) this.#acknowledged = rendered
    return outcomeOf({
      rendered,
      workload: `${this.#workload.namespace}/${this.#workload.name}`,
      trouble: this.#troubles.values().next().value,
      pods,
      service: this.#surroundings.service,
      deployment: this.#surroundings.deployment,
      acknowledged: this.#acknowledged,
      reload: this.#reloads.last,
    })
  }
}
