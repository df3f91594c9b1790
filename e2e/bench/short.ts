// The short form of `make bench`: ratios within one run, which survive a noisy machine, against those of docs/benchmarks/short.json.
// It fails on one that got 20 % worse; a section that seems so is measured once more before that counts.

import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'

import { repository } from '../lib/cluster.ts'
import { rounded } from './figures.ts'
import type { SectionReport } from './report.ts'
import type { SectionName } from './section.ts'

/** Sections that the short form runs unless it is told others. */
export const shortSections: readonly SectionName[] = ['propagation', 'change_cost', 'throughput']

const file = join(repository, 'docs/benchmarks/short.json')
const tolerated = 1.2

export type Measured = ReadonlyMap<SectionName, SectionReport>
/** By name. 1 is as good as what it is compared with, more is worse. */
export type Ratios = Readonly<Record<string, number>>

type Options = {
  readonly first: Measured
  readonly committed: Ratios
  readonly measureAgain: (names: readonly SectionName[]) => Promise<Measured>
  readonly say: (text: string) => void
}

/** Compares with what is committed. The last line is `N passed, N failed`; returns how many failed. */
export async function judgeShort({ first, committed, measureAgain, say }: Options): Promise<number> {
  const doubtful = shortSections.filter((name) => isDoubtful(name, first.get(name), committed))
  const second: Measured = doubtful.length === 0 ? new Map() : await measureAgain(doubtful)
  const now = bestRatios(first, second)
  const names = [...new Set([...Object.keys(committed), ...Object.keys(now)])]
  const verdicts = names.map((name) => ({ name, ...verdict(now[name], committed[name]) }))
  say('')
  for (const { name, words } of verdicts) say(`  ${name.padEnd(66)}  ${words}`)
  const failed = verdicts.filter(({ isGood }) => !isGood).length
  say(`${verdicts.length - failed} passed, ${failed} failed`)
  return failed
}

/** Makes the ratios of a run those to compare with from now on. Throws when a section was not measured. */
export function writeShort(measured: Measured): void {
  const missing = shortSections.filter((name) => ratiosOf(name, measured.get(name)) === undefined)
  if (missing.length > 0) throw new Error(`${missing.join(', ')} could not be measured; ${file} stays as it is.`)
  writeFileSync(file, `${JSON.stringify(bestRatios(measured, new Map()), null, 2)}\n`)
}

/** Those that are committed; none where there is no such file. */
export function readShort(): Ratios {
  return existsSync(file) ? z.record(z.string(), z.number()).parse(JSON.parse(readFileSync(file, 'utf8'))) : {}
}

function verdict(
  now: number | undefined,
  was: number | undefined,
): { readonly isGood: boolean; readonly words: string } {
  if (now === undefined) return { isGood: false, words: 'NOT MEASURED' }
  if (was === undefined) return { isGood: false, words: `${now}  NEW: SHORT=1 WRITE=1 make bench writes it` }
  const isGood = now <= was * tolerated
  return { isGood, words: `${now}  was ${was}${isGood ? '' : '  WORSE by more than 20 %'}` }
}

function isDoubtful(name: SectionName, report: SectionReport | undefined, committed: Ratios): boolean {
  const ratios = ratiosOf(name, report)
  if (ratios === undefined) return true
  return Object.entries(ratios).some(([ratio, value]) => !verdict(value, committed[ratio]).isGood)
}

// The better of two measurements: noise only makes things worse.
function bestRatios(first: Measured, second: Measured): Ratios {
  const best: Record<string, number> = {}
  for (const measured of [first, second])
    for (const name of shortSections)
      for (const [ratio, value] of Object.entries(ratiosOf(name, measured.get(name)) ?? {}))
        best[ratio] = Math.min(best[ratio] ?? Number.POSITIVE_INFINITY, value)
  return best
}

// ---- what is compared ------------------------------------------------------------------------------------------------------------------

const spreadShape = z.object({ median_ms: z.number() })
const propagationShape = z.object({ post_to_event_ms: spreadShape, event_to_traffic_ms: spreadShape })
const changeCostShape = z.object({
  sizes: z.array(z.object({ routes: z.number(), changes_ms: z.record(z.string(), z.number()) })).min(2),
})
const throughputShape = z.object({
  lines: z.array(z.object({ proxy: z.string(), protocol: z.string(), routes: z.number(), cpu_ratio: z.number() })),
})

/** What counts of a section's figures; undefined when it was not measured. */
export function ratiosOf(name: SectionName, report: SectionReport | undefined): Ratios | undefined {
  if (name === 'propagation') return propagationRatios(report)
  if (name === 'change_cost') return changeCostRatios(report)
  return throughputRatios(report)
}

function propagationRatios(report: SectionReport | undefined): Ratios | undefined {
  const { data } = propagationShape.safeParse(report)
  if (data === undefined) return undefined
  const ratio = data.event_to_traffic_ms.median_ms / data.post_to_event_ms.median_ms
  return { 'propagation: our part by the API server’s': rounded(ratio, 2) }
}

// Flat is flat: what happens to be cheaper with more routes is no standard for the next run.
function changeCostRatios(report: SectionReport | undefined): Ratios | undefined {
  const { data } = changeCostShape.safeParse(report)
  const [least, biggest] = [data?.sizes[0], data?.sizes.at(-1)]
  if (least === undefined || biggest === undefined) return undefined
  const sum = (costs: Readonly<Record<string, number>>): number => Object.values(costs).reduce((all, ms) => all + ms, 0)
  const ratio = Math.max(1, sum(biggest.changes_ms) / sum(least.changes_ms))
  return { [`change_cost: ${biggest.routes} routes by ${least.routes}`]: rounded(ratio, 2) }
}

// Processor time, not rate: it stays when others use the machine, too.
function throughputRatios(report: SectionReport | undefined): Ratios | undefined {
  const { data } = throughputShape.safeParse(report)
  const own = data?.lines.filter(({ proxy }) => proxy === 'ours')
  return (
    own &&
    Object.fromEntries(
      own.map(({ protocol, routes, cpu_ratio: ratio }) => [
        `throughput: processor time by a hand-written one’s, ${protocol}, ${routes}`,
        rounded(Math.max(1, 1 / ratio), 3),
      ]),
    )
  )
}
