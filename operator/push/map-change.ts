// The maps' part of a change: which entries differ, in which order they go out, and when a whole map is the better way.

import type { MapEntry, RenderedConfig } from '../model/rendered.ts'

import { tcpMap } from '../model/names.ts'
import { entriesNotIn } from '../lib/parts.ts'
import { inSteps } from '../lib/steps.ts'

import type { Command, Stage } from './change.ts'
import { spelled, type Held, type HeldMap, type Layout } from './held.ts'
import { movedBackends } from './layout-change.ts'
import type { PlainEntry } from './pod-api.ts'

export type MapDifference = {
  readonly map: string
  readonly set: readonly Setting[]
  readonly removed: readonly string[]
  /** Present when the map travels whole: everything, before and after; and what is left when the old entries are gone. */
  readonly whole?: { readonly union: readonly PlainEntry[]; readonly final: readonly PlainEntry[] }
}
type Setting = PlainEntry & { readonly known: boolean }

/** Every map that differs, by name; in steps of so many entries. `hasLines`: entries can go out in lines of the Runtime API. */
export function* comparingMaps(
  held: Held,
  wanted: RenderedConfig,
  { layout, hasLines }: { readonly layout: Layout; readonly hasLines: boolean },
): Generator<undefined, readonly MapDifference[]> {
  const names = [...new Set([...wanted.maps.keys(), ...held.maps.keys()])].toSorted()
  const moved = movedBackends(held, wanted, layout)
  const perEntry = hasLines ? 0.05 : 0.8
  const spelling = { before: held.layout.aliases, after: layout.aliases, moved, perEntry }
  const found: MapDifference[] = []
  for (const map of names) {
    const before = held.maps.get(map) ?? nothing
    const after = wanted.maps.get(map) ?? nothing
    if (before !== after || moved.size > 0) found.push(...(yield* comparingMap(map, { before, after }, spelling)))
  }
  return found
}

const nothing: HeldMap = new Map()

/** What makes new things reachable: records and tree, then paths and where connections go, then hosts, at last what SNI leads to; the longest key first, so no request takes a shorter one's way. */
export function publication(differences: readonly MapDifference[]): readonly Stage[] {
  return layers.map((layer) => ({
    chains: differences.filter(({ map }) => layerOf(map) === layer).flatMap(publish),
  }))
}

/** The other way round, shortest key first. */
export function removal(differences: readonly MapDifference[]): readonly Stage[] {
  return layers.toReversed().map((layer) => ({
    chains: differences.filter(({ map }) => layerOf(map) === layer).flatMap(remove),
  }))
}

const layers = [0, 1, 2, 3]

/** What is looked up in a map may name what is in maps of a lower layer, and nothing else. */
export function layerOf(map: string): number {
  if (map.startsWith('sni-')) return 3
  if (map.startsWith('hosts-')) return 2
  return map.startsWith('paths-') || map.startsWith('terminated-') || map === tcpMap ? 1 : 0
}

type Chains = readonly (readonly Command[])[]

function publish({ map, set, whole }: MapDifference): Chains {
  if (set.length === 0) return []
  if (whole !== undefined) return [[{ kind: 'put-map', map, entries: whole.union }]]
  const ordered = set.toSorted((a, b) => b.key.length - a.key.length)
  return chained(
    map,
    ordered.map((entry) => ({ kind: 'set-entry', map, ...entry }) as const),
  )
}

function remove({ map, removed, whole }: MapDifference): Chains {
  if (removed.length === 0) return []
  if (whole !== undefined) return [[{ kind: 'put-map', map, entries: whole.final }]]
  const ordered = removed.toSorted((a, b) => a.length - b.length)
  return chained(
    map,
    ordered.map((key) => ({ kind: 'delete-entry', map, key }) as const),
  )
}

// Nothing is looked up by the beginning of a key but in the maps of the outer layers. A request that finds a path of one host never finds that
// of another: the host ends with the first slash.
function chained(map: string, commands: readonly (Command & { readonly key: string })[]): Chains {
  if (layerOf(map) === 0) return commands.map((command) => [command])
  if (!map.startsWith('paths-')) return [commands]
  return [...Map.groupBy(commands, ({ key }) => key.slice(0, key.indexOf('/'))).values()]
}

type Both<T> = { readonly before: T; readonly after: T }
/** Backends that `moved` are spelled in another way, also where nothing else differs. */
type Spelling = Both<ReadonlyMap<string, string>> & {
  readonly moved: ReadonlySet<string>
  /** Milliseconds. */
  readonly perEntry: number
}

function* comparingMap(
  map: string,
  sections: Both<HeldMap>,
  aliases: Spelling,
): Generator<undefined, readonly MapDifference[]> {
  const before = yield* entriesOnlyIn(sections.before, sections.after)
  const after = yield* entriesOnlyIn(sections.after, sections.before)
  const isMoved = ({ backend = '' }: MapEntry) => aliases.moved.has(backend)
  yield* inSteps(aliases.moved.size === 0 ? [] : allEntries(sections.after), (entry) => {
    if (!isMoved(entry) || after.has(entry.key)) return
    before.set(entry.key, entry)
    after.set(entry.key, entry)
  })
  const set: Setting[] = []
  yield* inSteps(after, ([key, entry]) => {
    const known = before.get(key)
    const value = spelled(entry, aliases.after)
    if (known === undefined || spelled(known, aliases.before) !== value)
      set.push({ key, value, known: known !== undefined })
  })
  const removed = [...before.keys()].filter((key) => !after.has(key))
  if (set.length === 0 && removed.length === 0) return []
  const keys = [...set.map(({ key }) => key), ...removed]
  if (!travelsWhole(keys, sections.after, aliases.perEntry)) return [{ map, set, removed }]
  const final = new Map<string, string>()
  yield* inSteps(allEntries(sections.after), (entry) => final.set(entry.key, spelled(entry, aliases.after)))
  const union = new Map(final)
  yield* inSteps(allEntries(sections.before), (entry) => {
    if (!union.has(entry.key)) union.set(entry.key, spelled(entry, aliases.before))
  })
  return [{ map, set, removed, whole: { union: plain(union), final: plain(final) } }]
}

function* entriesOnlyIn(sections: HeldMap, others: HeldMap): Generator<undefined, Map<string, MapEntry>> {
  const entries = new Map<string, MapEntry>()
  yield* inSteps(entriesNotIn(sections, others), ([, section]) => {
    for (const entry of section.entries) entries.set(entry.key, entry)
  })
  return entries
}

function* allEntries(sections: HeldMap): Generator<MapEntry> {
  for (const { entries } of sections.values()) yield* entries
}

function plain(values: ReadonlyMap<string, string>): readonly PlainEntry[] {
  return [...values].map(([key, value]) => ({ key, value }))
}

// What a path of an API call can name: with other characters the call is refused, or answered 404 although it was done.
const safeKey = /^[^\s<>*;$#&{}"',=\\]+$/

// An entry takes about 0.05 ms as part of a line, and 0.8 ms as a call; a whole map 3 ms and a hundredth more per entry.
function travelsWhole(keys: readonly string[], after: HeldMap, perEntry: number): boolean {
  if (keys.some((key) => !safeKey.test(key))) return true
  // Counted no further than it takes to know: few changes look at few entries, however many there are.
  const fewest = (keys.length * perEntry - 3) / 0.015
  if (fewest <= 0) return false
  let size = 0
  for (const { entries } of after.values()) {
    size += entries.length
    if (size >= fewest) return false
  }
  return true
}
