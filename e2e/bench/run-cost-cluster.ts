// What `run-cost.ts` measures with: a cluster of so many routes, as objects.

import { controllerName } from '../../operator/model/kinds.ts'
import type { KubernetesObject } from '../../operator/model/kubernetes.ts'
import { tlsSecret } from '../../operator/translate/testing/objects.ts'

export const routesPerService = 10
export const listenersPerSet = 2

export const namespace = 'shop'
const gatewayApi = 'gateway.networking.k8s.io/v1'

function withSpec(kind: string, name: string, spec: object): KubernetesObject {
  const metadata = kind === 'GatewayClass' ? { name } : { name, namespace, generation: 1, uid: `uid-${name}` }
  return Object.assign({ apiVersion: gatewayApi, kind, metadata }, { spec })
}

/** How many of what; without sets all routes are the Gateway's. */
export type Size = {
  readonly routes: number
  readonly hosts: number
  readonly sets: number
  /** Among which the routes are divided when there are no sets; 1 by default. */
  readonly gateways?: number
  /** Each set has a certificate, and its listeners are for HTTPS. */
  readonly certificates?: boolean
}

export function route(
  n: number,
  { routes, hosts, sets, gateways = 1 }: Size,
  more: { readonly path?: string; readonly to?: string } = {},
) {
  const { path = hosts === routes ? '/' : `/r${n}`, to = `s${Math.floor(n / routesPerService)}` } = more
  return withSpec('HTTPRoute', `r${n}`, {
    parentRefs: [
      sets === 0 ? { name: gatewayName(n % gateways) } : { kind: 'ListenerSet', name: `l${(n % hosts) % sets}` },
    ],
    hostnames: [`h${n % hosts}.example.com`],
    rules: [{ matches: [{ path: { type: 'PathPrefix', value: path } }], backendRefs: [{ name: to, port: 8080 }] }],
  })
}

// Its listeners have the hostnames of its routes.
export function listenerSet(n: number, size: Size, more: readonly string[] = []): KubernetesObject {
  const own = Array.from({ length: listenersPerSet }, (_, at) => `h${n + at * size.sets}.example.com`)
  const listeners = [...own, ...more].map((hostname, at) => ({
    name: `http${at}`,
    hostname,
    ...(size.certificates === true
      ? { port: 443, protocol: 'HTTPS', tls: { certificateRefs: [{ name: `c${n}` }] } }
      : { port: 80, protocol: 'HTTP' }),
  }))
  return withSpec('ListenerSet', `l${n}`, { parentRef: { name: 'web' }, listeners })
}

export function service(name: string): KubernetesObject {
  return Object.assign(withSpec('Service', name, { ports: [{ port: 8080, targetPort: 8080 }] }), { apiVersion: 'v1' })
}

export function endpointSlice(name: string, n: number, addresses = 2): KubernetesObject {
  const endpoints = Array.from({ length: addresses }, (_, at) => ({
    addresses: [`10.${(n >> 8) & 255}.${n & 255}.${at + 1}`],
    conditions: { ready: true },
  }))
  const metadata = { name: `${name}-x`, namespace, labels: { 'kubernetes.io/service-name': name } }
  return Object.assign(
    { apiVersion: 'discovery.k8s.io/v1', kind: 'EndpointSlice', metadata },
    { addressType: 'IPv4', ports: [{ name: '', port: 8080, protocol: 'TCP' }], endpoints },
  )
}

/** The Gateway; `more` is for its listener. */
export function gatewayWith(
  more: { readonly hostname?: string; readonly port?: number } = {},
  n = 0,
): KubernetesObject {
  return withSpec('Gateway', gatewayName(n), {
    gatewayClassName: 'haproxy',
    allowedListeners: { namespaces: { from: 'Same' } },
    listeners: [{ name: 'http', port: 80, protocol: 'HTTP', ...more }],
  })
}

function gatewayName(n: number): string {
  return n === 0 ? 'web' : `web${n}`
}

/** Gateways with everything that belongs to them. */
export function cluster(size: Size): readonly KubernetesObject[] {
  const { routes, sets, gateways = 1, certificates = false } = size
  const services = Array.from({ length: Math.ceil(routes / routesPerService) }, (_, n) => n)
  return [
    withSpec('GatewayClass', 'haproxy', { controllerName }),
    ...Array.from({ length: gateways }, (_, n) => gatewayWith({}, n)),
    { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } },
    ...services.flatMap((n) => [service(`s${n}`), endpointSlice(`s${n}`, n)]),
    ...(certificates ? Array.from({ length: sets }, (_, n) => tlsSecret(`${namespace}/c${n}`)) : []),
    ...Array.from({ length: sets }, (_, n) => listenerSet(n, size)),
    ...Array.from({ length: routes }, (_, n) => route(n, size)),
  ]
}
