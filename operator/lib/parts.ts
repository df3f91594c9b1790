// Large collections in parts. A part keeps its identity as long as nothing in it changes, so that one change among thousands is found, and
// worked on (`memo`), part by part: the cost is that of a part and of the list of parts.

/** The order of the parts and of what is in them means nothing. */
export type Parts<T> = readonly (readonly T[])[]

/** The part of a key, from its content alone: what is in a part does not depend on history. A text of fixed length, for sorting. */
export function partOf(key: string): string {
  // FNV-1a, 32 bits.
  let hash = 0x811c9dc5
  for (let at = 0; at < key.length; at += 1) hash = Math.imul(hash ^ key.charCodeAt(at), 0x01000193)
  return partNames[(hash ^ (hash >>> 15)) & (partCount - 1)] ?? ''
}

/** Both a walk over the parts and one over a part of a collection of 20,000 stay short. A power of two. */
const partCount = 128
const partNames = Array.from({ length: partCount }, (_, part) => String(part).padStart(3, '0'))

/** A map in parts. No key stands in two of them; to find one takes a look into each. */
export class PartedMap<V> implements ReadonlyMap<string, V> {
  readonly parts: ReadonlyMap<string, ReadonlyMap<string, V>>

  constructor(parts: Iterable<readonly [name: string, part: ReadonlyMap<string, V>]>) {
    this.parts = new Map([...parts].filter(([, { size }]) => size > 0))
  }

  get size(): number {
    return this.parts.values().reduce((sum, { size }) => sum + size, 0)
  }

  get(key: string): V | undefined {
    for (const part of this.parts.values()) if (part.has(key)) return part.get(key)
    return undefined
  }

  has(key: string): boolean {
    return this.parts.values().some((part) => part.has(key))
  }

  forEach(visit: (value: V, key: string, map: ReadonlyMap<string, V>) => void): void {
    for (const [key, value] of this.entries()) visit(value, key, this)
  }

  *entries(): Generator<[string, V], undefined> {
    for (const part of this.parts.values()) yield* part.entries()
  }

  *keys(): Generator<string, undefined> {
    for (const part of this.parts.values()) yield* part.keys()
  }

  *values(): Generator<V, undefined> {
    for (const part of this.parts.values()) yield* part.values()
  }

  [Symbol.iterator](): Generator<[string, V], undefined> {
    return this.entries()
  }
}

/** The part of this name; the whole of a map without parts. */
export function partNamed<V>(map: ReadonlyMap<string, V>, name: string): ReadonlyMap<string, V> | undefined {
  return map instanceof PartedMap ? map.parts.get(name) : map
}

/** The entries of `map` that stand differently in `other`, or not at all: a walk over the parts that the two do not share. */
export function* entriesNotIn<V>(
  map: ReadonlyMap<string, V>,
  other: ReadonlyMap<string, unknown>,
): Generator<readonly [key: string, value: V]> {
  if (map === other) return
  const shared = new Set<unknown>(partsOf(other))
  const fresh = partsOf(map).filter((part) => !shared.has(part))
  if (fresh.length === 0) return
  const own = new Set<unknown>(partsOf(map))
  const against = joined(partsOf(other).filter((part) => !own.has(part)))
  for (const part of fresh) for (const entry of part) if (against.get(entry[0]) !== entry[1]) yield entry
}

function joined<V>(parts: readonly ReadonlyMap<string, V>[]): ReadonlyMap<string, V> {
  const [only] = parts
  return parts.length === 1 && only !== undefined ? only : new Map(parts.flatMap((part) => [...part]))
}

/** The parts of a map; a map without parts is its own only one. */
export function partsOf<V>(map: ReadonlyMap<string, V>): readonly ReadonlyMap<string, V>[] {
  return map instanceof PartedMap ? [...map.parts.values()] : [map]
}
