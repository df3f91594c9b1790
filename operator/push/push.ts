// The door out: what the operator wants of the world. Each part remembers the newest it was told and works towards it at its own pace.

import type { Registry } from 'prom-client'

import type { KubeCaller } from '../model/kube-call.ts'
import type { Workload } from '../model/proxy-model.ts'
import type { DesiredObject, Outcome, RenderedConfig, StatusPatch } from '../model/rendered.ts'
import type { DataPlaneSettings } from '../model/settings.ts'
import type { Report } from '../model/report.ts'
import { authoritySecretName, labelValue } from '../model/names.ts'
import { keyFor, splitKey, type ObjectKey, type Snapshot } from '../model/snapshot.ts'
import type { Logger } from '../lib/log.ts'

import { Dataplane } from './dataplane.ts'
import { Finalizers } from './finalizers.ts'
import type { Place } from './kube-objects.ts'
import { Objects } from './objects.ts'
import { podConnector, type ConnectPod } from './pod-client.ts'
import { prune } from './prune.ts'
import { createPushMetrics } from './push-metrics.ts'
import { Queues } from './queues.ts'
import { Statuses } from './statuses.ts'
import { usualTiming, type Timing } from './timing.ts'

export type PushOptions = {
  readonly call: KubeCaller
  /** Pods, Services and Deployments are looked at here; each change of them has to lead to a run. */
  readonly snapshot: Snapshot
  readonly settings: DataPlaneSettings
  readonly operatorNamespace: string
  /** Where leftovers are looked for; empty or absent: everywhere. */
  readonly namespaces?: readonly string[]
  readonly logger: Logger
  readonly registry: Registry
  /** An outcome changed: time for a run. */
  readonly onOutcome: () => void
  readonly connectPod?: ConnectPod
  readonly clock?: () => Date
  readonly timing?: Timing
}

export type PushDoor = {
  readonly objects: {
    /** Everything that one proxy needs. Its Deployment waits until its Secrets exist. */
    readonly want: (id: ObjectKey, objects: readonly DesiredObject[]) => void
    /**
     * Deletes the objects of all others. The first call also removes what a former life of the operator left behind, and so does the first
     * one without an id for which nothing was wanted until then.
     */
    readonly keepOnly: (ids: readonly ObjectKey[]) => void
  }
  readonly dataplane: {
    readonly want: (id: ObjectKey, workload: Workload, rendered: RenderedConfig) => void
    readonly keepOnly: (ids: readonly ObjectKey[]) => void
  }
  /** All classes of ours: those that Gateways use are kept from being deleted before them. */
  readonly finalizers: { readonly want: (classes: Report['classes']) => void }
  /** All statuses that are not as they should be. */
  readonly statuses: { readonly want: (patches: readonly StatusPatch[]) => void }
  /** By Gateway; identities stay while nothing changed. */
  readonly outcomes: () => ReadonlyMap<ObjectKey, Outcome>
  /** Resolves when nothing is under way any more. Nothing is undone: HAProxy serves on without us. */
  readonly stop: () => Promise<void>
}

/** Opens the door out. Nothing is written before something is wanted. */
export function openPush(options: PushOptions): PushDoor {
  const { call, snapshot, settings, operatorNamespace, namespaces = [], logger: log } = options
  const { timing = usualTiming, clock = () => new Date() } = options
  const { connectPod = podConnector(settings, log) } = options
  const metrics = createPushMetrics(options.registry)
  const shared = { call, snapshot, operatorNamespace, timing, log, metrics }
  const statuses = new Statuses(shared)
  const objects = new Objects({
    ...shared,
    longestPause: timing.longestPause,
    refusedPause: timing.refusedObject,
    onTrouble: (id, object, message) => dataplane.trouble(id, object, message),
  })
  const finalizers = new Finalizers({ ...shared, longestPause: timing.longestPause })
  const dataplane: Dataplane = new Dataplane({
    ...shared,
    settings,
    clock,
    connectPod,
    onSecrets: (id) => objects.release(id),
    onOutcome: later(options.onOutcome),
  })
  const pruning = new Queues({
    limit: 1,
    longestPause: timing.longestPause,
    onFailure: (_, { message: cause }, attempt) => log.warn('leftovers cannot be looked for', { cause, attempt }),
  })
  // What was left alone though nothing is wanted for it: suspended Gateways, and what could not be computed.
  let spared: readonly ObjectKey[] | undefined
  const pruneLeftovers = (ids: readonly ObjectKey[]) => {
    if (spared?.every((id) => ids.includes(id))) return
    spared = ids.filter((id) => !dataplane.outcomes().has(id))
    // What belongs to a Gateway of ours is left alone as a whole, also when nothing could be computed for it this time.
    const gateways = new Set(ids.map((id) => keyFor(splitKey(id).namespace, labelValue(splitKey(id).name))))
    const authorities = new Set(ids.map(authoritySecretName))
    const isWanted = (place: Place, gateway: string) =>
      objects.isWanted(place) || gateways.has(gateway) || authorities.has(place.name)
    pruning.put('leftovers', () => prune({ call, operatorNamespace, namespaces, isWanted, log }))
  }
  return {
    objects: {
      want: (id, wanted) => objects.want(id, wanted),
      keepOnly: (ids) => objects.keepOnly(ids),
    },
    dataplane: {
      want: (id, workload, rendered) => dataplane.want(id, workload, rendered),
      keepOnly: (ids) => {
        dataplane.keepOnly(ids)
        pruneLeftovers(ids)
      },
    },
    finalizers: { want: (classes) => finalizers.want(classes) },
    statuses: { want: (patches) => statuses.want(patches) },
    outcomes: () => dataplane.outcomes(),
    stop: async () => {
      await Promise.all([statuses.stop(), finalizers.stop(), objects.stop(), dataplane.stop(), pruning.stop()])
    },
  }
}

// A run hears of changed outcomes after it has ended, never in its middle, and of many at once only once.
function later(notify: () => void): () => void {
  let isDue = false
  return () => {
    if (isDue) return
    isDue = true
    setImmediate(() => {
      isDue = false
      notify()
    })
  }
}
