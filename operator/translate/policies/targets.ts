import type { V1ObjectMeta } from '../../model/kubernetes.ts'
import type { Finding } from '../../model/report.ts'
import { keyFor, type ObjectKey, type Snapshot, splitKey } from '../../model/snapshot.ts'

import { compareTexts } from '../../lib/compare-texts.ts'
import { family, Gathering, type Table } from '../../lib/derive.ts'

import { attempt } from '../fault.ts'
import { timestampOf } from '../timestamps.ts'

/** A policy that is attached to ports of Services of its own namespace. */
export type TargetingPolicy = {
  readonly metadata: V1ObjectMeta
  readonly spec: { readonly targetRefs: readonly TargetRef[] }
}
type TargetRef = {
  readonly group: string
  readonly kind: string
  readonly name: string
  readonly sectionName?: string
}

/** What policies of one kind are attached to. Tracked. */
export type Targets = {
  /** The policy for a port of a Service; an unnamed port has the name `''`. */
  readonly policyFor: (service: ObjectKey, portName: string) => ObjectKey | undefined
  /** The Services that a policy names. */
  readonly services: (policy: ObjectKey) => readonly ObjectKey[]
  /** Which of its targets a policy does not get. */
  readonly findings: (policy: ObjectKey) => readonly Finding[]
}

type Claim = { readonly createdAt: string; readonly policy: ObjectKey }

/**
 * A policy for a named port comes before one for all ports of the Service; of two for the same, the older one, then the one whose
 * namespace/name comes first. https://gateway-api.sigs.k8s.io/reference/spec/#backendtlspolicyspec
 */
export function createTargets(snapshot: Pick<Snapshot, 'Service'>, policies: Table<TargetingPolicy>): Targets {
  const refsOf = (key: ObjectKey): readonly TargetRef[] => policies.get(key)?.spec.targetRefs ?? []
  const claims = new Gathering(policies, (key) =>
    attempt<readonly (readonly [string, Claim])[]>(
      () => {
        const createdAt = timestampOf(policies.get(key)?.metadata.creationTimestamp)
        return refsOf(key)
          .filter(isService)
          .map((ref) => [placeOf(ref, key), { createdAt, policy: key }])
      },
      () => [],
    ),
  )
  const winner = family((place): ObjectKey | undefined => claims.values(place).toSorted(byAge)[0]?.policy)
  return {
    policyFor: (service, portName) =>
      (portName === '' ? undefined : winner(`${service}|${portName}`)) ?? winner(`${service}|`),
    services: (policy) => {
      const refs = refsOf(policy).filter(isService)
      return [...new Set(refs.map(({ name }) => serviceOf(name, policy)))]
    },
    findings: (policy) =>
      refsOf(policy).flatMap((ref, index) => {
        const field = `spec.targetRefs[${index}]`
        if (!isService(ref)) return notAccepted('Invalid', `${field}: ${otherKind(ref)}`)
        const lost = winner(placeOf(ref, policy))
        if (lost !== undefined && lost !== policy) return notAccepted('Conflicted', `${field}: ${conflict(ref, lost)}`)
        const missing = missingTarget(snapshot, ref, policy)
        return missing === undefined ? [] : notAccepted('TargetNotFound', `${field}: ${missing}`)
      }),
  }
}

function isService({ group, kind }: TargetRef): boolean {
  return group === '' && kind === 'Service'
}

function serviceOf(name: string, policy: ObjectKey): ObjectKey {
  return keyFor(splitKey(policy).namespace, name)
}

function placeOf({ name, sectionName = '' }: TargetRef, policy: ObjectKey): string {
  return `${serviceOf(name, policy)}|${sectionName}`
}

function byAge(a: Claim, b: Claim): number {
  return compareTexts(a.createdAt, b.createdAt) || compareTexts(a.policy, b.policy)
}

function notAccepted(reason: string, message: string): readonly Finding[] {
  return [{ type: 'Accepted', status: 'False', reason, message }]
}

function otherKind({ group, kind }: TargetRef): string {
  return `${group === '' ? kind : `${kind}.${group}`} is of a kind that is not supported here; name a Service.`
}

function conflict({ name, sectionName = '' }: TargetRef, winner: ObjectKey): string {
  const target = sectionName === '' ? `Service ${name}` : `port ${sectionName} of Service ${name}`
  return `${target} already has the older policy ${winner}, which applies instead; remove this target from one of the two.`
}

function missingTarget(
  snapshot: Pick<Snapshot, 'Service'>,
  { name, sectionName = '' }: TargetRef,
  policy: ObjectKey,
): string | undefined {
  const key = serviceOf(name, policy)
  const service = snapshot.Service.get(key)
  if (service === undefined) return `Service ${key} does not exist; create it or correct the name.`
  const isThere = sectionName === '' || (service.spec?.ports ?? []).some((port) => port.name === sectionName)
  return isThere ? undefined : `Service ${key} has no port named ${sectionName}; correct sectionName.`
}
