// An object without what no rule reads: it costs less memory, and an event that changes nothing else is no change.

import type { V1EndpointSlice, V1Namespace, V1ObjectMeta, V1Pod } from '@kubernetes/client-node'

import type { Kind, KubernetesObject, ObjectOf } from '../model/kubernetes.ts'
import { kinds } from '../model/kinds.ts'

import { deepFreeze } from '../lib/deep-freeze.ts'

/**
 * Takes an object over: strips it in place and freezes it deeply. The caller must not hold it any longer, which is true of what was
 * just parsed; copying every object of a large cluster would cost more than parsing it.
 */
export function slim<K extends Kind>(kind: K, object: ObjectOf[K]): ObjectOf[K] {
  if (object.metadata !== undefined) trimMetadata(object.metadata)
  trimmers[kind]?.(object)
  return deepFreeze(object)
}

/** Whether rules read objects of this kind. */
export function isKnownKind(kind: string | undefined): kind is Kind {
  return kind !== undefined && Object.hasOwn(kinds, kind)
}

/** The kinds that rules read. */
export const kindNames: readonly Kind[] = Object.keys(kinds).filter(isKnownKind)

/** Whether an object says that it is of this kind. */
export function isKind<K extends Kind>(kind: K, object: KubernetesObject): object is ObjectOf[K] {
  return object.kind === kind
}

const trimmers: { readonly [K in Kind]?: (object: ObjectOf[K]) => void } = {
  EndpointSlice: trimEndpointSlice,
  Namespace: trimNamespace,
  Pod: trimPod,
  CustomResourceDefinition: trimDefinition,
}

// Annotations of a slice hold the time of its last change, its endpoints the zone, the node and the Pod: no rule reads them.
function trimEndpointSlice(slice: V1EndpointSlice): void {
  delete slice.metadata?.annotations
  for (const endpoint of slice.endpoints ?? []) keepFields(endpoint, ['addresses', 'conditions'])
}

function trimNamespace(namespace: V1Namespace): void {
  delete namespace.spec
  delete namespace.status
}

// We made the Pod's template: what counts here is how the Pod is doing.
function trimPod(pod: V1Pod): void {
  delete pod.spec
}

// Schemas are large; what counts here is said by the annotations.
function trimDefinition(definition: KubernetesObject): void {
  keepFields(definition, ['apiVersion', 'kind', 'metadata'])
}

function trimMetadata(metadata: V1ObjectMeta): void {
  keepFields(metadata, [
    'name',
    'namespace',
    'uid',
    'generation',
    'labels',
    'annotations',
    'creationTimestamp',
    'deletionTimestamp',
    'resourceVersion',
    'ownerReferences',
  ])
  delete metadata.annotations?.['kubectl.kubernetes.io/last-applied-configuration']
  if (Object.keys(metadata.annotations ?? {}).length === 0) delete metadata.annotations
}

function keepFields<T extends object>(object: T, fields: readonly (keyof T & string)[]): void {
  const kept: readonly string[] = fields
  for (const field of Object.keys(object)) if (!kept.includes(field)) Reflect.deleteProperty(object, field)
}
