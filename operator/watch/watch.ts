// The door in: what the cluster holds, and word of every change.

import type { Registry } from 'prom-client'

import { kinds, type KindRow } from '../model/kinds.ts'
import type { KubeCaller } from '../model/kube-call.ts'
import type { Kind, KubernetesObject } from '../model/kubernetes.ts'
import { keyOf, splitKey, type ObjectKey, type Snapshot } from '../model/snapshot.ts'

import type { Logger } from '../lib/log.ts'

import { Cluster, collectionPath } from './cluster.ts'
import { Demands, isDemandKind, type DemandKind } from './demands.ts'
import { createKubeClient, loadKubeConfig, type KubeClient } from './kube.ts'
import { createWatchMetrics } from './metrics.ts'
import { kindNames } from './slim.ts'
import { sameButStatus, Store } from './store.ts'
import { parseObject, parseStatus } from './wire.ts'

export type WatchOptions = {
  /** A kubeconfig file; absent: as kubectl finds it, or the Pod's service account. */
  readonly kubeconfig?: string
  /** Namespaces to look at; empty: all. */
  readonly namespaces: readonly string[]
  readonly registry: Registry
  readonly logger: Logger
}

export type WatchDoor = {
  readonly snapshot: Snapshot
  readonly call: KubeCaller
  /** Resolves when every kind was listed once. */
  readonly synced: Promise<void>
  /** How many objects that derivations asked for are still being fetched, for less than `patience` milliseconds. */
  readonly pendingDemands: (patience: number) => number
  /** Calls the listener after anything in the snapshot changed or a demand was answered. */
  readonly onChange: (listener: (change: Change) => void) => void
  readonly stop: () => Promise<void>
}

/** status: of an object whose status operators write, and nothing else of it; most often what we wrote ourselves. */
export type Change = 'status' | 'anything'

/** Begins to watch. Throws when there is no usable kubeconfig; an API server that is away is waited for. */
export function openWatch({ kubeconfig, namespaces, registry, logger }: WatchOptions): WatchDoor {
  const listeners = new Set<(change: Change) => void>()
  const tell = (change: Change) => {
    for (const listener of listeners) listener(change)
  }
  const config = loadKubeConfig(kubeconfig)
  const client = createKubeClient(config)
  const store: Store = new Store((kind, key, wanted) => demands.want(kind, key, wanted))
  const demands = new Demands({
    fetch: fetcher({ client, namespaces, logger }),
    keep: (kind, key, object) => keep(store, { kind, key, object }),
    onChange: () => tell('anything'),
    logger,
  })
  const cluster = new Cluster({
    config,
    client,
    namespaces,
    logger,
    metrics: createWatchMetrics(registry),
    onEvent: (kind, object, gone) => {
      const key = keyOf(object)
      if (isDemandKind(kind)) return demands.changed(kind, key)
      const before = store.snapshot[kind].get(key)
      if (!keep(store, { kind, key, object: gone ? undefined : object })) return
      const after = store.snapshot[kind].get(key)
      const isStatus = gatewayApiKinds.has(kind) && before && after && sameButStatus(before, after)
      tell(isStatus === true ? 'status' : 'anything')
    },
  })
  return {
    snapshot: store.snapshot,
    call: (request) => client.call(request),
    synced: cluster.start(),
    pendingDemands: (patience) => demands.pending(patience),
    onChange: (listener) => void listeners.add(listener),
    stop: async () => {
      demands.stop()
      await cluster.stopped()
      await client.close()
    },
  }
}

/** The kinds whose status is there to be written by us. That of others, as the address of a Service, is news. */
const gatewayApiKinds: ReadonlySet<Kind> = new Set(
  kindNames.filter((kind) => kinds[kind].group === kinds.Gateway.group),
)

type Seen = { readonly kind: Kind; readonly key: ObjectKey; readonly object: KubernetesObject | undefined }

function keep(store: Store, { kind, key, object }: Seen): boolean {
  return object === undefined ? store.remove(kind, key) : store.put(kind, object) !== undefined
}

type Reach = { readonly client: KubeClient; readonly namespaces: readonly string[]; readonly logger: Logger }

// What we may not see is not there for us; the log says why.
function fetcher({ client, namespaces, logger }: Reach) {
  return async (kind: DemandKind, key: ObjectKey, signal: AbortSignal): Promise<KubernetesObject | undefined> => {
    const { group, version, plural, namespaced }: KindRow = kinds[kind]
    const { namespace, name } = splitKey(key)
    if (namespaced && namespaces.length > 0 && !namespaces.includes(namespace)) return undefined
    const home = namespaced ? encodeURIComponent(namespace) : undefined
    const path = `${collectionPath(group, version, plural, home)}/${encodeURIComponent(name)}`
    const { status, body } = await client.call({ method: 'GET', path, signal })
    if (status === 200) return Object.assign(parseObject(body), { kind })
    if (status === 403)
      logger.warn(`The operator may not read a ${kind} that is referred to; grant it "get" on ${plural} there.`, {
        key,
      })
    if (status === 403 || status === 404) return undefined
    throw new Error(`HTTP ${status} ${parseStatus(body)}`)
  }
}
