// WORDS. ProxyModel → HAProxy's files, as sections that keep their identity as long as their content is the same.

import { httpFrontends } from '../model/frontends.ts'
import * as names from '../model/names.ts'
import type { Backend, ProxyModel, VirtualHost } from '../model/proxy-model.ts'
import type { BackendSection, Hash, Machine, MapSection, RenderedConfig } from '../model/rendered.ts'
import { type DataPlaneSettings, spareProfiles } from '../model/settings.ts'
import { memo } from '../lib/derive.ts'
import { addHashes, halves, shortHash } from '../lib/hash.ts'
import { PartedMap } from '../lib/parts.ts'

import { certificateFiles, certificateLists } from './certificates.ts'
import { isPlainName } from './escape.ts'
import { renderHost } from './hosts.ts'
import { loadTemplates, type Templates } from './templates.ts'
import { backendView, machineView, scriptFile, scriptView } from './view.ts'

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
    hosts: hostsRenderer(),
    backends: backendsRenderer(templates),
  }
  return memo((proxy: ProxyModel) => renderProxy(proxy, tools))
}

type Tools = {
  readonly machine: (proxy: ProxyModel) => Machine
  readonly hosts: (part: readonly VirtualHost[]) => HostsPart
  readonly backends: (part: readonly Backend[]) => BackendsPart
}

/** Some virtual hosts: map file → their sections; the sum of these sections' hashes. */
type HostsPart = {
  readonly maps: ReadonlyMap<string, ReadonlyMap<string, MapSection>>
  readonly hash: Hash
  readonly size: RenderedConfig['size']
}
type BackendsPart = { readonly sections: ReadonlyMap<string, BackendSection>; readonly hash: Hash }

function renderProxy(proxy: ProxyModel, tools: Tools): RenderedConfig {
  const hosts = httpFrontends(proxy)
    .flatMap((frontend) => frontend.hosts)
    .map(tools.hosts)
  const backends = proxy.backends.map(tools.backends)
  const content = {
    machine: tools.machine(proxy),
    certificates: certificateFiles(proxy),
    certificateLists: certificateLists(proxy),
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
  const perPort = httpFrontends(proxy).flatMap(({ port }) => [names.hostsMap(port), names.pathsMap(port)])
  const shared = [names.treeMap, names.actionsMap, names.candidatesMap]
  return new Map(
    [...perPort, ...shared].map((map) => [map, numbered(hosts.flatMap(({ maps }) => maps.get(map) ?? []))]),
  )
}

function numbered<V>(parts: readonly ReadonlyMap<string, V>[]): PartedMap<V> {
  return new PartedMap(parts.map((part, at) => [String(at), part]))
}

function hostsRenderer(): Tools['hosts'] {
  const sectionsOf = memo(renderHost)
  return memo((part: readonly VirtualHost[]) => {
    const maps = new Map<string, Map<string, MapSection>>()
    let hash: Hash = [0, 0]
    for (const { name, sections } of part.map(sectionsOf)) {
      for (const { map, section } of sections) {
        maps.set(map, (maps.get(map) ?? new Map<string, MapSection>()).set(name, section))
        hash = addHashes(hash, section.hash)
      }
    }
    return { maps, hash, size: { hosts: part.length, rules: part.reduce((sum, { rules }) => sum + rules.length, 0) } }
  })
}

function backendsRenderer(templates: Templates): Tools['backends'] {
  const sectionOf = memo((backend: Backend) => renderBackend(backend, templates))
  return memo((part: readonly Backend[]) => {
    const sections = part.map(sectionOf)
    const hash = sections.reduce<Hash>((sum, section) => addHashes(sum, section.hash), [0, 0])
    return { sections: new Map(sections.map((section) => [section.name, section])), hash }
  })
}

function machineRenderer(templates: Templates, settings: DataPlaneSettings): Tools['machine'] {
  const script = templates.candidates(scriptView(settings))
  const scripts = new Map([[scriptFile, script]])
  return (proxy) => {
    const text = templates.machine(machineView(proxy, settings))
    return { text, hash: shortHash(`${text}\0${script}`, 16), scripts, reasons: reasonsOf(proxy) }
  }
}

function reasonsOf({ frontends, conditionNames: { headers, queries } }: ProxyModel): readonly string[] {
  return [
    ...frontends.map((frontend) => `port ${frontend.port}${'tls' in frontend ? ' with TLS' : ''}`),
    ...headers.filter(isPlainName).map((name) => `header ${name}`),
    ...queries.filter(isPlainName).map((name) => `query parameter ${name}`),
  ]
}

function renderBackend(backend: Backend, templates: Templates): BackendSection {
  const text = templates.backend(backendView(backend))
  return {
    name: names.backendName(backend.id, backend.profile),
    profile: backend.profile,
    ...spareOf(backend),
    servers: new Map(backend.servers.map((server) => [names.serverName(server), server])),
    text,
    hash: halves(text),
  }
}

function spareOf({ profile }: Backend): Pick<BackendSection, 'spare'> {
  const spare = spareProfiles.find((name) => name === profile)
  return spare === undefined ? {} : { spare }
}

// A sum, so neither order nor history matters.
function generationOf(
  content: Pick<RenderedConfig, 'machine' | 'certificates' | 'certificateLists'>,
  hashes: readonly Hash[],
): string {
  let sum = hashes.reduce<Hash>(addHashes, halves(`machine ${content.machine.hash}`))
  for (const [file, { fingerprint }] of content.certificates) {
    sum = addHashes(sum, halves(`certificate ${file} ${fingerprint}`))
  }
  for (const [file, entries] of content.certificateLists) {
    sum = addHashes(sum, halves(`list ${file} ${JSON.stringify(entries)}`))
  }
  return sum.map((half) => half.toString(16).padStart(8, '0')).join('')
}
