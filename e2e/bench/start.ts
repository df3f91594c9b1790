// How long a starting operator takes to know the whole cluster, and how much memory it holds then.

import { z } from 'zod'

import { kubectl, systemNamespace } from '../lib/cluster.ts'
import { eventually } from '../lib/eventually.ts'
import { metric, operatorMetrics } from '../lib/operator-metrics.ts'
import { quantile, rounded } from './figures.ts'
import { restartOperator } from './operator.ts'
import type { Section, SectionResult } from './section.ts'
import { removeWorld, worldWith } from './world.ts'

export const start: Section = {
  name: 'start',
  title: 'the operator’s start',
  close: removeWorld,
  run: async (options) => {
    const routes = options.short ? 200 : 5_000
    await worldWith(routes, options)
    const starts: Start[] = []
    for (let n = 0; n < (options.short ? 1 : 3); n++) {
      starts.push(await measureStart())
      options.say(`started in ${starts.at(-1)?.syncedSeconds} s`)
    }
    return resultOf(routes, starts)
  },
}

function resultOf(routes: number, starts: readonly Start[]): SectionResult {
  const median = (of: (start: Start) => number): number => quantile(starts.map(of), 0.5)
  const synced = median((one) => one.syncedSeconds)
  const firstRun = median((one) => one.firstRunMilliseconds)
  const rss = Math.max(...starts.map((one) => one.rssMebibytes))
  const what = `start with ${routes.toLocaleString('en')} routes to the end of the first run`
  return {
    figures: { routes, starts: starts.length, synced_s: synced, first_run_ms: firstRun, operator_mib: rss },
    rows: [
      { what, value: `${synced} s`, bar: '' },
      { what: '  that run', value: `${firstRun} ms`, bar: '' },
      { what: '  memory (RSS) after it', value: `${rss} MiB`, bar: '' },
    ],
  }
}

type Start = {
  /** From the start of the process to the end of its first complete run. */
  readonly syncedSeconds: number
  readonly firstRunMilliseconds: number
  readonly rssMebibytes: number
}

const lineShape = z.object({ message: z.string(), timestamp: z.string(), milliseconds: z.number().optional() })

async function measureStart(): Promise<Start> {
  const name = await restartOperator()
  const firstRun = await eventually('its first run', async () => {
    const log = await kubectl(['-n', systemNamespace, 'logs', name])
    const found = log
      .split('\n')
      .flatMap((line) => (line.startsWith('{') ? (lineShape.safeParse(JSON.parse(line)).data ?? []) : []))
      .find(({ message }) => message === 'run')
    if (!found) throw new Error('no line "run" in the log')
    return found
  })
  const metrics = await operatorMetrics()
  const started = metric(metrics, 'process_start_time_seconds')
  return {
    // prom-client knows the start in whole seconds only: half a second too much or too little.
    syncedSeconds: rounded(Date.parse(firstRun.timestamp) / 1_000 - started, 2),
    firstRunMilliseconds: Math.round(firstRun.milliseconds ?? Number.NaN),
    rssMebibytes: rounded(metric(metrics, 'process_resident_memory_bytes') / 2 ** 20),
  }
}
