import { expect } from 'chai'

import { createProblems } from './routes/problems.ts'
import { parseDuration, translateTimeouts } from './timeouts.ts'

describe('translate/timeouts', () => {
  const durations: readonly (readonly [string, number | undefined])[] = [
    ['0h', 0],
    ['0s', 0],
    ['0h0m0s', 0],
    ['1h', 3_600_000],
    ['500ms', 500],
    ['2h30m', 9_000_000],
    ['10s30m1h', 5_410_000],
    ['100ms200ms300ms', 600],
    ['99999h', 359_996_400_000],
    ['1', undefined],
    ['1m1', undefined],
    ['1d', undefined],
    ['1.5s', undefined],
    ['-1s', undefined],
    ['', undefined],
    ['1h1m1s1ms1h', undefined],
    ['100000s', undefined],
  ]
  for (const [text, milliseconds] of durations)
    it(`reads ${JSON.stringify(text)} as ${milliseconds} ms`, () => {
      expect(parseDuration(text)).to.equal(milliseconds)
    })

  function translated(timeouts: { request?: string; backendRequest?: string } | undefined) {
    const { refuse, problems } = createProblems()
    const result = translateTimeouts(timeouts, 'spec.rules[0].timeouts', refuse)
    return { result, faults: problems.map(({ message }) => message) }
  }

  it('keeps what is missing absent', () => {
    expect(translated(undefined)).to.deep.equal({ result: {}, faults: [] })
    expect(translated({ request: '1s' })).to.deep.equal({ result: { request: 1000 }, faults: [] })
  })

  it('lets any backendRequest stand beside a request that is 0s', () => {
    const { result, faults } = translated({ request: '0s', backendRequest: '1s' })
    expect([result, faults]).to.deep.equal([{ request: 0, backendRequest: 1000 }, []])
  })

  const refused: readonly (readonly [{ request?: string; backendRequest?: string }, string])[] = [
    [{ request: '1s', backendRequest: '2s' }, 'spec.rules[0].timeouts.backendRequest: is longer than request ("1s")'],
    [{ request: 'soon' }, 'spec.rules[0].timeouts.request: "soon" is not a duration'],
    [{ backendRequest: '99999h' }, 'spec.rules[0].timeouts.backendRequest: "99999h" is longer than the 24 days'],
  ]
  for (const [timeouts, beginning] of refused)
    it(`refuses ${JSON.stringify(timeouts)}`, () => {
      const { faults } = translated(timeouts)
      expect(faults).to.have.lengthOf(1)
      expect(faults[0]).to.include(beginning)
    })
})
