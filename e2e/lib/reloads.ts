// Whether and why HAProxy was reloaded. The operator counts for all Gateways together; its log names the pod of each reload.

import { setTimeout as delay } from 'node:timers/promises'
import { z } from 'zod'

import { kubectl, systemNamespace } from './cluster.ts'
import { dataPlanePods, operatorPods, workers } from './gateway.ts'
import { metric, operatorMetrics } from './operator-metrics.ts'

/** Milliseconds: a reload waits for others to join in, and is counted when it has ended. */
const longestReload = 1_500

export type Reloads = {
  readonly count: number
  readonly reasons: Readonly<Record<string, number>>
  /** `POD: CAUSE: REASON; REASON`, as far as the operator's log tells. */
  readonly seen: readonly string[]
}

/**
 * Watches one Gateway's data plane from now on; the function it resolves with tells how many pods were reloaded since. A reload counts unless
 * the log says that it was of another Gateway's pod; a worker that was replaced without the operator having counted a reload is one for the
 * reason `not counted`. Throws in the end when the operator has been started anew, which forgets its counts.
 */
export async function watchReloadsOf(namespace: string, gateway: string): Promise<() => Promise<Reloads>> {
  const began = Date.now()
  const before = await lookAt(namespace, gateway)
  return async () => {
    await delay(longestReload)
    const after = await lookAt(namespace, gateway)
    if (after.operatorStart !== before.operatorStart)
      throw new Error('The operator was started anew while reloads were counted.')
    const grown = new Map(
      [...after.reasons].map(([reason, count]) => [reason, count - (before.reasons.get(reason) ?? 0)]),
    )
    const total = sum(grown)
    const lines = total > 0 ? await reloadLines(began) : []
    const pods = new Set([...before.pods, ...after.pods])
    const own = lines.filter(({ pod }) => pods.has(pod))
    const others = lines.length - own.length
    const counted = total - others
    const reasons = others === 0 ? grown : countBy(own.map(({ cause }) => cause))
    const replaced = after.workers.filter((worker) => !before.workers.includes(worker)).length
    reasons.set('unknown', counted - sum(reasons))
    reasons.set('not counted', replaced - counted)
    return {
      count: Math.max(counted, replaced),
      reasons: Object.fromEntries([...reasons].filter(([, more]) => more > 0)),
      seen: own.map(({ pod, cause, why }) => `${pod}: ${cause}: ${why.join('; ')}`),
    }
  }
}

/** What `watchReloadsOf` tells when there was none. */
export const noReloads: Reloads = { count: 0, reasons: {}, seen: [] }

type Look = {
  readonly operatorStart: number
  readonly reasons: ReadonlyMap<string, number>
  readonly pods: readonly string[]
  readonly workers: readonly string[]
}

async function lookAt(namespace: string, gateway: string): Promise<Look> {
  const serving = await workers(namespace, gateway)
  const pods = await dataPlanePods(namespace, gateway)
  const text = await operatorMetrics()
  return {
    operatorStart: metric(text, 'process_start_time_seconds'),
    reasons: byReason(text),
    pods: pods.map(({ metadata: { name } }) => name),
    workers: serving,
  }
}

function byReason(text: string): ReadonlyMap<string, number> {
  const counts = new Map<string, number>()
  for (const [, labels = '', value] of text.matchAll(/^haproxy_gateway_reloads_total\{([^}]*)\} (\S+)$/gm)) {
    const reason = /reason="([^"]*)"/.exec(labels)?.[1] ?? 'unknown'
    counts.set(reason, (counts.get(reason) ?? 0) + Number(value))
  }
  return counts
}

type Line = { readonly pod: string; readonly cause: string; readonly why: readonly string[] }

const lineShape = z.object({
  message: z.literal('HAProxy reloaded'),
  timestamp: z.string(),
  pod: z.string(),
  cause: z.string(),
  reasons: z.array(z.string()),
})

async function reloadLines(since: number): Promise<readonly Line[]> {
  const [operator] = await operatorPods()
  if (!operator) return []
  const from = `--since-time=${new Date(since - 1_000).toISOString()}`
  const text = await kubectl(['-n', systemNamespace, 'logs', operator.metadata.name, from])
  const lines = text.split('\n').filter((line) => line.includes('HAProxy reloaded'))
  return lines
    .map((line) => lineShape.parse(JSON.parse(line)))
    .filter(({ timestamp }) => Date.parse(timestamp) >= since)
    .map(({ pod, cause, reasons }) => ({ pod, cause, why: reasons }))
}

function countBy(words: readonly string[]): Map<string, number> {
  const counts = new Map<string, number>()
  for (const word of words) counts.set(word, (counts.get(word) ?? 0) + 1)
  return counts
}

function sum(counts: ReadonlyMap<string, number>): number {
  return [...counts.values()].reduce((all, count) => all + count, 0)
}
