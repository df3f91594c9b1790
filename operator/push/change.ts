// What a pod holds and what it should hold → commands in an order that no request can notice, or a reload and its reason. Pure.
//
// Published: authorities and certificates, aliases and servers, then the maps from the inside out (records and tree, paths, hosts). Removed: the other way
// round. So nothing that a request can reach ever names something that is not there yet, or not there any more.

import type { BackendSection, CertificateListEntry, RenderedConfig, ServerLine } from '../model/rendered.ts'
import type { Secret } from '../model/secret.ts'

import { metaMap } from '../model/names.ts'
import { memo } from '../lib/derive.ts'
import { entriesNotIn } from '../lib/parts.ts'
import { atOnce } from '../lib/steps.ts'
import { compareAuthorities } from './authority-change.ts'
import {
  forSpares,
  aliasKey,
  certificateKey,
  holding,
  spareProfile,
  type Held,
  type HeldBackend,
  type Layout,
} from './held.ts'
import { comparingMaps, publication, removal } from './map-change.ts'
import type { PlainEntry } from './pod-api.ts'

export type Command =
  | { readonly kind: 'put-server'; readonly backend: string; readonly server: string; readonly line: ServerLine }
  | { readonly kind: 'delete-server'; readonly backend: string; readonly server: string }
  | {
      readonly kind: 'set-entry'
      readonly map: string
      readonly key: string
      readonly value: string
      readonly known: boolean
    }
  | { readonly kind: 'delete-entry'; readonly map: string; readonly key: string }
  | { readonly kind: 'put-map'; readonly map: string; readonly entries: readonly PlainEntry[] }
  | { readonly kind: 'put-certificate'; readonly file: string; readonly pem: Secret; readonly known: boolean }
  | { readonly kind: 'delete-certificate'; readonly file: string }
  | { readonly kind: 'add-list-entry'; readonly list: string; readonly entry: CertificateListEntry }
  | { readonly kind: 'delete-list-entry'; readonly list: string; readonly file: string }
  | { readonly kind: 'put-authorities'; readonly file: string; readonly pem: string; readonly known: boolean }
  | { readonly kind: 'delete-authorities'; readonly file: string }
  | { readonly kind: 'put-udp'; readonly text: string }

/** Commands of a chain go one after the other; chains do not depend on each other. A stage begins when the one before is done. */
export type Stage = { readonly chains: readonly (readonly Command[])[] }

/** All commands of these stages, in an order in which they may go out. */
export function allCommands(stages: readonly Stage[]): readonly Command[] {
  return stages.flatMap(({ chains }) => chains.flat())
}

export type ReloadCause = 'machine' | 'spares' | 'certificates' | 'backend' | 'bulk' | 'unknown'
export type Reload = { readonly kind: 'reload'; readonly cause: ReloadCause; readonly reasons: readonly string[] }
export type Change = Reload | { readonly kind: 'commands'; readonly stages: readonly Stage[]; readonly after: Held }

/** One call takes about a millisecond; beyond this many, files and one reload are there sooner. */
const bulk = 3000
const none: ReadonlySet<string> = new Set()

/** The way from what a pod holds to what it should hold. `resting`: spares in which a request of their last Service may still look for a server. */
export function change(held: Held, wanted: RenderedConfig, resting: ReadonlySet<string> = none): Change {
  return atOnce(changing(held, wanted, resting))
}

/** The same in steps: to compare thousands of entries takes long. */
export function* changing(
  held: Held,
  wanted: RenderedConfig,
  resting: ReadonlySet<string> = none,
): Generator<undefined, Change> {
  const obstacle = machineReload(held, wanted) ?? listReload(held, wanted) ?? backendReload(held, wanted)
  if (obstacle !== undefined) return obstacle
  const layout = nextLayout(held, wanted, resting)
  if ('kind' in layout) return layout
  const stages = (yield* commandsBetween(held, wanted, layout)).filter(({ chains }) => chains.length > 0)
  const count = allCommands(stages).length
  if (count > bulk) return reload('bulk', `${count} changes at once`)
  return { kind: 'commands', stages, after: holding(wanted, layout) }
}

function inOrder(commands: readonly Command[]): Stage {
  return { chains: commands.length === 0 ? [] : [commands] }
}

function inAnyOrder(commands: readonly Command[]): Stage {
  return { chains: commands.map((command) => [command]) }
}

function* commandsBetween(held: Held, wanted: RenderedConfig, layout: Layout): Generator<undefined, readonly Stage[]> {
  const servers = compareServers(held, wanted, layout)
  const certificates = compareCertificates(held, wanted)
  const authorities = compareAuthorities(held, wanted)
  const aliases = compareAliases(held.layout.aliases, layout.aliases)
  const maps = yield* comparingMaps(held, wanted, layout)
  return [
    inOrder([...authorities.added, ...certificates.added]),
    inAnyOrder([...aliases.added, ...servers.added, ...compareUdp(held, wanted)]),
    ...publication(maps),
    ...removal(maps),
    inAnyOrder(servers.removed),
    inAnyOrder(aliases.removed),
    inOrder([...certificates.removed, ...authorities.removed]),
  ]
}

