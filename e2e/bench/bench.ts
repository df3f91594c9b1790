// make bench: speed, memory and faultlessness as one table against the bars, as docs/benchmarks/latest.json and as a page. Figures are of
// this machine and of this hour. ONLY=propagation,throughput: these sections; LIST=1: their names. Ends with 1 when a section could not be
// measured. SHORT=1: small sizes, for CI, compared with docs/benchmarks/short.json, which WRITE=1 writes.

import { rounded } from './figures.ts'
import { thisMachine } from './machine.ts'
import { writePage } from './page.ts'
import { mergeReport, reportFile, type SectionReport, tableOf, today, writeReport } from './report.ts'
import type { Row, Section, SectionName } from './section.ts'
import { sections } from './sections.ts'
import { judgeShort, type Measured, readShort, shortSections, writeShort } from './short.ts'

const say = (text: string): void => void process.stdout.write(`${text}\n`)

const short = (process.env['SHORT'] ?? '') !== ''
const only = (process.env['ONLY'] ?? '').split(',').filter((name) => name !== '')

function chosenSections(): readonly Section[] {
  const unknown = only.filter((name) => !sections.some((section) => section.name === name))
  if (unknown.length > 0) {
    const names = sections.map(({ name }) => name).join(', ')
    process.stderr.write(`ONLY names ${unknown.join(', ')}, which is no section; there are ${names}.\n`)
    process.exit(2)
  }
  return named(only.length > 0 ? only : short ? shortSections : sections.map(({ name }) => name))
}

function named(names: readonly string[]): readonly Section[] {
  return sections.filter(({ name }) => names.includes(name))
}

async function runSection(section: Section): Promise<SectionReport> {
  const began = performance.now()
  const elapsed = (): string => `${rounded((performance.now() - began) / 1_000)} s`
  say(`\n${section.name}: ${section.title}`)
  try {
    const { figures, rows } = await section.run({ short, say: (text) => say(`  ${elapsed().padStart(8)}  ${text}`) })
    say(`  ${elapsed().padStart(8)}  done`)
    return { date: today(), ...figures, rows }
  } catch (error) {
    const reason = error instanceof Error ? (error.stack ?? error.message) : String(error)
    say(`  ${elapsed().padStart(8)}  FAILED: ${reason}`)
    return { date: today(), error: reason.split('\n')[0] ?? reason, rows: [] }
  }
}

async function closeSection({ name, close }: Section): Promise<void> {
  try {
    await close?.()
  } catch (error) {
    say(`${name} leaves something behind: ${String(error)}`)
  }
}

function rowsOf(section: Section, report: SectionReport): readonly Row[] {
  const failed = { what: '  could not be measured', value: '', bar: '', met: false }
  return [{ what: section.title, value: '', bar: '' }, ...(report.error === undefined ? report.rows : [failed])]
}

async function runAll(chosen: readonly Section[]): Promise<Measured> {
  const machine = await thisMachine()
  say(
    Object.entries(machine)
      .map(([what, value]) => `${what} ${value}`)
      .join(', '),
  )
  const measured = new Map<SectionName, SectionReport>()
  const file = reportFile(short)
  for (const [n, section] of chosen.entries()) {
    const result = await runSection(section)
    measured.set(section.name, result)
    const isLast = !chosen.slice(n + 1).some(({ close }) => close === section.close)
    if (isLast || result.error !== undefined) await closeSection(section)
    // After each, so that an end in the middle loses nothing that was measured.
    writeReport(mergeReport(machine, measured, file), file)
  }
  say(
    `\n${tableOf(chosen.flatMap((section) => rowsOf(section, measured.get(section.name) ?? { date: '', rows: [] })))}`,
  )
  say(`\nwritten to ${file}`)
  return measured
}

if ((process.env['LIST'] ?? '') !== '') {
  for (const { name, title } of sections) say(`${name.padEnd(26)}${title}`)
} else {
  const measured = await runAll(chosenSections())
  const failed = [...measured.values()].filter(({ error }) => error !== undefined).length
  for (const [name, { error }] of measured) if (error !== undefined) say(`${name} could not be measured: ${error}`)
  if (!short) writePage()
  if (!short || only.length > 0) process.exit(failed > 0 ? 1 : 0)
  if ((process.env['WRITE'] ?? '') !== '') {
    writeShort(measured)
    process.exit(0)
  }
  const measureAgain = (names: readonly SectionName[]): Promise<Measured> => runAll(named(names))
  const worse = await judgeShort({ first: measured, committed: readShort(), measureAgain, say })
  process.exit(worse > 0 ? 1 : 0)
}
