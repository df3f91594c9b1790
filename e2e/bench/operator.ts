// What the operator's own metrics say. Read outside of what is measured.

import { setTimeout as delay } from 'node:timers/promises'

import { kubectl, systemNamespace } from '../lib/cluster.ts'
import { eventually } from '../lib/eventually.ts'
import { isReady, operatorDeployment, operatorPods, podText } from '../lib/gateway.ts'
import { metric } from './figures.ts'

const quietMilliseconds = 3_000
const mostPatience = 90_000

/** Text of the operator's /metrics. */
export async function operatorMetrics(): Promise<string> {
  const [pod] = await operatorPods()
  if (!pod) throw new Error(`no pod of the operator in ${systemNamespace}; make install brings it up.`)
  return podText(systemNamespace, pod.metadata.name, '8080/metrics')
}

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
