import type { Hostname, Port } from '../model/proxy-model.ts'
import type { Finding, ParentRef, RouteKind } from '../model/report.ts'
import { type ObjectKey, type Snapshot, splitKey } from '../model/snapshot.ts'

import { family, settled } from '../lib/derive.ts'

import { gatewayApiGroup, parentGateway, type RouteGroupKind } from './defaults.ts'
import { attempt } from './fault.ts'
import type { GatewayPlan } from './gateway.ts'
import { intersectHostnames, mostSpecific } from './hostnames.ts'
import type { ListenerPlan } from './listeners.ts'
import { type AllowedNamespaces, allows } from './namespaces.ts'

/** A parentRef to a Gateway of ours. */
export type AttachedParent = {
  readonly parentRef: ParentRef
  readonly gateway: ObjectKey
  /** Empty: attached. */
  readonly findings: readonly Finding[]
  readonly listeners: readonly AttachedListener[]
}
export type AttachedListener = {
  readonly name: string
  readonly port: Port
  readonly tls: boolean
  /** For which requests at this listener the route is asked; none when the listener is not served. */
  readonly hostnames: readonly Hostname[]
}

/** Of a listener what decides about routes; a new certificate does not disturb them. */
type Door = {
  readonly name: string
  readonly port: Port
  readonly tls: boolean
  readonly hostname: Hostname
  readonly kinds: readonly RouteGroupKind[]
  readonly namespaces: AllowedNamespaces
  readonly served: boolean
  /** Hostnames of all listeners of the port, this one's among them. */
  readonly hostnamesOfPort: readonly Hostname[]
}

type Route = {
  readonly kind: RouteKind
  readonly key: ObjectKey
  readonly parentRefs: readonly ParentRef[]
  readonly hostnames: readonly Hostname[]
}

export type Attach = (route: Route) => readonly AttachedParent[]

/**
 * Where a route attaches: one entry per parentRef to a Gateway of ours, in the route's order. References to anything else are none
 * of our business. Reads are tracked. https://gateway-api.sigs.k8s.io/concepts/api-overview/#attaching-routes-to-gateways
 */
export function createAttachments(snapshot: Snapshot, gateways: (key: ObjectKey) => GatewayPlan | undefined): Attach {
  // Settled: every change of a Gateway, also of its status, would otherwise visit each of its routes.
  const doors = settled(snapshot.Gateway, (gateway) => {
    const listeners = gateways(gateway)?.listeners
    return listeners?.map((listener) => doorOf(listener, listeners))
  })
  const labelsOf = family((namespace) => {
    const known = snapshot.Namespace.get(namespace)
    return known && { ...known.metadata?.labels, 'kubernetes.io/metadata.name': namespace }
  })

  function attach(route: Route, parentRef: ParentRef): readonly AttachedParent[] {
    const gateway = parentGateway(parentRef, splitKey(route.key).namespace)
    const candidates = gateway === undefined ? undefined : doors(gateway)
    if (gateway === undefined || candidates === undefined) return []
    const refused = (finding: Finding): AttachedParent => ({ parentRef, gateway, findings: [finding], listeners: [] })
    const enter = (): AttachedParent => {
      const result = select({ route, parentRef, gateway, candidates, labelsOf })
      return 'reason' in result ? refused(result) : { parentRef, gateway, findings: [], listeners: result }
    }
    return [attempt(enter, (message) => refused(notAccepted('UnsupportedValue', message)))]
  }

  return (route) => route.parentRefs.flatMap((parentRef) => attach(route, parentRef))
}

function doorOf(listener: ListenerPlan, listeners: readonly ListenerPlan[]): Door {
  const { name, port, tls, hostname, supportedKinds: kinds, namespaces, served } = listener
  const siblings = listeners.filter((other) => other.known && other.port === port)
  const hostnamesOfPort = [...new Set(siblings.map((other) => other.hostname))].toSorted()
  return { name, port, tls, hostname, kinds, namespaces, served, hostnamesOfPort }
}

type Selection = {
  readonly route: Route
  readonly parentRef: ParentRef
  readonly gateway: ObjectKey
  readonly candidates: readonly Door[]
  readonly labelsOf: (namespace: string) => Readonly<Record<string, string>> | undefined
}

// The listeners that the reference names, that allow the route, and that share a hostname with it; or the first of these that none did.
function select({ route, parentRef, gateway, candidates, labelsOf }: Selection): readonly AttachedListener[] | Finding {
  const named = candidates.filter(
    (door) =>
      [undefined, '', door.name].includes(parentRef.sectionName) && [undefined, door.port].includes(parentRef.port),
  )
  if (named.length === 0) return notAccepted('NoMatchingParent', noneNamed(parentRef, gateway))
  const { namespace } = splitKey(route.key)
  const open = named.filter(
    (door) =>
      door.kinds.some(({ group, kind }) => group === gatewayApiGroup && kind === route.kind) &&
      allows(door.namespaces, namespace, labelsOf),
  )
  if (open.length === 0)
    return notAccepted(
      'NotAllowedByListeners',
      `No listener that the route refers to in Gateway ${gateway} allows ${route.kind}s from namespace ${namespace}; see allowedRoutes of its listeners.`,
    )
  const attached = open.flatMap((door) => enterThrough(door, route))
  if (attached.length > 0) return attached
  return notAccepted(
    'NoMatchingListenerHostname',
    `None of spec.hostnames (${route.hostnames.join(', ')}) is served by a listener that the route refers to in Gateway ${gateway}; correct them or the listener's hostname.`,
  )
}

// A hostname belongs to the most specific listener of the port that covers it, and only routes of that listener are asked.
// https://gateway-api.sigs.k8s.io/reference/spec/#gatewayspec (listener isolation)
function enterThrough(door: Door, route: Route): readonly AttachedListener[] {
  const common = intersectHostnames(door.hostname, route.hostnames)
  if (common.length === 0) return []
  const own = common.filter((hostname) => mostSpecific(door.hostnamesOfPort, hostname) === door.hostname)
  const { name, port, tls } = door
  return [{ name, port, tls, hostnames: door.served ? own : [] }]
}

function noneNamed({ sectionName, port }: ParentRef, gateway: ObjectKey): string {
  const wanted = [
    ...(sectionName === undefined ? [] : [`the name ${sectionName}`]),
    ...(port === undefined ? [] : [`port ${port}`]),
  ]
  const which = wanted.length === 0 ? '' : ` with ${wanted.join(' and ')}`
  return `Gateway ${gateway} has no listener${which}; correct spec.parentRefs or the Gateway.`
}

function notAccepted(reason: string, message: string): Finding {
  return { type: 'Accepted', status: 'False', reason, message }
}
