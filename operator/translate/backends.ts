import type { V1EndpointSlice } from '../model/kubernetes.ts'
import type { Backend, BackendId, BackendProfile, Port, Server } from '../model/proxy-model.ts'
import { keyFor, type ObjectKey, type Snapshot, splitKey } from '../model/snapshot.ts'

import { compareTexts } from '../lib/compare-texts.ts'
import { family, Gathering } from '../lib/derive.ts'

import { serverAddress } from './addresses.ts'
import { backendKey, backendOf } from './backend-key.ts'
import { attempt } from './fault.ts'
import { isPort } from './ports.ts'

const serviceNameLabel = 'kubernetes.io/service-name'

/** Of a slice what servers are made of. */
type Endpoints = {
  readonly ports: readonly { readonly transport: Transport; readonly name: string; readonly port: Port }[]
  readonly addresses: readonly { readonly address: string; readonly state: EndpointState }[]
}
const noEndpoints: Endpoints = { ports: [], addresses: [] }
type EndpointState = 'ready' | 'draining'

/** Each server takes some kilobytes in every pod, and slices written by hand could name a hundred thousand. */
const mostServers = 5000

/** The identity of a Service port. */
export function backendId(service: ObjectKey, port: Port): BackendId {
  return `${service}:${port}`
}

/**
 * The backend of a Service port: its ready endpoints, IPv4 and IPv6; without any, those that still serve while they end; without
 * those, none, and requests are answered with 503. Endpoints beyond 5,000 are left out. Reads are tracked; the profiles of a Service port share one list of servers.
 */
export function createBackends(snapshot: Snapshot): (id: BackendId, profile: BackendProfile) => Backend {
  const slices = new Gathering(snapshot.EndpointSlice, (key) => {
    const slice = snapshot.EndpointSlice.get(key)
    const service = slice?.metadata?.labels?.[serviceNameLabel]
    // What a domain name resolves to is nobody's promise; slices of pods never hold one.
    if (slice === undefined || service === undefined || slice.addressType === 'FQDN') return []
    // Nobody reads a slice's status, so one that cannot be read has no endpoints.
    const endpoints = attempt(
      () => endpointsOf(slice),
      () => noEndpoints,
    )
    return [[keyFor(splitKey(key).namespace, service), endpoints] as const]
  })
  const portName = family((place) => {
    const { service, port, transport } = partsOf(place)
    const ports = snapshot.Service.get(service)?.spec?.ports ?? []
    return ports.find((candidate) => candidate.port === port && transportOf(candidate) === transport)?.name ?? ''
  })
  const servers = family((place) => {
    const { service, transport } = partsOf(place)
    const gathered = slices.bucket(service).map(({ value }) => value)
    return serversOf(gathered, { transport, name: portName(place) })
  })
  const backend = family((key): Backend => {
    const { id, profile } = backendOf(key)
    return { id, profile, servers: servers(`${id.replace(/\/h2$/, '')}|${profile === 'udp' ? 'UDP' : 'TCP'}`) }
  })
  return (id, profile) => backend(backendKey({ id, profile }))
}

type Transport = 'TCP' | 'UDP'
type ServicePort = { readonly service: ObjectKey; readonly port: Port; readonly transport: Transport }

// Of `shop/cart:8080|TCP`.
function partsOf(place: string): ServicePort {
  const colon = place.lastIndexOf(':')
  const [port, transport] = place.slice(colon + 1).split('|')
  return {
    service: place.slice(0, colon),
    port: Number.parseInt(port ?? '', 10),
    transport: transport === 'UDP' ? 'UDP' : 'TCP',
  }
}

function endpointsOf(slice: V1EndpointSlice): Endpoints {
  const ports = (slice.ports ?? []).flatMap(({ name, port, protocol }) => {
    const transport = transportOf({ protocol })
    return port !== undefined && isPort(port) && transport !== undefined ? [{ transport, name: name ?? '', port }] : []
  })
  const addresses = (slice.endpoints ?? []).flatMap((endpoint) => {
    const state = stateOf(endpoint.conditions ?? {})
    if (state === undefined) return []
    return endpoint.addresses.flatMap((text) => {
      const address = serverAddress(text)
      return address === undefined ? [] : [{ address, state }]
    })
  })
  return { ports, addresses }
}

function stateOf(conditions: {
  readonly ready?: boolean
  readonly serving?: boolean
  readonly terminating?: boolean
}): EndpointState | undefined {
  if (conditions.ready !== false) return 'ready'
  return conditions.serving === true && conditions.terminating === true ? 'draining' : undefined
}

type PortName = { readonly transport: Transport; readonly name: string }

function serversOf(slices: readonly Endpoints[], port: PortName): readonly Server[] {
  const ready = serversIn(slices, port, 'ready')
  return ready.length > 0 ? ready : serversIn(slices, port, 'draining')
}

// The slice's port of the same name as the Service's holds the target port, already resolved.
function serversIn(slices: readonly Endpoints[], of: PortName, wanted: EndpointState): readonly Server[] {
  const found = new Map<string, Server>()
  for (const { ports, addresses } of slices)
    for (const { transport, name, port } of ports)
      for (const { address, state } of addresses)
        if (transport === of.transport && name === of.name && state === wanted)
          found.set(`${address} ${port}`, { address, port })
  const sorted = [...found.values()].toSorted((a, b) => compareTexts(a.address, b.address) || a.port - b.port)
  return sorted.slice(0, mostServers)
}

function transportOf({ protocol = 'TCP' }: { readonly protocol?: string | undefined }): Transport | undefined {
  return protocol === 'TCP' || protocol === 'UDP' ? protocol : undefined
}
