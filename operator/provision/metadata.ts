import type { V1ObjectMeta } from '../model/kubernetes.ts'
import { managedBy } from '../model/kinds.ts'
import { gatewayClassLabel, gatewayNameLabel, labelValue, managedByLabel } from '../model/names.ts'
import type { ProxyModel } from '../model/proxy-model.ts'
import { splitKey } from '../model/snapshot.ts'

type Labels = Record<string, string>

/**
 * Name, labels, annotations and owner of every object made for a Gateway; Kubernetes removes them with the Gateway.
 * https://gateway-api.sigs.k8s.io/geps/gep-1762/
 */
export function metadata(proxy: ProxyModel): V1ObjectMeta & { name: string; namespace: string } {
  const { workload } = proxy
  return {
    name: workload.name,
    namespace: workload.namespace,
    labels: labels(proxy),
    ...annotations(proxy),
    ownerReferences: [
      {
        apiVersion: 'gateway.networking.k8s.io/v1',
        kind: 'Gateway',
        name: splitKey(proxy.id).name,
        uid: workload.uid,
        controller: true,
      },
    ],
  }
}

/** What the user asked for in spec.infrastructure.labels, and ours, which win. */
export function labels(proxy: ProxyModel): Labels {
  return {
    ...proxy.workload.labels,
    ...selector(proxy),
    [managedByLabel]: managedBy,
    'app.kubernetes.io/name': 'haproxy',
    'app.kubernetes.io/component': 'data-plane',
    'app.kubernetes.io/instance': labelValue(proxy.workload.name),
  }
}

/** spec.infrastructure.annotations, when there are any. */
export function annotations(proxy: ProxyModel): { annotations?: Labels } {
  const given = proxy.workload.annotations
  return Object.keys(given).length === 0 ? {} : { annotations: { ...given } }
}

/** The labels that find the pods. A Deployment's selector can never be changed, so only the Gateway's and its class's names stand here. */
export function selector(proxy: ProxyModel): Labels {
  return {
    [gatewayNameLabel]: labelValue(splitKey(proxy.id).name),
    [gatewayClassLabel]: labelValue(proxy.workload.className),
  }
}
