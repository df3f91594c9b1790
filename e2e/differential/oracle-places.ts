// Where requests and connections belong, as the specification says: listeners, the routes at them, and backends. Used by the oracle only.

import type { GatewayListener, HTTPBackendRef, HTTPRoute } from '../../operator/model/kubernetes.ts'

import type { World } from './world.ts'

// ---- listeners ----------------------------------------------------------------------------------------------------------------------

/** A request, or a connection, is the matter of one listener: that of its port with the most specific hostname. */
export function listenerFor({ gateway }: World, port: number, host: string): GatewayListener | undefined {
  const covering = gateway.spec.listeners.filter(
    (listener) => listener.port === port && hostMatches(listener.hostname ?? '', host),
  )
  return covering.toSorted((a, b) => compareHostnames(a.hostname ?? '', b.hostname ?? ''))[0]
}

function hostMatches(pattern: string, host: string): boolean {
  if (pattern === '') return true
  return pattern.startsWith('*.') ? host.endsWith(pattern.slice(1)) && host.length >= pattern.length : host === pattern
}

// More specific first: exact, then the longer wildcard, then any.
function compareHostnames(a: string, b: string): number {
  const exactness = (hostname: string) => (hostname !== '' && !hostname.startsWith('*.') ? 1 : 0)
  return exactness(b) - exactness(a) || b.length - a.length
}

// ---- routes at a listener -----------------------------------------------------------------------------------------------------------

/** What decides about a route's place. */
export type Placed = {
  readonly kind: string
  readonly metadata: HTTPRoute['metadata']
  readonly spec: Pick<HTTPRoute['spec'], 'parentRefs' | 'hostnames'>
}

/** The routes that are asked at a listener about a host: those attached there that have the most specific hostname for it. */
export function routesAt<R extends Placed>(
  world: World,
  routes: readonly R[],
  at: { readonly listener: GatewayListener; readonly host: string },
): readonly R[] {
  const serving = routes.flatMap((route) => {
    if (!attaches(world, route, at.listener)) return []
    const [hostname] = hostnamesAt(route, at.listener)
      .filter((candidate) => hostMatches(candidate, at.host))
      .toSorted(compareHostnames)
    return hostname === undefined ? [] : [{ route, hostname }]
  })
  const [best] = serving.toSorted((a, b) => compareHostnames(a.hostname, b.hostname))
  return serving.flatMap(({ route, hostname }) => (hostname === best?.hostname ? [route] : []))
}

function attaches({ gateway, namespaces }: World, route: Placed, listener: GatewayListener): boolean {
  const from = route.metadata.namespace ?? ''
  const names = (route.spec.parentRefs ?? []).some(
    (ref) =>
      ref.name === gateway.metadata.name &&
      (ref.namespace ?? from) === gateway.metadata.namespace &&
      (ref.sectionName === undefined || ref.sectionName === listener.name) &&
      (ref.port === undefined || ref.port === listener.port),
  )
  const { kinds = [] } = listener.allowedRoutes ?? {}
  if (kinds.length > 0 && !kinds.some(({ kind }) => kind === route.kind)) return false
  const labels = namespaces.find(({ name }) => name === from)?.labels ?? {}
  return names && allowsNamespace(listener, { from, own: gateway.metadata.namespace ?? '', labels })
}

type Origin = { readonly from: string; readonly own: string; readonly labels: Readonly<Record<string, string>> }

function allowsNamespace({ allowedRoutes }: GatewayListener, { from, own, labels }: Origin): boolean {
  const { from: rule = 'Same', selector } = allowedRoutes?.namespaces ?? {}
  if (rule === 'All') return true
  if (rule === 'Same') return from === own
  if (rule !== 'Selector') return false
  const withLabels = Object.entries(selector?.matchLabels ?? {}).every(([key, value]) => labels[key] === value)
  const withExpressions = (selector?.matchExpressions ?? []).every(({ key, operator, values = [] }) => {
    const value = labels[key]
    if (operator === 'Exists') return value !== undefined
    if (operator === 'DoesNotExist') return value === undefined
    const isIn = value !== undefined && values.includes(value)
    return operator === 'In' ? isIn : !isIn
  })
  return withLabels && withExpressions
}

// The hostnames that listener and route have in common.
function hostnamesAt(route: Placed, listener: GatewayListener): readonly string[] {
  const { hostname: own = '' } = listener
  const hostnames = route.spec.hostnames ?? []
  if (hostnames.length === 0) return [own]
  return hostnames.flatMap((hostname) => {
    if (own === '' || within(hostname, own)) return [hostname]
    return within(own, hostname) ? [own] : []
  })
}

function within(hostname: string, pattern: string): boolean {
  return (
    hostname === pattern ||
    (pattern.startsWith('*.') &&
      hostname.replace(/^\*/, '').endsWith(pattern.slice(1)) &&
      hostname.length > pattern.length - 1)
  )
}

// ---- backends -----------------------------------------------------------------------------------------------------------------------

/** What a backendRef is part of. */
export type Referring = { readonly kind: 'HTTPRoute' | 'GRPCRoute' | 'TLSRoute' | 'TCPRoute'; readonly from: string }

/** `namespace/name:port`, or the status of the answer instead. */
export function backendOf(
  { services, grants }: World,
  { kind: route, from }: Referring,
  ref: HTTPBackendRef,
): string | 500 | 503 {
  const { group = '', kind = 'Service', name, port } = ref
  const namespace = ref.namespace ?? from
  if (group !== '' || kind !== 'Service') return 500
  const granted = grants.some(
    ({ metadata, spec }) =>
      metadata.namespace === namespace &&
      spec.from.some(
        (one) => one.group === 'gateway.networking.k8s.io' && one.kind === route && one.namespace === from,
      ) &&
      spec.to.some((one) => one.group === '' && one.kind === 'Service' && [undefined, name].includes(one.name)),
  )
  if (namespace !== from && !granted) return 500
  const service = services.find(({ metadata }) => metadata?.namespace === namespace && metadata.name === name)
  if (service?.spec?.ports?.some((one) => one.port === port) !== true) return 500
  return name === 'empty' ? 503 : `${namespace}/${name}:${port}`
}
