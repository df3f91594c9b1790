import type { Frontend, HttpFrontend, Port, ProxyModel, TlsFrontend } from '../model/proxy-model.ts'
import type { ObjectKey } from '../model/snapshot.ts'
import type { Users } from '../model/users.ts'

import { family } from '../lib/derive.ts'
import { together } from '../lib/parts.ts'

import { createEmptyHosts } from './empty-hosts.ts'
import type { GatewayPlan } from './gateway.ts'
import type { ProxyNeeds } from './needs.ts'
import type { Parents } from './parents.ts'
import type { PortCertificates } from './port-certificates.ts'
import type { Streams } from './streams.ts'
import type { VirtualHosts } from './virtual-hosts.ts'

type Sources = {
  readonly gateways: (key: ObjectKey) => GatewayPlan | undefined
  readonly parents: Parents
  readonly portCertificates: PortCertificates
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
  portCertificates,
  virtualHosts,
  streams,
  needs,
  users,
}: Sources): (gateway: ObjectKey) => ProxyModel | undefined {
  const emptyHosts = createEmptyHosts(parents, virtualHosts)
  // Apart from the hosts, so that it keeps its identity when routes change.
  const entrance = family((place): Pick<HttpFrontend, 'tls' | 'listeners'> => {
    const { gateway, port } = splitPlace(place)
    const certificates = portCertificates.atPort({ gateway, lane: 'http', port })
    if (certificates.size === 0) return {}
    const clients = parents.clientsAt(place.replace('|', '|TCP|'))
    const tls = { certificates, ...(clients !== undefined && { clients }) }
    const hostnames = parents.requestHostnames(place.replace('|', '|TCP|'))
    return hostnames.size > 1 ? { tls, listeners: { port, hostnames } } : { tls }
  })
  const httpFrontend = family((place): HttpFrontend => {
    const empty = emptyHosts(place)
    const hosts = virtualHosts.ofPort(place)
    const { port } = splitPlace(place)
    return { kind: 'http', port, hosts: together([hosts, empty]), ...entrance(place) }
  })
  const tlsFrontend = family((place): TlsFrontend => {
    const { gateway, port } = splitPlace(place)
    const found = streams.tls(gateway, port)
    const certificates = portCertificates.atPort({ gateway, lane: 'terminate', port })
    return certificates.size === 0 ? found : { ...found, tls: { certificates } }
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
      certificates: portCertificates.ofGateway(gateway),
      ...(plan.clientCertificate !== undefined && { clientCertificate: plan.clientCertificate }),
      conditionNames: needs.conditionNames(gateway),
      users: users(gateway),
    }
  })
}

function splitPlace(place: string): { readonly gateway: ObjectKey; readonly port: Port } {
  const bar = place.lastIndexOf('|')
  return { gateway: place.slice(0, bar), port: Number(place.slice(bar + 1)) }
}
