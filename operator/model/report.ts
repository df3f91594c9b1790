// What translation has to say about objects: departures from the happy path, and facts that only it knows.

import type { ObjectKey } from './snapshot.ts'

/** One condition that is not as it should be (or, like Conflicted, is there at all). */
export type Finding = {
  readonly type: string
  readonly status: 'True' | 'False'
  readonly reason: string
  /** A sentence that names the object, the field and the way out. */
  readonly message: string
}

export type Report = {
  readonly classes: ReadonlyMap<ObjectKey, ClassReport>
  readonly gateways: ReadonlyMap<ObjectKey, GatewayReport>
  readonly listenerSets: ReadonlyMap<ObjectKey, ListenerSetReport>
  readonly routes: ReadonlyMap<RouteId, RouteReport>
  readonly policies: ReadonlyMap<PolicyId, PolicyReport>
}

/** A GatewayClass that names our controller. */
export type ClassReport = {
  readonly findings: readonly Finding[]
  /** Whether a Gateway names it. */
  readonly isUsed: boolean
}

/** A Gateway of an accepted class of ours. */
export type GatewayReport = {
  readonly findings: readonly Finding[]
  /** In the order of spec.listeners. */
  readonly listeners: readonly ListenerReport[]
  readonly attachedListenerSets: number
}

/** A ListenerSet of such a Gateway, or of one that does not exist. */
export type ListenerSetReport = {
  readonly gateway: ObjectKey
  /** The Gateway does not exist: what it was before, its status says. */
  readonly orphaned: boolean
  readonly findings: readonly Finding[]
  /** In the order of spec.listeners; none when the set is not attached. */
  readonly listeners: readonly ListenerReport[]
}

export type ListenerReport = {
  readonly name: string
  readonly findings: readonly Finding[]
  readonly supportedKinds: readonly { readonly group: string; readonly kind: string }[]
  readonly attachedRoutes: number
}

/** Kinds of routes, in this order. */
export const routeKinds = ['HTTPRoute', 'GRPCRoute', 'TLSRoute', 'TCPRoute', 'UDPRoute'] as const
export type RouteKind = (typeof routeKinds)[number]
/** `HTTPRoute shop/cart`: routes of all kinds in one collection. */
export type RouteId = string

export function routeId(kind: RouteKind, key: ObjectKey): RouteId {
  return `${kind} ${key}`
}

export function splitRouteId(id: RouteId): { readonly kind: RouteKind; readonly key: ObjectKey } {
  const space = id.indexOf(' ')
  const kind = routeKinds.find((name) => name === id.slice(0, space))
  if (kind === undefined) throw new Error(`${id} names no kind of route`)
  return { kind, key: id.slice(space + 1) }
}

/** A route with at least one parentRef to a Gateway of ours. */
export type RouteReport = {
  readonly kind: RouteKind
  /** One per parentRef to a Gateway of ours, in the order of spec.parentRefs. */
  readonly parents: readonly ParentReport[]
}

export type ParentReport = {
  readonly parentRef: ParentRef
  readonly gateway: ObjectKey
  readonly findings: readonly Finding[]
}

/** As the user wrote it, for the status entry must repeat it. */
export type ParentRef = {
  readonly group?: string
  readonly kind?: string
  readonly namespace?: string
  readonly name: string
  readonly sectionName?: string
  readonly port?: number
}

/** Kinds of policies, in this order. */
export const policyKinds = ['BackendTLSPolicy'] as const
export type PolicyKind = (typeof policyKinds)[number]
/** `BackendTLSPolicy shop/cart`: policies of all kinds in one collection. */
export type PolicyId = string

export function policyId(kind: PolicyKind, key: ObjectKey): PolicyId {
  return `${kind} ${key}`
}

export function splitPolicyId(id: PolicyId): { readonly kind: PolicyKind; readonly key: ObjectKey } {
  const space = id.indexOf(' ')
  const kind = policyKinds.find((name) => name === id.slice(0, space))
  if (kind === undefined) throw new Error(`${id} names no kind of policy`)
  return { kind, key: id.slice(space + 1) }
}

/** A policy with a target that a Gateway of ours routes to. */
export type PolicyReport = {
  readonly kind: PolicyKind
  /** Sorted; the Gateways of ours that route to a target. Never empty. */
  readonly ancestors: readonly ObjectKey[]
  /** For every ancestor. */
  readonly findings: readonly Finding[]
}
