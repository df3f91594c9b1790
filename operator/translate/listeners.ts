import type { GatewayListener } from '../model/kubernetes.ts'
import type { Certificate, ClientValidation, Hostname, Port } from '../model/proxy-model.ts'
import type { Finding } from '../model/report.ts'

import type { ListenerClients } from './client-validation.ts'
import { allowedRoutesOf, hostnameOf, type RouteGroupKind, tlsModeOf } from './defaults.ts'
import { isHostname } from './hostnames.ts'
import { type Conflict, conflictsOf } from './listener-conflicts.ts'
import { type AllowedNamespaces, allowedNamespacesOf } from './namespaces.ts'
import { isPort } from './ports.ts'
import { hasHostnames, type Lane, protocolNames, protocolOf, terminates } from './protocols.ts'

/** What a listener of a Gateway means. */
export type ListenerPlan = {
  readonly name: string
  readonly port: Port
  readonly tls: boolean
  readonly lane: Lane
  /** Empty where hostnames mean nothing. */
  readonly hostname: Hostname
  readonly supportedKinds: readonly RouteGroupKind[]
  readonly namespaces: AllowedNamespaces
  /** Its protocol is supported, its hostname can be one, and no other object's: it is its own, even when it is not served, so that no other listener answers in its place. */
  readonly known: boolean
  /** False: Accepted is False. */
  readonly accepted: boolean
  /** Accepted, or refused only because an object that it needs is missing: its port stays open to the world, and the workload keeps its address. */
  readonly keepsPort: boolean
  /** Accepted, for some kind of route, and if it terminates TLS with a certificate. Otherwise it has a finding Programmed False. */
  readonly served: boolean
  readonly certificates: readonly Certificate[]
  /** What is asked of clients of an HTTPS listener. */
  readonly clients?: ClientValidation
  readonly findings: readonly Finding[]
}

export type ListenerTools = {
  readonly listeners: readonly GatewayListener[]
  /** Of the Gateway or ListenerSet whose listeners they are. */
  readonly namespace: string
  /** Why a listener loses to one of another object that comes before its own. */
  readonly lostTo?: (listener: GatewayListener) => Conflict | undefined
  /** Ports that the data plane needs for itself. */
  readonly reservedPorts: readonly Port[]
  readonly certificatesOf: (listener: GatewayListener, field: string) => ListenerCertificates
  readonly clientsOf: (port: Port) => ListenerClients
}
export type ListenerCertificates = {
  readonly certificates: readonly Certificate[]
  readonly problems: readonly Problem[]
}

/** One reason why a condition is not as it should be; problems with the same condition are told together. */
export type Problem = { readonly type: 'Accepted' | 'ResolvedRefs'; readonly reason: string; readonly message: string }

