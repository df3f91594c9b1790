// WORDS. ProxyModel → HAProxy's files, as sections that keep their identity as long as their content is the same.

import { readsSni } from '../model/frontends.ts'
import * as names from '../model/names.ts'
import type {
  Backend,
  Frontend,
  Hostname,
  HttpFrontend,
  Port,
  ProxyModel,
  Rule,
  Server,
  TcpFrontend,
  TlsHost,
  VirtualHost,
} from '../model/proxy-model.ts'
import type { BackendSection, Hash, Machine, MapSection, RenderedConfig } from '../model/rendered.ts'
import type { DataPlaneSettings } from '../model/settings.ts'
import { type Entry, memo } from '../lib/derive.ts'
import { addHashes, halves, sumOfHashes } from '../lib/hash.ts'
import { type Fold, fold } from '../lib/fold.ts'
import { leafOf, noParts, PartedMap, type Parts, together } from '../lib/parts.ts'

import { altNamesSection, inheritedBy } from './alt-names.ts'
import { authorityFiles } from './ca-files.ts'
import { certificateFiles, certificateLists, preparingCertificates } from './certificates.ts'
import { type HostSections, renderHost } from './hosts.ts'
import { machineRenderer } from './machine.ts'
import { listenersMark, listenersSection } from './misdirected.ts'
import { serverOptions } from './server-options.ts'
import { renderTcpPort, renderTlsHost } from './streams.ts'
import { loadTemplates, type Templates } from './templates.ts'
import { udpRenderer } from './udp.ts'
import { backendView } from './view.ts'

/**
 * Reads and compiles the templates, the only I/O; the renderer it returns is a pure function. It computes a virtual host or a backend once per
 * identity, so one changed host costs its own sections. Throws on a value that translation should have refused.
 */
export function loadRenderer(templatesFolder: string, options: DataPlaneSettings): Renderer {
  const templates = loadTemplates(templatesFolder)
  const tools = {
    machine: machineRenderer(templates, options),
    hosts: partRenderer(renderHost),
    listeners: listenersRenderer(),
    tlsHosts: partRenderer(renderTlsHost),
    tcpPort: memo((frontend: TcpFrontend) => renderPart([frontend], renderTcpPort)),
    backends: backendsRenderer(templates, options.root),
    udp: udpRenderer(templates.udp),
  }
  const prepared = new WeakSet<ProxyModel>()
  function* preparing(proxy: ProxyModel): Generator<undefined, undefined> {
    if (prepared.has(proxy)) return
    yield* inParts(proxy, tools)
    prepared.add(proxy)
  }
  return Object.assign(
    memo((proxy: ProxyModel) => renderProxy(proxy, tools)),
    { preparing },
  )
}

/** ProxyModel → HAProxy's files. */
export type Renderer = ((proxy: ProxyModel) => RenderedConfig) & {
  /** Renders a proxy's parts, one each step, for a call that then finds them done. */
  readonly preparing: (proxy: ProxyModel) => Generator<undefined, undefined>
}

type Tools = {
  readonly machine: (proxy: ProxyModel) => Machine
  readonly hosts: Fold<VirtualHost, HostsPart>
  readonly listeners: (frontend: HttpFrontend) => readonly HostsPart[]
  readonly tlsHosts: Fold<TlsHost, HostsPart>
  readonly tcpPort: (frontend: TcpFrontend) => HostsPart
  readonly backends: Fold<Backend, BackendsPart>
  readonly udp: (proxy: ProxyModel) => Pick<RenderedConfig, 'udp'>
}

/** Some virtual hosts, or what stands for them where there are no requests: map file → their sections; the sum of these sections' hashes. */
type HostsPart = {
  readonly maps: ReadonlyMap<string, Parts<MapSection>>
  readonly hash: Hash
  readonly size: RenderedConfig['size']
}
type BackendsPart = {
  readonly sections: Parts<BackendSection>
  /** Of the map of names in servers' certificates. */
  readonly altNames: Parts<MapSection>
  readonly hash: Hash
}

