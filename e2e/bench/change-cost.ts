// What one change costs in the operator's rooms, from the object in the snapshot to the commands for a pod, among
// 100 and up to 40,000 routes. No cluster takes part. Each size is measured in a process of its own, so that none pays for the memory of
// another.

import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'

import type { SizeFigures } from './change-cost-size.ts'
import { rounded } from './figures.ts'
import type { Figures, Row, Section } from './section.ts'

const script = join(import.meta.dirname, 'change-cost-size.ts')
/** As the operator's container has it. */
const nodeFlags = ['--max-semi-space-size=4', '--no-parallel-scavenge']
const longest = 180_000
const routesPerSet = 16
const bar = 1.2

/** Kinds of changes: key in the figures, and in words; with ListenerSets, sixteen routes come and go with each set. */
const routeChanges = {
  route_changed: 'a route changed',
  route_added: 'a route added',
  route_removed: 'a route removed',
  endpoints_changed: 'endpoints changed',
  service_and_route_added: 'a Service and a route for it added',
} as const
const setChanges = {
  route_changed: 'a route changed',
  listener_added: 'a listener added to a set',
  set_added: 'a set of sixteen routes added',
  set_removed: 'a set of sixteen routes removed',
} as const

type Shape = {
  /** In front of the keys of its figures. */
  readonly prefix: string
  readonly words: string
  readonly changes: Readonly<Record<string, string>>
  readonly sizes: readonly number[]
  readonly flags: (routes: number) => readonly string[]
}

function shapesOf(short: boolean): readonly Shape[] {
  const most = short ? 5_000 : 40_000
  const byHost: Shape = {
    prefix: '',
    words: 'a hostname for each route',
    changes: routeChanges,
    sizes: short ? [100, most] : [100, 1_000, 10_000, most],
    flags: () => [],
  }
  const sets = (prefix: string, words: string, more: readonly string[]): Shape => ({
    prefix,
    words,
    changes: setChanges,
    sizes: [100, most],
    flags: (routes) => [...setsOf(routes), ...more],
  })
  return [
    byHost,
    ...(short ? [] : [{ ...byHost, ...cold, sizes: [100, most] }]),
    ...(short ? [] : [sets('listener_sets_', 'ListenerSets', [])]),
    sets('tls_listener_sets_', 'ListenerSets with a certificate each', ['--certificates']),
    ...(short ? [] : [manyGateways]),
  ]
}

// In a cluster much else happens between two changes. The caches take a while to be filled, so there are fewer rounds.
const cold = {
  prefix: 'cold_',
  words: 'a hostname for each route, caches emptied before',
  flags: (): readonly string[] => ['--cold', '--rounds', '60'],
} as const

// Each with two hostnames.
function setsOf(routes: number): readonly string[] {
  const sets = Math.floor(routes / routesPerSet)
  return ['--sets', String(sets), '--hosts', String(2 * sets)]
}

const manyGateways: Shape = {
  prefix: 'gateways_',
  words: 'fifty routes at each Gateway',
  changes: { route_changed: 'a route changed' },
  sizes: [100, 5_000],
  flags: (routes) => ['--gateways', String(routes / 50)],
}

/** `change_cost`: figures in milliseconds by kind of change and number of routes, and their ratios. */
export const changeCost: Section = {
  name: 'change_cost',
  title: 'cost of one change in the operator, 40,000 routes against 100',
  run: async ({ short, say }) => {
    const figures: Record<string, Figures[string]> = {}
    const rows: Row[] = []
    for (const shape of shapesOf(short)) {
      const measured: SizeFigures[] = []
      for (const routes of shape.sizes) {
        measured.push(await measureApart(shape, routes, short))
        say(`${routes} routes, ${shape.words}`)
      }
      const found = resultOf(shape, measured)
      Object.assign(figures, found.figures)
      rows.push(...found.rows)
      if (shape.prefix === '') Object.assign(figures, summaryOf(shape, measured))
    }
    return { figures, rows }
  },
}

/** Of so many ListenerSets with sixteen routes each. */
export function measureSets(sets: number, short: boolean): Promise<SizeFigures> {
  return measureApart({ flags: setsOf }, sets * routesPerSet, short)
}

async function measureApart({ flags }: Pick<Shape, 'flags'>, routes: number, short: boolean): Promise<SizeFigures> {
  const own = ['--routes', String(routes), '--rounds', short ? '100' : '150', ...flags(routes)]
  const { stdout } = await promisify(execFile)(process.execPath, [...nodeFlags, script, ...own], { timeout: longest })
  const figures: SizeFigures = JSON.parse(stdout)
  if (figures.reloads > 0) throw new Error(`${figures.reloads} changes among ${routes} routes took a reload.`)
  return figures
}

// For the page and for the comparison in CI; the ratio is that of the change that the bar is about.
function summaryOf({ changes, sizes }: Shape, measured: readonly SizeFigures[]): Figures {
  const medians = measured.map(({ costs }) =>
    Object.entries(changes).map(([change, what]) => [what, medianOf(costs[change])] as const),
  )
  const [least, biggest] = [measured[0], measured.at(-1)]
  const ratio = medianOf(biggest?.costs['route_changed']) / medianOf(least?.costs['route_changed'])
  return {
    [`ratio_${sizes.at(-1)}_to_${sizes[0]}`]: rounded(ratio, 2),
    sizes: sizes.map((routes, at) => ({ routes, changes_ms: Object.fromEntries(medians[at] ?? []) })),
  }
}

function medianOf(cost: SizeFigures['costs'][string] | undefined): number {
  return rounded(cost?.median ?? Number.NaN, 3)
}

// Arrays are for plots: one value for each size.
function resultOf(
  { prefix, words, changes, sizes }: Shape,
  measured: readonly SizeFigures[],
): { readonly figures: Figures; readonly rows: readonly Row[] } {
  const figures: Record<string, Figures[string]> = {
    [`${prefix}routes`]: sizes,
    [`${prefix}operator_mib`]: measured.map(({ rssMebibytes }) => Math.round(rssMebibytes)),
  }
  const rows = Object.entries(changes).map(([change, what]): Row => {
    const medians = measured.map(({ costs }) => medianOf(costs[change]))
    const means = measured.map(({ costs }) => rounded(costs[change]?.mean ?? Number.NaN, 3))
    const [first = Number.NaN] = medians
    const last = medians.at(-1) ?? Number.NaN
    const ratio = rounded(last / first, 2)
    figures[`${prefix}${change}_ms`] = medians
    figures[`${prefix}${change}_mean_ms`] = means
    for (const [at, routes] of sizes.entries()) figures[`${prefix}${change}_ms_${routes}`] = medians[at] ?? null
    figures[`${prefix}${change}_ratio_${sizes.at(-1)}_to_${sizes[0]}`] = ratio
    return {
      what: `${what}, ${words}: ${(sizes.at(-1) ?? 0).toLocaleString('en')} routes against ${sizes[0]}`,
      value: `${ratio} × (${first} → ${last} ms)`,
      bar: `≤ ${bar} ×`,
      met: ratio <= bar,
    }
  })
  return { figures, rows }
}

/** What `run-cost.ts` says of so many routes, in a process of its own with the memory settings of the operator's container. */
export async function runCost(routes: number, ...more: readonly string[]): Promise<unknown> {
  const program = join(import.meta.dirname, 'run-cost.ts')
  const args = [...nodeFlags, program, '--routes', String(routes), ...more]
  const { stdout } = await promisify(execFile)(process.execPath, args, { maxBuffer: 16 * 1024 * 1024 })
  return JSON.parse(stdout)
}
