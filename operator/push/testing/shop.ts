// Objects of one Gateway, shop/web, as the API server would hold them.

import type { ObjectOf } from '../../model/kubernetes.ts'
import { gatewayNameLabel, managedByLabel } from '../../model/names.ts'
import type { Workload } from '../../model/proxy-model.ts'
import type { DesiredObject } from '../../model/rendered.ts'
import { Table } from '../../lib/derive.ts'

export const workload: Workload = {
  name: 'web-haproxy',
  namespace: 'shop',
  uid: 'u1',
  className: 'haproxy',
  labels: {},
  annotations: {},
  addresses: [],
  ports: [],
}
export const owned = {
  labels: { [managedByLabel]: 'haproxy-gateway-operator', [gatewayNameLabel]: 'web' },
  ownerReferences: [{ apiVersion: 'gateway.networking.k8s.io/v1', kind: 'Gateway', name: 'web', uid: 'u1' }],
}

export function replicaSet(name: string) {
  return { apiVersion: 'apps/v1', kind: 'ReplicaSet', name, uid: 'r1', controller: true }
}
export const ofOurs = {
  labels: { [gatewayNameLabel]: 'web', 'pod-template-hash': '5d9c' },
  ownerReferences: [replicaSet('web-haproxy-5d9c')],
}

function objectOf(kind: string, apiVersion: string): DesiredObject {
  return { kind, apiVersion, metadata: { name: workload.name, namespace: 'shop', ...owned } }
}
export const deployment = objectOf('Deployment', 'apps/v1')
export const service = objectOf('Service', 'v1')

/** A cluster without any object. */
export function emptySnapshot(): { readonly [K in keyof ObjectOf]: Table<ObjectOf[K]> } {
  return {
    GatewayClass: new Table(),
    Gateway: new Table(),
    HTTPRoute: new Table(),
    ListenerSet: new Table(),
    GRPCRoute: new Table(),
    TLSRoute: new Table(),
    TCPRoute: new Table(),
    UDPRoute: new Table(),
    BackendTLSPolicy: new Table(),
    ReferenceGrant: new Table(),
    Service: new Table(),
    EndpointSlice: new Table(),
    Secret: new Table(),
    ConfigMap: new Table(),
    Namespace: new Table(),
    Deployment: new Table(),
    Pod: new Table(),
    CustomResourceDefinition: new Table(),
  }
}
