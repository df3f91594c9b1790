// One Event on the Gateway for its reloads: what for, because of whom, how long it took. Nobody waits for it, and nothing follows when it
// cannot be written.

import { hostname } from 'node:os'

import type { KubeCaller } from '../model/kube-call.ts'
import { controllerName } from '../model/kinds.ts'
import { splitKey, type ObjectKey } from '../model/snapshot.ts'
import { errorText, type Logger } from '../lib/log.ts'

import { ask, eventKind, metadataOf, pathOf } from './kube-objects.ts'
import type { Queues } from './queues.ts'
import type { ReloadNews } from './reloads.ts'
import type { Timing } from './timing.ts'

export type ReloadEventsOptions = {
  readonly call: KubeCaller
  readonly gateway: ObjectKey
  readonly timing: Pick<Timing, 'eventGather' | 'eventPause'>
  readonly clock: () => Date
  readonly log: Logger
  /** Shared by all Gateways; keys are theirs. */
  readonly queue: Pick<Queues, 'put' | 'drop'>
}

type Gathered = { summaries: Set<string>; pods: Set<string>; reloads: number; longest: number; uid: string }
type Written = { readonly about: string; readonly uid: string; readonly name: string; readonly count: number }

export class ReloadEvents {
  readonly #options: ReloadEventsOptions
  #gathered: Gathered | undefined
  /** The newest Event: the same again is another occurrence of it, as long as nothing else came between. */
  #written: Written | undefined
  #notBefore = 0
  #timer: NodeJS.Timeout | undefined

  constructor(options: ReloadEventsOptions) {
    this.#options = options
  }

  /** @param uid of the Gateway */
  add({ summary, pod, milliseconds, isAnother }: ReloadNews, uid: string): void {
    const none: Gathered = { summaries: new Set(), pods: new Set(), reloads: 0, longest: 0, uid }
    const gathered = (this.#gathered ??= none)
    if (gathered.summaries.size < mostSummaries) gathered.summaries.add(summary)
    gathered.pods.add(pod)
    gathered.reloads += isAnother || gathered.reloads === 0 ? 1 : 0
    gathered.longest = Math.max(gathered.longest, milliseconds)
    gathered.uid = uid
    const { gateway, queue, timing } = this.#options
    const wait = Math.max(timing.eventGather, this.#notBefore - performance.now())
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined
      queue.put(gateway, (signal) => this.#write(signal))
    }, wait).unref()
  }

  stop(): void {
    clearTimeout(this.#timer)
    this.#options.queue.drop(this.#options.gateway)
  }

  async #write(signal: AbortSignal): Promise<void> {
    const gathered = this.#gathered
    const { gateway, timing, log } = this.#options
    if (gathered === undefined) return
    this.#gathered = undefined
    this.#notBefore = performance.now() + timing.eventPause
    try {
      this.#written = await this.#send(gathered, signal)
    } catch (error) {
      log.debug('event cannot be written', { gateway, cause: errorText(error) })
    }
  }

  async #send(gathered: Gathered, signal: AbortSignal): Promise<Written> {
    const { call, gateway, clock } = this.#options
    const { namespace } = splitKey(gateway)
    const { uid } = gathered
    const about = [...gathered.summaries].join('; ')
    const before = this.#written
    if (before?.about === about && before.uid === uid) {
      const count = before.count + gathered.reloads
      const path = pathOf(eventKind, namespace, before.name)
      const body = { series: { count, lastObservedTime: microTime(clock()) } }
      const contentType = 'application/merge-patch+json' as const
      const { status } = await ask(call, { method: 'PATCH', path, contentType, body, signal }, 404)
      if (status !== 404) return { ...before, count }
    }
    const body = this.#event(gathered, about)
    const request = { method: 'POST', path: pathOf(eventKind, namespace), contentType: 'application/json' } as const
    const answer = await ask(call, { ...request, body, signal })
    return { about, uid, name: metadataOf(answer.body).name, count: gathered.reloads }
  }

  #event({ reloads, pods, longest, uid }: Gathered, about: string): object {
    const { gateway, clock } = this.#options
    const { namespace, name } = splitKey(gateway)
    const times = reloads === 1 ? '' : ` ${reloads} times`
    const took = `${pods.size} ${pods.size === 1 ? 'pod' : 'pods'}, ${longest} ms`
    return {
      apiVersion: `${eventKind.group}/${eventKind.version}`,
      kind: 'Event',
      metadata: { namespace, generateName: `${name}-` },
      eventTime: microTime(clock()),
      type: 'Normal',
      reason: 'Reloaded',
      action: 'Reload',
      note: `HAProxy was reloaded${times} (${took}): ${about}`.slice(0, longestNote),
      regarding: { apiVersion: 'gateway.networking.k8s.io/v1', kind: 'Gateway', namespace, name, uid },
      reportingController: controllerName,
      reportingInstance: hostname().slice(0, longestInstance),
    }
  }
}

/** Reloads that are told apart in one Event. */
const mostSummaries = 5
// What the API server takes: https://kubernetes.io/docs/reference/kubernetes-api/cluster-resources/event-v1/
const longestNote = 1024
const longestInstance = 128

// Six digits behind the second, or the API server does not read it.
function microTime(time: Date): string {
  return time.toISOString().replace(/Z$/, '000Z')
}
