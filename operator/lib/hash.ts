import { createHash } from 'node:crypto'

/** The first `digits` hexadecimal digits of the SHA-256 of a text; with fewer than 20, a text of a given hash can be searched for. */
export function shortHash(text: string, digits = 20): string {
  return createHash('sha256').update(text).digest('hex').slice(0, digits)
}

/** Two 32-bit halves; sums of them (`addHashes`) do not depend on order. */
export function halves(text: string): readonly [number, number] {
  const digest = createHash('sha1').update(text).digest()
  return [digest.readUInt32BE(0), digest.readUInt32BE(4)]
}

export function addHashes(a: readonly [number, number], b: readonly [number, number]): readonly [number, number] {
  return [(a[0] + b[0]) >>> 0, (a[1] + b[1]) >>> 0]
}

/** What `addHashes` makes of all of them. */
export function sumOfHashes(hashes: readonly (readonly [number, number])[]): readonly [number, number] {
  let [high, low] = [0, 0]
  for (const hash of hashes) {
    high = (high + hash[0]) >>> 0
    low = (low + hash[1]) >>> 0
  }
  return [high, low]
}
