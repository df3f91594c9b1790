import type { Gateway, GatewayListener } from '../model/kubernetes.ts'
import type { Certificate, Hostname, Port } from '../model/proxy-model.ts'
import type { Finding } from '../model/report.ts'

import { allowedRoutesOf, hostnameOf, type RouteGroupKind, tlsModeOf } from './defaults.ts'
import { isHostname } from './hostnames.ts'
import { type Conflict, conflictsOf } from './listener-conflicts.ts'
import { overlapsOf } from './listener-overlaps.ts'
import { type AllowedNamespaces, allowedNamespacesOf } from './namespaces.ts'
import { isPort } from './ports.ts'
import { protocolOf } from './protocols.ts'

/** What a listener of a Gateway means. */
export type ListenerPlan = {
  readonly name: string
  readonly port: Port
  readonly tls: boolean
  readonly hostname: Hostname
  readonly supportedKinds: readonly RouteGroupKind[]
  readonly namespaces: AllowedNamespaces
  /** HTTP or HTTPS, for a hostname that can be one: it is its own, even when it is not served, so that no other listener answers in its place. */
  readonly known: boolean
  /** False: Accepted is False. */
  readonly accepted: boolean
  /** Accepted, for some kind of route, and if it terminates TLS with a certificate. Otherwise it has a finding Programmed False. */
  readonly served: boolean
  readonly certificates: readonly Certificate[]
  readonly findings: readonly Finding[]
}

export type ListenerTools = {
  readonly gateway: Gateway
  /** Ports that the data plane needs for itself. */
  readonly reservedPorts: readonly Port[]
  readonly certificatesOf: (listener: GatewayListener, field: string) => ListenerCertificates
}
export type ListenerCertificates = {
  readonly certificates: readonly Certificate[]
  readonly problems: readonly Problem[]
}

/** One reason why a condition is not as it should be; problems with the same condition are told together. */
export type Problem = { readonly type: 'Accepted' | 'ResolvedRefs'; readonly reason: string; readonly message: string }

/** All listeners of a Gateway, in its order. https://gateway-api.sigs.k8s.io/reference/spec/#listener */
export function planListeners(tools: ListenerTools): readonly ListenerPlan[] {
  const { listeners } = tools.gateway.spec
  const conflicts = conflictsOf(listeners)
  const plans = listeners.map((listener, index) =>
    planListener(listener, { ...tools, field: `spec.listeners[${index}]`, conflict: conflicts[index] }),
  )
  return plans.map((plan) => ({ ...plan, findings: [...plan.findings, ...overlapsOf(plan, plans)] }))
}

/** Findings from problems: one condition per type, with the first reason and everybody's message. */
function findingsOf(problems: readonly Problem[]): readonly Finding[] {
  const types = [...new Set(problems.map(({ type }) => type))]
  return types.flatMap((type) => {
    const same = problems.filter((problem) => problem.type === type)
    const message = same.map((problem) => problem.message).join(' ')
    return same.slice(0, 1).map(({ reason }): Finding => ({ type, status: 'False', reason, message }))
  })
}

type Place = ListenerTools & { readonly field: string; readonly conflict: Conflict | undefined }

function planListener(listener: GatewayListener, place: Place): ListenerPlan {
  const protocol = protocolOf(listener)
  const hostname = hostnameOf(listener)
  const kinds = supportedKindsOf(listener, protocol?.kinds ?? [])
  const { certificates, problems: tlsProblems } =
    protocol?.tls === true ? place.certificatesOf(listener, place.field) : nothing
  const refusals = protocol === undefined ? unsupportedProtocol(listener, place) : refusalsOf(listener, place)
  const problems =
    protocol === undefined ? refusals : [...refusals, ...tlsProblems, ...kindProblems(listener, place, kinds)]
  const accepted = refusals.length === 0
  const served = accepted && kinds.length > 0 && (protocol?.tls !== true || certificates.length > 0)
  return {
    name: listener.name,
    port: listener.port,
    tls: protocol?.tls === true,
    hostname,
    supportedKinds: kinds,
    namespaces: allowedNamespacesOf(listener, place.gateway.metadata.namespace ?? ''),
    known: protocol !== undefined && isAnyOrHostname(hostname),
    accepted,
    served,
    certificates,
    findings: [...conflicted(place.conflict), ...findingsOf(problems), ...(served ? [] : [notProgrammed(problems)])],
  }
}

