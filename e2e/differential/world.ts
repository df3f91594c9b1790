// A random cluster around one Gateway, as Kubernetes objects that the API server would take. Small alphabets, so that rules collide.

import type {
  Gateway,
  GRPCRoute,
  GatewayListener,
  HTTPRoute,
  KubernetesObject,
  ReferenceGrant,
  TCPRoute,
  TLSRoute,
} from '../../operator/model/kubernetes.ts'
import type { V1EndpointSlice, V1Service } from '../../operator/model/kubernetes.ts'

import { tlsSecret } from '../../operator/translate/testing/objects.ts'

import { grpcRouteAt } from './calls.ts'
import type { Random } from './random.ts'
import { randomRules, randomTargets } from './rules.ts'

export type World = {
  readonly gateway: Gateway
  readonly namespaces: readonly Namespace[]
  readonly services: readonly V1Service[]
  readonly routes: readonly HTTPRoute[]
  readonly grpcRoutes: readonly GRPCRoute[]
  readonly tlsRoutes: readonly TLSRoute[]
  readonly tcpRoutes: readonly TCPRoute[]
  readonly grants: readonly ReferenceGrant[]
  /** These and all that goes with them: the class, and where services have endpoints. */
  readonly objects: readonly KubernetesObject[]
}
export type Namespace = { readonly name: string; readonly labels: Readonly<Record<string, string>> }

/** Services that every world has, by key, and the names of their ports. `empty` has no endpoints. */
export const servicePorts = {
  'shop/one': { web: 80, admin: 8080 },
  'shop/two': { '': 80 },
  'shop/empty': { '': 80 },
  'team/one': { '': 80 },
  'other/four': { '': 80 },
} as const satisfies Record<string, Record<string, number>>

const gatewayApi = 'gateway.networking.k8s.io/v1'
export const gatewayKey = 'shop/web'

type Protocol = 'HTTP' | 'HTTPS' | 'TLS' | 'TCP'
type Ports = {
  /** Where listeners can be. */
  readonly listeners: readonly { readonly port: number; readonly protocol: Protocol }[]
  /** `namespace/service:port` → where it answers. */
  readonly backends: ReadonlyMap<string, number>
}

/** Everything that is random about a world comes from `random`. */
export function randomWorld(random: Random, ports: Ports): World {
  const namespaces = randomNamespaces(random)
  const gateway = randomGateway(random, ports.listeners)
  const services = Object.keys(servicePorts).map(serviceOf)
  // A hostname of a listener can have routes of one of the two kinds, so a world has either.
  const speaksGrpc = random.chance(0.2)
  const routes = speaksGrpc ? [] : random.list(1, 9, (index) => randomRoute(random, gateway, index))
  const grpcRoutes = speaksGrpc
    ? random.list(1, 5, (index) => grpcRouteAt(randomRoute(random, gateway, index), random))
    : []
  const tlsRoutes = random.list(0, 5, (index) => randomTlsRoute(random, gateway, index))
  const tcpRoutes = random.list(0, 2, (index) => randomTcpRoute(random, gateway, index))
  const grants = random.list(0, 4, (index) => randomGrant(random, index))
  const slices = services.flatMap((service) => slicesOf(service, ports.backends))
  const objects = [
    gatewayClass,
    certificate,
    gateway,
    ...namespaces.map(namespaceObject),
    ...services,
    ...slices,
    ...routes,
    ...grpcRoutes,
    ...tlsRoutes,
    ...tcpRoutes,
    ...grants,
  ]
  return { gateway, namespaces, services, routes, grpcRoutes, tlsRoutes, tcpRoutes, grants, objects }
}

const gatewayClass: KubernetesObject = Object.assign(
  { apiVersion: gatewayApi, kind: 'GatewayClass', metadata: { name: 'haproxy' } },
  { spec: { controllerName: 'haproxy-gateway.dev/controller' } },
)

const certificate = tlsSecret('shop/certificate')

function randomNamespaces(random: Random): readonly Namespace[] {
  return ['shop', 'team', 'other'].map((name) => ({
    name,
    labels: random.chance(0.5) ? { stage: random.pick(['live', 'test']) } : {},
  }))
}

