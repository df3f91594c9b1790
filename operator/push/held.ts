// What a pod holds, as far as we know. A configuration that was brought to a pod is held by the identity of its sections; what was read
// back from a pod has sections of its own, so that comparing the two walks entries only where something may differ.

import { metaMap, spareName } from '../model/names.ts'
import type { CertificateList, Machine, MapEntry, RenderedConfig, ServerLine } from '../model/rendered.ts'
import { isRetryProfile, type RetryProfile } from '../model/retry.ts'
import { type DataPlaneSettings, type SpareProfile, spareProfiles } from '../model/settings.ts'
import { memo } from '../lib/derive.ts'

import type { PlainEntry } from './pod-api.ts'

export type Held = {
  readonly generation: string
  readonly machine: HeldMachine
  readonly maps: ReadonlyMap<string, HeldMap>
  /** By the name that the configuration knows; `layout.aliases` tells the pod's name for it. */
  readonly backends: ReadonlyMap<string, HeldBackend>
  readonly certificates: ReadonlyMap<string, { readonly fingerprint: string }>
  readonly certificateLists: ReadonlyMap<string, HeldList>
  readonly authorities: ReadonlyMap<string, { readonly fingerprint: string }>
  readonly udp?: { readonly hash: string }
  readonly layout: Layout
}
/** It may have been made for more than what is wanted: what nobody asks for any more goes with the next reload. */
export type HeldMachine = Pick<Machine, 'frame' | 'reasons'> & {
  /** The retry policies of which there are spares. */
  readonly retries: readonly RetryProfile[]
}
/** `first` is empty when nothing is in it. repeats: it has several entries with the same file, of which one is told here. */
export type HeldList = CertificateList & { readonly repeats?: true }
/** Section → entries. */
export type HeldMap = ReadonlyMap<string, { readonly entries: readonly MapEntry[] }>
/** `from`: what the loaded section inherits, as far as that is known; where a spare stands for it, that says it. */
export type HeldBackend = { readonly servers: ReadonlyMap<string, ServerLine>; readonly from?: SpareProfile }

/** Where backends live in a running HAProxy, which cannot get new sections without a reload. */
export type Layout = {
  /** Backend that appeared at run time → the spare it was given. */
  readonly aliases: ReadonlyMap<string, string>
  /** Sections that were loaded and that nobody wants any more: empty, ready to be used again under their own name; and what they inherit. */
  readonly retired: ReadonlyMap<string, SpareProfile | undefined>
  readonly free: ReadonlyMap<SpareProfile, readonly string[]>
  /** Free spare → the backend that had it last, as far as that is known. */
  readonly former: ReadonlyMap<string, string>
}

/** A machine with the spares that are written beside it. */
export const loadedMachine = memo(({ frame, reasons, spares }: Machine): HeldMachine => {
  return { frame, reasons, retries: [...spares.keys()].filter(isRetryProfile) }
})

/** A pod whose HAProxy has loaded exactly the files of this configuration. */
export function freshlyLoaded(config: RenderedConfig, settings: DataPlaneSettings): Held {
  const machine = loadedMachine(config.machine)
  return holding(config, layoutOf(new Map(), sparesOf(machine, settings)), machine)
}

/** A pod that was brought to this configuration, uses this layout, and loaded this machine. */
export function holding(config: RenderedConfig, layout: Layout, machine: HeldMachine): Held {
  const { generation, maps, backends, certificates, certificateLists, authorities, udp } = config
  const held = { generation, machine, maps, backends, certificates, certificateLists, authorities, layout }
  return udp === undefined ? held : { ...held, udp: { hash: udp.hash } }
}

/** The layout with these aliases and every other one of these spares free. */
export function layoutOf(aliases: ReadonlyMap<string, string>, spares: Layout['free']): Layout {
  const used = new Set(aliases.values())
  const free = new Map([...spares].map(([profile, names]) => [profile, names.filter((name) => !used.has(name))]))
  return { aliases, retired: new Map(), free, former: new Map() }
}

/** The spare backends that backends.cfg has beside this machine, in the order they are given away. */
export function sparesOf({ retries }: HeldMachine, { spares }: DataPlaneSettings): Layout['free'] {
  const counts: readonly (readonly [SpareProfile, number])[] = [
    ...spareProfiles.map((profile) => [profile, spares[profile]] as const),
    ...retries.map((profile) => [profile, spares.retry] as const),
  ]
  return new Map(counts.map(([profile, count]) => [profile, spareNames(profile, count)]))
}

/** The first spares of a profile. */
export function spareNames(profile: SpareProfile, count: number): readonly string[] {
  return Array.from({ length: count }, (_, n) => spareName(profile, n + 1))
}

