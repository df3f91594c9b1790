import type { GatewayListener } from '../model/kubernetes.ts'

import { hostnameOf } from './defaults.ts'
import { protocolOf } from './protocols.ts'

export type Conflict = { readonly reason: 'ProtocolConflict' | 'HostnameConflict'; readonly message: string }

/**
 * For each listener, why no request could be told to be its own: another one on its port speaks another protocol, or the same with
 * the same hostname. None of them wins. Protocols that are not supported conflict with nothing: they are not served anyway.
 * https://gateway-api.sigs.k8s.io/reference/spec/#gatewayspec
 */
export function conflictsOf(listeners: readonly GatewayListener[]): readonly (Conflict | undefined)[] {
  const placed = listeners.map((listener, index): Placed => ({ listener, field: `spec.listeners[${index}]` }))
  return placed.map((one) => {
    const { listener } = one
    const others = placed.filter(
      ({ listener: other }) => other !== listener && other.port === listener.port && protocolOf(other),
    )
    return protocolOf(listener) && conflictOf(one, others)
  })
}

type Placed = { readonly listener: GatewayListener; readonly field: string }

function conflictOf({ listener, field }: Placed, others: readonly Placed[]): Conflict | undefined {
  const { port, protocol } = listener
  const foreign = others.filter((other) => other.listener.protocol !== protocol)
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
