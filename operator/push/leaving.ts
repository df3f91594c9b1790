// What is on its way out of the cluster: writing there would be refused, or undo what Kubernetes is clearing away.

import { splitKey, type ObjectKey, type Snapshot } from '../model/snapshot.ts'

/** True when a Gateway or its namespace is being deleted. What belongs to it goes with it. */
export function isLeaving(snapshot: Snapshot, gateway: ObjectKey): boolean {
  const { namespace } = splitKey(gateway)
  return isMarked(snapshot.Gateway.get(gateway)) || isMarked(snapshot.Namespace.get(namespace))
}

function isMarked(object: { readonly metadata?: { readonly deletionTimestamp?: unknown } } | undefined): boolean {
  return object?.metadata?.deletionTimestamp !== undefined
}