function namespaceObject({ name, labels }: Namespace): KubernetesObject {
  return { apiVersion: 'v1', kind: 'Namespace', metadata: { name, labels } }
}

// ---- the Gateway --------------------------------------------------------------------------------------------------------------------

const listenerHostnames = ['', '*.example.com', 'a.example.com', '*.b.example.com', '*.com', 'other.org'] as const

function randomGateway(random: Random, ports: Ports['listeners']): Gateway {
  const listeners = ports.flatMap(({ port, protocol }, at) => {
    const hostnames = protocol === 'TCP' ? [] : random.some(listenerHostnames, 0.4)
    return (hostnames.length === 0 ? [''] : hostnames).map((hostname, index) =>
      randomListener(random, { name: `l${at}-${index}`, port, protocol, hostname }),
    )
  })
  return {
    apiVersion: gatewayApi,
    kind: 'Gateway',
    metadata: { namespace: 'shop', name: 'web', uid: 'web' },
    spec: { gatewayClassName: 'haproxy', listeners },
  }
}

type ListenerPlace = {
  readonly name: string
  readonly port: number
  readonly protocol: Protocol
  readonly hostname: string
}

function randomListener(random: Random, { name, port, protocol, hostname }: ListenerPlace): GatewayListener {
  const namespaces = random.pick<NonNullable<GatewayListener['allowedRoutes']>['namespaces']>([
    undefined,
    { from: 'All' },
    { from: 'All' },
    { from: 'All' },
    { from: 'All' },
    { from: 'All' },
    { from: 'Same' },
    { from: 'Selector', selector: { matchLabels: { stage: 'live' } } },
    { from: 'Selector', selector: { matchExpressions: [{ key: 'stage', operator: 'NotIn', values: ['live'] }] } },
    { from: 'Selector', selector: { matchExpressions: [{ key: 'stage', operator: 'Exists' }] } },
  ])
  const kinds =
    protocol.startsWith('HTTP') && random.chance(0.1)
      ? [{ group: 'gateway.networking.k8s.io', kind: 'HTTPRoute' }]
      : undefined
  return {
    name,
    port,
    protocol,
    ...tlsOf(random, protocol),
    ...(hostname === '' ? {} : { hostname }),
    ...(namespaces === undefined && kinds === undefined
      ? {}
      : {
          allowedRoutes: {
            ...(namespaces === undefined ? {} : { namespaces }),
            ...(kinds === undefined ? {} : { kinds }),
          },
        }),
  }
}

function tlsOf(random: Random, protocol: Protocol): Pick<GatewayListener, 'tls'> {
  const certificateRefs = [{ name: 'certificate' }]
  if (protocol === 'HTTPS') return { tls: { certificateRefs } }
  if (protocol !== 'TLS') return {}
  return { tls: random.chance(0.5) ? { mode: 'Passthrough' } : { mode: 'Terminate', certificateRefs } }
}

// ---- routes -------------------------------------------------------------------------------------------------------------------------

const routeHostnames = [
  '*.example.com',
  'a.example.com',
  'a.b.example.com',
  '*.b.example.com',
  'other.org',
  '*.com',
  'x.org',
]

function randomRoute(random: Random, { spec: { listeners } }: Gateway, index: number): HTTPRoute {
  const namespace = random.pick(['shop', 'shop', 'shop', 'team', 'other'])
  const hostnames = random.some(routeHostnames, random.pick([0, 0, 0.2, 0.5]))
  const parentRefs = random.list(1, 2, () => {
    const listener = listeners[random.number(listeners.length)]
    return {
      name: random.chance(0.95) ? 'web' : 'elsewhere',
      ...(namespace === 'shop' && random.chance(0.5) ? {} : { namespace: 'shop' }),
      ...(random.chance(0.3) ? { sectionName: random.chance(0.9) ? (listener?.name ?? '') : 'nothing' } : {}),
      ...(random.chance(0.2) ? { port: random.chance(0.9) ? (listener?.port ?? 0) : 1 } : {}),
    }
  })
  const creationTimestamp = new Date(Date.UTC(2026, 0, 1 + random.number(3)))
  return {
    apiVersion: gatewayApi,
    kind: 'HTTPRoute',
    metadata: { namespace, name: `${random.pick(['a', 'm', 'z'])}${index}`, creationTimestamp },
    spec: {
      parentRefs,
      ...(hostnames.length === 0 ? {} : { hostnames }),
      ...(random.chance(0.05) ? {} : { rules: randomRules(random) }),
    },
  }
}

