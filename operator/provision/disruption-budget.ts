import type { ProxyModel } from '../model/proxy-model.ts'
import type { DesiredObject } from '../model/rendered.ts'
import { metadata, selector } from './metadata.ts'

/** Draining nodes leaves one pod serving. Pods that are not ready protect nobody, so they may always be evicted. */
export function disruptionBudget(proxy: ProxyModel): DesiredObject {
  const budget = {
    apiVersion: 'policy/v1',
    kind: 'PodDisruptionBudget',
    metadata: metadata(proxy),
    spec: {
      minAvailable: 1,
      selector: { matchLabels: selector(proxy) },
      unhealthyPodEvictionPolicy: 'AlwaysAllow',
    },
  }
  return budget
}
