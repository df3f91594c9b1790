// WORDS. ProxyModel → HAProxy's files, as sections that keep their identity as long as their content is the same.

import { readsSni } from '../model/frontends.ts'
import * as names from '../model/names.ts'
import type {
  Backend,
  Frontend,
  HttpFrontend,
  PortListeners,
  ProxyModel,
  Rule,
  Server,
  TcpFrontend,
  TlsHost,
  VirtualHost,
} from '../model/proxy-model.ts'
import type {
  BackendSection,
  CertificateFile,
  CertificateListEntry,
  Hash,
  Machine,
  MapSection,
  RenderedConfig,
} from '../model/rendered.ts'
import { type DataPlaneSettings, spareProfiles } from '../model/settings.ts'
import { memo } from '../lib/derive.ts'
import { addHashes, halves, shortHash } from '../lib/hash.ts'
import { PartedMap } from '../lib/parts.ts'

import { caFiles } from './ca-files.ts'
import { certificateFiles, certificateLists } from './certificates.ts'
import { isPlainName } from './escape.ts'
import { type HostSections, renderHost } from './hosts.ts'
import { listenersSection } from './misdirected.ts'
import { retryViews } from './retries.ts'
import { serverOptions } from './server-options.ts'
import { renderTcpPort, renderTlsHost } from './streams.ts'
import { loadTemplates, type Templates } from './templates.ts'
import { udpRenderer } from './udp.ts'
import { backendView, machineView, scriptFile, scriptNames, scriptView } from './view.ts'

/**
 * Reads and compiles the templates, the only I/O; the renderer it returns is a pure function. It computes a virtual host or a backend once per
 * identity, so one changed host costs its own sections. Throws on a value that translation should have refused.
 */
export function loadRenderer(
  templatesFolder: string,
  options: DataPlaneSettings,
): (proxy: ProxyModel) => RenderedConfig {
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
  return memo((proxy: ProxyModel) => renderProxy(proxy, tools))
}

type Tools = {
  readonly machine: (proxy: ProxyModel) => Machine
  readonly hosts: (part: readonly VirtualHost[]) => HostsPart
  readonly listeners: (frontend: HttpFrontend) => readonly HostsPart[]
  readonly tlsHosts: (part: readonly TlsHost[]) => HostsPart
  readonly tcpPort: (frontend: TcpFrontend) => HostsPart
  readonly backends: (part: readonly Backend[]) => BackendsPart
  readonly udp: (proxy: ProxyModel) => Pick<RenderedConfig, 'udp'>
}

/** Some virtual hosts, or what stands for them where there are no requests: map file → their sections; the sum of these sections' hashes. */
type HostsPart = {
  readonly maps: ReadonlyMap<string, ReadonlyMap<string, MapSection>>
  readonly hash: Hash
  readonly size: RenderedConfig['size']
}
type BackendsPart = { readonly sections: ReadonlyMap<string, BackendSection>; readonly hash: Hash }

function renderProxy(proxy: ProxyModel, tools: Tools): RenderedConfig {
  const hosts = proxy.frontends.flatMap((frontend): readonly HostsPart[] => {
    if (frontend.kind === 'http') return [...frontend.hosts.map(tools.hosts), ...tools.listeners(frontend)]
    if (frontend.kind === 'tls') return frontend.hosts.map(tools.tlsHosts)
    return frontend.kind === 'tcp' ? [tools.tcpPort(frontend)] : []
  })
  const backends = proxy.backends.map(tools.backends)
  const content = {
    machine: tools.machine(proxy),
    certificates: certificateFiles(proxy),
    certificateLists: certificateLists(proxy),
    ...tools.udp(proxy),
  }
  const hashes = [...hosts, ...backends].map(({ hash }) => hash)
  return {
    generation: generationOf(content, hashes),
    ...content,
    maps: gatherMaps(proxy, hosts),
    backends: numbered(backends.map(({ sections }) => sections)),
    size: {
      hosts: hosts.reduce((sum, { size }) => sum + size.hosts, 0),
      rules: hosts.reduce((sum, { size }) => sum + size.rules, 0),
    },
  }
}