// Like an HTTPRoute, but for its rule. It names a port or not; listeners of other protocols are not for it.
function randomTlsRoute(random: Random, gateway: Gateway, index: number): TLSRoute {
  const { metadata, spec } = randomRoute(random, gateway, index)
  const { parentRefs = [], hostnames = [] } = spec
  const backendRefs = randomTargets(random)
  return {
    apiVersion: gatewayApi,
    kind: 'TLSRoute',
    metadata,
    spec: {
      parentRefs,
      hostnames: hostnames.length === 0 ? ['*.example.com', 'a.example.com'] : hostnames,
      rules: [{ backendRefs }],
    },
  }
}

function randomTcpRoute(random: Random, gateway: Gateway, index: number): TCPRoute {
  const { metadata, spec } = randomRoute(random, gateway, index)
  const { port = 0 } = gateway.spec.listeners.find(({ protocol }) => protocol === 'TCP') ?? {}
  const parentRefs = (spec.parentRefs ?? []).map(({ name, namespace = metadata.namespace ?? '' }) => ({
    name,
    namespace,
    port,
  }))
  const rules = [{ backendRefs: randomTargets(random) }]
  return { apiVersion: gatewayApi, kind: 'TCPRoute', metadata, spec: { parentRefs, rules } }
}

// ---- services -----------------------------------------------------------------------------------------------------------------------

function serviceOf(key: string): V1Service {
  const [namespace = '', name = ''] = key.split('/')
  const ports = Object.entries(portsOf(key)).map(([port, number]) => ({
    ...(port === '' ? {} : { name: port }),
    port: number,
  }))
  return { apiVersion: 'v1', kind: 'Service', metadata: { namespace, name }, spec: { ports } }
}

function portsOf(key: string): Readonly<Record<string, number>> {
  return new Map<string, Readonly<Record<string, number>>>(Object.entries(servicePorts)).get(key) ?? {}
}

// Two slices, as large Services have them; what is not ready gets nothing.
function slicesOf({ metadata }: V1Service, backends: Ports['backends']): readonly V1EndpointSlice[] {
  const key = `${metadata?.namespace}/${metadata?.name}`
  const ports = Object.entries(portsOf(key)).map(([name, port]) => ({
    name,
    port: backends.get(`${key}:${port}`) ?? 1,
  }))
  const endpoints = ['10.0.0.1', '10.0.0.2'].map((address, index) => ({
    addresses: [address],
    conditions: { ready: !key.endsWith('/empty') && index === 0 },
  }))
  return endpoints.map((endpoint, index) => ({
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    addressType: 'IPv4',
    metadata: {
      namespace: metadata?.namespace ?? '',
      name: `${metadata?.name}-${index}`,
      labels: { 'kubernetes.io/service-name': metadata?.name ?? '' },
    },
    ports,
    endpoints: [endpoint],
  }))
}

function randomGrant(random: Random, index: number): ReferenceGrant {
  const service = random.chance(0.5) ? {} : { name: random.pick(['one', 'two', 'four']) }
  return {
    apiVersion: gatewayApi,
    kind: 'ReferenceGrant',
    metadata: { namespace: random.pick(['shop', 'team', 'other']), name: `grant-${index}` },
    spec: {
      from: [
        {
          group: 'gateway.networking.k8s.io',
          kind: random.pick(['HTTPRoute', 'HTTPRoute', 'HTTPRoute', 'GRPCRoute', 'TLSRoute', 'TCPRoute']),
          namespace: random.pick(['shop', 'team', 'other']),
        },
      ],
      to: [{ group: '', kind: random.chance(0.9) ? 'Service' : 'Secret', ...service }],
    },
  }
}
