import type { Hostname, Port } from '../model/proxy-model.ts'
import type { Finding, ParentRef, RouteKind } from '../model/report.ts'
import { type ObjectKey, type Snapshot, splitKey } from '../model/snapshot.ts'

import { settled } from '../lib/derive.ts'

import { type Child, createParentRefs } from './default-gateways.ts'
import { gatewayApiGroup, parentOf, type RouteGroupKind } from './defaults.ts'
import { attempt } from './fault.ts'
import { intersectHostnames } from './hostnames.ts'
import type { ListenerPlan } from './listeners.ts'
import { type AllowedNamespaces, allows, createNamespaceLabels } from './namespaces.ts'
import { type ParentId, parentMembers, splitParentId } from './parent-ids.ts'
import { type Parents, portName } from './parents.ts'
import type { Lane } from './protocols.ts'

/** A parentRef to a Gateway of ours, or to a ListenerSet of one. */
export type AttachedParent = {
  readonly parentRef: ParentRef
  readonly parent: ParentId
  readonly gateway: ObjectKey
  /** Empty: attached. */
  readonly findings: readonly Finding[]
  readonly listeners: readonly AttachedListener[]
}
export type AttachedListener = {
  readonly name: string
  readonly port: Port
  readonly tls: boolean
  readonly lane: Lane
  /** For which requests at this listener the route is asked; none when the listener is not served. */
  readonly hostnames: readonly Hostname[]
}

/** Of a listener what decides about routes; a new certificate does not disturb them. */
type Door = {
  readonly name: string
  readonly port: Port
  readonly tls: boolean
  readonly lane: Lane
  readonly hostname: Hostname
  readonly kinds: readonly RouteGroupKind[]
  readonly namespaces: AllowedNamespaces
  readonly served: boolean
}

type Route = Child & { readonly kind: RouteKind; readonly hostnames: readonly Hostname[] }

export type Attach = (route: Route) => readonly AttachedParent[]

type Sources = Pick<Parents, 'plan' | 'ownerOf'> & { readonly drafts: Parameters<typeof createParentRefs>[1] }

/**
 * Where a route attaches: one entry per parentRef to a Gateway of ours or a ListenerSet of one, in the route's order. References to
 * anything else are none of our business. A parent offers its own listeners only. Reads are tracked. https://gateway-api.sigs.k8s.io/concepts/api-overview/#attaching-routes-to-gateways
 */
export function createAttachments(snapshot: Snapshot, { plan, ownerOf, drafts }: Sources): Attach {
  // Settled: every change of a parent, also of its status, would otherwise visit each of its routes.
  const houses = settled(parentMembers(snapshot), (parent) => {
    const found = plan(parent)
    return found && { gateway: found.gateway, doors: found.listeners.map(doorOf) }
  })
  const labelsOf = createNamespaceLabels(snapshot)
  const parentRefsOf = createParentRefs(snapshot, drafts)

  function attach(route: Route, parentRef: ParentRef): readonly AttachedParent[] {
    const parent = parentOf(parentRef, splitKey(route.key).namespace)
    const house = parent === undefined ? undefined : houses(parent)
    if (parent === undefined || house === undefined) return []
    const { gateway, doors } = house
    const place = { parentRef, parent, gateway }
    const refused = (finding: Finding): AttachedParent => ({ ...place, findings: [finding], listeners: [] })
    const enter = (): AttachedParent => {
      const result = select({ ...place, route, doors, labelsOf, ownerOf })
      return 'reason' in result ? refused(result) : { ...place, findings: [], listeners: result }
    }
    return [attempt(enter, (message) => refused(notAccepted('UnsupportedValue', message)))]
  }

  return (route) => parentRefsOf(route).flatMap((parentRef) => attach(route, parentRef))
}

function doorOf({ supportedKinds: kinds, ...listener }: ListenerPlan): Door {
  const { name, port, tls, lane, hostname, namespaces, served } = listener
  return { name, port, tls, lane, hostname, kinds, namespaces, served }
}

type Selection = {
  readonly route: Route
  readonly parentRef: ParentRef
  readonly parent: ParentId
  readonly gateway: ObjectKey
  readonly doors: readonly Door[]
  readonly labelsOf: (namespace: string) => Readonly<Record<string, string>> | undefined
  readonly ownerOf: Parents['ownerOf']
}

// The listeners that the reference names, that allow the route, and that share a hostname with it; or the first of these that none did.
function select(selection: Selection): readonly AttachedListener[] | Finding {
  const { route, parentRef, parent, doors, labelsOf } = selection
  if (doors.length === 0)
    return notAccepted('NoMatchingParent', `${parent} has no listeners; its conditions may say why.`)
  const named = doors.filter(
    (door) =>
      [undefined, '', door.name].includes(parentRef.sectionName) && [undefined, door.port].includes(parentRef.port),
  )
  if (named.length === 0) return notAccepted('NoMatchingParent', noneNamed(parentRef, parent))
  const { namespace } = splitKey(route.key)
  const open = named.filter(
    (door) =>
      door.kinds.some(({ group, kind }) => group === gatewayApiGroup && kind === route.kind) &&
      allows(door.namespaces, namespace, labelsOf),
  )
  if (open.length === 0)
    return notAccepted(
      'NotAllowedByListeners',
      `No listener that the route refers to in ${parent} allows ${route.kind}s from namespace ${namespace}; see allowedRoutes of its listeners.`,
    )
  const attached = open.flatMap((door) => enterThrough(door, selection))
  if (attached.length > 0) return attached
  return notAccepted(
    'NoMatchingListenerHostname',
    `None of spec.hostnames (${route.hostnames.join(', ')}) is served by a listener that the route refers to in ${parent}; correct them or the listener's hostname.`,
  )
}

// A hostname belongs to the most specific listener of the port that covers it, and only routes of that listener are asked.
// https://gateway-api.sigs.k8s.io/reference/spec/#gatewayspec (listener isolation)
function enterThrough(door: Door, { route, gateway, ownerOf }: Selection): readonly AttachedListener[] {
  const common = intersectHostnames(door.hostname, route.hostnames)
  if (common.length === 0) return []
  const { name, port, tls, lane, served } = door
  const place = portName(gateway, door)
  const isOwn = (hostname: Hostname): boolean =>
    hostname === door.hostname || ownerOf(place, hostname) === door.hostname
  return [{ name, port, tls, lane, hostnames: served ? common.filter(isOwn) : [] }]
}

function noneNamed({ sectionName, port }: ParentRef, parent: ParentId): string {
  const wanted = [
    ...(sectionName === undefined ? [] : [`the name ${sectionName}`]),
    ...(port === undefined ? [] : [`port ${port}`]),
  ]
  const which = wanted.length === 0 ? '' : ` with ${wanted.join(' and ')}`
  const { kind } = splitParentId(parent)
  return `${parent} has no listener${which}; correct spec.parentRefs or the ${kind}.`
}

function notAccepted(reason: string, message: string): Finding {
  return { type: 'Accepted', status: 'False', reason, message }
}
