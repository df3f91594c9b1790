// How long the operator does one thing without a break, with 5,000 routes: on the cluster, by its own metrics, and in a process of the bench
// without a cluster, where nothing else takes the processor away.
//
// A block on the clock holds what other programs of the machine took meanwhile; in processor time it is what the operator's own thread did.

import { setTimeout as delay } from 'node:timers/promises'
import { z } from 'zod'

import { httpListener } from '../lib/manifests.ts'
import { metric, operatorMetrics } from '../lib/operator-metrics.ts'
import { runCost } from './change-cost.ts'
import { rounded } from './figures.ts'
import { type Body, inParallel, patch, pathOf, serviceOf } from './fixture.ts'
import { restartOperator } from './operator.ts'
import type { Place } from './probe.ts'
import type { Row, Section, SectionOptions } from './section.ts'
import { removeWorld, rulesTo, worldWith } from './world.ts'

const bar = 20
const prefix = 'haproxy_gateway_event_loop_longest_block'
const sizes = {
  full: { routes: 5_000, single: 200, burst: 1_000 },
  short: { routes: 200, single: 20, burst: 100 },
} as const
type Size = (typeof sizes)[keyof typeof sizes]

/** Milliseconds. */
type Block = { readonly clock_ms: number; readonly processor_ms: number }

export const eventLoop: Section = {
  name: 'event_loop',
  title: 'the longest block of the operator’s event loop',
  close: removeWorld,
  run: async (options) => {
    const size = options.short ? sizes.short : sizes.full
    const phases = await measurePhases(size, options)
    options.say('the same without a cluster')
    const apart = await measureInProcess(size.routes)
    const longest = (of: (block: Block) => number) => Math.max(...Object.values(phases).map(of))
    const [clock, processor] = [longest(({ clock_ms }) => clock_ms), longest(({ processor_ms }) => processor_ms)]
    return {
      figures: {
        routes: size.routes,
        longest_block_ms: clock,
        longest_block_processor_ms: processor,
        phases,
        without_cluster: apart,
      },
      rows: [
        limited(`${size.routes.toLocaleString('en')} routes: longest block, on the clock`, clock),
        limited('  in processor time', processor),
        ...Object.entries(phases).map(([name, block]) => told(`  ${name.replaceAll('_', ' ')}`, block)),
        ...Object.entries(apart).map(([name, block]) => told(`  without a cluster: ${name}`, block)),
      ],
    }
  },
}

type Blocks = Readonly<Record<string, Block>>
const blocksShape = z.record(z.string(), z.object({ longest: z.number(), processor: z.number() }))

async function measureInProcess(routes: number): Promise<Blocks> {
  const blocks = Object.entries(blocksShape.parse(await runCost(routes, '--blocks')))
  return Object.fromEntries(
    blocks.map(([phase, { longest, processor }]) => {
      return [phase, { clock_ms: rounded(longest), processor_ms: rounded(processor) }]
    }),
  )
}

function limited(what: string, value: number): Row {
  return { what, value: `${value} ms`, bar: `≤ ${bar} ms`, met: value <= bar }
}

function told(what: string, { clock_ms, processor_ms }: Block): Row {
  return { what, value: `${clock_ms} ms (${processor_ms} ms of processor)`, bar: '' }
}

async function measurePhases(size: Size, options: SectionOptions): Promise<Blocks> {
  const { place } = await worldWith(size.routes, options)
  options.say('the operator starts anew')
  await restartOperator()
  const start = await longestUntilQuiet()
  options.say('routes change, one after the other')
  const changes_one_by_one = await longestWhile(async () => {
    for (const n of numbers(size.single)) {
      await change(place, n, rulesTo('s0'))
      await delay(20)
    }
  })
  options.say(`${size.burst} routes change at once`)
  const changes_at_once = await longestWhile(() =>
    inParallel(numbers(size.burst), (n) => change(place, n, rulesTo(`s${n % 10}`))),
  )
  options.say('the Gateway changes, and with it what every route is attached to')
  const every_route_touched = await longestWhile(() =>
    changeListener(place, { ...httpListener, hostname: '*.bench.example.com' }),
  )
  await changeListener(place, httpListener)
  await inParallel(numbers(size.burst), (n) => change(place, n, rulesTo(serviceOf(n))))
  return { start, changes_one_by_one, changes_at_once, every_route_touched }
}

function numbers(count: number): readonly number[] {
  return Array.from({ length: count }, (_, n) => n)
}

function change({ namespace }: Place, n: number, rules: readonly Body[]): Promise<void> {
  return patch(pathOf(namespace, 'httproutes', `r${n}`), { spec: { rules } })
}

function changeListener({ namespace, gateway }: Place, listener: Body): Promise<void> {
  return patch(pathOf(namespace, 'gateways', gateway), { spec: { listeners: [listener] } })
}

async function longestWhile(work: () => Promise<void>): Promise<Block> {
  await read()
  await work()
  return longestUntilQuiet()
}

/** Until nothing was written for three seconds, or for a minute: each look at the metrics begins anew. */
async function longestUntilQuiet(): Promise<Block> {
  const end = performance.now() + 60_000
  let longest: Block = { clock_ms: 0, processor_ms: 0 }
  let written = -1
  for (let quiet = 0; quiet < 6 && performance.now() < end; quiet += 1) {
    const now = await read()
    longest = {
      clock_ms: Math.max(longest.clock_ms, now.clock_ms),
      processor_ms: Math.max(longest.processor_ms, now.processor_ms),
    }
    if (now.written !== written) quiet = 0
    written = now.written
    await delay(500)
  }
  return longest
}

async function read(): Promise<Block & { readonly written: number }> {
  const text = await operatorMetrics()
  if (!text.includes(`\n${prefix}_seconds `))
    throw new Error(`The operator has no metric ${prefix}_seconds; make install brings this version.`)
  const milliseconds = (name: string): number => rounded(metric(text, `${prefix}_${name}`) * 1_000)
  return {
    clock_ms: milliseconds('seconds'),
    processor_ms: milliseconds('cpu_seconds'),
    written: metric(text, 'haproxy_gateway_kubernetes_writes_total'),
  }
}
