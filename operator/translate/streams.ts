import type { Hostname, Port, Rule, TcpFrontend, TlsFrontend, TlsHost, UdpFrontend } from '../model/proxy-model.ts'
import type { RouteId } from '../model/report.ts'
import type { ObjectKey, Snapshot } from '../model/snapshot.ts'

import { family, Gathering, Grove } from '../lib/derive.ts'
import { leafOfItems, together } from '../lib/parts.ts'

import type { ListenerPlan } from './listeners.ts'
import { sortRules } from './precedence.ts'
import { frontendKind } from './protocols.ts'
import { routeMembers, streamKinds } from './route-members.ts'
import type { PlacedRoute } from './routes-placed.ts'

/** A port of a Gateway, and the listeners that share its connections. */
export type PortPlace = {
  readonly gateway: ObjectKey
  readonly port: Port
  readonly listeners: readonly ListenerPlan[]
}

/** The frontends that know connections and datagrams instead of requests. Tracked, all of them; without certificates. */
export type Streams = {
  readonly tls: (place: PortPlace) => Omit<TlsFrontend, 'tls'>
  readonly tcp: (gateway: ObjectKey, port: Port) => TcpFrontend
  readonly udp: (gateway: ObjectKey, port: Port) => UdpFrontend
}

/** TLSRoutes, TCPRoutes and UDPRoutes collected by port, and by hostname where there is one. Names of buckets are joined with `|`. */
export function createStreams(snapshot: Snapshot, routes: (route: RouteId) => PlacedRoute): Streams {
  const rulesByPlace = new Gathering(routeMembers(snapshot, streamKinds), (route) =>
    routes(route).placements.map(
      ({ gateway, lane, port, hostname, rules }) => [`${gateway}|${lane}|${port}|${hostname}`, rules] as const,
    ),
  )
  const rules = family((place): readonly Rule[] => sortRules(rulesByPlace.values(place)))
  const host = family((place): TlsHost | undefined => {
    const [, lane, port, hostname = ''] = place.split('|')
    if (lane !== 'passthrough' && lane !== 'terminate') return undefined
    return { port: Number(port), hostname, end: lane, rules: rules(place) }
  })
  const hostsByPort = new Grove(rulesByPlace, (place) => {
    const [gateway, , port] = place.split('|')
    const found = host(place)
    return found === undefined ? [] : [[`${gateway}|${port}`, found]]
  })

  function tls({ gateway, port, listeners }: PortPlace): Omit<TlsFrontend, 'tls'> {
    const isFree = (hostname: Hostname): boolean =>
      (['passthrough', 'terminate'] as const).every(
        (lane) => rulesByPlace.size(`${gateway}|${lane}|${port}|${hostname}`) === 0,
      )
    const free = hostsOf(port, listeners).filter(({ hostname }) => isFree(hostname))
    const hosts = together([hostsByPort.tree(`${gateway}|${port}`), leafOfItems(free)])
    const passthrough = listeners.some((listener) => listener.served && listener.lane === 'passthrough')
    return { kind: 'tls', port, passthrough, hosts }
  }

  return {
    tls,
    tcp: (gateway, port) => ({ kind: 'tcp', port, rules: rules(`${gateway}|tcp|${port}|`) }),
    udp: (gateway, port) => ({ kind: 'udp', port, rules: rules(`${gateway}|udp|${port}|`) }),
  }
}

// Every listener's hostname is a host, so that its connections never fall to a less specific listener: without routes they are closed,
// also when the listener itself cannot be served. Those of HTTPS listeners go on to the frontend for HTTP, if there is one.
function hostsOf(port: Port, listeners: readonly ListenerPlan[]): readonly TlsHost[] {
  const hasHttp = listeners.some(({ served, lane }) => served && lane === 'http')
  const endOf = ({ lane }: ListenerPlan): TlsHost['end'] => (lane === 'http' && hasHttp ? 'http' : 'passthrough')
  const known = listeners.filter(({ known: isKnown, lane }) => isKnown && ['http', 'tls'].includes(frontendKind(lane)))
  const hosts = known.map((listener): TlsHost => {
    return { port, hostname: listener.hostname, end: endOf(listener), rules: [] }
  })
  return [...new Map(hosts.map((one) => [one.hostname, one])).values()]
}
