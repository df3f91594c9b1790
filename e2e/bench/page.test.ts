import { expect } from 'chai'

import { pageOf, withTable } from './page.ts'
import { plotsOf } from './page-plots.ts'
import type { Report } from './report.ts'
import type { Row } from './section.ts'

const machine = {
  cpu: 'cpu',
  cores: 2,
  memory_gib: 8,
  kernel: '6.1',
  kubernetes: 'v1.34.4',
  haproxy: '3.4.7',
  node: 'v24.0.0',
  operator: '0.1.0',
}
const rows: readonly Row[] = [
  { what: 'mean', value: '9 ms', bar: '≤ 10 ms', met: true },
  { what: '  slowest', value: '<41> ms', bar: '≤ 40 ms', met: false },
  { what: 'median', value: '8 ms', bar: '' },
]
const about = { date: '2026-01-31', rows }
const spread = { mean_ms: 4 }
const propagation = {
  ...about,
  routes: 5_000,
  existing_service_samples_ms: [5, 7, 6],
  new_service_samples_ms: [9, 8],
  post_to_event_ms: spread,
  event_to_traffic_ms: spread,
}
const line = { protocol: 'http1', routes: 1, requests_per_second: 1_000, ratio: 1 }
const report: Report = {
  date: '2026-01-31',
  machine,
  propagation,
  throughput: {
    ...about,
    lines: [
      { proxy: 'ours', ...line },
      { proxy: 'hand_written', ...line },
    ],
  },
}

describe('page of the benchmarks', () => {
  it('shows bars, what was missed, and only sections that were measured', () => {
    const page = pageOf(report, plotsOf(report))
    expect(page).to.include('| mean | 9 ms | ≤ 10 ms | met |')
    expect(page).to.include('| slowest | <41> ms | ≤ 40 ms | **missed** |')
    expect(page.match(/^## .*/gm)).to.deep.equal(['## Propagation', '## Throughput'])
  })

  it('names every plot that there is', () => {
    const plots = plotsOf(report)
    const page = pageOf(report, plots)
    expect(plots.map(({ file }) => page.includes(`](${file})`))).to.not.include(false)
    expect(plots.map(({ file }) => file)).to.include.members(['propagation.svg', 'throughput-ratios.svg'])
  })

  it('draws nothing but finite numbers', () => {
    for (const { svg } of plotsOf(report)) expect(svg).to.not.match(/NaN|Infinity|undefined/)
  })

  it('has no plot of a section in another shape', () => {
    expect(plotsOf({ ...report, propagation: about, throughput: about })).to.deep.equal([])
  })

  it('writes the bars between the markers of README.md and leaves the rest', () => {
    const markers = '<!-- benchmarks: written by e2e/bench/page.ts -->\nold\n<!-- /benchmarks -->'
    const readme = withTable(`before\n${markers}\nafter\n`, report)
    expect(readme).to.match(/^before\n<!--[^]*2 of 4 bars met[^]*<!-- \/benchmarks -->\nafter\n$/)
    expect(readme).to.not.include('old')
    expect(readme).to.not.include('median')
    expect(withTable(readme, report)).to.equal(readme)
  })
})
