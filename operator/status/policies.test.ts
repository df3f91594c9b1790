import { expect } from 'chai'

import type { BackendTLSPolicy } from '../model/kubernetes.ts'
import { controllerName } from '../model/kinds.ts'
import type { StatusPatch } from '../model/rendered.ts'
import type { PolicyReport } from '../model/report.ts'
import { judgePolicy } from './policies.ts'

type Ancestor = NonNullable<BackendTLSPolicy['status']>['ancestors'][number]

const now = new Date('2026-01-02T03:04:05.678Z')
const report = (more: Partial<PolicyReport> = {}): PolicyReport => ({
  kind: 'BackendTLSPolicy',
  ancestors: ['shop/web'],
  findings: [],
  ...more,
})

function policy(ancestors: readonly Ancestor[] = [], generation = 3): BackendTLSPolicy {
  const validation = { hostname: 'a.example.com' }
  return {
    apiVersion: 'gateway.networking.k8s.io/v1',
    kind: 'BackendTLSPolicy',
    metadata: { namespace: 'shop', name: 'a', generation },
    spec: { targetRefs: [], validation },
    status: { ancestors },
  }
}

function ancestorsOf(patch: StatusPatch | undefined): readonly Ancestor[] {
  const { status } = patch ?? {}
  const found: unknown = typeof status === 'object' && status !== null && 'ancestors' in status ? status.ancestors : []
  return isAncestors(found) ? found : []
}

function isAncestors(value: unknown): value is readonly Ancestor[] {
  return Array.isArray(value)
}

const foreign = (n: number): Ancestor => ({
  ancestorRef: { group: 'gateway.networking.k8s.io', kind: 'Gateway', namespace: 'shop', name: `g${n}` },
  controllerName: 'example.com/other',
  conditions: [],
})

describe('the status of a policy', () => {
  it('has an entry for each Gateway, with every condition', () => {
    const ancestors = ancestorsOf(judgePolicy({ policy: policy(), report: report({ ancestors: ['a/x', 'b/y'] }), now }))
    expect(
      ancestors.map(({ ancestorRef }) => `${ancestorRef.kind} ${ancestorRef.namespace}/${ancestorRef.name}`),
    ).to.deep.equal(['Gateway a/x', 'Gateway b/y'])
    for (const one of ancestors) {
      expect(one.controllerName).to.equal(controllerName)
      const told = one.conditions.map(({ type, status, reason, observedGeneration }) => [
        type,
        status,
        reason,
        observedGeneration,
      ])
      expect(told).to.deep.equal([
        ['Accepted', 'True', 'Accepted', 3],
        ['ResolvedRefs', 'True', 'ResolvedRefs', 3],
      ])
    }
  })

  it('says nothing where everything is said, and follows the generation', () => {
    const first = ancestorsOf(judgePolicy({ policy: policy(), report: report(), now }))
    const later = new Date('2026-02-02T00:00:00Z')
    expect(judgePolicy({ policy: policy(first), report: report(), now: later })).to.equal(undefined)
    const [next] = ancestorsOf(judgePolicy({ policy: policy(first, 4), report: report(), now: later }))
    expect(next?.conditions.map(({ observedGeneration }) => observedGeneration)).to.deep.equal([4, 4])
    expect(next?.conditions[0]?.lastTransitionTime).to.equal('2026-01-02T03:04:05Z')
  })

  it('goes when no Gateway of ours routes there, and only ours', () => {
    const ours = ancestorsOf(judgePolicy({ policy: policy(), report: report(), now }))
    const both = [foreign(1), ...ours]
    expect(ancestorsOf(judgePolicy({ policy: policy(both), report: undefined, now }))).to.deep.equal([foreign(1)])
    expect(judgePolicy({ policy: policy([foreign(1)]), report: undefined, now })).to.equal(undefined)
    expect(judgePolicy({ policy: policy(), report: undefined, now })).to.equal(undefined)
  })

  it('has sixteen entries at most, those of others included', () => {
    const others = Array.from({ length: 15 }, (_, n) => foreign(n))
    const ancestors = ancestorsOf(
      judgePolicy({ policy: policy(others), report: report({ ancestors: ['a/x', 'b/y'] }), now }),
    )
    expect(ancestors).to.have.length(16)
    expect(ancestors.slice(0, 15)).to.deep.equal(others)
  })
})
