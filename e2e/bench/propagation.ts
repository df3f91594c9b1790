// From the creation of one more HTTPRoute to its first 200.

import { setTimeout as delay } from 'node:timers/promises'
import { Client, request } from 'undici'

import { operatorPods, podText, workers } from '../lib/gateway.ts'
import { systemNamespace } from '../lib/cluster.ts'
import { eventually } from '../lib/eventually.ts'
import { createRoute, deleteRoute, hostOf, namespace } from './fixture.ts'
import { metric, spread, type Spread } from './figures.ts'

const connections = 6
const pollMilliseconds = 3
const patience = 10_000

export type Propagation = {
  readonly milliseconds: Spread
  /** HAProxy workers that were replaced meanwhile: reloads. */
  readonly reloads: number
  /** Derivations computed again per route that came. */
  readonly recomputedPerRoute: number
}

/** Text of the operator's /metrics. */
export async function operatorMetrics(): Promise<string> {
  const [pod] = await operatorPods()
  return podText(systemNamespace, pod?.metadata.name ?? '', '8080/metrics')
}

export async function measurePropagation(address: string, samples: number): Promise<Propagation> {
  const clients = Array.from({ length: connections }, () => new Client(`http://${address}`, { pipelining: 1 }))
  const workersBefore = await workers(namespace, 'many')
  await sample(clients, 'warm')
  const recomputedBefore = metric(await operatorMetrics(), 'haproxy_gateway_recomputed_total')
  const spent: number[] = []
  for (let n = 0; n < samples; n++) {
    spent.push(await sample(clients, `probe${n}`))
    await delay(20 + Math.random() * 30)
  }
  const recomputed = metric(await operatorMetrics(), 'haproxy_gateway_recomputed_total') - recomputedBefore
  const workersAfter = await workers(namespace, 'many')
  await Promise.all(clients.map((client) => client.close()))
  for (const name of ['warm', ...spent.map((_, n) => `probe${n}`)]) await deleteRoute(name)
  return {
    milliseconds: spread(spent),
    reloads: workersAfter.filter((worker) => !workersBefore.includes(worker)).length,
    recomputedPerRoute: Math.round((recomputed / samples) * 10) / 10,
  }
}

// Polls on connections that are open already, so that only the route's way is measured.
async function sample(clients: readonly Client[], name: string): Promise<number> {
  const ending = new AbortController()
  let first: number | undefined
  const poll = async (client: Client): Promise<void> => {
    while (!ending.signal.aborted) {
      const { statusCode, body } = await request(`http://bench/`, {
        dispatcher: client,
        headers: { host: hostOf(name) },
      })
      const at = performance.now()
      await body.dump()
      if (statusCode === 200) first ??= at
      await delay(pollMilliseconds * connections)
    }
  }
  const polls = clients.map(async (client, n) => {
    await delay(n * pollMilliseconds)
    await poll(client)
  })
  await delay(30)
  const began = performance.now()
  try {
    await createRoute(name, 's0')
    const found = await eventually(
      `a 200 for ${name}`,
      async () => {
        if (first === undefined) throw new Error('only other answers')
        return first
      },
      { within: patience, every: 2 },
    )
    return found - began
  } finally {
    ending.abort()
    await Promise.all(polls)
  }
}