/** All listeners of a Gateway or a ListenerSet, in its order. https://gateway-api.sigs.k8s.io/reference/spec/#listener */
export function planListeners(tools: ListenerTools): readonly ListenerPlan[] {
  const { listeners, lostTo } = tools
  const lost = listeners.map((listener) => lostTo?.(listener))
  const conflicts = conflictsOf(listeners, lost)
  return listeners.map((listener, index) =>
    planListener(listener, {
      ...tools,
      field: `spec.listeners[${index}]`,
      conflict: conflicts[index],
      lost: lost[index] !== undefined,
    }),
  )
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

type Place = ListenerTools & {
  readonly field: string
  readonly conflict: Conflict | undefined
  /** Its hostname is another object's. */
  readonly lost: boolean
}

function planListener(listener: GatewayListener, place: Place): ListenerPlan {
  const protocol = protocolOf(listener)
  const hostname = protocol === undefined || hasHostnames(protocol.lane) ? hostnameOf(listener) : ''
  const kinds = supportedKindsOf(listener, protocol?.kinds ?? [])
  const { certificates, problems: tlsProblems } =
    protocol !== undefined && terminates(protocol) ? place.certificatesOf(listener, place.field) : nothing
  const refusals = protocol === undefined ? unsupportedProtocol(listener, place) : refusalsOf(listener, place)
  const { clients, problems: clientProblems } =
    protocol?.tls === true && protocol.lane === 'http' ? place.clientsOf(listener.port) : anybody
  const problems =
    protocol === undefined
      ? refusals
      : [...refusals, ...tlsProblems, ...clientProblems, ...kindProblems(listener, place, kinds)]
  const accepted = !problems.some(({ type }) => type === 'Accepted')
  const needsCertificate = protocol !== undefined && terminates(protocol)
  const served = accepted && kinds.length > 0 && (!needsCertificate || certificates.length > 0)
  return {
    name: listener.name,
    port: listener.port,
    tls: protocol?.tls === true,
    // Nothing is known of the connections of an unknown protocol.
    lane: protocol?.lane ?? 'tcp',
    hostname,
    supportedKinds: kinds,
    namespaces: allowedNamespacesOf(listener, place.namespace),
    known: protocol !== undefined && isAnyOrHostname(hostname) && !place.lost,
    accepted,
    keepsPort: refusals.length === 0,
    served,
    certificates,
    ...(clients === undefined ? {} : { clients }),
    findings: [
      ...conflicted(place.conflict),
      ...findingsOf(problems),
      ...(served ? [] : [notProgrammed(problems, place)]),
    ],
  }
}

const nothing: ListenerCertificates = { certificates: [], problems: [] }
const anybody: ListenerClients = { problems: [] }

function isAnyOrHostname(hostname: Hostname): boolean {
  return hostname === '' || isHostname(hostname)
}

function unsupportedProtocol({ protocol }: GatewayListener, { field }: Place): readonly Problem[] {
  const message = `${field}.protocol is ${protocol}, which is not supported; write one of ${protocolNames.join(', ')}.`
  return [{ type: 'Accepted', reason: 'UnsupportedProtocol', message }]
}

// Everything that keeps a listener from being accepted.
function refusalsOf(listener: GatewayListener, place: Place): readonly Problem[] {
  const { field, conflict } = place
  const unsupported = unsupportedValues(listener).map(
    (text): Problem => ({ type: 'Accepted', reason: 'UnsupportedValue', message: `${field}.${text}.` }),
  )
  const reserved: Problem = {
    type: 'Accepted',
    reason: 'PortUnavailable',
    message: `${field}.port is ${listener.port}, which the data plane needs for itself; choose another.`,
  }
  return [
    ...(conflict === undefined ? [] : [{ type: 'Accepted' as const, ...conflict }]),
    ...(protocolOf(listener)?.lane !== 'udp' && place.reservedPorts.includes(listener.port) ? [reserved] : []),
    ...unsupported,
  ]
}

function unsupportedValues(listener: GatewayListener): readonly string[] {
  const namespaces = allowedNamespacesOf(listener, '')
  const options = Object.keys(listener.tls?.options ?? {})
  return [
    ...(namespaces.from === 'None' ? [`allowedRoutes.namespaces.selector ${namespaces.fault}`] : []),
    ...(isPort(listener.port) ? [] : ['port is none; write a number from 1 to 65535']),
    ...(isAnyOrHostname(hostnameOf(listener)) ? [] : ['hostname is not a domain name, or one after "*."; correct it']),
    ...(listener.protocol === 'HTTPS' && tlsModeOf(listener) !== 'Terminate'
      ? ['tls.mode is Passthrough, which an HTTPS listener does not know; write Terminate']
      : []),
    ...(options.length > 0 ? [`tls.options has ${options.join(', ')}, which is not supported; remove it`] : []),
  ]
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

function notProgrammed(problems: readonly Problem[], { lost, conflict }: Place): Finding {
  const message = problems.map((problem) => problem.message).join(' ')
  return { type: 'Programmed', status: 'False', reason: (lost ? conflict?.reason : undefined) ?? 'Invalid', message }
}
