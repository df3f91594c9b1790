import type { Hostname, HttpFrontend, Port, ProxyModel, SniCertificate, VirtualHost } from '../model/proxy-model.ts'
import type { ObjectKey } from '../model/snapshot.ts'

import { family } from '../lib/derive.ts'

import type { GatewayPlan } from './gateway.ts'
import type { ListenerPlan } from './listeners.ts'
import type { ProxyNeeds } from './needs.ts'
import type { VirtualHosts } from './virtual-hosts.ts'

type Sources = {
  readonly gateways: (key: ObjectKey) => GatewayPlan | undefined
  readonly virtualHosts: VirtualHosts
  readonly needs: ProxyNeeds
}

/**
 * The proxy of an accepted Gateway of ours, by key; undefined for any other key. It is there even when no listener can be served
 * for the moment, so that the workload keeps its address. Tracked.
 */
export function createProxies({
  gateways,
  virtualHosts,
  needs,
}: Sources): (gateway: ObjectKey) => ProxyModel | undefined {
  const listenersAt = (place: string): readonly ListenerPlan[] => {
    const bar = place.lastIndexOf('|')
    const port = Number(place.slice(bar + 1))
    return (gateways(place.slice(0, bar))?.listeners ?? []).filter((listener) => listener.port === port)
  }
  const emptyHosts = family((place): readonly VirtualHost[] => {
    const port = Number(place.slice(place.lastIndexOf('|') + 1))
    const free = hostnamesOf(listenersAt(place)).filter((hostname) => !virtualHosts.has(place, hostname))
    return free.map((hostname) => ({ port, hostname, rules: [] }))
  })
  const frontend = family((place) => {
    const empty = emptyHosts(place)
    const hosts = virtualHosts.ofPort(place)
    const port = Number(place.slice(place.lastIndexOf('|') + 1))
    return frontendOf(port, listenersAt(place), empty.length === 0 ? hosts : [...hosts, empty])
  })
  return family((gateway) => {
    const plan = gateways(gateway)
    if (plan === undefined || !plan.accepted) return undefined
    return {
      id: gateway,
      workload: plan.workload,
      frontends: servedPorts(plan).map((port) => frontend(`${gateway}|${port}`)),
      backends: needs.backends(gateway),
      conditionNames: needs.conditionNames(gateway),
    }
  })
}

function servedPorts({ listeners }: GatewayPlan): readonly Port[] {
  const ports = listeners.filter(({ served }) => served).map(({ port }) => port)
  return [...new Set(ports)].toSorted((a, b) => a - b)
}

// Every listener's hostname is a virtual host, so that its requests never fall to a less specific listener: without routes it
// answers 404, also when the listener itself cannot be served.
function hostnamesOf(listeners: readonly ListenerPlan[]): readonly Hostname[] {
  return [...new Set(listeners.filter(({ known }) => known).map(({ hostname }) => hostname))]
}

function frontendOf(port: Port, listeners: readonly ListenerPlan[], hosts: HttpFrontend['hosts']): HttpFrontend {
  const served = listeners.filter((listener) => listener.served)
  const frontend: HttpFrontend = { kind: 'http', port, hosts }
  return served.some(({ tls }) => tls) ? { ...frontend, tls: { certificates: certificatesOf(served) } } : frontend
}

// A certificate that several listeners name is served for the hostnames of all of them, or for whatever it is made out to when one
// of them has none.
function certificatesOf(listeners: readonly ListenerPlan[]): readonly SniCertificate[] {
  const found = new Map<ObjectKey, SniCertificate>()
  for (const { hostname, certificates } of listeners)
    for (const certificate of certificates) {
      const before = found.get(certificate.id)
      found.set(certificate.id, { certificate, hostnames: mergeHostnames(before?.hostnames, hostname) })
    }
  return [...found.values()]
}

function mergeHostnames(before: readonly Hostname[] | undefined, hostname: Hostname): readonly Hostname[] {
  if (hostname === '' || before?.length === 0) return []
  return [...new Set([...(before ?? []), hostname])]
}
