// UDP ports → nginx's configuration: HAProxy does not proxy UDP.

import * as names from '../model/names.ts'
import type { Backend, BackendId, Port, ProxyModel, Target, UdpFrontend } from '../model/proxy-model.ts'
import type { UdpConfig } from '../model/rendered.ts'
import { fold } from '../lib/fold.ts'
import { shortHash } from '../lib/hash.ts'

import { sharesOf } from './weights.ts'

export type UdpView = { readonly upstreams: readonly UpstreamView[]; readonly ports: readonly UdpPortView[] }
export type UpstreamView = { readonly name: string; readonly servers: readonly string[] }
export type UdpPortView = {
  readonly port: Port
  /** The one upstream that gets everything; null: there are shares, or nothing is forwarded. */
  readonly upstream: string | null
  /** What is left of 100 is dropped. null: nothing to divide. */
  readonly shares: readonly ShareView[] | null
}
/** Two decimals, above 0. */
export type ShareView = { readonly percent: string; readonly upstream: string }

/** Renders the UDP ports of a proxy; nothing for one that has none. Backends are looked through once per identity of their part. */
export function udpRenderer(template: (view: UdpView) => string): (proxy: ProxyModel) => { readonly udp?: UdpConfig } {
  const ofUdp = fold(
    (part: readonly Backend[]): readonly Backend[] => part.filter(({ profile }) => profile === 'udp'),
    (found) => found.flat(),
  )
  return ({ frontends, backends }) => {
    const ports = frontends.filter((frontend) => frontend.kind === 'udp')
    if (ports.length === 0) return {}
    const text = `${template(udpView(ports, ofUdp(backends)))}# end\n`
    const hash = shortHash(text)
    return { udp: { text: `# ${hash}\n${text}`, hash, ports: ports.map(({ port }) => port) } }
  }
}

/** Decides who gets what. Datagrams for a backend without endpoints are dropped, not given to others; so is the share of a broken reference. */
export function udpView(frontends: readonly UdpFrontend[], backends: readonly Backend[]): UdpView {
  const serving = new Map(backends.filter(({ servers }) => servers.length > 0).map((backend) => [backend.id, backend]))
  const ports = frontends.map((frontend) => portView(frontend, serving))
  const used = new Set(
    ports.flatMap(({ upstream, shares }) => shares?.map((share) => share.upstream) ?? upstream ?? []),
  )
  const upstreams = [...serving.values()].map(upstreamView).filter(({ name }) => used.has(name))
  return { upstreams: upstreams.toSorted((a, b) => (a.name < b.name ? -1 : 1)), ports }
}

function upstreamView({ id, profile, servers }: Backend): UpstreamView {
  return {
    name: names.backendName(id, profile),
    servers: servers.map(({ address, port }) =>
      address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`,
    ),
  }
}

// The action of the first rule counts: of several routes the oldest has the port.
function portView({ port, rules }: UdpFrontend, serving: ReadonlyMap<BackendId, Backend>): UdpPortView {
  const action = rules[0]?.action
  const shares = action?.kind === 'forward' ? sharesView(action.targets, serving) : []
  const [first] = shares
  if (first === undefined) return { port, upstream: null, shares: null }
  return first.percent === '100.00'
    ? { port, upstream: first.upstream, shares: null }
    : { port, upstream: null, shares }
}

// Dropped shares are left out: nginx gives what is left of 100 % to nobody.
function sharesView(targets: readonly Target[], serving: ReadonlyMap<BackendId, Backend>): readonly ShareView[] {
  const shares = sharesOf(targets.map(({ weight }) => weight))
  return targets.flatMap((target, at) => {
    const backend = target.kind === 'backend' ? serving.get(target.backend) : undefined
    const share = shares[at]
    if (backend === undefined || share === undefined) return []
    return [{ percent: (share / 100).toFixed(2), upstream: names.backendName(backend.id, backend.profile) }]
  })
}
