// Objects that a former life of the operator left behind: a Gateway that changed its class while nobody looked is not deleted, so
// Kubernetes does not clean up after it.

import type { KubeCaller } from '../model/kube-call.ts'
import { managedBy } from '../model/kinds.ts'
import { authorityPrefix, gatewayNameLabel, managedByLabel } from '../model/names.ts'
import { keyFor } from '../model/snapshot.ts'
import type { Logger } from '../lib/log.ts'

import {
  ask,
  deleteOurs,
  fieldOf,
  metadataOf,
  pathOf,
  placeText,
  writtenKinds,
  type Place,
  type WrittenKind,
} from './kube-objects.ts'

export type PruneOptions = {
  readonly call: KubeCaller
  readonly operatorNamespace: string
  /** Empty: all. */
  readonly namespaces: readonly string[]
  /** `gateway` is the Gateway's key as its label tells it, for objects beside a Gateway. */
  readonly isWanted: (place: Place, gateway: string) => boolean
  readonly log: Logger
}

/** Deletes every object with our label that nobody wants and that belongs to a Gateway or to the operator itself. */
export async function prune({ call, operatorNamespace, namespaces, isWanted, log }: PruneOptions): Promise<void> {
  for (const kind of ['Deployment', 'PodDisruptionBudget', 'Service', 'ServiceAccount', 'Secret'] as const) {
    const places = namespaces.length === 0 ? [undefined] : [...new Set([...namespaces, operatorNamespace])]
    for (const namespace of places) {
      const found = await listOurs(call, kind, namespace)
      for (const { place, gateway } of found) {
        if (!isPrunable(place, operatorNamespace) || isWanted(place, gateway)) continue
        if (await deleteOurs(call, place, operatorNamespace)) log.info('leftover deleted', { object: placeText(place) })
      }
    }
  }
}

// The operator's own Deployment and Secrets are not ours to judge.
function isPrunable({ kind, namespace, name }: Place, operatorNamespace: string): boolean {
  return namespace !== operatorNamespace || (kind === 'Secret' && name.startsWith(authorityPrefix))
}

type Found = { readonly place: Place; readonly gateway: string }

async function listOurs(call: KubeCaller, kind: WrittenKind, namespace?: string): Promise<readonly Found[]> {
  const path = pathOf(writtenKinds[kind], namespace)
  const selector = encodeURIComponent(`${managedByLabel}=${managedBy}`)
  const found: Found[] = []
  let next = ''
  do {
    const from = next === '' ? '' : `&continue=${encodeURIComponent(next)}`
    const { body } = await ask(call, { method: 'GET', path: `${path}?labelSelector=${selector}&limit=500${from}` })
    const items = fieldOf(body, 'items')
    for (const object of Array.isArray(items) ? items : []) {
      const { namespace: home, name, labels } = metadataOf(object)
      const gateway = keyFor(home, labels.get(gatewayNameLabel) ?? '')
      found.push({ place: { kind, namespace: home, name }, gateway })
    }
    const token = fieldOf(fieldOf(body, 'metadata'), 'continue')
    next = typeof token === 'string' ? token : ''
  } while (next !== '')
  return found
}
