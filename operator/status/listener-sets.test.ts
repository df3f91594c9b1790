import { expect } from 'chai'

import type { Condition, ListenerSet } from '../model/kubernetes.ts'
import type { Outcome, StatusPatch } from '../model/rendered.ts'
import type { Finding, ListenerSetReport } from '../model/report.ts'

import { judgeListenerSet } from './listener-sets.ts'

const now = new Date('2026-01-02T00:00:00Z')
const programmed: Outcome = { kind: 'programmed', message: '', addresses: [] }
const attached: ListenerSetReport = {
  gateway: 'shop/web',
  orphaned: false,
  findings: [],
  listeners: [{ name: 'http', findings: [], supportedKinds: [], attachedRoutes: 2 }],
}
const notFound: Finding = { type: 'Accepted', status: 'False', reason: 'ParentNotAccepted', message: 'No Gateway.' }
const orphaned: ListenerSetReport = { gateway: 'shop/web', orphaned: true, findings: [notFound], listeners: [] }

function set(status?: ListenerSet['status']): ListenerSet {
  return {
    apiVersion: 'gateway.networking.k8s.io/v1',
    kind: 'ListenerSet',
    metadata: { namespace: 'shop', name: 'more', generation: 3 },
    spec: { parentRef: { name: 'web' }, listeners: [{ name: 'http', port: 80, protocol: 'HTTP' }] },
    ...(status === undefined ? {} : { status }),
  }
}
function condition(type: string, status: Condition['status']): Condition {
  return { type, status, reason: 'Pending', message: '', lastTransitionTime: '2026-01-01T00:00:00Z' }
}
// As the API server knows it before anybody has looked at it.
const pending = set({ conditions: [condition('Accepted', 'Unknown'), condition('Programmed', 'Unknown')] })

function judge(object: ListenerSet, report: ListenerSetReport, outcome?: Outcome): ListenerSet | undefined {
  const patch = judgeListenerSet({ set: object, report, outcome, now })
  return patch && written(object, patch)
}
function written(object: ListenerSet, { status }: StatusPatch): ListenerSet {
  return Object.assign({}, object, { status })
}
function told(object: ListenerSet | undefined): readonly string[] | undefined {
  return object?.status?.conditions?.map(({ type, status, reason }) => `${type}=${status}/${reason}`)
}

describe('status of a ListenerSet', () => {
  it('is what its Gateway’s data plane made of it, its listeners included', () => {
    const judged = judge(pending, attached, programmed)
    expect(told(judged)).to.deep.equal(['Accepted=True/Accepted', 'Programmed=True/Programmed'])
    const [http] = judged?.status?.listeners ?? []
    expect([http?.name, http?.attachedRoutes]).to.deep.equal(['http', 2])
    expect(http?.conditions.map(({ type, status }) => `${type}=${status}`)).to.deep.equal([
      'Accepted=True',
      'Programmed=True',
      'ResolvedRefs=True',
      'Conflicted=False',
    ])
    expect(judge(judged ?? pending, attached, programmed)).to.equal(undefined)
  })

  it('waits for the data plane', () => {
    expect(told(judge(pending, attached))).to.deep.equal(['Accepted=True/Accepted', 'Programmed=False/Pending'])
  })

  it('without a Gateway takes back what is not true any more, once, and says nothing where nothing was said', () => {
    expect(judge(pending, orphaned)).to.equal(undefined)
    const accepted = judge(pending, attached, programmed) ?? pending
    const judged = judge(accepted, orphaned)
    expect(told(judged)).to.deep.equal(['Accepted=False/ParentNotAccepted', 'Programmed=False/ParentNotProgrammed'])
    expect(judged?.status?.listeners).to.deep.equal([])
    expect(judge(judged ?? pending, orphaned)).to.equal(undefined)
  })
})
