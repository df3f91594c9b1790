// The operator between measurements: started anew, and waited for.

import { setTimeout as delay } from 'node:timers/promises'

import { kubectl, systemNamespace } from '../lib/cluster.ts'
import { eventually } from '../lib/eventually.ts'
import { isReady, operatorDeployment, operatorPods } from '../lib/gateway.ts'
import { metric, operatorMetrics } from '../lib/operator-metrics.ts'

const quietMilliseconds = 3_000
const mostPatience = 90_000

/** Starts the operator anew and waits until it is ready; the name of its pod. */
export async function restartOperator(): Promise<string> {
  const old = new Set((await operatorPods()).map((pod) => pod.metadata.name))
  await kubectl(['-n', systemNamespace, 'rollout', 'restart', await operatorDeployment()])
  return eventually(
    'a new operator is ready',
    async () => {
      const pods = await operatorPods()
      const [pod] = pods
      if (pods.length !== 1 || !pod || !isReady(pod) || old.has(pod.metadata.name)) throw new Error('not yet')
      return pod.metadata.name
    },
    { within: 90_000 },
  )
}

/**
 * Waits until the operator has not written any object or status for some seconds, or as long as one may wait: statuses of thousands of
 * routes come after the routes serve.
 */
export async function untilWritten(): Promise<void> {
  const writes = async (): Promise<number> => metric(await operatorMetrics(), 'haproxy_gateway_kubernetes_writes_total')
  const end = performance.now() + mostPatience
  let known = await writes()
  let since = performance.now()
  while (performance.now() < end && performance.now() - since < quietMilliseconds) {
    await delay(500)
    const now = await writes()
    if (now !== known) since = performance.now()
    known = now
  }
}