// Where no UDP port is left, nobody sends any: the container goes with the pod.
function compareUdp(held: Held, { udp }: RenderedConfig): readonly Command[] {
  return udp === undefined || udp.hash === held.udp?.hash ? [] : [{ kind: 'put-udp', text: udp.text }]
}

function reload(cause: ReloadCause, ...reasons: readonly string[]): Reload {
  return { kind: 'reload', cause, reasons }
}

// ---- what takes a reload ------------------------------------------------------------------------------------------------------------

function machineReload(held: Held, wanted: RenderedConfig): Reload | undefined {
  if (held.machine.hash === wanted.machine.hash) return undefined
  const before = held.machine.reasons
  const differing = before === undefined ? [] : new Set(before).symmetricDifference(new Set(wanted.machine.reasons))
  const reasons = [...differing].toSorted()
  if (before === undefined) return reload('unknown', 'the state of the pod is not known')
  return reload('machine', ...(reasons.length > 0 ? reasons : ['template']))
}

// Entries can come and go at run time, but for the first: it is the default certificate.
function listReload(held: Held, wanted: RenderedConfig): Reload | undefined {
  for (const [list, entries] of wanted.certificateLists) {
    const before = held.certificateLists.get(list) ?? []
    if (before === entries) continue
    const first = before[0]
    const next = entries[0]
    if (first !== undefined && (next === undefined || !sameListEntry(first, next)))
      return reload('certificates', `default certificate of ${list}`)
    if (repeats(before) || (first === undefined && entries.length > 0) || repeats(entries)) {
      if (!sameList(before, entries)) return reload('certificates', `entries of ${list}`)
    }
  }
  return undefined
}

function backendReload(held: Held, wanted: RenderedConfig): Reload | undefined {
  for (const [name, section, before] of entriesNotIn(wanted.backends, held.backends)) {
    const fits = before === undefined ? isBare(section.text) : sameOptions(before, section)
    if (!fits) return reload('backend', `options of backend ${name}`)
    if (before !== undefined && movedServer(before, section) !== undefined)
      return reload('backend', `address of server ${movedServer(before, section)} of backend ${name}`)
  }
  return undefined
}

// What is not known of a section that was loaded may be anything but lines that no spare has: those are found in the files.
function sameOptions(before: HeldBackend, section: BackendSection): boolean {
  if (before.text === undefined) return isBare(section.text)
  return options(before.text).join('\n') === options(section.text).join('\n')
}

// Everything of a section but its servers; a spare has nothing else to offer than the first line.
function options(text: string): readonly string[] {
  return text.split('\n').filter((line) => line.trim() !== '' && !line.trimStart().startsWith('server '))
}

function isBare(text: string): boolean {
  return options(text).length === 1
}

function movedServer(before: HeldBackend, section: HeldBackend): string | undefined {
  for (const [server, line] of section.servers) {
    const known = before.servers.get(server)
    if (known !== undefined && known !== line && (known.address !== line.address || known.port !== line.port))
      return server
  }
  return undefined
}

// ---- backends and their servers -----------------------------------------------------------------------------------------------------

// A backend that appears takes its own loaded section if there is one, else a spare of its profile.
function nextLayout(held: Held, wanted: RenderedConfig, resting: ReadonlySet<string>): Layout | Reload {
  if (held.backends === wanted.backends) return held.layout
  const aliases = new Map(held.layout.aliases)
  const retired = new Set(held.layout.retired)
  const former = new Map(held.layout.former)
  const free = forSpares((profile) => [...held.layout.free[profile]])
  for (const [name, { profile, spare: wantedSpare }, before] of entriesNotIn(wanted.backends, held.backends)) {
    if (before !== undefined) continue
    if (retired.delete(name)) continue
    if (wantedSpare === undefined) return reload('spares', `backend ${name} of profile ${profile}, which has no spares`)
    const [spare] = free[wantedSpare].splice(fitting(name, free[wantedSpare], { former, resting }), 1)
    if (spare === undefined) return reload('spares', `no spare of profile ${profile} is left for backend ${name}`)
    aliases.set(name, spare)
    former.delete(spare)
  }
  for (const [name, { text }, section] of entriesNotIn(held.backends, wanted.backends)) {
    if (section !== undefined) continue
    const spare = aliases.get(name)
    // What comes back under the name of a section with other lines must not get into it.
    if (spare === undefined && (text === undefined || isBare(text))) retired.add(name)
    if (spare !== undefined) {
      free[spareProfile(spare)].push(spare)
      former.set(spare, name)
    }
    aliases.delete(name)
  }
  return { aliases, retired, free, former }
}

