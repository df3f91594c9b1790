// What the specification says should become of a connection to a listener of protocol TLS or TCP. A connection that leads nowhere is closed.

import type { GatewayListener, TCPRoute, TLSRoute } from '../../operator/model/kubernetes.ts'

import { backendOf, listenerFor, routesAt } from './oracle-places.ts'
import type { World } from './world.ts'

/** `sni` absent: a connection in clear text. */
export type Connection = { readonly port: number; readonly sni?: string }
/** Who answered, and whether it saw the client's TLS; or nobody. */
export type Reached = { readonly backend: string; readonly sees: 'TLS' | 'clear text' } | { readonly backend: 'nobody' }
export type ExpectedReach = { readonly share: number; readonly answer: Reached }

const nobody: readonly ExpectedReach[] = [{ share: 1, answer: { backend: 'nobody' } }]

export function expectedReach(world: World, { port, sni }: Connection): readonly ExpectedReach[] {
  const host = sni ?? ''
  const listener = listenerFor(world, port, host)
  if (listener === undefined) return nobody
  if (listener.protocol === 'TCP')
    return reachOf(world, { kind: 'TCPRoute', listener }, routesAt(world, world.tcpRoutes, { listener, host }))
  return reachOf(world, { kind: 'TLSRoute', listener }, routesAt(world, world.tlsRoutes, { listener, host }))
}

type Arrival = { readonly kind: 'TLSRoute' | 'TCPRoute'; readonly listener: GatewayListener }

// The oldest route counts, then the first by name.
function reachOf(
  world: World,
  { kind, listener }: Arrival,
  routes: readonly (TLSRoute | TCPRoute)[],
): readonly ExpectedReach[] {
  const age = ({ metadata }: TLSRoute | TCPRoute) => new Date(metadata.creationTimestamp ?? 0).getTime()
  const name = ({ metadata }: TLSRoute | TCPRoute) => `${metadata.namespace}/${metadata.name}`
  const [route] = routes.toSorted((a, b) => age(a) - age(b) || (name(a) < name(b) ? -1 : 1))
  const refs = (route?.spec.rules[0]?.backendRefs ?? []).map((ref) => ({ ref, weight: ref.weight ?? 1 }))
  const total = refs.reduce((sum, { weight }) => sum + weight, 0)
  if (route === undefined || total === 0) return nobody
  const passesOn = listener.protocol === 'TLS' && listener.tls?.mode === 'Passthrough'
  return refs.flatMap(({ ref, weight }) => {
    if (weight === 0) return []
    const backend = backendOf(world, { kind, from: route.metadata.namespace ?? '' }, ref)
    const answer: Reached =
      typeof backend === 'number' ? { backend: 'nobody' } : { backend, sees: passesOn ? 'TLS' : 'clear text' }
    return [{ share: weight / total, answer }]
  })
}
