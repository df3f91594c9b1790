import { expect } from 'chai'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { spread } from './figures.ts'
import type { Machine } from './machine.ts'
import { mergeReport, readReport, type SectionReport, tableOf, writeReport } from './report.ts'

const machine: Machine = {
  cpu: 'some',
  cores: 2,
  memory_gib: 4,
  kernel: '6',
  kubernetes: 'v1',
  haproxy: '3',
  node: 'v24',
  operator: '1',
}
const section = (mean: number): SectionReport => ({ date: '2026-01-31', mean_ms: mean, rows: [] })

describe('report of the benchmark', () => {
  const folder = mkdtempSync(join(tmpdir(), 'report-'))
  const file = join(folder, 'latest.json')
  after(() => rmSync(folder, { recursive: true }))

  it('keeps the sections that did not run, in the order in which they run', () => {
    writeReport(mergeReport(machine, new Map([['start', section(1)]]), file), file)
    writeReport(mergeReport(machine, new Map([['propagation', section(2)]]), file), file)
    const report = readReport(file)
    expect(Object.keys(report ?? {})).to.deep.equal(['date', 'machine', 'propagation', 'start'])
    expect(report?.start).to.deep.equal(section(1))
  })

  it('a section that failed does not keep the figures of an earlier run', () => {
    const failed: SectionReport = { date: '2026-01-31', error: 'no answer', rows: [] }
    writeReport(mergeReport(machine, new Map([['start', failed]]), file), file)
    expect(readReport(file)?.start).to.deep.equal(failed)
  })

  it('its table says which bars were missed, and nothing where there is no bar', () => {
    const rows = [
      { what: 'mean', value: '9 ms', bar: '≤ 10 ms', met: true },
      { what: 'slowest', value: '41 ms', bar: '≤ 40 ms', met: false },
      { what: 'samples', value: '100', bar: '' },
    ]
    expect(tableOf(rows).split('\n')).to.deep.equal([
      '  mean      9 ms  ≤ 10 ms  met',
      '  slowest  41 ms  ≤ 40 ms  MISSED',
      '  samples    100',
    ])
  })

  it('spreads are of all values', () => {
    const values = Array.from({ length: 100 }, (_, n) => 100 - n)
    expect(spread(values)).to.deep.equal({
      mean_ms: 50.5,
      median_ms: 51,
      p90_ms: 91,
      p99_ms: 100,
      max_ms: 100,
      samples: 100,
    })
  })
})