type Pasts = { readonly former: ReadonlyMap<string, string>; readonly resting: ReadonlySet<string> }

// The backend's own from before, else the first that rests no more; past the end when there is none.
function fitting(name: string, spares: readonly string[], { former, resting }: Pasts): number {
  const own = spares.findIndex((spare) => former.get(spare) === name)
  const at = own < 0 ? spares.findIndex((spare) => !resting.has(spare)) : own
  return at < 0 ? spares.length : at
}

type Pair = { readonly added: readonly Command[]; readonly removed: readonly Command[] }

function compareServers(held: Held, wanted: RenderedConfig, layout: Layout): Pair {
  const added: Command[] = []
  const removed: Command[] = []
  for (const [name, section, before] of entriesNotIn(wanted.backends, held.backends)) {
    const backend = layout.aliases.get(name) ?? name
    for (const [server, line] of section.servers)
      if (before?.servers.has(server) !== true) added.push({ kind: 'put-server', backend, server, line })
  }
  for (const [name, before, section] of entriesNotIn(held.backends, wanted.backends)) {
    const backend = held.layout.aliases.get(name) ?? name
    for (const server of before.servers.keys())
      if (section?.servers.has(server) !== true) removed.push({ kind: 'delete-server', backend, server })
  }
  return { added, removed }
}

function compareAliases(before: ReadonlyMap<string, string>, after: ReadonlyMap<string, string>): Pair {
  if (before === after) return { added: [], removed: [] }
  const spares = new Set(before.values())
  const added = [...after].filter(([name, spare]) => before.get(name) !== spare)
  const stillUsed = new Set(after.values())
  const removed = [...spares].filter((spare) => !stillUsed.has(spare))
  return {
    added: added.map(([name, spare]) => ({
      kind: 'set-entry',
      map: metaMap,
      key: aliasKey(spare),
      value: name,
      known: spares.has(spare),
    })),
    removed: removed.map((spare) => ({ kind: 'delete-entry', map: metaMap, key: aliasKey(spare) })),
  }
}

// ---- certificates -------------------------------------------------------------------------------------------------------------------

// meta.map claims a fingerprint only while the certificate is certainly there: written after it, taken away before it.
function compareCertificates(held: Held, wanted: RenderedConfig): Pair {
  const added: Command[] = []
  const removed: Command[] = []
  const isSame = held.certificates === wanted.certificates
  for (const [file, { pem, fingerprint }] of isSame ? [] : wanted.certificates) {
    const known = held.certificates.get(file)
    if (known?.fingerprint === fingerprint) continue
    const claim = { map: metaMap, key: certificateKey(file) }
    if (known !== undefined) added.push({ kind: 'delete-entry', ...claim })
    added.push({ kind: 'put-certificate', file, pem, known: known !== undefined })
    added.push({ kind: 'set-entry', ...claim, value: fingerprint, known: false })
  }
  for (const [list, entries] of wanted.certificateLists) {
    const before = held.certificateLists.get(list) ?? []
    if (before === entries) continue
    const gone = listEntriesNotIn(before, entries)
    const fresh = listEntriesNotIn(entries, before)
    const replaced = new Set(fresh.map(({ file }) => file))
    const deleted = gone.map(({ file }) => ({ kind: 'delete-list-entry', list, file }) as const)
    added.push(...deleted.filter(({ file }) => replaced.has(file)))
    added.push(...fresh.map((entry) => ({ kind: 'add-list-entry', list, entry }) as const))
    removed.push(...deleted.filter(({ file }) => !replaced.has(file)))
  }
  for (const file of isSame ? [] : held.certificates.keys()) {
    if (wanted.certificates.has(file)) continue
    removed.push(
      { kind: 'delete-entry', map: metaMap, key: certificateKey(file) },
      { kind: 'delete-certificate', file },
    )
  }
  return { added, removed }
}

function sameListEntry(a: CertificateListEntry, b: CertificateListEntry): boolean {
  return (
    a === b || (a.file === b.file && a.sni.length === b.sni.length && a.sni.every((name, at) => name === b.sni[at]))
  )
}

function sameList(a: readonly CertificateListEntry[], b: readonly CertificateListEntry[]): boolean {
  return a.length === b.length && listEntriesNotIn(a, b).length === 0
}

function listEntriesNotIn(
  entries: readonly CertificateListEntry[],
  others: readonly CertificateListEntry[],
): readonly CertificateListEntry[] {
  const known = new Set(others)
  const strange = entries.filter((entry) => !known.has(entry))
  if (strange.length === 0) return strange
  const byFile = Map.groupBy(others, ({ file }) => file)
  return strange.filter((entry) => !(byFile.get(entry.file) ?? []).some((other) => sameListEntry(entry, other)))
}

const repeats = memo(
  (entries: readonly CertificateListEntry[]): boolean => new Set(entries.map(({ file }) => file)).size < entries.length,
)
