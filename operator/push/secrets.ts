// The Secrets of a proxy: its authority beside the operator; in its own namespace what its pods present, and what new pods start from.

import type { KubeCaller } from '../model/kube-call.ts'
import { managedBy } from '../model/kinds.ts'
import {
  authoritySecretName,
  gatewayClassLabel,
  gatewayNameLabel,
  labelValue,
  managedByLabel,
  pkiSecretName,
  stateSecretName,
} from '../model/names.ts'
import type { Workload } from '../model/proxy-model.ts'
import type { DesiredObject, RenderedConfig } from '../model/rendered.ts'
import { splitKey, type ObjectKey } from '../model/snapshot.ts'
import type { DataPlaneSettings } from '../model/settings.ts'

import { authorityData, newIdentity, podData, readIdentity, renewed, type Identity } from './identity.ts'
import { apply } from './apply.ts'
import { ask, metadataOf, placePath, type Metadata, type Place } from './kube-objects.ts'
import { stateArchive } from './state-archive.ts'

export type Owner = { readonly id: ObjectKey; readonly workload: Workload }

/** Where the Secret with a Gateway's authority stands. */
export function authorityPlace(id: ObjectKey, operatorNamespace: string): Place {
  return { kind: 'Secret', namespace: operatorNamespace, name: authoritySecretName(id) }
}

/** identity: what pods present and trust. state: what new pods start from. */
export type SecretKind = 'identity' | 'state'

/** The Secret of a kind in the Gateway's namespace. */
export function podSecretPlace(kind: SecretKind, { name, namespace }: Workload): Place {
  return { kind: 'Secret', namespace, name: kind === 'identity' ? pkiSecretName(name) : stateSecretName(name) }
}

/** The key of the queue in which a Secret is written and deleted, one after the other. */
export function secretJob(kind: SecretKind, { id, workload }: Owner): string {
  return `${kind} ${id} ${workload.name}`
}

/** The proxy that a key of `secretJob` was made for. */
export function proxyOfJob(job: string): ObjectKey {
  return job.split(' ')[1] ?? ''
}

/** The Gateway's identity: the one the cluster knows, renewed where it is due, or a new one. Written before it is returned. */
export async function ensureIdentity(call: KubeCaller, id: ObjectKey, place: Place, now: Date): Promise<Identity> {
  const path = placePath(place)
  const found = await ask(call, { method: 'GET', path }, 404)
  const known = found.status === 404 ? undefined : readIdentity(found.body)
  const identity = known === undefined ? await newIdentity(id, now) : await renewed(known, id, now)
  if (identity === known) return identity
  const object = authorityObject(id, place, identity)
  // Another operator may be at it too: neither a creation nor a replacement may overwrite what we have not seen.
  if (found.status === 404) {
    const collection = path.slice(0, path.lastIndexOf('/'))
    await ask(call, { method: 'POST', path: collection, contentType: 'application/json', body: object })
  } else {
    const { resourceVersion } = metadataOf(found.body)
    const body = { ...object, metadata: { ...object.metadata, resourceVersion } }
    await ask(call, { method: 'PUT', path, contentType: 'application/json', body })
  }
  return identity
}

function authorityObject(id: ObjectKey, { namespace, name }: Place, identity: Identity) {
  return {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: {
      name,
      namespace,
      labels: { [managedByLabel]: managedBy },
      annotations: { 'haproxy-gateway.dev/gateway': id },
    },
    type: 'Opaque',
    data: authorityData(identity),
  }
}

/** What the pods present and trust. */
export async function applyPodIdentity(
  call: KubeCaller,
  owner: Owner,
  identity: Identity,
  signal: AbortSignal,
): Promise<Metadata> {
  return apply(call, podSecret(owner, pkiSecretName(owner.workload.name), podData(identity)), signal)
}

export type State = {
  readonly rendered: RenderedConfig
  readonly settings: DataPlaneSettings
  /** Of the Secret, if it is known. */
  readonly uid: string | undefined
}

/** What new pods start from, also while the operator is away. */
export async function applyState(call: KubeCaller, owner: Owner, state: State, signal: AbortSignal): Promise<Metadata> {
  const archive = await stateArchive(state.rendered, state.settings)
  const data = { 'state.tar.gz': archive.reveal() }
  return apply(call, podSecret(owner, stateSecretName(owner.workload.name), data), signal, state.uid)
}

type SecretObject = DesiredObject & { readonly type: string; readonly data: Readonly<Record<string, string>> }

function podSecret({ id, workload }: Owner, name: string, data: SecretObject['data']): SecretObject {
  const gateway = splitKey(id).name
  const metadata = {
    name,
    namespace: workload.namespace,
    labels: {
      ...workload.labels,
      [managedByLabel]: managedBy,
      [gatewayNameLabel]: labelValue(gateway),
      [gatewayClassLabel]: labelValue(workload.className),
    },
    annotations: { ...workload.annotations },
    ownerReferences: [
      {
        apiVersion: 'gateway.networking.k8s.io/v1',
        kind: 'Gateway',
        name: gateway,
        uid: workload.uid,
        controller: true,
      },
    ],
  }
  return { apiVersion: 'v1', kind: 'Secret', metadata, type: 'Opaque', data }
}
