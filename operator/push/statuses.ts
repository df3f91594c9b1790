// Statuses → the API server. One queue per object, newest wins. Those of routes let the change of the pods go first, and then each other
// (status-line.ts); Gateways, and whatever else many routes change, wait a moment longer, and do not stand behind routes.
//
// Lists in a status are shared with other controllers: a patch of one carries the resourceVersion of the object that the others' entries were
// read from, also when it had none, and after a conflict our entries go into the newest list.

import type { KubeCaller } from '../model/kube-call.ts'
import { controllerName, kinds } from '../model/kinds.ts'
import type { Kind } from '../model/kubernetes.ts'
import type { StatusPatch } from '../model/rendered.ts'
import { splitKey, type Snapshot } from '../model/snapshot.ts'
import type { Logger } from '../lib/log.ts'

import { ask, fieldOf, KubeRefusal, metadataOf, pathOf } from './kube-objects.ts'
import { pause } from './pause.ts'
import type { PushMetrics } from './push-metrics.ts'
import { ComeBack, Queues } from './queues.ts'
import { StatusLine } from './status-line.ts'
import type { Timing } from './timing.ts'

export type StatusesOptions = {
  readonly call: KubeCaller
  readonly snapshot: Snapshot
  readonly timing: Timing
  readonly log: Logger
  readonly metrics: PushMetrics
}

/** Writes that may be under way at once, of those that gather and of all others. */
const most = { gathered: 4, others: 6 }

type Pending = { readonly patch: StatusPatch; readonly object: unknown }

export class Statuses {
  readonly #options: StatusesOptions
  readonly #gathered: Queues
  readonly #others: Queues
  /** What is wanted and not known to be written, by kind and key. */
  #pending = new Map<string, Pending>()
  readonly #done = new WeakSet<StatusPatch>()
  /** Of those that gather. */
  readonly #timers = new Map<string, { timer: NodeJS.Timeout; readonly since: number }>()
  readonly #line: StatusLine

