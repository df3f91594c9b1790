// A configuration as the files that HAProxy loads, and such files read again. Files always hold backends under their own names, with every
// spare free: aliases exist in a running HAProxy only.

import { metaMap } from '../model/names.ts'
import type { BackendSection, CertificateListEntry, MapSection, RenderedConfig, ServerLine } from '../model/rendered.ts'
import type { Secret } from '../model/secret.ts'
import { type DataPlaneSettings, type SpareProfile, spareProfiles } from '../model/settings.ts'
import { udpConfigFile } from '../model/udp.ts'
import { memo } from '../lib/derive.ts'
import { entriesNotIn, type Parts, partsOf } from '../lib/parts.ts'

import {
  forSpares,
  generationKey,
  layoutOf,
  metaMapFile,
  metaOfFiles,
  readMeta,
  spareNames,
  unsectioned,
  unsettled,
  type Held,
  type HeldBackend,
} from './held.ts'
import { layerOf } from './map-change.ts'
import type { PlainEntry } from './pod-api.ts'
import { preloads } from './preloads.ts'
import { heldUdp } from './udp.ts'

/** Name under the pod's root folder, and content. */
export type ConfigFile = { readonly name: string; readonly content: string | Secret }

export const backendsFile = 'general/backends.cfg'

/**
 * The files beside haproxy.cfg that differ from those of `before`, in an order in which no file names one that is not there yet;
 * meta.map, which says what the others hold, is always the last.
 */
export function configFiles(
  config: RenderedConfig,
  settings: DataPlaneSettings,
  before?: RenderedConfig,
): readonly ConfigFile[] {
  const parts = [
    ...certificateParts(config),
    ...authorityParts(config),
    backendsPart(config, settings),
    ...scriptParts(config),
    ...udpParts(config),
    ...mapParts(config),
    // A list that is new makes the API plan a reload of its own: by then the rest is there, and ours comes first.
    ...listParts(config, settings),
  ]
  const changed = parts.filter(({ isSame }) => before === undefined || !isSame(before))
  const files = changed.map(({ name, content }) => ({ name, content: content() }))
  return [...files, { name: metaMapFile, content: mapText(metaOfFiles(config)) }]
}

/** The texts that `configFiles` puts together, some each step: a call then finds them done. */
export function* preparingFiles({ backends, maps }: RenderedConfig): Generator<undefined, undefined> {
  for (const part of partsOf(backends)) yield void backendsText(part)
  for (const sections of maps.values()) for (const part of partsOf(sections)) yield void sectionsText(part)
}

/** meta.map while the other files are being written. */
export const unfinishedMeta: ConfigFile = {
  name: metaMapFile,
  content: mapText([{ key: generationKey, value: unsettled }]),
}

/** The state that files describe; the files of `configFiles` by name. */
export function parseFiles(files: ReadonlyMap<string, string>, settings: DataPlaneSettings): Held {
  const named = (folder: string, ending: string) =>
    [...files].flatMap(([name, text]) =>
      name.startsWith(folder) && name.endsWith(ending) ? [[name.slice(folder.length), text] as const] : [],
    )
  const meta = readMeta(parseMap(files.get(metaMapFile) ?? ''))
  const maps = named('maps/', '.map').filter(([name]) => name !== metaMap)
  return {
    generation: meta.generation,
    machine: { hash: meta.machine },
    maps: new Map(maps.map(([name, text]) => [name, unsectioned(parseMap(text))])),
    ...parseBackends(files.get(backendsFile) ?? '', settings),
    certificates: meta.certificates,
    authorities: meta.authorities,
    certificateLists: new Map(named('ssl/', '.txt').map(([name, text]) => [name, parseList(text)])),
    ...heldUdp(files.get(udpConfigFile)),
  }
}

/** The sections of backends.cfg and the spares that it really has. */
export function parseBackends(text: string, settings: DataPlaneSettings): Pick<Held, 'backends' | 'layout'> {
  const sections = new Map<string, HeldBackend>()
  for (const section of text.split(/^(?=backend )/m)) {
    const name = /^backend (\S+)/.exec(section)?.[1]
    if (name !== undefined) sections.set(name, { servers: new Map(parseServers(section)), text: section })
  }
  const spares = (profile: SpareProfile) => spareNames(profile, settings).filter((name) => sections.has(name))
  const free = forSpares(spares)
  for (const name of Object.values(free).flat()) sections.delete(name)
  return { backends: sections, layout: { ...layoutOf(new Map(), settings), free } }
}

/** `KEY VALUE` lines. */
export function mapText(entries: Iterable<PlainEntry>): string {
  return linesOf(entries) || nothing
}

function linesOf(entries: Iterable<PlainEntry>): string {
  let text = ''
  for (const { key, value } of entries) text += `${key} ${value}\n`
  return text
}

