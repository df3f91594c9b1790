import type { Backend, BackendId, BackendTls } from '../../model/proxy-model.ts'
import {
  type Finding,
  type PolicyId,
  type PolicyKind,
  type PolicyReport,
  policyId,
  policyKinds,
  splitPolicyId,
} from '../../model/report.ts'
import type { ObjectKey, Snapshot } from '../../model/snapshot.ts'

import { compareTexts } from '../../lib/compare-texts.ts'
import { family, type Members } from '../../lib/derive.ts'

import { servicePortOf } from '../backend-key.ts'
import { attempt } from '../fault.ts'
import type { References } from '../references.ts'
import { type BackendTlsPlan, createBackendTls } from './backend-tls.ts'
import { mayBeEncrypted } from './encrypted.ts'
import { createTargets, type Targets } from './targets.ts'

/** What policies say of the ports of Services, and what there is to say of the policies. Tracked. */
export type Policies = {
  /** The backend as policies want it. One that may not be connected to has no servers. */
  readonly apply: (backend: Backend) => Backend
  /** Whether connections to a port are encrypted, or should be and fail. */
  readonly encrypts: (service: ObjectKey, portName: string) => boolean
  readonly encryptsBackend: (id: BackendId) => boolean
  readonly targets: (policy: PolicyId) => readonly ObjectKey[]
  readonly findings: (policy: PolicyId) => readonly Finding[]
}

type Kind = { readonly targets: Targets; readonly findings: (policy: ObjectKey) => readonly Finding[] }

/** Every policy is read for itself, and found by what it targets: nothing walks all of them. */
export function createPolicies(snapshot: Snapshot, references: References): Policies {
  const backendTls = createTargets(snapshot, snapshot.BackendTLSPolicy)
  const planOf = createBackendTls(references)
  const plan = family(
    (key): BackendTlsPlan =>
      attempt<BackendTlsPlan>(
        () => {
          const policy = snapshot.BackendTLSPolicy.get(key)
          return policy === undefined ? { findings: [] } : planOf(policy)
        },
        (message) => ({ findings: [{ type: 'Accepted', status: 'False', reason: 'Invalid', message }] }),
      ),
  )
  const portName = family((id) => {
    const { service, port } = servicePortOf(id)
    const ports = snapshot.Service.get(service)?.spec?.ports ?? []
    return ports.find((candidate) => candidate.port === port && (candidate.protocol ?? 'TCP') === 'TCP')?.name ?? ''
  })
  const tlsOf = family((id): BackendTls | 'unusable' | undefined => {
    const policy = backendTls.policyFor(servicePortOf(id).service, portName(id))
    return policy === undefined ? undefined : (plan(policy).tls ?? 'unusable')
  })
  const kinds = {
    BackendTLSPolicy: { targets: backendTls, findings: (key) => plan(key).findings },
  } satisfies Record<PolicyKind, Kind>

  return {
    apply: (backend) => {
      if (!mayBeEncrypted(backend)) return backend
      const tls = tlsOf(backend.id)
      if (tls === undefined) return backend
      return tls === 'unusable' ? { ...backend, servers: [] } : { ...backend, tls }
    },
    encrypts: (service, name) => backendTls.policyFor(service, name) !== undefined,
    encryptsBackend: (id) => backendTls.policyFor(servicePortOf(id).service, portName(id)) !== undefined,
    targets: (id) => {
      const { kind, key } = splitPolicyId(id)
      return kinds[kind].targets.services(key)
    },
    findings: (id) => {
      const { kind, key } = splitPolicyId(id)
      return [...kinds[kind].targets.findings(key), ...kinds[kind].findings(key)]
    },
  }
}

/** Policies of all kinds, as members of one gathering. */
export function policyMembers(snapshot: Snapshot): Members {
  return {
    watchMembers(watcher: (id: PolicyId, present: boolean) => void) {
      for (const kind of policyKinds)
        snapshot[kind].watchMembers((key, present) => watcher(policyId(kind, key), present))
    },
  }
}

type ReportSources = {
  readonly policies: Pick<Policies, 'targets' | 'findings'>
  /** The Gateways of ours that route to a Service and may be told to do it with TLS. */
  readonly gateways: (service: ObjectKey) => readonly ObjectKey[]
}

/** What there is to say about a policy, by id; undefined when no Gateway of ours routes to what it targets. Tracked. */
export function createPolicyReports({ policies, gateways }: ReportSources): (id: PolicyId) => PolicyReport | undefined {
  const report = (id: PolicyId): PolicyReport | undefined => {
    const ancestors = [...new Set(policies.targets(id).flatMap(gateways))].toSorted(compareTexts)
    return ancestors.length === 0
      ? undefined
      : { kind: splitPolicyId(id).kind, ancestors, findings: policies.findings(id) }
  }
  return family((id) =>
    attempt(
      () => report(id),
      () => undefined,
    ),
  )
}
