import type { Port, Rule, TcpFrontend, TlsFrontend, TlsHost, UdpFrontend } from '../model/proxy-model.ts'
import type { RouteId } from '../model/report.ts'
import type { ObjectKey, Snapshot } from '../model/snapshot.ts'

import { family, Gathering, Grove, settled } from '../lib/derive.ts'
import { together } from '../lib/parts.ts'

import type { Parents } from './parents.ts'
import { sortRules } from './precedence.ts'
import { frontendKind, type Lane } from './protocols.ts'
import { routeMembers, streamKinds } from './route-members.ts'
import type { PlacedRoute } from './routes-placed.ts'

/** The frontends that know connections and datagrams instead of requests. Tracked, all of them; without certificates. */
export type Streams = {
  readonly tls: (gateway: ObjectKey, port: Port) => Omit<TlsFrontend, 'tls'>
  readonly tcp: (gateway: ObjectKey, port: Port) => TcpFrontend
  readonly udp: (gateway: ObjectKey, port: Port) => UdpFrontend
}

type Sources = {
  readonly routes: (route: RouteId) => PlacedRoute
  readonly parents: Pick<Parents, 'ports' | 'serves' | 'hostnames'>
}

/** TLSRoutes, TCPRoutes and UDPRoutes collected by port, and by hostname where there is one. Names of buckets are joined with `|`. */
export function createStreams(snapshot: Snapshot, { routes, parents }: Sources): Streams {
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

  // Settled, for thousands of hostnames hear of it.
  const lanesAt = settled(parents.ports, (place): readonly Lane[] => {
    const [gateway = '', , port] = place.split('|')
    return connectionLanes.filter((lane) => parents.serves(lane, gateway, Number(port)))
  })
  // Every listener's hostname is a host, so that its connections never fall to a less specific listener: without routes they are closed,
  // also when the listener itself cannot be served. Those of HTTPS listeners go on to the frontend for HTTP, if there is one.
  const freeByPort = new Grove(parents.hostnames, (place) => {
    const [gateway = '', transport, port = '', hostname = ''] = place.split('|')
    const served = lanesAt(`${gateway}|${transport}|${port}`) ?? []
    const lane = parents.hostnames.first(place)
    if (!served.some((one) => frontendKind(one) === 'tls') || !connectionLanes.some((one) => one === lane)) return []
    if (streamLanes.some((one) => rulesByPlace.size(`${gateway}|${one}|${port}|${hostname}`) > 0)) return []
    const end = lane === 'http' && served.includes('http') ? 'http' : 'passthrough'
    const free: TlsHost = { port: Number(port), hostname, end, rules: [] }
    return [[`${gateway}|${port}`, free]]
  })

  function tls(gateway: ObjectKey, port: Port): Omit<TlsFrontend, 'tls'> {
    const place = `${gateway}|${port}`
    const hosts = together([hostsByPort.tree(place), freeByPort.tree(place)])
    return { kind: 'tls', port, passthrough: parents.serves('passthrough', gateway, port), hosts }
  }

  return {
    tls,
    tcp: (gateway, port) => ({ kind: 'tcp', port, rules: rules(`${gateway}|tcp|${port}|`) }),
    udp: (gateway, port) => ({ kind: 'udp', port, rules: rules(`${gateway}|udp|${port}|`) }),
  }
}

const streamLanes = ['passthrough', 'terminate'] as const
/** Those of which the connections are told apart by SNI. */
const connectionLanes = ['http', ...streamLanes] as const
