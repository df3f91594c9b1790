import type { Certificate, Hostname, Port, SniCertificate } from '../model/proxy-model.ts'
import type { ObjectKey, Snapshot } from '../model/snapshot.ts'

import { family, Gathering, Grove } from '../lib/derive.ts'
import { type Parts, withChanges } from '../lib/parts.ts'

import type { GatewayPlan } from './gateway.ts'
import type { ListenerPlan } from './listeners.ts'
import { parentMembers } from './parent-ids.ts'
import type { ParentPlan, Parents } from './parents.ts'
import type { Lane } from './protocols.ts'

/** Certificates that proxies need, as trees: one changed listener among thousands costs those that it names. Tracked. */
export type PortCertificates = {
  /** What the listeners of a lane at a port show that are served, each certificate once. */
  readonly atPort: (place: {
    readonly gateway: ObjectKey
    readonly lane: Lane
    readonly port: Port
  }) => Parts<SniCertificate>
  /** All that the proxy of a Gateway needs, each once: those of its listeners, and the one that it shows to servers. */
  readonly ofGateway: (gateway: ObjectKey) => Parts<Certificate>
}

type Sources = {
  readonly parents: Pick<Parents, 'plan'>
  readonly gateways: (key: ObjectKey) => Pick<GatewayPlan, 'clientCertificate'> | undefined
}

/** The certificate for some listeners of one parent: their hostnames, and where the first of them stands among all listeners. */
type Use = { readonly certificate: Certificate; readonly hostnames: readonly Hostname[]; readonly precedence: string }

/** Certificates collected by port and by Gateway. Names of buckets are joined with `|`, which no object's name holds. */
export function createPortCertificates(snapshot: Snapshot, { parents, gateways }: Sources): PortCertificates {
  const uses = new Gathering(parentMembers(snapshot), (parent) => {
    const plan = parents.plan(parent)
    if (plan === undefined) return []
    const all = plan.listeners.filter(({ served }) => served).flatMap((listener) => usesOf(listener, plan))
    return [...Map.groupBy(all, ({ place }) => place)].flatMap(([place, same]) =>
      together(same.map(({ use }) => use)).map((use) => [place, use] as const),
    )
  })
  const byPort = new Grove(uses, (place) => {
    const port = place.slice(0, place.lastIndexOf('|'))
    return together(uses.values(place)).map((use) => [port, sniOf(use)] as const)
  })
  const byCertificate = new Gathering(uses, (place) => {
    const [gateway = '', , , id = ''] = place.split('|')
    const use = uses.first(place)
    return use === undefined ? [] : [[nameIn(gateway, id), use.certificate]]
  })
  const byGateway = new Grove(byCertificate, (name) => {
    const certificate = byCertificate.first(name)
    return certificate === undefined ? [] : [[name.slice(0, name.indexOf('|')), certificate]]
  })
  return {
    atPort: ({ gateway, lane, port }) => byPort.tree(`${gateway}|${lane}|${port}`),
    ofGateway: family((gateway) => {
      const certificates = byGateway.tree(gateway)
      const value = gateways(gateway)?.clientCertificate
      if (value === undefined) return certificates
      const member = nameIn(gateway, value.id)
      return withChanges(certificates, [{ member, entry: { member, value } }])
    }),
  }
}

type PlacedUse = { readonly place: string; readonly use: Use }

function usesOf(listener: ListenerPlan, { gateway, precedence, listeners }: ParentPlan): readonly PlacedUse[] {
  const { lane, port, hostname, certificates } = listener
  return certificates.map((certificate, at) => ({
    place: `${gateway}|${lane}|${port}|${certificate.id}`,
    use: {
      certificate,
      hostnames: [hostname],
      precedence: `${precedence} ${rank(listeners.indexOf(listener))} ${rank(at)}`,
    },
  }))
}

function rank(at: number): string {
  return String(at).padStart(4, '0')
}

function nameIn(gateway: ObjectKey, certificate: ObjectKey): string {
  return `${gateway}|${certificate}`
}

// Uses of one certificate at one port, as one.
function together(uses: readonly Use[]): readonly Use[] {
  const [first, ...others] = uses
  if (first === undefined) return []
  if (others.length === 0) return [first]
  const precedence = others.reduce((least, use) => (use.precedence < least ? use.precedence : least), first.precedence)
  return [{ certificate: first.certificate, hostnames: uses.flatMap(({ hostnames }) => hostnames), precedence }]
}

// Served for the hostnames of all listeners that name it, or for whatever it is made out to when one of them has none.
function sniOf({ certificate, hostnames, precedence }: Use): SniCertificate {
  return { certificate, hostnames: hostnames.includes('') ? [] : [...new Set(hostnames)], precedence }
}
