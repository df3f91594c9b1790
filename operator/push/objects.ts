// Kubernetes objects of the proxies: applied with only the fields that are ours, applied again when somebody changed them, deleted when
// nobody wants them any more. One queue per object, newest wins.

import type { KubeCaller } from '../model/kube-call.ts'
import type { DesiredObject } from '../model/rendered.ts'
import { keyFor, type ObjectKey, type Snapshot } from '../model/snapshot.ts'
import { memo } from '../lib/derive.ts'
import type { Logger } from '../lib/log.ts'

import { apply, Foreign, isRefusal, troubleText } from './apply.ts'
import { contains } from './contains.ts'
import {
  deleteOurs,
  metadataOf,
  placeOf,
  placeText,
  unlessTerminating,
  type Metadata,
  type Place,
} from './kube-objects.ts'
import { isLeaving } from './leaving.ts'
import type { PushMetrics } from './push-metrics.ts'
import { Queues } from './queues.ts'

export type ObjectsOptions = {
  readonly call: KubeCaller
  readonly snapshot: Snapshot
  readonly operatorNamespace: string
  readonly longestPause: number
  /** Milliseconds: the longest pause between two attempts to write what the API server refuses. */
  readonly refusedPause: number
  readonly log: Logger
  readonly metrics: PushMetrics
  /** Why an object of a proxy cannot be written; undefined once that is over. */
  readonly onTrouble: (owner: ObjectKey, object: string, message: string | undefined) => void
}

type Known = {
  readonly owner: ObjectKey
  readonly place: Place
  desired: DesiredObject
  /** The object as our last write left it. */
  applied: Metadata | undefined
  /** The snapshot's object that was compared last. */
  seen: object | undefined
}

export class Objects {
  readonly #options: ObjectsOptions
  readonly #queues: Queues
  readonly #wanted = new Map<ObjectKey, readonly DesiredObject[]>()
  readonly #known = new Map<string, Known>()
  /** Proxies whose Secrets exist: pods that start before them would wait for their volumes. */
  readonly #released = new Set<ObjectKey>()

  constructor(options: ObjectsOptions) {
    this.#options = options
    const { log, metrics, longestPause, onTrouble } = options
    this.#queues = new Queues({
      limit: 8,
      longestPause: (failure) => (isRefusal(failure) ? options.refusedPause : longestPause),
      onFailure: (object, failure, attempt, isNews) => {
        metrics.failed('object')
        const isOld = !isNews && (isRefusal(failure) || failure instanceof Foreign)
        log[isOld ? 'debug' : 'warn']('object cannot be written', { object, cause: failure.message, attempt })
        const owner = this.#known.get(object)?.owner
        const trouble = troubleText(object, failure, attempt)
        if (owner !== undefined && trouble !== undefined) onTrouble(owner, object, trouble)
      },
    })
  }

  /** Everything that one proxy needs. */
  want(id: ObjectKey, objects: readonly DesiredObject[]): void {
    const before = this.#wanted.get(id)
    this.#wanted.set(id, objects)
    for (const object of objects) this.#wantOne(id, object)
    if (before === objects || before === undefined) return
    const still = new Set(objects.map((object) => placeText(placeOf(object))))
    for (const object of before) if (!still.has(placeText(placeOf(object)))) this.#forget(placeText(placeOf(object)))
  }

  /** Objects of every other proxy are deleted. */
  keepOnly(ids: readonly ObjectKey[]): void {
    if (ids.length === this.#wanted.size && ids.every((id) => this.#wanted.has(id))) return
    const kept = new Set(ids)
    for (const [id, objects] of this.#wanted) {
      if (kept.has(id)) continue
      this.#wanted.delete(id)
      this.#released.delete(id)
      for (const object of objects) this.#forget(placeText(placeOf(object)))
    }
  }

  /** Lets the Deployment of a proxy go out. */
  release(id: ObjectKey): void {
    if (this.#released.has(id)) return
    this.#released.add(id)
    for (const known of this.#known.values())
      if (known.owner === id && known.place.kind === 'Deployment') this.#schedule(known)
  }

  isWanted(place: Place): boolean {
    return this.#known.has(placeText(place))
  }

  idle(): Promise<void> {
    return this.#queues.idle()
  }

  stop(): Promise<void> {
    return this.#queues.stop()
  }

  #wantOne(owner: ObjectKey, desired: DesiredObject): void {
    const { place, id } = placed(desired)
    const known = this.#known.get(id)
    if (known === undefined) {
      const fresh = { owner, place, desired, applied: undefined, seen: undefined }
      this.#known.set(id, fresh)
      this.#schedule(fresh)
    } else if (known.desired !== desired) {
      known.desired = desired
      this.#schedule(known)
    } else if (this.#hasDrifted(known)) {
      this.#options.log.info('object was changed by somebody else, applying it again', { object: id })
      this.#schedule(known)
    }
  }

  // Only what a snapshot shows, and only what is ours of it: a load balancer writes the status of its Services, a person may add a label.
  #hasDrifted(known: Known): boolean {
    const { kind } = known.place
    if (known.applied === undefined || (kind !== 'Deployment' && kind !== 'Service')) return false
    const object = this.#options.snapshot[kind].get(placed(known.desired).key)
    const before = known.seen
    if (object === before) return false
    known.seen = object
    if (object === undefined) return before !== undefined
    if (versionOf(kind, metadataOf(object)) === versionOf(kind, known.applied)) return false
    return !contains(object, oursOf(known.desired))
  }

  #schedule(known: Known): void {
    if (known.place.kind === 'Deployment' && !this.#released.has(known.owner)) return
    this.#queues.put(placeText(known.place), async (signal) => {
      const { snapshot, log, onTrouble } = this.#options
      const object = placeText(known.place)
      const written = isLeaving(snapshot, known.owner) ? undefined : await unlessTerminating(this.#apply(known, signal))
      onTrouble(known.owner, object, undefined)
      log.debug(written ? 'object applied' : 'object left alone, it is being deleted', { object })
    })
  }

  async #apply(known: Known, signal: AbortSignal): Promise<Metadata> {
    known.applied = await apply(this.#options.call, known.desired, signal, known.applied?.uid)
    this.#options.metrics.wrote('object')
    return known.applied
  }

  #forget(id: string): void {
    const known = this.#known.get(id)
    if (known === undefined) return
    this.#known.delete(id)
    const { call, operatorNamespace, log, onTrouble } = this.#options
    onTrouble(known.owner, id, undefined)
    this.#queues.put(id, async () => {
      if (await deleteOurs(call, known.place, operatorNamespace)) log.info('object deleted', { object: id })
    })
  }
}

// Every run asks for every object of every proxy.
const placed = memo((desired: DesiredObject) => {
  const place = placeOf(desired)
  return { place, id: placeText(place), key: keyFor(place.namespace, place.name) }
})

// Objects of a list do not say their kind.
function oursOf(desired: DesiredObject): object {
  return { ...desired, apiVersion: undefined, kind: undefined }
}

function versionOf(kind: string, { generation, resourceVersion }: Metadata): string {
  return kind === 'Deployment' ? String(generation) : resourceVersion
}
