import type { Finding } from '../model/report.ts'
import type { Snapshot } from '../model/snapshot.ts'

import { Gathering } from '../lib/derive.ts'

import { patternsOf, wildcardsAbove } from './hostnames.ts'
import type { ListenerPlan } from './listeners.ts'
import { type ParentId, parentMembers } from './parent-ids.ts'
import { type Parents, portName } from './parents.ts'

/**
 * What to say of a listener with TLS of which some hostname is another's too: a client that knows both may use one connection, and with
 * it one certificate, for both. Told to each of them. Tracked. https://gateway-api.sigs.k8s.io/geps/gep-3567/
 */
export function createOverlaps(
  snapshot: Snapshot,
  { plan }: Pick<Parents, 'plan'>,
): (parent: ParentId, listener: ListenerPlan) => readonly Finding[] {
  // A hostname stands at itself and `below` all wildcards above it, so that nobody compares thousands of them.
  const places = new Gathering(parentMembers(snapshot), (parent) => {
    const found = plan(parent)
    const listeners = (found?.listeners ?? []).filter(servesTls)
    const all = listeners.flatMap((listener) =>
      placesOf(listener).map((place) => ({ place: `${portName(found?.gateway ?? '', listener)}|${place}`, listener })),
    )
    return [...Map.groupBy(all, ({ place }) => place)].map(
      ([place, same]) => [place, { parent, listeners: same.map(({ listener }) => described(listener)) }] as const,
    )
  })

  return (parent, listener) => {
    const gateway = plan(parent)?.gateway
    if (gateway === undefined || !servesTls(listener)) return []
    const port = portName(gateway, listener)
    const found = wantedBy(listener).flatMap((place) => places.values(`${port}|${place}`))
    const own = found.filter((other) => other.parent === parent).flatMap(({ listeners }) => listeners)
    const siblings = own.filter((other) => other !== described(listener))
    const strangers = found.some((other) => other.parent !== parent)
    return siblings.length > 0 || strangers ? [overlapping(listener, siblings, strangers)] : []
  }
}

function servesTls({ tls, accepted }: ListenerPlan): boolean {
  return tls && accepted
}

function placesOf({ hostname }: ListenerPlan): readonly string[] {
  return [hostname, ...wildcardsAbove(hostname).map((wildcard) => `below ${wildcard}`)]
}

function wantedBy({ hostname }: ListenerPlan): readonly string[] {
  const isWildcard = hostname === '' || hostname.startsWith('*.')
  return [...patternsOf(hostname), ...(isWildcard ? [`below ${hostname}`] : [])]
}

// Listeners of other objects have authors whom their names are no business of.
function overlapping(listener: ListenerPlan, siblings: readonly string[], strangers: boolean): Finding {
  const others = [...siblings, ...(strangers ? ['listeners of other objects at this Gateway'] : [])].join(', ')
  return {
    type: 'OverlappingTLSConfig',
    status: 'True',
    reason: 'OverlappingHostnames',
    message: `Listener ${described(listener)} has hostnames in common with ${others} on port ${listener.port}: a client may send requests for one over a connection to the other; keep the hostnames apart, or give the listeners the same certificate.`,
  }
}

function described({ name, hostname }: ListenerPlan): string {
  return `${name} (${hostname === '' ? 'any hostname' : hostname})`
}
