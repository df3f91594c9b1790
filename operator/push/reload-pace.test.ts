import { expect } from 'chai'

import { ReloadPace } from './reload-pace.ts'

const timing = { reloadGather: 100, reloadPause: 1000 }
const usual = { cause: 'machine' } as const

describe('reload pace', () => {
  /** How many reloads a pod sees that takes 70 ms for one, and when the last of the changes was loaded. */
  function reloadsOf(changes: readonly number[]): { readonly reloads: number; readonly last: number } {
    const pace = new ReloadPace(timing)
    let [reloads, now, loaded] = [0, 0, -1]
    while (loaded < (changes.at(-1) ?? 0)) {
      const pending = changes.find((at) => at > loaded) ?? 0
      now = Math.max(now, pending)
      for (let due = pace.due(now, usual, true); now < due; due = pace.due(now, usual, true)) now = due
      loaded = now
      now += 70
      pace.ended(now)
      reloads += 1
    }
    return { reloads, last: now }
  }
  const every = (milliseconds: number, count: number) => Array.from({ length: count }, (_, n) => n * milliseconds)

  it('a change waits a moment, for others to join in', () => {
    expect(reloadsOf([0])).to.deep.equal({ reloads: 1, last: 170 })
    expect(reloadsOf(every(5, 20))).to.deep.equal({ reloads: 1, last: 170 })
  })

  it('twenty changes within a second are two reloads', () => {
    expect(reloadsOf(every(50, 20))).to.deep.equal({ reloads: 2, last: 1240 })
  })

  it('changes that do not end are one reload a second', () => {
    expect(reloadsOf(every(100, 300)).reloads).to.be.within(27, 31)
  })

  it('the second of two waits a second at most', () => {
    const { last } = reloadsOf([0, 180])
    expect(last - 180).to.be.lessThan(1000 + 100)
  })

  it('a pod that is not ready, or whose state nobody knows, waits for nothing', () => {
    const pace = new ReloadPace(timing)
    pace.ended(5)
    expect(pace.due(10, usual, false)).to.equal(10)
    expect(pace.due(10, { cause: 'unknown' }, true)).to.equal(10)
  })

  it('a reload that is not needed any more leaves the next its whole moment', () => {
    const pace = new ReloadPace(timing)
    expect(pace.due(0, usual, true)).to.equal(100)
    expect(pace.due(60, usual, true)).to.equal(100)
    pace.notNeeded()
    expect(pace.due(80, usual, true)).to.equal(180)
  })
})
