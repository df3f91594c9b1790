// Keys and values → one section of a map: checked, sorted, with its fingerprint.

import type { MapEntry, MapSection } from '../model/rendered.ts'
import { halves } from '../lib/hash.ts'

import { mapKey, mapValue } from './escape.ts'

export type SectionScope = {
  readonly map: string
  readonly section: string
  /** Names of services' backends that may stand at the beginning of a value. */
  readonly backends: ReadonlySet<string>
}

/** Throws on a key or value that a map cannot hold. */
export function mapSection(entries: ReadonlyMap<string, string>, scope: SectionScope): MapSection {
  const sorted = [...entries]
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, value]) => mapEntry(key, value, scope))
  const text = sorted.map(({ key, value }) => `${key} ${value}`).join('\n')
  return { entries: sorted, hash: halves(`map ${scope.map} ${scope.section}\n${text}`) }
}

function mapEntry(key: string, value: string, { backends }: SectionScope): MapEntry {
  const bar = value.indexOf('|')
  const first = bar === -1 ? value : value.slice(0, bar)
  const entry = { key: mapKey(key), value: mapValue(value) }
  return backends.has(first) ? { ...entry, backend: first } : entry
}
