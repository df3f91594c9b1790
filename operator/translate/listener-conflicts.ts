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
  return listeners.map((listener) => {
    const others = listeners.filter((other) => other !== listener && other.port === listener.port && protocolOf(other))
    return protocolOf(listener) && conflictOf(listener, others)
  })
}

function conflictOf(listener: GatewayListener, others: readonly GatewayListener[]): Conflict | undefined {
  const { name, port, protocol } = listener
  const foreign = others.filter((other) => other.protocol !== protocol)
  if (foreign.length > 0)
    return {
      reason: 'ProtocolConflict',
      message: `Listener ${name} speaks ${protocol} on port ${port}, where ${namesOf(foreign)} speaks another protocol; choose another port.`,
    }
  const twins = others.filter((other) => hostnameOf(other) === hostnameOf(listener))
  if (twins.length === 0) return undefined
  const hostname = hostnameOf(listener) === '' ? 'any hostname' : `hostname ${hostnameOf(listener)}`
  return {
    reason: 'HostnameConflict',
    message: `Listener ${name} is for ${hostname} on port ${port}, and so is ${namesOf(twins)}; give each a hostname of its own.`,
  }
}

function namesOf(listeners: readonly GatewayListener[]): string {
  return listeners.map(({ name }) => name).join(', ')
}
