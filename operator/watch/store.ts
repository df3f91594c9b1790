import type { Kind, KubernetesObject, ObjectOf } from '../model/kubernetes.ts'
import type { ObjectKey, Snapshot } from '../model/snapshot.ts'
import { keyOf } from '../model/snapshot.ts'

import { sameValue, Table } from '../lib/derive.ts'

import type { DemandKind } from './demands.ts'
import { isKind, slim } from './slim.ts'

export type OnDemand = (kind: DemandKind, key: ObjectKey, wanted: boolean) => void

/** Kind → key → frozen object. An object is replaced when something that a rule could read changed, and only then. */
export class Store {
  readonly snapshot: Snapshot

  /** With `onDemand`, the kinds that are kept only when referred to tell which keys derivations begin and cease to read. */
  constructor(onDemand?: OnDemand) {
    this.snapshot = {
      GatewayClass: new Table(),
      Gateway: new Table(),
      ListenerSet: new Table(),
      HTTPRoute: new Table(),
      GRPCRoute: new Table(),
      TLSRoute: new Table(),
      TCPRoute: new Table(),
      UDPRoute: new Table(),
      BackendTLSPolicy: new Table(),
      ReferenceGrant: new Table(),
      Service: new Table(),
      EndpointSlice: new Table(),
      Secret: new Table(onDemand && ((key, wanted) => onDemand('Secret', key, wanted))),
      ConfigMap: new Table(onDemand && ((key, wanted) => onDemand('ConfigMap', key, wanted))),
      Namespace: new Table(),
      Deployment: new Table(),
      Pod: new Table(),
      CustomResourceDefinition: new Table(
        onDemand && ((key, wanted) => onDemand('CustomResourceDefinition', key, wanted)),
      ),
    }
  }

  /** Takes a newer state of an object over: it is stripped and frozen. Hands it back when it differs from the one held. */
  put<K extends Kind>(kind: K, object: KubernetesObject): ObjectOf[K] | undefined {
    if (!isKind(kind, object)) throw new Error(`an object of kind ${object.kind} cannot be kept as a ${kind}`)
    const table: Table<ObjectOf[K]> = this.snapshot[kind]
    const key = keyOf(object)
    const next = slim(kind, object)
    const before = table.has(key) ? table.get(key) : undefined
    if (before !== undefined && sameButVersion(before, next)) return undefined
    table.set(key, next)
    return next
  }

  /** True when it was there. */
  remove(kind: Kind, key: ObjectKey): boolean {
    const table = this.snapshot[kind]
    if (!table.has(key)) return false
    table.delete(key)
    return true
  }
}

/** Whether two states of an object differ in nothing but their status. */
export function sameButStatus(a: KubernetesObject, b: KubernetesObject): boolean {
  return sameButVersion(Object.assign({}, a, { status: undefined }), Object.assign({}, b, { status: undefined }))
}

// Nothing reads resourceVersion but writers, who read the object anew before they write.
function sameButVersion(a: KubernetesObject, b: KubernetesObject): boolean {
  return sameValue(withoutVersion(a), withoutVersion(b))
}

function withoutVersion(object: KubernetesObject): KubernetesObject {
  return Object.assign({}, object, { metadata: Object.assign({}, object.metadata, { resourceVersion: undefined }) })
}
