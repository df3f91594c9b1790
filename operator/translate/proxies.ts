import type { Frontend, Hostname, Port, ProxyModel, SniCertificate, VirtualHost } from '../model/proxy-model.ts'
import type { ObjectKey } from '../model/snapshot.ts'

import { compareTexts } from '../lib/compare-texts.ts'
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
  const emptyHost = family((place): VirtualHost => {
    const bar = place.indexOf('|')
    return { port: Number(place.slice(0, bar)), hostname: place.slice(bar + 1), rules: [] }
  })
  const frontend = family((place) => {
    const bar = place.lastIndexOf('|')
    const gateway = place.slice(0, bar)
    const port = Number(place.slice(bar + 1))
    const listeners = (gateways(gateway)?.listeners ?? []).filter((listener) => listener.port === port)
    const free = hostnamesOf(listeners).filter((hostname) => !virtualHosts.has(place, hostname))
    const empty = free.map((hostname) => emptyHost(`${port}|${hostname}`))
    return frontendOf(port, listeners, mergeHosts(virtualHosts.ofPort(place), empty))
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

// Those with routes come sorted; with thousands of them it pays not to sort again.
function mergeHosts(hosts: readonly VirtualHost[], empty: readonly VirtualHost[]): readonly VirtualHost[] {
  if (empty.length === 0) return hosts
  return [...hosts, ...empty].toSorted((a, b) => compareTexts(a.hostname, b.hostname))
}

function frontendOf(port: Port, listeners: readonly ListenerPlan[], hosts: readonly VirtualHost[]): Frontend {
  const served = listeners.filter((listener) => listener.served)
  const frontend: Frontend = { kind: 'http', port, hosts }
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