const nothing: ListenerCertificates = { certificates: [], problems: [] }

function isAnyOrHostname(hostname: Hostname): boolean {
  return hostname === '' || isHostname(hostname)
}

function unsupportedProtocol({ protocol }: GatewayListener, { field }: Place): readonly Problem[] {
  const message = `${field}.protocol is ${protocol}, which is not supported; write HTTP or HTTPS.`
  return [{ type: 'Accepted', reason: 'UnsupportedProtocol', message }]
}

// Everything that keeps a listener from being accepted.
function refusalsOf(listener: GatewayListener, place: Place): readonly Problem[] {
  const { field, conflict } = place
  const unsupported = unsupportedValues(listener, place).map(
    (text): Problem => ({ type: 'Accepted', reason: 'UnsupportedValue', message: `${field}.${text}.` }),
  )
  const reserved: Problem = {
    type: 'Accepted',
    reason: 'PortUnavailable',
    message: `${field}.port is ${listener.port}, which the data plane needs for itself; choose another.`,
  }
  return [
    ...(conflict === undefined ? [] : [{ type: 'Accepted' as const, ...conflict }]),
    ...(place.reservedPorts.includes(listener.port) ? [reserved] : []),
    ...unsupported,
  ]
}

function unsupportedValues(listener: GatewayListener, { gateway }: Place): readonly string[] {
  const namespaces = allowedNamespacesOf(listener, '')
  const options = Object.keys(listener.tls?.options ?? {})
  return [
    ...(namespaces.from === 'None' ? [`allowedRoutes.namespaces.selector ${namespaces.fault}`] : []),
    ...(isPort(listener.port) ? [] : ['port is none; write a number from 1 to 65535']),
    ...(isAnyOrHostname(hostnameOf(listener)) ? [] : ['hostname is not a domain name, or one after "*."; correct it']),
    ...(listener.protocol === 'HTTPS' && tlsModeOf(listener) !== 'Terminate'
      ? ['tls.mode is Passthrough, which an HTTPS listener does not know; write Terminate']
      : []),
    ...(listener.protocol === 'HTTPS' && validatesClients(gateway, listener.port)
      ? [
          'port is one for which spec.tls.frontend asks for client certificates, which is not supported yet; remove that',
        ]
      : []),
    ...(options.length > 0 ? [`tls.options has ${options.join(', ')}, which is not supported; remove it`] : []),
  ]
}

// What is said for a port replaces the default. https://gateway-api.sigs.k8s.io/geps/gep-91/
function validatesClients(gateway: Gateway, port: Port): boolean {
  const frontend = gateway.spec.tls?.frontend
  const configuration = frontend?.perPort?.find((row) => row.port === port)?.tls ?? frontend?.default
  return configuration?.validation !== undefined
}

// Kinds that are listed but not supported do not appear; without a list it is the protocol's.
function supportedKindsOf(listener: GatewayListener, kinds: readonly RouteGroupKind[]): readonly RouteGroupKind[] {
  const listed = allowedRoutesOf(listener).kinds
  return listed.length === 0 ? kinds : kinds.filter((kind) => listed.some((other) => isSameKind(kind, other)))
}

function kindProblems(
  listener: GatewayListener,
  { field }: Place,
  kinds: readonly RouteGroupKind[],
): readonly Problem[] {
  const unknown = allowedRoutesOf(listener).kinds.filter((kind) => !kinds.some((other) => isSameKind(kind, other)))
  return unknown.map(({ group, kind }) => ({
    type: 'ResolvedRefs',
    reason: 'InvalidRouteKinds',
    message: `${field}.allowedRoutes.kinds lists ${kind}.${group}, which a listener of protocol ${listener.protocol} does not support; remove it from the list.`,
  }))
}

function isSameKind(a: RouteGroupKind, b: RouteGroupKind): boolean {
  return a.group === b.group && a.kind === b.kind
}

function conflicted(conflict: Conflict | undefined): readonly Finding[] {
  return conflict === undefined ? [] : [{ type: 'Conflicted', status: 'True', ...conflict }]
}

function notProgrammed(problems: readonly Problem[]): Finding {
  const message = problems.map((problem) => problem.message).join(' ')
  return { type: 'Programmed', status: 'False', reason: 'Invalid', message }
}
