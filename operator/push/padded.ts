// The Data Plane API's whole-map PUT splits what it gets into chunks of 8,192 bytes: a single chunk is appended instead of replacing, and
// at the borders entries can be lost or doubled: one that did not fit into a chunk is lost when the next does not fit beside it. Padding entries make the outcome exact; their keys cannot be asked for by any request,
// because no Host header and no id of ours begins with `@pad`.

import type { PlainEntry } from './pod-api.ts'

const chunkSize = 8192
const padPrefix = '@pad'

/** The entries with padding, such that `PUT /runtime/maps/NAME` makes the map hold exactly them, at once. */
export function paddedEntries(entries: readonly PlainEntry[]): readonly PlainEntry[] {
  const parted = entries.flatMap(parting)
  const sizes = parted.map(lineSize)
  for (let round = 0; round < 400; round += 1) {
    const padding = padOf(round)
    if (isExact([...sizes, ...padding.map(lineSize)], parted.length)) return [...parted, ...padding]
  }
  throw new Error('no padding makes this map exact')
}

/** Entries that are only padding; whoever reads a map back leaves them out. */
export function isPadding(entry: PlainEntry): boolean {
  return entry.key.startsWith(padPrefix)
}

// Between two that do not fit into one chunk comes one that fits beside either.
function parting(entry: PlainEntry, at: number, entries: readonly PlainEntry[]): readonly PlainEntry[] {
  const next = entries[at + 1] ?? longestPad
  if (lineSize(entry) + lineSize(next) < chunkSize) return [entry]
  return [entry, { key: `${padPrefix}.${at}`, value: 'x' }]
}

const longestPad: PlainEntry = { key: `${padPrefix}2`, value: 'x'.repeat(4000 + 3500 + 26) }

function padOf(round: number): readonly PlainEntry[] {
  const long = [0, 1, 2].map((n) => ({
    key: `${padPrefix}${n}`,
    value: 'x'.repeat(4000 + ((round * 7) % 3500) + n * 13),
  }))
  return [...long, { key: `${padPrefix}3`, value: 'x' }]
}

function lineSize(entry: PlainEntry): number {
  return Buffer.byteLength(entry.key) + Buffer.byteLength(entry.value) + 2
}

// The API's splitter, on sizes: a chunk is a run of lines. True when several chunks hold each of the first `count` lines exactly once.
function isExact(sizes: readonly number[], count: number): boolean {
  const times = new Uint8Array(sizes.length)
  const send = (from: number, to: number) => {
    for (let at = from; at < to; at += 1) times[at] = (times[at] ?? 0) + 1
  }
  let from = 0
  let bytes = 0
  let kept: readonly [number, number] | undefined
  let overflowed = false
  for (const [at, size] of sizes.entries()) {
    bytes += size
    if (bytes < chunkSize) kept = [from, at + 1]
    else if (bytes === chunkSize) {
      send(from, at + 1)
      from = at + 1
      bytes = 0
    } else {
      overflowed = true
      send(...(kept ?? [at, at + 1]))
      kept = undefined
      from = at
      bytes = size
    }
  }
  if (kept !== undefined) send(...kept)
  return overflowed && times.subarray(0, count).every((n) => n === 1)
}
