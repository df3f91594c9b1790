import type {
  Certificate,
  Frontend,
  Hostname,
  HttpFrontend,
  ProxyModel,
  SniCertificate,
  TlsFrontend,
} from '../model/proxy-model.ts'
import type { ObjectKey } from '../model/snapshot.ts'
import type { Users } from '../model/users.ts'

import { family, memo } from '../lib/derive.ts'
import { together } from '../lib/parts.ts'

import { createEmptyHosts } from './empty-hosts.ts'
import type { GatewayPlan } from './gateway.ts'
import type { ListenerPlan } from './listeners.ts'
import type { ProxyNeeds } from './needs.ts'
import type { Parents } from './parents.ts'
import type { Streams } from './streams.ts'
import type { VirtualHosts } from './virtual-hosts.ts'

type Sources = {
  readonly gateways: (key: ObjectKey) => GatewayPlan | undefined
  readonly parents: Parents
  readonly virtualHosts: VirtualHosts
  readonly streams: Streams
  readonly needs: ProxyNeeds
  readonly users: (gateway: ObjectKey) => Users
}

/**
 * The proxy of an accepted Gateway of ours, by key; undefined for any other key. It is there even when no listener can be served
 * for the moment, so that the workload keeps its address. Tracked.
 */
export function createProxies({
  gateways,
  parents,
  virtualHosts,
  streams,
  needs,
  users,
}: Sources): (gateway: ObjectKey) => ProxyModel | undefined {
  const listenersAt = (place: string): readonly ListenerPlan[] => parents.listenersAt(place.replace('|', '|TCP|'))
  const emptyHosts = createEmptyHosts(parents, virtualHosts)
  // Apart from the hosts, so that it keeps its identity when routes change.
  const entrance = family((place): Pick<HttpFrontend, 'tls' | 'listeners'> => {
    const port = Number(place.slice(place.lastIndexOf('|') + 1))
    const tls = entranceTls(listenersAt(place).filter(({ served, lane }) => served && lane === 'http'))
    if (tls === undefined) return {}
    const hostnames = parents.requestHostnames(place.replace('|', '|TCP|'))
    return hostnames.size > 1 ? { tls, listeners: { port, hostnames } } : { tls }
  })
  const httpFrontend = family((place): HttpFrontend => {
    const empty = emptyHosts(place)
    const hosts = virtualHosts.ofPort(place)
    const port = Number(place.slice(place.lastIndexOf('|') + 1))
    return { kind: 'http', port, hosts: together([hosts, empty]), ...entrance(place) }
  })
  const tlsFrontend = family((place): TlsFrontend => {
    const bar = place.lastIndexOf('|')
    const listeners = listenersAt(place)
    const found = streams.tls({ gateway: place.slice(0, bar), port: Number(place.slice(bar + 1)), listeners })
    const certificates = certificatesOf(listeners.filter(({ served, lane }) => served && lane === 'terminate'))
    return certificates.length === 0 ? found : { ...found, tls: { certificates } }
  })
  const frontend = family((place): Frontend => {
    const [gateway = '', kind, port] = place.split('|')
    if (kind === 'tcp') return streams.tcp(gateway, Number(port))
    if (kind === 'udp') return streams.udp(gateway, Number(port))
    return kind === 'tls' ? tlsFrontend(`${gateway}|${port}`) : httpFrontend(`${gateway}|${port}`)
  })
  return family((gateway) => {
    const plan = gateways(gateway)
    if (plan === undefined || !plan.accepted) return undefined
    return {
      id: gateway,
      workload: plan.workload,
      frontends: parents.frontends(gateway).map((place) => frontend(`${gateway}|${place}`)),
      backends: needs.backends(gateway),
      ...(plan.clientCertificate !== undefined && { clientCertificate: plan.clientCertificate }),
      conditionNames: needs.conditionNames(gateway),
      users: users(gateway),
    }
  })
}

// What a port does with connections, from its listeners of HTTP or HTTPS that are served.
function entranceTls(served: readonly ListenerPlan[]): HttpFrontend['tls'] {
  if (!served.some(({ tls }) => tls)) return undefined
  // What is asked of clients is the same for all listeners of a port.
  const clients = served.find((listener) => listener.clients !== undefined)?.clients
  return { certificates: certificatesOf(served), ...(clients === undefined ? {} : { clients }) }
}

// A certificate that several listeners name is served for the hostnames of all of them, or for whatever it is made out to when one
// of them has none.
function certificatesOf(listeners: readonly ListenerPlan[]): readonly SniCertificate[] {
  const found = new Map<ObjectKey, { readonly certificate: Certificate; readonly hostnames: Hostname[] }>()
  for (const { hostname, certificates } of listeners)
    for (const certificate of certificates) {
      const entry = found.get(certificate.id)
      if (entry === undefined) found.set(certificate.id, { certificate, hostnames: [hostname] })
      else entry.hostnames.push(hostname)
    }
  return [...found.values()].map(({ certificate, hostnames }) => {
    return sniOf(certificate)(hostnames.includes('') ? '' : [...new Set(hostnames)].join(' '))
  })
}

// The same as long as it is the same, for thousands may stand in the list of a port. Names hold no space; none at all: any.
const sniOf = memo((certificate: Certificate) => {
  let last: { readonly names: string; readonly sni: SniCertificate } | undefined
  return (names: string): SniCertificate => {
    if (last?.names !== names) {
      const hostnames = names === '' ? [] : names.split(' ')
      last = { names, sni: { certificate, hostnames } }
    }
    return last.sni
  }
})
