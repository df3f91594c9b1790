import type { ClientValidation, Frontend, Hostname, Port, WorkloadPort } from '../model/proxy-model.ts'
import type { ObjectKey, Snapshot } from '../model/snapshot.ts'

import { family, Gathering, Grove, type Members, settled } from '../lib/derive.ts'
import type { Parts } from '../lib/parts.ts'

import type { GatewayDraft } from './gateway.ts'
import { mostSpecific } from './hostnames.ts'
import type { ListenerSets } from './listener-sets.ts'
import type { ListenerPlan } from './listeners.ts'
import { type ParentId, parentMembers, splitParentId } from './parent-ids.ts'
import { frontendKind, type Lane, transportOf } from './protocols.ts'

/** What routes attach to: a Gateway of ours or a ListenerSet attached to one, with its own listeners. */
export type ParentPlan = {
  readonly gateway: ObjectKey
  /** For sorting: the listeners of a parent come before those of the parents behind it. */
  readonly precedence: string
  readonly listeners: readonly ListenerPlan[]
}

/** A port of a transport at a Gateway: `GATEWAY|TRANSPORT|PORT`. */
export type PortName = string

/** The listeners of Gateways and of their ListenerSets together. Tracked, all of it; one changed set among thousands costs what it touches. */
export type Parents = {
  /** Undefined: none of our business. */
  readonly plan: (parent: ParentId) => ParentPlan | undefined
  /** Whether some listener of this lane at a port is served. */
  readonly serves: (lane: Lane, gateway: ObjectKey, port: Port) => boolean
  /** What is asked of clients at a port: the same by all its listeners. */
  readonly clientsAt: (port: PortName) => ClientValidation | undefined
  /** Those that have a listener. */
  readonly ports: Members
  /** Those that have listeners at a port, by name. */
  readonly parentsAt: (port: PortName) => readonly ParentId[]
  /** `KIND|PORT` of the frontends that serve some listener of a Gateway, sorted. */
  readonly frontends: (gateway: ObjectKey) => readonly string[]
  /** `PORTNAME|HOSTNAME` → lane, for every hostname of a listener, also of one that is not served: its requests are nobody else's. */
  readonly hostnames: Members & Pick<Gathering<Lane>, 'first'>
  /** Those of the listeners for requests at a port, each once. */
  readonly requestHostnames: (port: PortName) => Parts<Hostname>
  /** The listener's hostname that requests for `hostname` at a port belong to; undefined: no listener's. */
  readonly ownerOf: (port: PortName, hostname: Hostname) => Hostname | undefined
}

type Sources = {
  readonly drafts: (gateway: ObjectKey) => GatewayDraft | undefined
  readonly sets: ListenerSets['plan']
}

/** Before every set's. */
export const gatewayPrecedence = '0'