// Every map that haproxy.cfg names is there, even when it is empty: HAProxy does not start without the file.
function gatherMaps(proxy: ProxyModel, hosts: readonly HostsPart[]): RenderedConfig['maps'] {
  const perPort = proxy.frontends.flatMap((frontend) => mapsOf(frontend, proxy))
  const shared = [names.treeMap, names.actionsMap, names.candidatesMap, names.subrequestsMap]
  return new Map(
    [...perPort, ...shared].map((map) => [map, numbered(hosts.flatMap(({ maps }) => maps.get(map) ?? []))]),
  )
}

function mapsOf(frontend: Frontend, proxy: ProxyModel): readonly string[] {
  const { kind, port } = frontend
  if (kind === 'http') {
    const always = [names.hostsMap(port), names.pathsMap(port)]
    return frontend.listeners === undefined ? always : [...always, names.listenersMap(port)]
  }
  if (kind === 'tcp') return [names.tcpMap]
  if (kind === 'udp') return []
  return [
    ...(readsSni(proxy, frontend) ? [names.sniMap(port)] : []),
    ...(frontend.tls === undefined ? [] : [names.terminatedMap(port)]),
  ]
}

function numbered<V>(parts: readonly ReadonlyMap<string, V>[]): PartedMap<V> {
  return new PartedMap(parts.map((part, at) => [String(at), part]))
}

function listenersRenderer(): Tools['listeners'] {
  const partOf = memo((listeners: PortListeners): HostsPart => {
    const map = names.listenersMap(listeners.port)
    const section = listenersSection(listeners)
    return { maps: new Map([[map, new Map([[map, section]])]]), hash: section.hash, size: { hosts: 0, rules: 0 } }
  })
  return ({ listeners }) => (listeners === undefined ? [] : [partOf(listeners)])
}

type Hosted = { readonly rules: readonly Rule[] }

function partRenderer<H extends Hosted>(renderOne: (host: H) => HostSections): (part: readonly H[]) => HostsPart {
  const sectionsOf = memo(renderOne)
  return memo((part: readonly H[]) => renderPart(part, sectionsOf))
}

function renderPart<H extends Hosted>(part: readonly H[], sectionsOf: (host: H) => HostSections): HostsPart {
  const maps = new Map<string, Map<string, MapSection>>()
  let hash: Hash = [0, 0]
  for (const { name, sections } of part.map(sectionsOf)) {
    for (const { map, section } of sections) {
      maps.set(map, (maps.get(map) ?? new Map<string, MapSection>()).set(name, section))
      hash = addHashes(hash, section.hash)
    }
  }
  return { maps, hash, size: { hosts: part.length, rules: part.reduce((sum, { rules }) => sum + rules.length, 0) } }
}

function backendsRenderer(templates: Templates, root: string): Tools['backends'] {
  const sectionOf = memo((backend: Backend) => renderBackend(backend, templates, root))
  return memo((part: readonly Backend[]) => {
    const sections = part.filter(({ profile }) => profile !== 'udp').map(sectionOf)
    const hash = sections.reduce<Hash>((sum, section) => addHashes(sum, section.hash), [0, 0])
    return { sections: new Map(sections.map((section) => [section.name, section])), hash }
  })
}

function machineRenderer(templates: Templates, settings: DataPlaneSettings): Tools['machine'] {
  const scripts = new Map(scriptNames.map((name) => [scriptFile(name), templates.scripts[name](scriptView(settings))]))
  return (proxy) => {
    const text = templates.machine(machineView(proxy, settings))
    const files = caFiles(proxy)
    const content = [text, ...scripts.values(), ...files.keys()].join('\0')
    return { text, hash: shortHash(content, 16), scripts: new Map([...scripts, ...files]), reasons: reasonsOf(proxy) }
  }
}

