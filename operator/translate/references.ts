import { kinds } from '../model/kinds.ts'
import type { Kind, ObjectOf, ReferenceGrant } from '../model/kubernetes.ts'
import { keyFor, type Snapshot, splitKey } from '../model/snapshot.ts'
import { family, Gathering } from '../lib/derive.ts'

import { attempt } from './fault.ts'

/** Who refers: the kind of object that holds the reference, and the namespace it stands in. */
export type Referrer = { readonly group: string; readonly kind: string; readonly namespace: string }
/** What is referred to, with the defaults already filled in. */
export type Reference = {
  readonly group: string
  readonly kind: string
  readonly namespace: string
  readonly name: string
}

export type Resolution<T> =
  | { readonly kind: 'found'; readonly object: T }
  | { readonly kind: 'refused'; readonly reason: Refusal; readonly message: string }
export type Refusal = 'RefNotPermitted' | 'InvalidKind' | 'NotFound'

export type References = {
  /**
   * The object of kind `expected` that `to` names, or why the referrer does not get it. The message is a sentence that names the
   * object and the way out; the caller puts the field in front. Permission comes before existence: a namespace that grants nothing
   * reveals nothing. https://gateway-api.sigs.k8s.io/api-types/referencegrant/
   */
  readonly resolve: <K extends Kind>(from: Referrer, to: Reference, expected: K) => Resolution<ObjectOf[K]>
}

/** The only place that decides whether a reference may cross a namespace, and whether what it names exists. Reads are tracked. */
export function createReferences(snapshot: Snapshot): References {
  const permits = createPermits(snapshot)

  function resolve<K extends Kind>(from: Referrer, to: Reference, expected: K): Resolution<ObjectOf[K]> {
    if (to.kind !== expected || to.group !== kinds[expected].group) return invalidKind(to, expected)
    if (kinds[expected].namespaced && from.namespace !== to.namespace && !permits(from, to))
      return notPermitted(from, to)
    const key = kinds[expected].namespaced ? keyFor(to.namespace, to.name) : to.name
    const object = snapshot[expected].get(key)
    if (object !== undefined) return { kind: 'found', object }
    return {
      kind: 'refused',
      reason: 'NotFound',
      message: `${to.kind} ${key} does not exist; create it or correct the reference.`,
    }
  }

  return { resolve }
}

// Grants stand in buckets by where they are and whom they trust; one derivation per question, so that a grant which
// changes no answer disturbs no referrer.
function createPermits(snapshot: Snapshot): (from: Referrer, to: Reference) => boolean {
  const grants = new Gathering(snapshot.ReferenceGrant, (key) => {
    const grant = snapshot.ReferenceGrant.get(key)
    if (grant === undefined) return []
    // A grant that cannot be read permits nothing.
    return attempt(
      () => permissionsOf(splitKey(key).namespace, grant),
      () => [],
    )
  })
  const answer = family((question) => {
    const [trust = '', group, kind, name] = question.split('\n')
    return grants
      .bucket(trust)
      .some(({ value: targets }) =>
        targets.some(
          (target) => target.group === group && target.kind === kind && (target.name === '' || target.name === name),
        ),
      )
  })
  return (from, to) => answer([trustOf(to.namespace, from), to.group, to.kind, to.name].join('\n'))
}

type Target = { readonly group: string; readonly kind: string; readonly name: string }

// Who is trusted → with what. An empty name means any.
function permissionsOf(namespace: string, { spec }: ReferenceGrant): readonly (readonly [string, readonly Target[]])[] {
  const targets = spec.to.map(({ group, kind, name = '' }): Target => ({ group, kind, name }))
  return spec.from.map((from) => [trustOf(namespace, from), targets] as const)
}

function trustOf(grantNamespace: string, from: Referrer): string {
  return `${grantNamespace} trusts ${from.group}/${from.kind} of ${from.namespace}`
}

function invalidKind(to: Reference, expected: Kind): Resolution<never> {
  const named = to.group === '' ? to.kind : `${to.kind}.${to.group}`
  return {
    kind: 'refused',
    reason: 'InvalidKind',
    message: `${named} ${keyFor(to.namespace, to.name)} is of a kind that is not supported here; refer to a ${expected}.`,
  }
}

function notPermitted(from: Referrer, to: Reference): Resolution<never> {
  return {
    kind: 'refused',
    reason: 'RefNotPermitted',
    message:
      `${to.kind} ${keyFor(to.namespace, to.name)} is in another namespace and no ReferenceGrant there permits it to ` +
      `${from.kind}s of namespace ${from.namespace}; create one in namespace ${to.namespace}.`,
  }
}
