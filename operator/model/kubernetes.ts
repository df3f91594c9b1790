// The Kubernetes types the operator reads and writes. The Gateway API's are generated from its CRDs (`make types`).
// Objects in a snapshot are slimmed: what no rule reads (managedFields, for one) is not there.

import type {
  V1ConfigMap,
  V1Deployment,
  V1EndpointSlice,
  V1Namespace,
  V1ObjectMeta,
  V1Pod,
  V1Secret,
  V1Service,
} from '@kubernetes/client-node'
import type {
  BackendTLSPolicy,
  Gateway,
  GatewayClass,
  GRPCRoute,
  HTTPRoute,
  ListenerSet,
  ReferenceGrant,
  TCPRoute,
  TLSRoute,
  UDPRoute,
} from './gateway-api.generated.ts'

export type { V1ConfigMap, V1Deployment, V1EndpointSlice, V1ObjectMeta, V1Pod, V1Secret, V1Service }
export type {
  BackendTLSPolicy,
  BackendTLSPolicyStatusAncestor,
  Gateway,
  GatewayClass,
  GatewayListener,
  GatewayStatusListener,
  GRPCRoute,
  GRPCRouteRule,
  GRPCRouteRuleMatch as GRPCMatch,
  HTTPRoute,
  HTTPRouteRule,
  HTTPRouteRuleBackendRef as HTTPBackendRef,
  HTTPRouteRuleBackendRefFilter as HTTPFilter,
  HTTPRouteRuleBackendRefFilterCors as HTTPCors,
  HTTPRouteRuleBackendRefFilterExternalAuth as HTTPExternalAuth,
  GRPCRouteRuleBackendRefFilterRequestMirror as HTTPRequestMirror,
  HTTPRouteRuleBackendRefFilterRequestRedirect as HTTPRequestRedirect,
  HTTPRouteRuleBackendRefFilterUrlRewrite as HTTPUrlRewrite,
  HTTPRouteRuleMatch as HTTPMatch,
  HTTPRouteRuleRetry as HTTPRetry,
  ListenerSet,
  ReferenceGrant,
  TCPRoute,
  TLSRoute,
  UDPRoute,
} from './gateway-api.generated.ts'

/** `metav1.Condition`, as every Gateway API status holds it. */
export type Condition = {
  readonly type: string
  readonly status: 'True' | 'False' | 'Unknown'
  readonly reason: string
  readonly message: string
  readonly observedGeneration?: number
  readonly lastTransitionTime: string
}

/** Any object: what is true of all kinds. */
export type KubernetesObject = {
  readonly apiVersion?: string
  readonly kind?: string
  readonly metadata?: V1ObjectMeta
}

/** Kind → type, for the kinds of model/kinds.ts that a snapshot holds. */
export type ObjectOf = {
  readonly GatewayClass: GatewayClass
  readonly Gateway: Gateway
  readonly ListenerSet: ListenerSet
  readonly HTTPRoute: HTTPRoute
  readonly GRPCRoute: GRPCRoute
  readonly TLSRoute: TLSRoute
  readonly TCPRoute: TCPRoute
  readonly UDPRoute: UDPRoute
  readonly BackendTLSPolicy: BackendTLSPolicy
  readonly ReferenceGrant: ReferenceGrant
  readonly Service: V1Service
  readonly EndpointSlice: V1EndpointSlice
  readonly Secret: V1Secret
  readonly ConfigMap: V1ConfigMap
  readonly Namespace: V1Namespace
  readonly Deployment: V1Deployment
  readonly Pod: V1Pod
  /** Its annotations count here: the version of the Gateway API that is installed. */
  readonly CustomResourceDefinition: KubernetesObject
}
export type Kind = keyof ObjectOf
