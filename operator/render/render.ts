// WORDS. ProxyModel → HAProxy's files, as sections that keep their identity as long as their content is the same.

import * as names from '../model/names.ts'
import type { Backend, ProxyModel } from '../model/proxy-model.ts'
import type { BackendSection, Hash, Machine, MapSection, RenderedConfig } from '../model/rendered.ts'
import type { DataPlaneSettings } from '../model/settings.ts'
import { memo } from '../lib/derive.ts'
import { addHashes, halves, shortHash } from '../lib/hash.ts'

import { certificateFiles, certificateLists } from './certificates.ts'
import { isPlainName } from './escape.ts'
import { renderHost, type HostSections } from './hosts.ts'
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
    host: memo(renderHost),
    backend: memo((backend: Backend) => renderBackend(backend, templates)),
  }
  return memo((proxy: ProxyModel) => renderProxy(proxy, tools))
}

type Tools = {
  readonly machine: (proxy: ProxyModel) => Machine
  readonly host: (host: ProxyModel['frontends'][number]['hosts'][number]) => HostSections
  readonly backend: (backend: Backend) => BackendSection
}

function renderProxy(proxy: ProxyModel, tools: Tools): RenderedConfig {
  const hosts = proxy.frontends.flatMap((frontend) => frontend.hosts)
  const content = {
    machine: tools.machine(proxy),
    maps: gatherMaps(proxy, hosts.map(tools.host)),
    backends: new Map(proxy.backends.map(tools.backend).map((section) => [section.name, section])),
    certificates: certificateFiles(proxy),
    certificateLists: certificateLists(proxy),
  }
  const rules = hosts.reduce((sum, host) => sum + host.rules.length, 0)
  return { generation: generationOf(content), ...content, size: { hosts: hosts.length, rules } }
}

// Every map that haproxy.cfg names is there, even when it is empty: HAProxy does not start without the file.
function gatherMaps(proxy: ProxyModel, hosts: readonly HostSections[]): RenderedConfig['maps'] {
  const perPort = proxy.frontends.flatMap(({ port }) => [names.hostsMap(port), names.pathsMap(port)])
  const shared = [names.treeMap, names.actionsMap, names.candidatesMap]
  const maps = new Map([...perPort, ...shared].map((map) => [map, new Map<string, MapSection>()]))
  for (const { name, sections } of hosts) {
    for (const { map, section } of sections) maps.get(map)?.set(name, section)
  }
  return maps
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
    ...frontends.map(({ port, tls }) => `port ${port}${tls === undefined ? '' : ' with TLS'}`),
    ...headers.filter(isPlainName).map((name) => `header ${name}`),
    ...queries.filter(isPlainName).map((name) => `query parameter ${name}`),
  ]
}

function renderBackend(backend: Backend, templates: Templates): BackendSection {
  const text = templates.backend(backendView(backend))
  return {
    name: names.backendName(backend.id, backend.profile),
    profile: backend.profile,
    servers: new Map(backend.servers.map((server) => [names.serverName(server), server])),
    text,
    hash: halves(text),
  }
}

// A sum, so neither order nor history matters.
function generationOf(content: Omit<RenderedConfig, 'generation' | 'size'>): string {
  let sum: Hash = halves(`machine ${content.machine.hash}`)
  for (const sections of content.maps.values()) {
    for (const section of sections.values()) sum = addHashes(sum, section.hash)
  }
  for (const section of content.backends.values()) sum = addHashes(sum, section.hash)
  for (const [file, { fingerprint }] of content.certificates) {
    sum = addHashes(sum, halves(`certificate ${file} ${fingerprint}`))
  }
  for (const [file, entries] of content.certificateLists) {
    sum = addHashes(sum, halves(`list ${file} ${JSON.stringify(entries)}`))
  }
  return sum.map((half) => half.toString(16).padStart(8, '0')).join('')
}
