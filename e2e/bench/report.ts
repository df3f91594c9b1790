// docs/benchmarks/latest.json: what the page, CI and people read. A run of some sections replaces theirs and keeps the others.

import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'

import { repository } from '../lib/cluster.ts'
import type { Machine } from './machine.ts'
import { type Figures, type Row, type SectionName, sectionNames } from './section.ts'

/** The figures of a section under their names; when they were measured; their lines of the table. A section that failed has `error` instead. */
export type SectionReport = Figures & { readonly date: string; readonly rows: readonly Row[]; readonly error?: string }

export type Report = { readonly date: string; readonly machine: Machine } & {
  readonly [name in SectionName]?: SectionReport
}

/** The full form's figures are part of the repository, the short form's are not. */
export function reportFile(short: boolean): string {
  return join(repository, short ? 'dist/benchmarks/short.json' : 'docs/benchmarks/latest.json')
}

/** The report of this run: its sections, and of the others what the file has. */
export function mergeReport(machine: Machine, measured: ReadonlyMap<SectionName, SectionReport>, file: string): Report {
  const kept = readSections(file)
  const sections = sectionNames.flatMap((name) => {
    const section = measured.get(name) ?? kept[name]
    return section === undefined ? [] : [[name, section] as const]
  })
  return { date: today(), machine, ...Object.fromEntries(sections) }
}

/** Day of today, as `2026-01-31`. */
export function today(): string {
  return new Date().toISOString().slice(0, 10)
}

export function writeReport(report: Report, file: string): void {
  mkdirSync(dirname(file), { recursive: true })
  writeFileSync(file, `${JSON.stringify(report, null, 2)}\n`)
}

/** What the file has; undefined where there is none. */
export function readReport(file: string): Report | undefined {
  if (!existsSync(file)) return undefined
  const report: Report = JSON.parse(readFileSync(file, 'utf8'))
  return report
}

function readSections(file: string): Partial<Record<string, SectionReport>> {
  if (!existsSync(file)) return {}
  const sections: Partial<Record<string, SectionReport>> = JSON.parse(readFileSync(file, 'utf8'))
  return sections
}

const met = (row: Row): string => (row.met === undefined ? '' : row.met ? 'met' : 'MISSED')

/** The table for people: what, value, bar, and whether it was met. */
export function tableOf(rows: readonly Row[]): string {
  const columns = rows.map((row) => [row.what, row.value, row.bar, met(row)] as const)
  const width = (column: 0 | 1 | 2): number => Math.max(0, ...columns.map((cells) => cells[column].length))
  return columns
    .map(([what, value, bar, result]) =>
      `  ${what.padEnd(width(0))}  ${value.padStart(width(1))}  ${bar.padEnd(width(2))}  ${result}`.trimEnd(),
    )
    .join('\n')
}
