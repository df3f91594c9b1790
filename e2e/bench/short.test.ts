import { expect } from 'chai'

import type { SectionReport } from './report.ts'
import { judgeShort, type Measured, type Ratios, ratiosOf } from './short.ts'

const about = { date: '2026-01-31', rows: [] }

function propagation(ours: number): SectionReport {
  return { ...about, post_to_event_ms: { median_ms: 4 }, event_to_traffic_ms: { median_ms: ours } }
}

function changeCost(big: number): SectionReport {
  const size = (routes: number, ms: number) => ({ routes, changes_ms: { 'route changed': ms, 'route added': 1 } })
  return { ...about, sizes: [size(100, 1), size(10_000, big)] }
}

function throughput(ratio: number): SectionReport {
  const line = { protocol: 'http1', routes: 1, cpu_ratio: ratio }
  return {
    ...about,
    lines: [
      { proxy: 'hand_written', ...line, cpu_ratio: 1 },
      { proxy: 'ours', ...line },
    ],
  }
}

function run({ ours = 6, big = 1, ratio = 1 } = {}): Measured {
  return new Map([
    ['propagation', propagation(ours)],
    ['change_cost', changeCost(big)],
    ['throughput', throughput(ratio)],
  ])
}

function ratios(measured: Measured): Ratios {
  return Object.assign({}, ...[...measured].map(([name, report]) => ratiosOf(name, report)))
}

async function judge(first: Measured, second: Measured, committed: Ratios = ratios(run())) {
  const [said, again]: [string[], string[]] = [[], []]
  const failed = await judgeShort({
    first,
    committed,
    measureAgain: async (names) => {
      again.push(...names)
      return second
    },
    say: (text) => said.push(text),
  })
  return { failed, again, last: said.at(-1) }
}

describe('short form of the benchmarks', () => {
  it('takes what is less than 20 % worse, and does not measure again', async () => {
    expect(await judge(run({ ours: 7, big: 1.2, ratio: 0.9 }), new Map())).to.deep.equal({
      failed: 0,
      again: [],
      last: '3 passed, 0 failed',
    })
  })

  it('measures a section again that is more than 20 % worse, and then believes it', async () => {
    const slow = run({ ratio: 0.8 })
    expect(await judge(slow, slow)).to.deep.equal({ failed: 1, again: ['throughput'], last: '2 passed, 1 failed' })
  })

  it('forgives what is not worse the second time', async () => {
    const { failed, again } = await judge(run({ ours: 9, big: 2 }), run())
    expect({ failed, again }).to.deep.equal({ failed: 0, again: ['propagation', 'change_cost'] })
  })

  it('fails on what could not be measured, and on what is compared with nothing', async () => {
    const without: Measured = new Map([...run()].filter(([name]) => name !== 'propagation'))
    expect((await judge(without, without)).last).to.equal('2 passed, 1 failed')
    expect((await judge(run(), run(), {})).last).to.equal('0 passed, 3 failed')
  })

  it('does not take luck as a standard', () => {
    expect(Object.values(ratios(run({ big: 0.5, ratio: 1.3 })))).to.deep.equal([1.5, 1, 1])
  })
})
