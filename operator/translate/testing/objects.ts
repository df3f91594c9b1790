// Objects for tests, as short as a sentence about them.

import { controllerName } from '../../model/kinds.ts'
import type {
  BackendTLSPolicy,
  Gateway,
  GatewayListener,
  GRPCRoute,
  HTTPRoute,
  ListenerSet,
  KubernetesObject,
  ReferenceGrant,
  TLSRoute,
} from '../../model/kubernetes.ts'
import type { V1ConfigMap, V1EndpointSlice, V1Secret, V1Service } from '../../model/kubernetes.ts'
import { splitKey } from '../../model/snapshot.ts'

import { pem } from './certificates.ts'

const gatewayApi = 'gateway.networking.k8s.io/v1'

export function gatewayClass(name = 'haproxy', more: object = {}): KubernetesObject {
  const spec = { controllerName, ...more }
  return Object.assign({ apiVersion: gatewayApi, kind: 'GatewayClass', metadata: { name } }, { spec })
}

/** Tells the version of the Gateway API that is installed, or nothing about it. */
export function gatewayApiDefinition(version?: string): KubernetesObject {
  const annotations = version === undefined ? {} : { 'gateway.networking.k8s.io/bundle-version': version }
  const metadata = { name: 'gatewayclasses.gateway.networking.k8s.io', annotations }
  return { apiVersion: 'apiextensions.k8s.io/v1', kind: 'CustomResourceDefinition', metadata }
}

export function listener(more: Partial<GatewayListener> = {}): GatewayListener {
  return { name: 'http', port: 80, protocol: 'HTTP', ...more }
}

/** A listener with the certificate of these Secrets of its Gateway's namespace, or of `namespace/name`. */
export function tlsListener(secrets: readonly string[], more: Partial<GatewayListener> = {}): GatewayListener {
  const certificateRefs = secrets.map((secret) => (secret.includes('/') ? splitKey(secret) : { name: secret }))
  return { name: 'https', port: 443, protocol: 'HTTPS', tls: { certificateRefs }, ...more }
}

export function gateway(
  key: string,
  listeners: readonly GatewayListener[] = [listener()],
  more: Partial<Gateway['spec']> = {},
): Gateway {
  return {
    apiVersion: gatewayApi,
    kind: 'Gateway',
    metadata: { ...splitKey(key), uid: `uid-${key}` },
    spec: { gatewayClassName: 'haproxy', listeners, ...more },
  }
}

/** Attached to a Gateway of its namespace, or to `namespace/name`. */
export function listenerSet(
  key: string,
  to: string,
  listeners: readonly GatewayListener[] = [listener()],
  createdAt?: string,
): ListenerSet {
  const parentRef = to.includes('/') ? splitKey(to) : { name: to }
  const created = createdAt === undefined ? {} : { creationTimestamp: new Date(createdAt) }
  return {
    apiVersion: gatewayApi,
    kind: 'ListenerSet',
    metadata: { ...splitKey(key), uid: `uid-${key}`, ...created },
    spec: { parentRef, listeners },
  }
}

type ParentRefs = NonNullable<HTTPRoute['spec']['parentRefs']>

/** Forwards everything to `service:8080` of its namespace. */
export function route(key: string, parentRefs: ParentRefs, more: Partial<HTTPRoute['spec']> = {}): HTTPRoute {
  return {
    apiVersion: gatewayApi,
    kind: 'HTTPRoute',
    metadata: { ...splitKey(key) },
    spec: { parentRefs, rules: [{ backendRefs: [{ name: 'service', port: 8080 }] }], ...more },
  }
}

/** A route for connections or datagrams, to `service:8080` of its namespace. */
export function streamRoute(
  kind: 'TLSRoute' | 'TCPRoute' | 'UDPRoute',
  key: string,
  parentRefs: ParentRefs,
  more: Partial<TLSRoute['spec']> = {},
): KubernetesObject {
  const spec = { parentRefs, rules: [{ backendRefs: [{ name: 'service', port: 8080 }] }], ...more }
  return Object.assign({ apiVersion: gatewayApi, kind, metadata: { ...splitKey(key) } }, { spec })
}

type GrpcRules = NonNullable<GRPCRoute['spec']['rules']>

/** A GRPCRoute with these rules. */
export function grpcRoute(
  key: string,
  parentRefs: ParentRefs,
  {
    createdAt,
    ...spec
  }: { readonly hostnames?: readonly string[]; readonly rules: GrpcRules; readonly createdAt?: string | undefined },
): KubernetesObject {
  const metadata = { ...splitKey(key), ...(createdAt === undefined ? {} : { creationTimestamp: new Date(createdAt) }) }
  return Object.assign({ apiVersion: gatewayApi, kind: 'GRPCRoute', metadata }, { spec: { parentRefs, ...spec } })
}

export function service(key: string): V1Service {
  return { apiVersion: 'v1', kind: 'Service', metadata: splitKey(key), spec: { ports: [{ port: 8080 }] } }
}

export function namespace(name: string, labels: Readonly<Record<string, string>> = {}): KubernetesObject {
  return { apiVersion: 'v1', kind: 'Namespace', metadata: { name, labels } }
}

export function tlsSecret(key: string, certificate: string = pem.server, privateKey: string = pem.serverKey): V1Secret {
  const data = { 'tls.crt': base64(certificate), 'tls.key': base64(privateKey) }
  return { apiVersion: 'v1', kind: 'Secret', type: 'kubernetes.io/tls', metadata: splitKey(key), data }
}

export function configMap(key: string, data: Readonly<Record<string, string>>): V1ConfigMap {
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata: splitKey(key), data: { ...data } }
}

/** Encrypts what goes to `service` of its namespace, trusting ConfigMap `ca`. */
export function backendTlsPolicy(
  key: string,
  { createdAt, ...more }: Partial<BackendTLSPolicy['spec']> & { readonly createdAt?: string } = {},
): BackendTLSPolicy {
  const validation = {
    hostname: 'service.example.com',
    caCertificateRefs: [{ group: '', kind: 'ConfigMap', name: 'ca' }],
  }
  return {
    apiVersion: gatewayApi,
    kind: 'BackendTLSPolicy',
    metadata: { ...splitKey(key), ...(createdAt !== undefined && { creationTimestamp: new Date(createdAt) }) },
    spec: { targetRefs: [{ group: '', kind: 'Service', name: 'service' }], validation, ...more },
  }
}

export function grant(key: string, spec: ReferenceGrant['spec']): ReferenceGrant {
  return { apiVersion: gatewayApi, kind: 'ReferenceGrant', metadata: splitKey(key), spec }
}

function base64(text: string): string {
  return Buffer.from(text).toString('base64')
}

/** Ready endpoints of a Service, at port 8080. */
export function endpointSlice(serviceKey: string, addresses: readonly string[]): V1EndpointSlice {
  const { namespace: space, name } = splitKey(serviceKey)
  return {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    addressType: 'IPv4',
    metadata: { namespace: space, name: `${name}-1`, labels: { 'kubernetes.io/service-name': name } },
    endpoints: [{ addresses: [...addresses], conditions: { ready: true } }],
    ports: [{ port: 8080 }],
  }
}