function reasonsOf(proxy: ProxyModel): readonly string[] {
  const { frontends, conditionNames } = proxy
  const { headers, queries } = conditionNames
  return [
    ...frontends.flatMap(reasonOf),
    ...frontends.flatMap(clientReasons),
    ...headers.filter(isPlainName).map((name) => `header ${name}`),
    ...queries.filter(isPlainName).map((name) => `query parameter ${name}`),
    ...retryViews(proxy).map(({ name }) => `profile ${name}`),
    ...[...caFiles(proxy).keys()].map((file) => `authorities ${file}`),
    ...(proxy.clientCertificate === undefined ? [] : ['client certificate']),
  ]
}

function clientReasons(frontend: Frontend): readonly string[] {
  if (frontend.kind !== 'http') return []
  const { port, tls, listeners } = frontend
  return [
    ...(listeners === undefined ? [] : [`port ${port} with several hostnames`]),
    ...(tls?.clients === undefined
      ? []
      : [`client certificates of port ${port}: ${names.caFile(tls.clients.ca)}, ${tls.clients.mode}`]),
  ]
}

// UDP is not HAProxy's.
function reasonOf(frontend: Frontend): readonly string[] {
  const { kind, port } = frontend
  if (kind === 'http') return [`port ${port}${frontend.tls === undefined ? '' : ' with TLS'}`]
  if (kind === 'tcp') return [`port ${port} for TCP`]
  if (kind === 'udp') return []
  return [
    `port ${port} by SNI${frontend.passthrough ? ' with passthrough' : ''}${frontend.tls === undefined ? '' : ' with termination'}`,
  ]
}

function renderBackend(backend: Backend, templates: Templates, root: string): BackendSection {
  const text = templates.backend(backendView(backend, root))
  return {
    name: names.backendName(backend.id, backend.profile),
    profile: backend.profile,
    ...spareOf(backend),
    servers: serverLines(backend, root),
    text,
    hash: halves(text),
  }
}

function serverLines(backend: Backend, root: string): BackendSection['servers'] {
  const options = serverOptions(backend, root)
  const lineOf = (server: Server) => (options === undefined ? server : { ...server, options })
  return new Map(backend.servers.map((server) => [names.serverName(server, options), lineOf(server)]))
}

// A spare has no line that makes HAProxy load the certificates of authorities.
function spareOf({ profile, tls }: Backend): Pick<BackendSection, 'spare'> {
  if (tls !== undefined) return {}
  const spare = spareProfiles.find((name) => name === profile)
  return spare === undefined ? {} : { spare }
}

const hashOfFiles = memo((files: RenderedConfig['certificates']): Hash => {
  const hashes = [...files].map(([file, content]) => hashOfFile(content)(file))
  return hashes.reduce<Hash>(addHashes, [0, 0])
})
// The content of one certificate is one file's: the name is always the same.
const hashOfFile = memo(({ fingerprint }: CertificateFile) => {
  let hash: Hash | undefined
  return (file: string): Hash => (hash ??= halves(`certificate ${file} ${fingerprint}`))
})
const hashOfList = memo((entries: readonly CertificateListEntry[]) => shortHash(JSON.stringify(entries)))

// A sum, so neither order nor history matters.
function generationOf(
  content: Pick<RenderedConfig, 'machine' | 'certificates' | 'certificateLists' | 'udp'>,
  hashes: readonly Hash[],
): string {
  let sum = hashes.reduce<Hash>(addHashes, halves(`machine ${content.machine.hash}`))
  sum = addHashes(sum, hashOfFiles(content.certificates))
  for (const [file, entries] of content.certificateLists) {
    sum = addHashes(sum, halves(`list ${file} ${hashOfList(entries)}`))
  }
  if (content.udp !== undefined) sum = addHashes(sum, halves(`udp ${content.udp.hash}`))
  return sum.map((half) => half.toString(16).padStart(8, '0')).join('')
}
