// How long a starting operator takes to know the whole cluster, and how much memory it holds then.

import { z } from 'zod'

import { kubectl, systemNamespace } from '../lib/cluster.ts'
import { eventually } from '../lib/eventually.ts'
import { operatorDeployment, operatorPods, isReady } from '../lib/gateway.ts'
import { metric } from './figures.ts'
import { operatorMetrics } from './propagation.ts'

export type Start = {
  /** From the start of the process to the end of its first complete run. */
  readonly syncedSeconds: number
  readonly firstRunMilliseconds: number
  readonly rssMegabytes: number
}

const lineShape = z.object({
  message: z.string(),
  timestamp: z.string(),
  milliseconds: z.number().optional(),
  recomputed: z.number().optional(),
})

export async function measureStart(): Promise<Start> {
  const old = new Set((await operatorPods()).map((pod) => pod.metadata.name))
  await kubectl(['-n', systemNamespace, 'rollout', 'restart', await operatorDeployment()])
  const name = await eventually(
    'a new operator is ready',
    async () => {
      const pods = await operatorPods()
      const [pod] = pods
      if (pods.length !== 1 || !pod || !isReady(pod) || old.has(pod.metadata.name)) throw new Error('not yet')
      return pod.metadata.name
    },
    { within: 90_000 },
  )
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
    syncedSeconds: Math.round((Date.parse(firstRun.timestamp) / 1000 - started) * 100) / 100,
    firstRunMilliseconds: Math.round(firstRun.milliseconds ?? Number.NaN),
    rssMegabytes: Math.round(metric(metrics, 'process_resident_memory_bytes') / 1e6),
  }
}