/** The listeners of all parents, collected by port. */
export function createParents(snapshot: Snapshot, { drafts, sets }: Sources): Parents {
  const members = parentMembers(snapshot)
  const plan = (parent: ParentId): ParentPlan | undefined => {
    const { kind, key } = splitParentId(parent)
    const found = kind === 'Gateway' ? drafts(key) : sets(key)
    if (found === undefined || 'orphaned' in found) return found?.orphaned === true ? undefined : found
    return { gateway: key, precedence: gatewayPrecedence, listeners: found.listeners }
  }
  const byPort = new Gathering(members, (parent) => {
    const { gateway, listeners } = plan(parent) ?? nobody
    return listeners.map((listener) => [portName(gateway, listener), true] as const)
  })
  const served = new Gathering(members, (parent) => {
    const { gateway, listeners } = plan(parent) ?? nobody
    const open = listeners.filter((listener) => listener.served)
    return open.map(({ lane, port }) => [`${gateway}|${lane}|${port}`, true] as const)
  })
  const servedByGateway = new Gathering(served, (name) => {
    const [gateway = '', lane, port] = name.split('|')
    const kinds = lanes.filter((one) => one === lane).map(frontendKind)
    return kinds.map((kind) => [gateway, `${kind}|${port}`] as const)
  })
  const clients = new Gathering(members, (parent) => {
    const { gateway, listeners } = plan(parent) ?? nobody
    return listeners.flatMap((listener) =>
      listener.served && listener.clients !== undefined ? [[portName(gateway, listener), listener.clients]] : [],
    )
  })
  const hostnames = new Gathering(members, (parent) => {
    const { gateway, listeners } = plan(parent) ?? nobody
    const known = listeners.filter((listener) => listener.known)
    return known.map((listener) => [`${portName(gateway, listener)}|${listener.hostname}`, listener.lane] as const)
  })
  // First each hostname, then each port: a hostname may be that of several listeners.
  const ofRequests = new Gathering(members, (parent) => {
    const { gateway, listeners } = plan(parent) ?? nobody
    const known = listeners.filter((listener) => listener.known && listener.lane === 'http')
    return known.map((listener) => [`${portName(gateway, listener)}|${listener.hostname}`, true] as const)
  })
  const requestHostnames = new Grove(ofRequests, (place) => {
    const bar = place.lastIndexOf('|')
    return [[place.slice(0, bar), place.slice(bar + 1)]]
  })
  return {
    plan,
    serves: (lane, gateway, port) => served.size(`${gateway}|${lane}|${port}`) > 0,
    clientsAt: (port) => clients.first(port),
    ports: byPort,
    parentsAt: (port) => byPort.bucket(port).map(({ member }) => member),
    frontends: family((gateway) => [...new Set(servedByGateway.values(gateway))].toSorted(compareFrontends)),
    hostnames,
    requestHostnames: (port) => requestHostnames.tree(port),
    ownerOf: createOwners(hostnames),
  }
}

/** The ports that some listeners need open to the world. */
export function openPorts(listeners: readonly ListenerPlan[]): readonly WorkloadPort[] {
  const open = listeners.filter(({ keepsPort }) => keepsPort)
  return open.map(({ port, tls, lane }) => ({ port, tls, transport: transportOf(lane), kind: frontendKind(lane) }))
}

export function portName(gateway: ObjectKey, { port, lane }: Pick<ListenerPlan, 'port' | 'lane'>): PortName {
  return `${gateway}|${transportOf(lane)}|${port}`
}

function portOf(name: PortName): Port {
  return Number(name.slice(name.lastIndexOf('|') + 1))
}

const nobody: ParentPlan = { gateway: '', precedence: '', listeners: [] }
const lanes: readonly Lane[] = ['http', 'passthrough', 'terminate', 'tcp', 'udp']
const order: readonly Frontend['kind'][] = ['tls', 'http', 'tcp', 'udp']

function compareFrontends(a: string, b: string): number {
  return portOf(a) - portOf(b) || rankOf(a) - rankOf(b)
}

function rankOf(frontend: string): number {
  return order.findIndex((kind) => frontend.startsWith(`${kind}|`))
}

// A port with one hostname is asked for it once; among several, from the hostname itself to ever wider wildcards. No list of all of
// them: readers are thousands, and each hears only of the hostnames that could be its own.
function createOwners(hostnames: Gathering<Lane>): Parents['ownerOf'] {
  const byPort = new Gathering(hostnames, (place) => {
    const bar = place.lastIndexOf('|')
    return [[place.slice(0, bar), place.slice(bar + 1)]]
  })
  const onlyOne = settled(byPort, (port) => (byPort.size(port) === 1 ? byPort.first(port) : undefined))
  return (port, hostname) => {
    const only = onlyOne(port)
    const has = (pattern: Hostname): boolean =>
      only === undefined ? hostnames.size(`${port}|${pattern}`) > 0 : pattern === only
    return mostSpecific({ has }, hostname)
  }
}