/** The value of a map entry as this pod has to spell it. */
export function spelled(entry: MapEntry, aliases: ReadonlyMap<string, string>): string {
  const alias = entry.backend === undefined ? undefined : aliases.get(entry.backend)
  if (alias === undefined || entry.backend === undefined) return entry.value
  return alias + entry.value.slice(entry.backend.length)
}

export const generationKey = '@gen'
/** A random word that only memory holds: when it is gone, HAProxy has loaded its files again. */
export const bootKey = '@boot'
/** Stands for a generation while a change is under way, in memory or in files: whoever finds it there must not believe the rest. */
export const unsettled = 'busy'
/** Stands for it in memory while files are written and loaded: the files must not be believed either. */
export const loadingFiles = 'loading'
const machineKey = '@machine'
const reasonPrefix = '@for.'
const aliasPrefix = '@be.'
const certificatePrefix = '@crt.'
const authoritiesPrefix = '@ca.'

export function aliasKey(spare: string): string {
  return aliasPrefix + spare
}
export function certificateKey(file: string): string {
  return certificatePrefix + file
}
export function authoritiesKey(file: string): string {
  return authoritiesPrefix + file
}

/** meta.map as a file: what a HAProxy that loads these files holds. `machine`: the one in haproxy.cfg, which may have more lines. */
export function metaOfFiles(config: RenderedConfig, machine: HeldMachine): readonly PlainEntry[] {
  return [
    { key: generationKey, value: config.generation },
    { key: machineKey, value: machine.frame },
    ...machine.reasons.toSorted().map((reason) => {
      const hasSpares = retriesIn(reason).some((profile) => config.machine.spares.has(profile))
      return { key: reasonPrefix + reason.replaceAll(' ', '/'), value: hasSpares ? 'spares' : 'yes' }
    }),
    ...claims(config.certificates, certificateKey),
    ...claims(config.authorities, authoritiesKey),
  ]
}

// Of `profile retry.2.500`.
function retriesIn(reason: string): readonly RetryProfile[] {
  return [reason.replace(/^profile /, '')].filter(isRetryProfile)
}

function claims(files: Held['certificates'], keyOf: (file: string) => string): readonly PlainEntry[] {
  const sorted = [...new Map(files)].toSorted(([a], [b]) => (a < b ? -1 : 1))
  return sorted.map(([file, { fingerprint }]) => ({ key: keyOf(file), value: fingerprint }))
}

/** meta.map as read from a pod. */
export type Meta = {
  /** Empty when it cannot be told: a change was under way. */
  readonly generation: string
  /** The change was a reload: lines in files may not have been loaded. */
  readonly isLoading: boolean
  /** The word in memory that run-time changes leave behind; undefined when nothing was changed since HAProxy loaded its files. */
  readonly boot: string | undefined
  readonly machine: HeldMachine
  readonly aliases: ReadonlyMap<string, string>
  readonly certificates: ReadonlyMap<string, { readonly fingerprint: string }>
  readonly authorities: ReadonlyMap<string, { readonly fingerprint: string }>
}

export function readMeta(entries: readonly PlainEntry[]): Meta {
  const values = new Map(entries.map(({ key, value }) => [key, value]))
  const named = (prefix: string) =>
    entries
      .filter(({ key }) => key.startsWith(prefix))
      .map(({ key, value }) => [key.slice(prefix.length), value] as const)
  const [generation = '', boot] = (values.get(generationKey) ?? '').split('.')
  const marked = values.get(bootKey)
  const isTold = boot === marked && generation !== unsettled && generation !== loadingFiles
  return {
    generation: isTold ? generation : '',
    isLoading: generation === loadingFiles,
    boot: marked,
    machine: {
      frame: values.get(machineKey) ?? '',
      reasons: named(reasonPrefix).map(([reason]) => reason.replaceAll('/', ' ')),
      retries: named(reasonPrefix).flatMap(([key, value]) =>
        value === 'spares' ? retriesIn(key.replaceAll('/', ' ')) : [],
      ),
    },
    aliases: new Map(named(aliasPrefix).map(([spare, name]) => [name, spare])),
    certificates: new Map(named(certificatePrefix).map(([file, fingerprint]) => [file, { fingerprint }])),
    authorities: new Map(named(authoritiesPrefix).map(([file, fingerprint]) => [file, { fingerprint }])),
  }
}

/** `@gen` as it stands in memory: a reload puts the file's back, which has no word behind the generation. */
export function markedGeneration(generation: string, boot: string | undefined): string {
  return boot === undefined ? generation : `${generation}.${boot}`
}

/** One section that holds all entries: of a map that was read back. */
export function unsectioned(entries: readonly MapEntry[]): HeldMap {
  return new Map([['', { entries }]])
}

export const metaMapFile = `maps/${metaMap}`
