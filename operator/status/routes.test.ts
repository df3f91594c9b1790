import { expect } from 'chai'
import type { Condition, HTTPRoute } from '../model/kubernetes.ts'
import type { Outcome } from '../model/rendered.ts'
import type { Finding, ParentReport } from '../model/report.ts'
import { judgeRoute } from './routes.ts'

type Parents = NonNullable<HTTPRoute['status']>['parents']

const group = 'gateway.networking.k8s.io'
const ours = 'haproxy-gateway.dev/controller'
const ref = { group, kind: 'Gateway', name: 'web' }
const foreign = { parentRef: ref, controllerName: 'example.com/other', conditions: [condition('Accepted')] }
const stale = { parentRef: { ...ref, name: 'gone' }, controllerName: ours, conditions: [condition('Accepted')] }

function condition(type: string): Condition {
  return { type, status: 'True', reason: 'R', message: '', lastTransitionTime: '2026-01-01T00:00:00Z' }
}

function parent(findings: readonly Finding[] = [], sectionName?: string): ParentReport {
  return { parentRef: { ...ref, ...(sectionName === undefined ? {} : { sectionName }) }, gateway: 'shop/web', findings }
}

/** The parents that are written for a route that has the `present` ones; undefined when nothing is written. */
function judged(
  present: Parents | undefined,
  reported: readonly ParentReport[] | undefined,
  refusals: ReadonlyMap<string, Outcome> = new Map(),
): Parents | undefined {
  const route = {
    kind: 'HTTPRoute' as const,
    metadata: { name: 'cart', namespace: 'shop', generation: 5 },
    ...(present === undefined ? {} : { status: { parents: present } }),
  }
  const report = reported === undefined ? undefined : { kind: 'HTTPRoute' as const, parents: reported }
  const status = judgeRoute({ route, report, refusals, now: new Date('2026-03-01T10:00:00Z') })?.status
  return isPatched(status) ? status.parents : undefined
}

function isPatched(status: unknown): status is { readonly parents: Parents } {
  return typeof status === 'object' && status !== null && 'parents' in status && Array.isArray(status.parents)
}

function told(parents: Parents | undefined, at: number, type: string): string | undefined {
  const found = parents?.[at]?.conditions.find((one) => one.type === type)
  return found === undefined ? undefined : `${found.status}/${found.reason}`
}

describe('status/routes', () => {
  it('accepts each parent and repeats its reference', () => {
    const unresolved: Finding = { type: 'ResolvedRefs', status: 'False', reason: 'BackendNotFound', message: 'Gone.' }
    const parents = judged(undefined, [parent(), parent([unresolved], 'https')])
    expect(parents?.map(({ parentRef, controllerName }) => ({ parentRef, controllerName }))).to.deep.equal([
      { parentRef: ref, controllerName: ours },
      { parentRef: { ...ref, sectionName: 'https' }, controllerName: ours },
    ])
    expect(told(parents, 0, 'Accepted')).to.equal('True/Accepted')
    expect(told(parents, 0, 'ResolvedRefs')).to.equal('True/ResolvedRefs')
    expect(told(parents, 1, 'ResolvedRefs')).to.equal('False/BackendNotFound')
    expect(parents?.[0]?.conditions[0]?.observedGeneration).to.equal(5)
  })

  it('calls a route that is not accepted invalid as a whole, not partially', () => {
    const partly: Finding = {
      type: 'PartiallyInvalid',
      status: 'True',
      reason: 'UnsupportedValue',
      message: 'Dropped.',
    }
    const refused: Finding = { type: 'Accepted', status: 'False', reason: 'NoMatchingParent', message: 'None.' }
    const refusedByHaproxy = new Map([['shop/web', { kind: 'rejected', message: 'No.', addresses: [] } as const]])
    expect(told(judged(undefined, [parent([refused, partly])]), 0, 'PartiallyInvalid')).to.equal(undefined)
    expect(told(judged(undefined, [parent([partly])]), 0, 'PartiallyInvalid')).to.equal('True/UnsupportedValue')
    const late = judged(undefined, [parent([partly])], refusedByHaproxy)
    expect(told(late, 0, 'Accepted')).to.equal('False/UnsupportedValue')
    expect(told(late, 0, 'PartiallyInvalid')).to.equal(undefined)
  })

  it('says PartiallyInvalid only when that was found', () => {
    const partly: Finding = {
      type: 'PartiallyInvalid',
      status: 'True',
      reason: 'UnsupportedValue',
      message: 'One rule.',
    }
    const parents = judged(undefined, [parent(), parent([partly], 'https')])
    expect(told(parents, 0, 'PartiallyInvalid')).to.equal(undefined)
    expect(told(parents, 1, 'PartiallyInvalid')).to.equal('True/UnsupportedValue')
  })

  it('keeps entries of others and drops ours that no longer apply', () => {
    const parents = judged([stale, foreign], [parent()])
    expect(parents?.map(({ controllerName, parentRef }) => `${controllerName} ${parentRef.name}`)).to.deep.equal([
      'example.com/other web',
      `${ours} web`,
    ])
  })

  it('takes our entries out of a route that has no parent of ours any more', () => {
    expect(judged([stale, foreign], undefined)).to.deep.equal([foreign])
    expect(judged([stale], undefined)).to.deep.equal([])
  })

  it('keeps the time of a condition that keeps its status', () => {
    const before = { ...stale, parentRef: ref }
    const [written] = judged([before], [parent()]) ?? []
    expect(written?.conditions.map(({ type, lastTransitionTime }) => `${type} ${lastTransitionTime}`)).to.deep.equal([
      'Accepted 2026-01-01T00:00:00Z',
      'ResolvedRefs 2026-03-01T10:00:00Z',
    ])
  })

  it('has nothing to say of routes of others, nor when the status says it already, in whatever order', () => {
    expect(judged(undefined, undefined)).to.equal(undefined)
    expect(judged([foreign], undefined)).to.equal(undefined)
    const written = judged(undefined, [parent()])
    expect(written).not.to.equal(undefined)
    expect(judged([...(written ?? []), foreign], [parent()])).to.equal(undefined)
  })

  it('never writes more parents than the schema allows', () => {
    const others = Array.from({ length: 31 }, (_, at) => ({ ...foreign, controllerName: `example.com/${at}` }))
    expect(judged(others, [parent(), parent([], 'https')])).to.have.lengthOf(32)
  })
})
