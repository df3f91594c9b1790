import { expect } from 'chai'
import fc from 'fast-check'
import type { Condition } from '../model/kubernetes.ts'
import type { Finding } from '../model/report.ts'
import { complete, no, sameConditions, toConditions, yes } from './conditions.ts'

const now = new Date('2026-03-01T10:00:00.250Z')
const earlier = '2026-01-01T00:00:00Z'

function condition(type: string, changes: Partial<Condition> = {}): Condition {
  return {
    type,
    status: 'True',
    reason: 'R',
    message: 'm',
    observedGeneration: 1,
    lastTransitionTime: earlier,
    ...changes,
  }
}

describe('status/conditions', () => {
  const healthy = [yes('Accepted', 'Accepted', 'fine')]
  const cases: readonly { readonly name: string; readonly findings: readonly Finding[]; readonly expected: Finding }[] =
    [
      {
        name: 'says that all is well when nothing was found',
        findings: [],
        expected: yes('Accepted', 'Accepted', 'fine'),
      },
      {
        name: 'takes the finding instead of the healthy condition',
        findings: [no('Accepted', 'Invalid', 'a.')],
        expected: no('Accepted', 'Invalid', 'a.'),
      },
      {
        name: 'puts the bad news of one type together under the first reason',
        findings: [no('Accepted', 'First', 'a.'), no('Accepted', 'Second', 'b.'), no('Accepted', 'Third', 'a.')],
        expected: no('Accepted', 'First', 'a. b.'),
      },
      {
        name: 'prefers False to True of a type that should be True',
        findings: [yes('Accepted', 'ListenersNotValid', 'a.'), no('Accepted', 'UnsupportedAddress', 'b.')],
        expected: no('Accepted', 'UnsupportedAddress', 'b.'),
      },
      {
        name: 'keeps a True with a reason of its own',
        findings: [yes('Accepted', 'ListenersNotValid', 'a.')],
        expected: yes('Accepted', 'ListenersNotValid', 'a.'),
      },
    ]
  for (const { name, findings, expected } of cases)
    it(name, () => expect(complete(findings, healthy)).to.deep.equal([expected]))

  it('prefers True to False of a type that should be False', () => {
    const findings = [no('Conflicted', 'NoConflicts', 'a.'), yes('Conflicted', 'HostnameConflict', 'b.')]
    expect(complete(findings, [])).to.deep.equal([yes('Conflicted', 'HostnameConflict', 'b.')])
  })

  const times = [
    { before: condition('Accepted', { status: 'True' }), time: earlier },
    { before: condition('Accepted', { status: 'False' }), time: '2026-03-01T10:00:00Z' },
    { before: condition('Programmed', { status: 'True' }), time: '2026-03-01T10:00:00Z' },
  ]
  for (const { before, time } of times)
    it(`gives Accepted=True after ${before.type}=${before.status} the time ${time}`, () => {
      const [written] = toConditions(healthy, [before], { generation: 2, now })
      expect(written).to.deep.equal({
        type: 'Accepted',
        status: 'True',
        reason: 'Accepted',
        message: 'fine',
        observedGeneration: 2,
        lastTransitionTime: time,
      })
    })

  it('keeps conditions of others and drops ours that nobody reports any more', () => {
    const present = [condition('example.com/Seen'), condition('PartiallyInvalid'), condition('Accepted')]
    const types = toConditions(healthy, present, { generation: 1, now }).map(({ type }) => type)
    expect(types).to.deep.equal(['Accepted', 'example.com/Seen'])
  })

  it('cuts a message that the API server would refuse', () => {
    const [written] = toConditions([no('Accepted', 'R', 'x'.repeat(40_000))], [], { generation: 1, now })
    expect(written?.message).to.have.lengthOf(4000)
  })

  const finding = fc.record({
    type: fc.constantFrom('Accepted', 'Programmed', 'ResolvedRefs', 'Conflicted', 'PartiallyInvalid'),
    status: fc.constantFrom('True' as const, 'False' as const),
    reason: fc.constantFrom('A', 'B'),
    message: fc.constantFrom('m', 'n'),
  })

  it('writes each type once, and nothing new the second time', () => {
    fc.assert(
      fc.property(fc.array(finding), fc.date({ noInvalidDate: true }), (findings, later) => {
        const all = complete(findings, healthy)
        const once = toConditions(all, [condition('example.com/Seen')], { generation: 1, now })
        expect(new Set(once.map(({ type }) => type)).size).to.equal(once.length)
        expect(toConditions(all, once, { generation: 1, now: later })).to.deep.equal(once)
        expect(sameConditions(once, once.toReversed())).to.equal(true)
      }),
    )
  })
})
