// docs/benchmarks/README.md with its plots, and the short table in README.md, from docs/benchmarks/latest.json.
// Usage: node e2e/bench/page.ts; `make bench` calls it, and `make current` checks that nothing else wrote these files.

import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

import { repository } from '../lib/cluster.ts'
import { methods } from './page-methods.ts'
import { type Plot, plotsOf } from './page-plots.ts'
import { readReport, type Report, reportFile, type SectionReport } from './report.ts'
import { type Row, type SectionName, sectionNames } from './section.ts'

const [begin, end] = ['<!-- benchmarks: written by e2e/bench/page.ts -->', '<!-- /benchmarks -->']

/** Writes all of it; without a report nothing. */
export function writePage(): void {
  const report = readReport(reportFile(false))
  if (report === undefined) return
  const folder = join(repository, 'docs/benchmarks')
  const plots = plotsOf(report)
  const old = readdirSync(folder).filter((file) => file.endsWith('.svg'))
  for (const file of old) if (!plots.some((plot) => plot.file === file)) rmSync(join(folder, file))
  for (const { file, svg } of plots) writeChanged(join(folder, file), svg)
  writeChanged(join(folder, 'README.md'), pageOf(report, plots))
  const readme = join(repository, 'README.md')
  writeChanged(readme, withTable(readFileSync(readme, 'utf8'), report))
}

/** The page; Markdown. Sections that were not measured are not shown. */
export function pageOf(report: Report, plots: readonly Plot[]): string {
  const sections = measured(report)
  return [
    '# Benchmarks',
    '',
    `${machineOf(report)}. Load, proxies, operator and API server share its cores: figures are to be compared with each other, not with those of other machines.`,
    '`make bench` measures and writes everything here; `ONLY=throughput make bench` one section. The figures themselves: [latest.json](latest.json).',
    '',
    '| | Measured | Bar | |',
    '|---|---|---|---|',
    ...sections.flatMap(({ name, section }) => [
      `| **[${headings(name)}](#${anchorOf(headings(name))})** | | | |`,
      ...withBars(section).map(rowOf),
    ]),
    ...sections.flatMap(({ name, section }) => sectionOf(name, section, plots)),
    '',
  ].join('\n')
}

/** README.md with the bars between its markers; as it was where it has none. */
export function withTable(readme: string, report: Report): string {
  const rows = measured(report).flatMap(({ name, section }) =>
    withBars(section).map((row) => ({ ...row, what: `${headings(name)}: ${row.what.trim()}` })),
  )
  const missed = rows.filter((row) => row.met === false)
  const table = [
    `${machineOf(report)}; ${rows.length - missed.length} of ${rows.length} bars met:`,
    '',
    '| | Measured | Bar | |',
    '|---|---|---|---|',
    ...rows.filter(({ bar }) => bar !== '0').map(rowOf),
  ]
  return readme.replace(new RegExp(`${begin}[^]*?${end}`), () => [begin, ...table, end].join('\n'))
}

type Measured = { readonly name: SectionName; readonly section: SectionReport }

function measured(report: Report): readonly Measured[] {
  return sectionNames.flatMap((name) => {
    const section = report[name]
    return section?.rows === undefined ? [] : [{ name, section }]
  })
}

function headings(name: SectionName): string {
  return methods[name].heading
}

function sectionOf(name: SectionName, section: SectionReport, plots: readonly Plot[]): readonly string[] {
  const own = plots.filter((plot) => plot.section === name)
  const failed = section.error === undefined ? [] : ['', `It could not be measured: ${section.error}`]
  return [
    '',
    `## ${headings(name)}`,
    '',
    methods[name].method,
    ...failed,
    ...own.flatMap(({ file, says }) => ['', `![${says}](${file})`]),
    ...(section.rows.length === 0
      ? []
      : ['', '| | Measured | Bar | |', '|---|---|---|---|', ...section.rows.map(rowOf)]),
    ...(methods[name].notes ?? []).flatMap((note) => ['', note]),
    '',
    `Measured on ${section.date}.`,
  ]
}

function withBars({ rows }: SectionReport): readonly Row[] {
  return rows.filter(({ met }) => met !== undefined)
}

function rowOf({ what, value, bar, met }: Row): string {
  const result = met === undefined ? '' : met ? 'met' : '**missed**'
  return `| ${[what.trim(), value, bar, result].map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`
}

function machineOf({ date, machine }: Report): string {
  const { cpu, cores, memory_gib: memory, kernel, kubernetes, haproxy, node, operator } = machine
  return `${date}, version ${operator}: ${cpu}, ${cores} cores, ${memory} GiB, Linux ${kernel}, Kubernetes ${kubernetes}, HAProxy ${haproxy}, Node.js ${node}`
}

// As GitHub makes them.
function anchorOf(heading: string): string {
  return heading
    .toLowerCase()
    .replaceAll(/[^\w\- ]/g, '')
    .replaceAll(' ', '-')
}

function writeChanged(file: string, text: string): void {
  if (!existsSync(file) || readFileSync(file, 'utf8') !== text) writeFileSync(file, text)
}

if (import.meta.main) writePage()
