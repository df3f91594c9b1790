import { portName } from '../model/names.ts'
import type { ProxyModel } from '../model/proxy-model.ts'
import type { DesiredObject } from '../model/rendered.ts'
import { metadata, selector } from './metadata.ts'

/**
 * The Service that gives a Gateway its address: one port per accepted listener port, under the same number in the pods.
 *
 * `externalTrafficPolicy: Local`: HAProxy sees the client's address and no node passes connections on to another; only nodes with a
 * pod are offered to the load balancer. An address is asked for only when spec.addresses names exactly one: a Service takes no more.
 */
export function service(proxy: ProxyModel): DesiredObject {
  const [address, ...more] = proxy.workload.addresses
  const balancer = {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: metadata(proxy),
    spec: {
      type: 'LoadBalancer',
      externalTrafficPolicy: 'Local',
      ipFamilyPolicy: 'PreferDualStack',
      ...(address !== undefined && more.length === 0 ? { loadBalancerIP: address } : {}),
      selector: selector(proxy),
      ports: proxy.workload.ports.map((place) => ({
        name: portName(place),
        protocol: place.transport,
        port: place.port,
        targetPort: place.port,
      })),
    },
  }
  return balancer
}
