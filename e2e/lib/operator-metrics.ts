// What the operator's own metrics say.

import { systemNamespace } from './cluster.ts'
import { operatorPods, podText } from './gateway.ts'

/** Text of the operator's /metrics. */
export async function operatorMetrics(): Promise<string> {
  const [pod] = await operatorPods()
  if (!pod) throw new Error(`no pod of the operator in ${systemNamespace}; make install brings it up.`)
  return podText(systemNamespace, pod.metadata.name, '8080/metrics')
}

/** The value of an unlabelled metric in Prometheus's text format; labelled ones are added up. */
export function metric(text: string, name: string): number {
  const lines = text.matchAll(new RegExp(`^${name}(?:\\{[^}]*\\})? (\\S+)$`, 'gm'))
  return [...lines].reduce((sum, [, value]) => sum + Number(value), 0)
}
