import type { GatewayListener } from '../model/kubernetes.ts'

import { hostnameOf } from './defaults.ts'
import { hasHostnames, protocolOf, transportOf } from './protocols.ts'

export type Conflict = { readonly reason: 'ProtocolConflict' | 'HostnameConflict'; readonly message: string }

/**
 * For each listener, why no request could be told to be its own: another one on its port speaks another protocol, or the same with
 * the same hostname. None of them wins. Protocols that are not supported conflict with nothing: they are not served anyway.
 * @param lost for each listener, why it has lost to one of another object already; such listeners are in nobody's way
 * https://gateway-api.sigs.k8s.io/reference/spec/#gatewayspec
 */
export function conflictsOf(
  listeners: readonly GatewayListener[],
  lost: readonly (Conflict | undefined)[],
): readonly (Conflict | undefined)[] {
  const all = listeners.map((listener, index): Placed => ({ listener, field: `spec.listeners[${index}]` }))
  const placed = all.filter((_, index) => lost[index] === undefined)
  return all.map((one, index) => {
    if (lost[index] !== undefined) return lost[index]
    const { listener } = one
    const others = placed.filter(
      ({ listener: other }) => other !== listener && other.port === listener.port && sharesTransport(other, listener),
    )
    return protocolOf(listener) && conflictOf(one, others)
  })
}

function sharesTransport(a: GatewayListener, b: GatewayListener): boolean {
  const [one, other] = [protocolOf(a), protocolOf(b)]
  return one !== undefined && other !== undefined && transportOf(one.lane) === transportOf(other.lane)
}

// By what a client says at the beginning: HTTPS and TLS by the same name, HTTP by another; TCP says nothing.
function areTold(a: GatewayListener, b: GatewayListener): boolean {
  const [one, other] = [protocolOf(a), protocolOf(b)]
  return (
    one !== undefined &&
    other !== undefined &&
    [one, other].every(({ lane }) => hasHostnames(lane)) &&
    one.tls === other.tls
  )
}

type Placed = { readonly listener: GatewayListener; readonly field: string }

function conflictOf({ listener, field }: Placed, others: readonly Placed[]): Conflict | undefined {
  const { port, protocol } = listener
  const foreign = others.filter((other) => !areTold(other.listener, listener))
  if (foreign.length > 0) {
    const theirs = foreign.map((other) => `${other.listener.protocol} in ${textOf(other)}`).join(' and ')
    const message = `${field}.port: ${port} speaks ${protocol} here and ${theirs}; choose another port.`
    return { reason: 'ProtocolConflict', message }
  }
  const twins = others.filter((other) => hostnameOf(other.listener) === hostnameOf(listener))
  if (twins.length === 0) return undefined
  const hostname = hostnameOf(listener) === '' ? 'any hostname' : hostnameOf(listener)
  const theirs = twins.map(textOf).join(' and ')
  const message = `${field}.hostname: ${hostname} on port ${port} is meant here and in ${theirs}; give each a hostname of its own.`
  return { reason: 'HostnameConflict', message }
}

function textOf({ listener, field }: Placed): string {
  return `listener ${listener.name} (${field})`
}
