import type { GatewayListener } from '../model/kubernetes.ts'
import type { Frontend, TlsHost } from '../model/proxy-model.ts'

import { gatewayApiGroup, type RouteGroupKind, tlsModeOf } from './defaults.ts'

/** What becomes of a listener's connections: left to HTTP, forwarded as they are, decrypted and forwarded; and those that no hostname is known of. */
export type Lane = TlsHost['end'] | 'tcp' | 'udp'

/** What a listener of a protocol is like. https://gateway-api.sigs.k8s.io/reference/spec/#protocoltype */
export type Protocol = {
  /** Clients speak TLS. */
  readonly tls: boolean
  readonly lane: Lane
  readonly kinds: readonly RouteGroupKind[]
}

const protocols: Readonly<Record<string, Protocol>> = {
  HTTP: { tls: false, lane: 'http', kinds: routesOf('HTTPRoute', 'GRPCRoute') },
  HTTPS: { tls: true, lane: 'http', kinds: routesOf('HTTPRoute', 'GRPCRoute') },
  TLS: { tls: true, lane: 'terminate', kinds: routesOf('TLSRoute') },
  TCP: { tls: false, lane: 'tcp', kinds: routesOf('TCPRoute') },
  UDP: { tls: false, lane: 'udp', kinds: routesOf('UDPRoute') },
}

/** Undefined: the protocol is not supported. */
export function protocolOf(listener: GatewayListener): Protocol | undefined {
  const { protocol } = listener
  const found = Object.hasOwn(protocols, protocol) ? protocols[protocol] : undefined
  return found?.lane === 'terminate' && tlsModeOf(listener) === 'Passthrough'
    ? { ...found, lane: 'passthrough' }
    : found
}

/** All protocols that are supported, as a user would write them. */
export const protocolNames = Object.keys(protocols)

/** Whether the listener decrypts, and needs a certificate for it. */
export function terminates({ tls, lane }: Protocol): boolean {
  return tls && lane !== 'passthrough'
}

/** Whether listeners of one port are told apart by their hostnames; otherwise the port has one listener, and its hostname means nothing. */
export function hasHostnames(lane: Lane): boolean {
  return lane !== 'tcp' && lane !== 'udp'
}

/** What a client says at the beginning of a connection: listeners of one port must agree on it. */
export function speechOf({ tls, lane }: Protocol): string {
  if (!hasHostnames(lane)) return lane
  return tls ? 'tls' : 'clear'
}

/** Ports of TCP and of UDP are not the same ports. */
export function transportOf(lane: Lane): 'TCP' | 'UDP' {
  return lane === 'udp' ? 'UDP' : 'TCP'
}

/** The kind of frontend that serves a lane. */
export function frontendKind(lane: Lane): Frontend['kind'] {
  return lane === 'passthrough' || lane === 'terminate' ? 'tls' : lane
}

function routesOf(...kinds: readonly string[]): readonly RouteGroupKind[] {
  return kinds.map((kind) => ({ group: gatewayApiGroup, kind }))
}