function* inParts(proxy: ProxyModel, tools: Tools): Generator<undefined, undefined> {
  for (const frontend of proxy.frontends) {
    if (frontend.kind === 'http') yield* tools.hosts.preparing(frontend.hosts)
    if (frontend.kind === 'tls') yield* tools.tlsHosts.preparing(frontend.hosts)
  }
  yield* tools.backends.preparing(proxy.backends)
  yield* preparingCertificates(proxy)
}

function renderProxy(proxy: ProxyModel, tools: Tools): RenderedConfig {
  const hosts = proxy.frontends.flatMap((frontend): readonly HostsPart[] => {
    if (frontend.kind === 'http') return [tools.hosts(frontend.hosts), ...tools.listeners(frontend)]
    if (frontend.kind === 'tls') return [tools.tlsHosts(frontend.hosts)]
    return frontend.kind === 'tcp' ? [tools.tcpPort(frontend)] : []
  })
  const backends = tools.backends(proxy.backends)
  const authorities = authorityFiles(proxy)
  const certificates = certificateFiles(proxy)
  const lists = certificateLists(proxy)
  const content = {
    machine: tools.machine(proxy),
    ...(proxy.clientCertificate !== undefined && {
      clientCertificate: names.certificateFile(proxy.clientCertificate.id),
    }),
    ...tools.udp(proxy),
  }
  const hashes = [...hosts, backends, authorities, certificates, lists].map(({ hash }) => hash)
  return {
    generation: generationOf(content, hashes),
    ...content,
    authorities: authorities.files,
    certificates: certificates.files,
    certificateLists: lists.lists,
    ...(proxy.users !== undefined && { users: proxy.users }),
    maps: gatherMaps(proxy, hosts).set(names.altNamesMap, altNamesMap(backends.altNames)),
    backends: sectionsMap(backends.sections),
    size: sizesOf(hosts),
  }
}

// Every map that haproxy.cfg names is there, even when it is empty: HAProxy does not start without the file.
function gatherMaps(proxy: ProxyModel, hosts: readonly HostsPart[]): Map<string, ReadonlyMap<string, MapSection>> {
  const perPort = proxy.frontends.flatMap((frontend) => mapsOf(frontend, proxy))
  const shared = [names.treeMap, names.actionsMap, names.candidatesMap, names.subrequestsMap]
  return new Map(
    [...perPort, ...shared].map((map) => [
      map,
      new PartedMap(together(hosts.map(({ maps }) => maps.get(map) ?? noParts))),
    ]),
  )
}

function mapsOf(frontend: Frontend, proxy: ProxyModel): readonly string[] {
  const { kind, port } = frontend
  if (kind === 'http') {
    const always = [names.hostsMap(port), names.pathsMap(port)]
    return frontend.tls === undefined ? always : [...always, names.listenersMap(port)]
  }
  if (kind === 'tcp') return [names.tcpMap]
  if (kind === 'udp') return []
  return [
    ...(readsSni(proxy, frontend) ? [names.sniMap(port)] : []),
    ...(frontend.tls === undefined ? [] : [names.terminatedMap(port)]),
  ]
}

function listenersRenderer(): Tools['listeners'] {
  const onPort = new Map<Port, (hostnames: Parts<Hostname>) => HostsPart>()
  const renderers = (port: Port) => {
    const known =
      onPort.get(port) ??
      fold(
        (some: readonly Hostname[]) => listenersPart(port, `listener ${some[0] ?? ''}`, listenersSection(port, some)),
        mergedParts,
      )
    onPort.set(port, known)
    return known
  }
  return ({ listeners }) => {
    if (listeners === undefined) return []
    const { port, hostnames } = listeners
    return [renderers(port)(hostnames), listenersPart(port, '=', listenersMark(port))]
  }
}

function listenersPart(port: Port, name: string, section: MapSection): HostsPart {
  const part = leafOf([{ member: name, value: section }])
  return { maps: new Map([[names.listenersMap(port), part]]), hash: section.hash, size: { hosts: 0, rules: 0 } }
}

type Hosted = { readonly rules: readonly Rule[] }

function partRenderer<H extends Hosted>(renderOne: (host: H) => HostSections): Fold<H, HostsPart> {
  const sectionsOf = memo(renderOne)
  return fold((part: readonly H[]) => renderPart(part, sectionsOf), mergedParts)
}

