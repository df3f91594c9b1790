// A configuration as the files that HAProxy loads, and such files read again. Files always hold backends under their own names, with every
// spare free: aliases exist in a running HAProxy only.

import { entriesInOrder } from '../model/certificate-list.ts'
import { metaMap } from '../model/names.ts'
import type {
  BackendSection,
  CertificateFile,
  CertificateListEntry,
  MapSection,
  RenderedConfig,
  ServerLine,
} from '../model/rendered.ts'
import { isRetryProfile } from '../model/retry.ts'
import type { Secret } from '../model/secret.ts'
import { type DataPlaneSettings, type SpareProfile, spareProfiles } from '../model/settings.ts'
import { udpConfigFile } from '../model/udp.ts'
import { memo } from '../lib/derive.ts'
import { entriesNotIn, type Parts, partsOf, sameEntries } from '../lib/parts.ts'

import { heldList } from './certificate-change.ts'
import {
  generationKey,
  layoutOf,
  metaMapFile,
  metaOfFiles,
  readMeta,
  loadedMachine,
  spareNames,
  sparesOf,
  unsectioned,
  unsettled,
  type Held,
  type HeldBackend,
  type HeldMachine,
  type Layout,
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
 * meta.map, which says what the others hold, is always the last. `machine`: the one in haproxy.cfg beside them.
 */
export function configFiles(
  config: RenderedConfig,
  settings: DataPlaneSettings,
  before?: RenderedConfig,
  machine: HeldMachine = loadedMachine(config.machine),
): readonly ConfigFile[] {
  return [...changedFiles({ config, machine }, settings, before)]
}

/** The same, each put together when it is asked for: the text of a large one takes milliseconds. */
export function* changedFiles(
  { config, machine }: { readonly config: RenderedConfig; readonly machine: HeldMachine },
  settings: DataPlaneSettings,
  before?: RenderedConfig,
): Generator<ConfigFile, undefined> {
  const parts = [
    ...certificateParts(config, before),
    ...authorityParts(config),
    backendsPart(config, settings),
    ...scriptParts(config),
    ...udpParts(config),
    ...mapParts(config),
    // A list that is new makes the API plan a reload of its own: by then the rest is there, and ours comes first.
    ...listParts(config, settings),
  ]
  for (const { name, isSame, content } of parts)
    if (before === undefined || !isSame(before)) yield { name, content: content() }
  yield { name: metaMapFile, content: mapText(metaOfFiles(config, machine)) }
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
    machine: meta.machine,
    maps: new Map(maps.map(([name, text]) => [name, unsectioned(parseMap(text))])),
    ...parseBackends(files.get(backendsFile) ?? '', sparesOf(meta.machine, settings)),
    certificates: meta.certificates,
    authorities: meta.authorities,
    certificateLists: new Map(named('ssl/', '.txt').map(([name, text]) => [name, heldList(parseList(text))])),
    ...heldUdp(files.get(udpConfigFile)),
  }
}

/** The sections of backends.cfg, and those of these spares that it really has. */
export function parseBackends(text: string, spares: Layout['free']): Pick<Held, 'backends' | 'layout'> {
  const sections = new Map<string, HeldBackend>()
  for (const section of text.split(/^(?=backend )/m)) {
    const [, name, profile = ''] = /^backend (\S+) from (\S+)/.exec(section) ?? []
    const from = spareProfiles.find((known) => known === profile) ?? (isRetryProfile(profile) ? profile : undefined)
    if (name !== undefined)
      sections.set(name, { servers: new Map(parseServers(section)), ...(from !== undefined && { from }) })
  }
  const free = new Map([...spares].map(([profile, names]) => [profile, names.filter((name) => sections.has(name))]))
  for (const name of [...free.values()].flat()) sections.delete(name)
  return { backends: sections, layout: layoutOf(new Map(), free) }
}

/** `KEY VALUE` lines. */
export function mapText(entries: Iterable<PlainEntry>): string {
  return linesOf(entries) || nothing
}

// Joined at once: a text that grows piece by piece is a tree of pieces, which whoever reads it first has to put together.
function linesOf(entries: Iterable<PlainEntry>): string {
  return Array.from(entries, ({ key, value }) => `${key} ${value}\n`).join('')
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

// Of thousands, those that may differ.
function certificateParts({ certificates }: RenderedConfig, before: RenderedConfig | undefined): readonly Part[] {
  const found = entriesNotIn<CertificateFile, CertificateFile>(certificates, before?.certificates ?? new Map())
  return [...found].map(([file, { pem, fingerprint }, known]) => ({
    name: `ssl/${file}`,
    isSame: () => known?.fingerprint === fingerprint,
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
    content: () => [...entriesInOrder(entries)].map((entry) => listLine(entry, settings)).join('') || nothing,
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
  const { spares } = config.machine
  return {
    name: backendsFile,
    isSame: (before) =>
      [...before.machine.spares.keys()].join() === [...spares.keys()].join() &&
      sameEntries(before.backends, config.backends) &&
      preloads(before, settings) === preloads(config, settings),
    content: () =>
      [
        ...[preloads(config, settings)].filter((text) => text !== ''),
        ...partsOf(config.backends).map(backendsText),
        ...[...spares].flatMap(([profile, lines]) => spareSections(profile, lines, settings)),
      ].join('\n'),
  }
}

// Texts of parts are kept: a file of thousands of entries is made of what did not change and the part that did.
const backendsText = memo((part: Parts<BackendSection>) =>
  byName(part)
    .map(({ text }) => text)
    .join('\n'),
)

function spareSections(profile: SpareProfile, lines: string, { spares }: DataPlaneSettings): readonly string[] {
  const names = spareNames(profile, isRetryProfile(profile) ? spares.retry : spares[profile])
  return names.map((name) => `backend ${name} from ${profile}\n${lines}`)
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
      return known !== undefined && sameEntries(known, sections)
    },
    content: () => partsOf(sections).map(sectionsText).join('') || nothing,
  }))
}

const sectionsText = memo((part: Parts<MapSection>) => linesOf(byName(part).flatMap(({ entries }) => entries)))

function byName<V>({ entries }: Parts<V>): readonly V[] {
  return entries.toSorted((a, b) => (a.member < b.member ? -1 : 1)).map(({ value }) => value)
}