  constructor(options: StatusesOptions) {
    this.#options = options
    const { log, metrics, timing } = options
    const queues = (limit: number) =>
      new Queues({
        limit,
        longestPause: timing.longestPause,
        onFailure: (object, { message: cause }, attempt) => {
          metrics.failed('status')
          log.warn('status cannot be written', { object, cause, attempt })
        },
      })
    this.#gathered = queues(most.gathered)
    this.#others = queues(most.others)
    this.#line = new StatusLine({
      wait: timing.routeStatus,
      waitAtMost: timing.routeStatusAtMost,
      patience: timing.routeStatusLate,
      limit: most.others,
      send: (id, done) => this.#send(this.#others, id, done),
    })
  }

  /** Every status that is not as it should be; one that is not named any more is forgotten. */
  want(patches: readonly StatusPatch[]): void {
    const before = this.#pending
    this.#pending = new Map()
    for (const patch of patches) {
      if (this.#done.has(patch)) continue
      const id = `${patch.kind} ${patch.key}`
      const known = before.get(id)
      if (known?.patch === patch) this.#pending.set(id, known)
      else {
        this.#pending.set(id, { patch, object: this.#options.snapshot[patch.kind].get(patch.key) })
        if (gatheredKinds.has(patch.kind)) this.#schedule(id)
        else this.#line.put(id)
      }
    }
  }

  /** Sends what still waits for its moment; resolves when everything is written. */
  async flush(): Promise<void> {
    for (const [id, { timer }] of this.#timers) {
      clearTimeout(timer)
      this.#timers.delete(id)
      this.#send(this.#gathered, id)
    }
    this.#line.flush()
    await Promise.all([this.#gathered.idle(), this.#others.idle()])
  }

  async stop(): Promise<void> {
    for (const { timer } of this.#timers.values()) clearTimeout(timer)
    this.#timers.clear()
    this.#line.stop()
    await Promise.all([this.#gathered.stop(), this.#others.stop()])
  }

  #schedule(id: string): void {
    const { status, statusAtMost } = this.#options.timing
    const now = performance.now()
    const waiting = this.#timers.get(id)
    const since = waiting?.since ?? now
    clearTimeout(waiting?.timer)
    const timer = setTimeout(
      () => {
        this.#timers.delete(id)
        this.#send(this.#gathered, id)
      },
      Math.max(0, Math.min(status, since + statusAtMost - now)),
    )
    this.#timers.set(id, { timer, since })
  }

  #send(queues: Queues, id: string, done: () => void = () => {}): void {
    queues.put(id, async (signal) => {
      try {
        await this.#sendNow(id, signal)
      } finally {
        done()
      }
    })
  }

  async #sendNow(id: string, signal: AbortSignal): Promise<void> {
    const pending = this.#pending.get(id)
    if (pending === undefined || this.#done.has(pending.patch)) return
    const isWanted = () => this.#pending.get(id) === pending
    await this.#write(pending, isWanted, signal)
    if (!isWanted()) return
    this.#done.add(pending.patch)
    this.#pending.delete(id)
  }

  // Ends early, with nothing written, when there is a conflict and something newer is wanted.
  async #write({ patch, object }: Pending, isWanted: () => boolean, signal: AbortSignal): Promise<void> {
    const { call, timing, log, metrics } = this.#options
    const path = `${objectPath(patch)}/status`
    let read: unknown = object
    for (let attempt = 1; ; attempt += 1) {
      const body = patchBody(patch.status, read)
      try {
        const request = { method: 'PATCH', path, contentType: 'application/merge-patch+json', body, signal } as const
        const { status } = await ask(call, request, 404, 409)
        if (status === 404) return
        if (status !== 409) return metrics.wrote('status')
      } catch (error) {
        if (!(error instanceof KubeRefusal) || error.status >= 500) throw error
        if (error.causes.includes('NamespaceTerminating')) return
        // Rights may be granted, and credentials renewed, without a change of the object.
        if (error.status === 401 || error.status === 403) throw new ComeBack(timing.refused, error.message)
        // The same words would be refused again; the next change of the object brings new ones.
        log.error('status refused', { object: `${patch.kind} ${patch.key}`, cause: error.message })
        return
      }
      if (attempt === 5) throw new Error(`${patch.kind} ${patch.key} changes faster than its status can be written`)
      await pause(10 * attempt * Math.random(), signal)
      const newest = await ask(call, { method: 'GET', path: objectPath(patch), signal }, 404)
      if (newest.status === 404 || !isWanted()) return
      read = newest.body
    }
  }
}

function objectPath({ kind, key }: StatusPatch): string {
  const row = kinds[kind]
  const { namespace, name } = splitKey(key)
  return row.namespaced ? pathOf(row, namespace, name) : pathOf(row, undefined, key)
}

/** Kinds whose status many other objects change. */
const gatheredKinds: ReadonlySet<Kind> = new Set(['Gateway', 'ListenerSet', 'BackendTLSPolicy'])

/** Lists in which every controller has its own entries. */
const sharedLists = ['parents', 'ancestors']

// Fields that the status has and should not have are taken away; foreign entries are those of the object as it was read.
function patchBody(wanted: unknown, object: unknown): unknown {
  const current = fieldOf(object, 'status')
  const gone = Object.keys(current ?? {}).filter((field) => fieldOf(wanted, field) === undefined)
  const fields = Object.entries(wanted ?? {}).map(([field, value]) => {
    if (!sharedLists.includes(field)) return [field, value] as const
    return [field, [...entriesOf(current, field, false), ...entriesOf(wanted, field, true)]] as const
  })
  const status = Object.fromEntries([...fields, ...gone.map((field) => [field, null] as const)])
  const isShared = sharedLists.some((field) => fieldOf(wanted, field) !== undefined)
  const { resourceVersion } = metadataOf(object)
  return isShared && resourceVersion !== '' ? { metadata: { resourceVersion }, status } : { status }
}

function entriesOf(status: unknown, field: string, ours: boolean): readonly unknown[] {
  const list = fieldOf(status, field)
  const entries: readonly unknown[] = Array.isArray(list) ? list : []
  return entries.filter((entry) => (fieldOf(entry, 'controllerName') === controllerName) === ours)
}
