import type { BackendTLSPolicy, Condition } from '../model/kubernetes.ts'
import { controllerName } from '../model/kinds.ts'
import type { StatusPatch } from '../model/rendered.ts'
import { type PolicyId, policyId, policyKinds, type PolicyReport, type Report, splitPolicyId } from '../model/report.ts'
import { keyOf, type ObjectKey, type Snapshot, splitKey } from '../model/snapshot.ts'
import { joined, memo, settle, settling } from '../lib/derive.ts'
import { follow } from '../lib/followed.ts'
import { Pending } from './pending.ts'
import { complete, sameConditions, toConditions, yes } from './conditions.ts'

/** Every kind of policy has the same status. */
type Policy = Pick<BackendTLSPolicy, 'kind' | 'metadata' | 'status'>
type AncestorRef = NonNullable<BackendTLSPolicy['status']>['ancestors'][number]['ancestorRef']
type Ancestor = {
  readonly ancestorRef: AncestorRef
  readonly controllerName: string
  readonly conditions: readonly Condition[]
}
type Case = {
  readonly policy: Policy
  /** Absent: no Gateway of ours routes to what it targets. */
  readonly report: PolicyReport | undefined
  readonly now: Date
}
type Patch = StatusPatch | undefined
type Inputs = readonly [snapshot: Snapshot, reports: Report['policies'], now: Date]
type Judge = ((...inputs: Inputs) => readonly StatusPatch[]) & {
  readonly preparing: (...inputs: Inputs) => Generator<undefined, undefined>
}

const healthy = [
  yes('Accepted', 'Accepted', 'The policy applies.'),
  yes('ResolvedRefs', 'ResolvedRefs', 'Everything the policy refers to exists and may be used.'),
]
/** As many as the schema of policies allows, those of other controllers included. */
const mostAncestors = 16

/** Judges the statuses of policies that changed, or whose reports did. As `createStatuses` otherwise. */
export function createPolicyStatuses(followed?: Snapshot): Judge {
  let time = new Date(0)
  const pending = new Pending((policy: Policy, report: PolicyReport | undefined) =>
    judgePolicy({ policy, report, now: time }),
  )
  const policiesOf = memo(followPolicies)
  if (followed !== undefined) policiesOf(followed)

  function judge(...[snapshot, reports, now]: Inputs): readonly StatusPatch[] {
    time = now
    const policies = policiesOf(snapshot)
    settle()
    return pending.patches({ objects: policies(), reports })
  }

  function* preparing(...[snapshot, reports, now]: Inputs): Generator<undefined, undefined> {
    time = now
    const policies = policiesOf(snapshot)
    yield* settling()
    yield* pending.steps({ objects: policies(), reports })
  }
  return Object.assign(judge, { preparing })
}

function followPolicies(snapshot: Snapshot): () => ReadonlyMap<PolicyId, Policy> {
  return follow(joined(snapshot, policyKinds, policyId), (id: PolicyId) => {
    const { kind, key } = splitPolicyId(id)
    return snapshot[kind].get(key)
  })
}

/**
 * A patch for a policy, unless its status says everything already. Entries of other controllers stay; our entries for Gateways that do not
 * route to its targets any more go. https://gateway-api.sigs.k8s.io/reference/spec/#policystatus
 */
export function judgePolicy({ policy, report, now }: Case): Patch {
  const present: readonly Ancestor[] = policy.status?.ancestors ?? []
  if (report === undefined && present.length === 0) return undefined
  const foreign = present.filter((ancestor) => ancestor.controllerName !== controllerName)
  const before = present.filter((ancestor) => ancestor.controllerName === controllerName)
  const stamp = { generation: policy.metadata.generation, now }
  const findings = complete(report?.findings ?? [], healthy)
  const ours = (report?.ancestors ?? []).map((gateway): Ancestor => {
    const ancestorRef = refTo(gateway)
    const conditions = before.find((ancestor) => sameAncestor(ancestor.ancestorRef, ancestorRef))?.conditions ?? []
    return { ancestorRef, controllerName, conditions: toConditions(findings, conditions, stamp) }
  })
  const wanted = ours.slice(0, Math.max(0, mostAncestors - foreign.length))
  if (sameAncestors(before, wanted)) return undefined
  return { kind: policy.kind, key: keyOf(policy), status: { ...policy.status, ancestors: [...foreign, ...wanted] } }
}

function refTo(gateway: ObjectKey): AncestorRef {
  return { group: 'gateway.networking.k8s.io', kind: 'Gateway', ...splitKey(gateway) }
}

function sameAncestors(a: readonly Ancestor[], b: readonly Ancestor[]): boolean {
  return (
    a.length === b.length &&
    a.every((ancestor, at) => {
      const other = b[at]
      return (
        other !== undefined &&
        sameAncestor(ancestor.ancestorRef, other.ancestorRef) &&
        sameConditions(ancestor.conditions, other.conditions)
      )
    })
  )
}

function sameAncestor(a: AncestorRef, b: AncestorRef): boolean {
  return a.kind === b.kind && a.group === b.group && a.namespace === b.namespace && a.name === b.name
}
