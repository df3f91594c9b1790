// Why HAProxy was reloaded, as the operator counts it.

import { workers } from '../lib/gateway.ts'
import { metric } from './figures.ts'
import { operatorMetrics } from './operator.ts'

export type Reloads = { readonly count: number; readonly reasons: Readonly<Record<string, number>> }

/** Watches from now on; the function it resolves with tells how many pods were reloaded since, and how many of them for each reason. */
export async function watchReloads(): Promise<() => Promise<Reloads>> {
  const before = await byReason()
  return async () => {
    const after = await byReason()
    const grown = [...after].map(([reason, count]) => ({ reason, more: count - (before.get(reason) ?? 0) }))
    const reasons = grown.filter(({ more }) => more > 0)
    return {
      count: reasons.reduce((sum, { more }) => sum + more, 0),
      reasons: Object.fromEntries(reasons.map(({ reason, more }) => [reason, more])),
    }
  }
}

/**
 * Watches one Gateway's data plane, too: a worker that was replaced without the operator having counted a reload is one for the reason
 * `not counted`. Throws in the end when the operator has been started anew, which forgets its counts.
 */
export async function watchReloadsOf(namespace: string, gateway: string): Promise<() => Promise<Reloads>> {
  const [started, workersBefore] = [await operatorStart(), await workers(namespace, gateway)]
  const watched = await watchReloads()
  return async () => {
    const { count, reasons } = await watched()
    if ((await operatorStart()) !== started)
      throw new Error('The operator was started anew while reloads were counted.')
    const replaced = (await workers(namespace, gateway)).filter((worker) => !workersBefore.includes(worker)).length
    if (replaced <= count) return { count, reasons }
    return { count: replaced, reasons: { ...reasons, 'not counted': replaced - count } }
  }
}

async function operatorStart(): Promise<number> {
  return metric(await operatorMetrics(), 'process_start_time_seconds')
}

async function byReason(): Promise<ReadonlyMap<string, number>> {
  const counts = new Map<string, number>()
  const lines = (await operatorMetrics()).matchAll(/^haproxy_gateway_reloads_total\{([^}]*)\} (\S+)$/gm)
  for (const [, labels = '', value] of lines) {
    const reason = /reason="([^"]*)"/.exec(labels)?.[1] ?? 'unknown'
    counts.set(reason, (counts.get(reason) ?? 0) + Number(value))
  }
  return counts
}
