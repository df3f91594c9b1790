import type { Finding } from '../model/report.ts'

import { covers } from './hostnames.ts'
import type { ListenerPlan } from './listeners.ts'

/**
 * What to say of a listener with TLS of which some hostname is another's too: a client that knows both may use one connection, and with
 * it one certificate, for both. Told to each of them. https://gateway-api.sigs.k8s.io/geps/gep-3567/
 */
export function overlapsOf(listener: ListenerPlan, all: readonly ListenerPlan[]): readonly Finding[] {
  const others = all.filter((other) => other !== listener && overlap(listener, other))
  if (others.length === 0) return []
  return [
    {
      type: 'OverlappingTLSConfig',
      status: 'True',
      reason: 'OverlappingHostnames',
      message: `Listener ${described(listener)} has hostnames in common with ${others.map(described).join(', ')} on port ${listener.port}: a client may send requests for one over a connection to the other; keep the hostnames apart, or give the listeners the same certificate.`,
    },
  ]
}

function overlap(a: ListenerPlan, b: ListenerPlan): boolean {
  const bothServeTls = a.tls && b.tls && a.accepted && b.accepted && a.port === b.port
  return bothServeTls && (covers(a.hostname, b.hostname) || covers(b.hostname, a.hostname))
}

function described({ name, hostname }: ListenerPlan): string {
  return `${name} (${hostname === '' ? 'any hostname' : hostname})`
}