function renderPart<H extends Hosted>(part: readonly H[], sectionsOf: (host: H) => HostSections): HostsPart {
  const found = new Map<string, Entry<MapSection>[]>()
  let hash: Hash = [0, 0]
  for (const { name, sections } of part.map(sectionsOf)) {
    for (const { map, section } of sections) {
      const entries = found.get(map) ?? []
      entries.push({ member: name, value: section })
      found.set(map, entries)
      hash = addHashes(hash, section.hash)
    }
  }
  const maps = new Map([...found].map(([map, entries]) => [map, leafOf(entries)]))
  return { maps, hash, size: { hosts: part.length, rules: part.reduce((sum, { rules }) => sum + rules.length, 0) } }
}

// On each map's tree the branches stand as on that of the hosts, so that two of them can be compared node by node.
function mergedParts(parts: readonly HostsPart[]): HostsPart {
  const found = new Map<string, Parts<MapSection>[]>()
  for (const { maps } of parts)
    for (const [map, sections] of maps) {
      const known = found.get(map)
      if (known === undefined) found.set(map, [sections])
      else known.push(sections)
    }
  return {
    maps: new Map([...found].map(([map, sections]) => [map, together(sections)])),
    hash: sumOf(parts),
    size: sizesOf(parts),
  }
}

function sizesOf(parts: readonly HostsPart[]): RenderedConfig['size'] {
  let [hosts, rules] = [0, 0]
  for (const { size } of parts) {
    hosts += size.hosts
    rules += size.rules
  }
  return { hosts, rules }
}

function sumOf(parts: readonly { readonly hash: Hash }[]): Hash {
  return sumOfHashes(parts.map(({ hash }) => hash))
}

function backendsRenderer(templates: Templates, root: string): Tools['backends'] {
  const sectionOf = memo((backend: Backend) => renderBackend(backend, templates, root))
  return fold(
    (part: readonly Backend[]): BackendsPart => {
      const sections = part.filter(({ profile }) => profile !== 'udp').map(sectionOf)
      const named = part.flatMap((backend) => altNamesSection(backend) ?? [])
      const hash = sumOf([...sections, ...named.map(({ value }) => value)])
      const entries = sections.map((value) => ({ member: value.name, value }))
      return { sections: leafOf(entries), altNames: leafOf(named), hash }
    },
    (parts) => ({
      sections: together(parts.map(({ sections }) => sections)),
      altNames: together(parts.map(({ altNames }) => altNames)),
      hash: sumOf(parts),
    }),
  )
}

function renderBackend(backend: Backend, templates: Templates, root: string): BackendSection {
  const from = inheritedBy(backend)
  const text = templates.backend(backendView(backend, from, root))
  return {
    name: names.backendName(backend.id, backend.profile),
    profile: backend.profile,
    from,
    servers: serverLines(backend, root),
    text,
    hash: halves(text),
  }
}

// Identical as long as no backend changed: whoever compares need not look into it, and what it has indexed stays.
const sectionsMap = memo((sections: Parts<BackendSection>) => new PartedMap(sections))
const altNamesMap = memo((sections: Parts<MapSection>) => new PartedMap(sections))

function serverLines(backend: Backend, root: string): BackendSection['servers'] {
  const options = serverOptions(backend, root)
  const lineOf = (server: Server) => (options === undefined ? server : { ...server, options })
  return new Map(backend.servers.map((server) => [names.serverName(server, options), lineOf(server)]))
}

// A sum, so neither order nor history matters.
function generationOf(
  content: Pick<RenderedConfig, 'machine' | 'clientCertificate' | 'udp'>,
  hashes: readonly Hash[],
): string {
  let sum = hashes.reduce<Hash>(addHashes, halves(`machine ${content.machine.hash}`))
  if (content.clientCertificate !== undefined)
    sum = addHashes(sum, halves(`client certificate ${content.clientCertificate}`))
  if (content.udp !== undefined) sum = addHashes(sum, halves(`udp ${content.udp.hash}`))
  return sum.map((half) => half.toString(16).padStart(8, '0')).join('')
}
