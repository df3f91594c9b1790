import type { Kind } from './kubernetes.ts'

/** One row per Kubernetes kind that the operator reads: `watch/` watches it because of its row. */
export type KindRow = {
  readonly group: string
  readonly version: string
  readonly plural: string
  readonly namespaced: boolean
  /** all: every object is kept. referred: only those a derivation asks for. owned: only those with our managed-by label. */
  readonly keep: 'all' | 'referred' | 'owned'
}

const gatewayApi = 'gateway.networking.k8s.io'

export const kinds = {
  GatewayClass: { group: gatewayApi, version: 'v1', plural: 'gatewayclasses', namespaced: false, keep: 'all' },
  Gateway: { group: gatewayApi, version: 'v1', plural: 'gateways', namespaced: true, keep: 'all' },
  ListenerSet: { group: gatewayApi, version: 'v1', plural: 'listenersets', namespaced: true, keep: 'all' },
  HTTPRoute: { group: gatewayApi, version: 'v1', plural: 'httproutes', namespaced: true, keep: 'all' },
  GRPCRoute: { group: gatewayApi, version: 'v1', plural: 'grpcroutes', namespaced: true, keep: 'all' },
  TLSRoute: { group: gatewayApi, version: 'v1', plural: 'tlsroutes', namespaced: true, keep: 'all' },
  TCPRoute: { group: gatewayApi, version: 'v1', plural: 'tcproutes', namespaced: true, keep: 'all' },
  UDPRoute: { group: gatewayApi, version: 'v1', plural: 'udproutes', namespaced: true, keep: 'all' },
  BackendTLSPolicy: {
    group: gatewayApi,
    version: 'v1',
    plural: 'backendtlspolicies',
    namespaced: true,
    keep: 'all',
  },
  ReferenceGrant: { group: gatewayApi, version: 'v1', plural: 'referencegrants', namespaced: true, keep: 'all' },
  Service: { group: '', version: 'v1', plural: 'services', namespaced: true, keep: 'all' },
  EndpointSlice: { group: 'discovery.k8s.io', version: 'v1', plural: 'endpointslices', namespaced: true, keep: 'all' },
  Secret: { group: '', version: 'v1', plural: 'secrets', namespaced: true, keep: 'referred' },
  ConfigMap: { group: '', version: 'v1', plural: 'configmaps', namespaced: true, keep: 'referred' },
  Namespace: { group: '', version: 'v1', plural: 'namespaces', namespaced: false, keep: 'all' },
  Deployment: { group: 'apps', version: 'v1', plural: 'deployments', namespaced: true, keep: 'owned' },
  CustomResourceDefinition: {
    group: 'apiextensions.k8s.io',
    version: 'v1',
    plural: 'customresourcedefinitions',
    namespaced: false,
    keep: 'referred',
  },
  Pod: { group: '', version: 'v1', plural: 'pods', namespaced: true, keep: 'owned' },
} as const satisfies Record<Kind, KindRow>

export const controllerName = 'haproxy-gateway.dev/controller'
export const managedBy = 'haproxy-gateway-operator'
