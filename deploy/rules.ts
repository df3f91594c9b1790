// What the operator may do, derived from the kinds it reads and writes: a kind that gets a row gets its permissions.

import { kinds, type KindRow } from '../operator/model/kinds.ts'
import { eventKind, writtenKinds } from '../operator/push/kube-objects.ts'

export type Rule = {
  readonly apiGroups: readonly string[]
  readonly resources: readonly string[]
  readonly verbs: readonly string[]
}
type Grant = { readonly group: string; readonly resource: string; readonly verbs: readonly string[] }

const read = ['get', 'list', 'watch']
/** Server-side apply is a patch, and a create where there is nothing yet; list finds what an earlier operator left behind. */
const write = ['create', 'delete', 'get', 'list', 'patch']
const gatewayApi = 'gateway.networking.k8s.io'

/** Permissions on kinds that have no namespace. */
export function clusterRules(): readonly Rule[] {
  // For the finalizer of classes that Gateways use.
  const finalizers = { group: gatewayApi, resource: kinds.GatewayClass.plural, verbs: ['patch'] }
  return toRules([...grantsOfKinds((row) => !row.namespaced), finalizers])
}

/** Permissions in every namespace that the operator looks at, its own among them. */
export function namespacedRules(): readonly Rule[] {
  const written = Object.values(writtenKinds).map(({ group, plural }) => ({ group, resource: plural, verbs: write }))
  // The same again is another occurrence of the Event that is there.
  const events = { group: eventKind.group, resource: eventKind.plural, verbs: ['create', 'patch'] }
  return toRules([...grantsOfKinds((row) => row.namespaced), ...written, events])
}

function grantsOfKinds(isMeant: (row: KindRow) => boolean): readonly Grant[] {
  const rows: readonly KindRow[] = Object.values(kinds)
  return rows.filter(isMeant).flatMap((row) => {
    const { group, plural } = row
    const reading = { group, resource: plural, verbs: read }
    return hasOurStatus(row) ? [reading, { group, resource: `${plural}/status`, verbs: ['patch'] }] : [reading]
  })
}

// A ReferenceGrant is the one Gateway API kind without a status.
function hasOurStatus({ group, plural }: KindRow): boolean {
  return group === gatewayApi && plural !== 'referencegrants'
}

// Verbs of one resource add up; resources of one group with the same verbs share a rule. Sorted, so that the file does not jump.
function toRules(grants: readonly Grant[]): readonly Rule[] {
  const byResource = Map.groupBy(grants, ({ group, resource }) => `${group} ${resource}`)
  const merged = [...byResource.values()].flatMap((same) => {
    const [first] = same
    return first === undefined ? [] : [{ ...first, verbs: [...new Set(same.flatMap(({ verbs }) => verbs))].toSorted() }]
  })
  const byVerbs = Map.groupBy(merged, ({ group, verbs }) => `${group} ${verbs.join()}`)
  const rules = [...byVerbs.entries()].toSorted(([a], [b]) => (a < b ? -1 : 1))
  return rules.flatMap(([, same]) => {
    const [first] = same
    if (first === undefined) return []
    return [
      { apiGroups: [first.group], resources: same.map(({ resource }) => resource).toSorted(), verbs: first.verbs },
    ]
  })
}