/** An empty file is refused by the Data Plane API. */
const nothing = '# nothing\n'

export function parseMap(text: string): readonly PlainEntry[] {
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'))
  return lines.map((line) => {
    const space = line.indexOf(' ')
    return { key: line.slice(0, space), value: line.slice(space + 1) }
  })
}

// ---- one file each ------------------------------------------------------------------------------------------------------------------

type Part = {
  readonly name: string
  readonly isSame: (before: RenderedConfig) => boolean
  readonly content: () => string | Secret
}

function certificateParts(config: RenderedConfig): readonly Part[] {
  return [...config.certificates].map(([file, { pem, fingerprint }]) => ({
    name: `ssl/${file}`,
    isSame: (before) => before.certificates.get(file)?.fingerprint === fingerprint,
    content: () => pem,
  }))
}

function authorityParts({ authorities }: RenderedConfig): readonly Part[] {
  return [...new Map(authorities)].map(([file, { pem, fingerprint }]) => ({
    name: `general/${file}`,
    isSame: (before) => before.authorities.get(file)?.fingerprint === fingerprint,
    content: () => pem,
  }))
}

function listParts(config: RenderedConfig, settings: DataPlaneSettings): readonly Part[] {
  return [...config.certificateLists].map(([list, entries]) => ({
    name: `ssl/${list}`,
    isSame: (before) => before.certificateLists.get(list) === entries,
    content: () => entries.map((entry) => listLine(entry, settings)).join('') || nothing,
  }))
}

function listLine({ file, sni }: CertificateListEntry, settings: DataPlaneSettings): string {
  return `${[`${settings.root}/ssl/${file}`, ...sni].join(' ')}\n`
}

function parseList(text: string): readonly CertificateListEntry[] {
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'))
  return lines.map((line) => {
    const [path = '', ...sni] = line.split(' ')
    return { file: baseName(path), sni }
  })
}

/** The last part of a path. */
export function baseName(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1)
}

function backendsPart(config: RenderedConfig, settings: DataPlaneSettings): Part {
  return {
    name: backendsFile,
    isSame: (before) =>
      sameValues(before.backends, config.backends) && preloads(before, settings) === preloads(config, settings),
    content: () =>
      [
        ...[preloads(config, settings)].filter((text) => text !== ''),
        ...partsOf(config.backends).map(backendsText),
        ...spareProfiles.flatMap((profile) => spareSections(profile, settings)),
      ].join('\n'),
  }
}

// Texts of parts are kept: a file of thousands of entries is made of what did not change and the part that did.
const backendsText = memo((part: Parts<BackendSection>) =>
  byName(part)
    .map(({ text }) => text)
    .join('\n'),
)

function spareSections(profile: SpareProfile, settings: DataPlaneSettings): readonly string[] {
  return spareNames(profile, settings).map((name) => `backend ${name} from ${profile}\n`)
}

function* parseServers(section: string): Generator<[string, ServerLine]> {
  for (const [, name, address] of section.matchAll(/^\s+server (\S+) (\S+)/gm)) {
    if (name === undefined || address === undefined) continue
    const colon = address.lastIndexOf(':')
    const host = address.slice(0, colon).replace(/^(?:ipv6@)?\[?([^\]]*)\]?$/, '$1')
    yield [name, { address: host, port: Number(address.slice(colon + 1)) }]
  }
}

function scriptParts(config: RenderedConfig): readonly Part[] {
  return [...config.machine.scripts].map(([script, text]) => ({
    name: `general/${script}`,
    isSame: (before) => before.machine.scripts.get(script) === text,
    content: () => text,
  }))
}

function udpParts({ udp }: RenderedConfig): readonly Part[] {
  if (udp === undefined) return []
  const { text, hash } = udp
  return [{ name: udpConfigFile, isSame: (before) => before.udp?.hash === hash, content: () => text }]
}

// What is looked up last is written first.
function mapParts(config: RenderedConfig): readonly Part[] {
  const maps = [...config.maps].toSorted(([a], [b]) => layerOf(a) - layerOf(b))
  return maps.map(([map, sections]) => ({
    name: `maps/${map}`,
    isSame: (before) => {
      const known = before.maps.get(map)
      return known !== undefined && sameValues(known, sections)
    },
    content: () => partsOf(sections).map(sectionsText).join('') || nothing,
  }))
}

const sectionsText = memo((part: Parts<MapSection>) => linesOf(byName(part).flatMap(({ entries }) => entries)))

function byName<V>({ entries }: Parts<V>): readonly V[] {
  return entries.toSorted((a, b) => (a.member < b.member ? -1 : 1)).map(({ value }) => value)
}

function sameValues<T>(a: ReadonlyMap<string, T>, b: ReadonlyMap<string, T>): boolean {
  return a.size === b.size && entriesNotIn(a, b).next().done === true
}
