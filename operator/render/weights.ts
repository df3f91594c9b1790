// Weights → ranges of 10,000 numbers → decimal prefixes, which a prefix map can look up.

/** One edge of a split: a decimal prefix of the numbers 10000 to 19999 and the position of its target. */
export type PrefixEdge = { readonly prefix: string; readonly target: number }

const steps = 10_000

/**
 * Edges for weights of at least one target, each above 0. The target with the most prefixes stands on the edge without a prefix, which
 * takes what no other edge matches. Resolution is 0.01 %; a target never gets nothing.
 */
export function splitEdges(weights: readonly number[]): readonly PrefixEdge[] {
  const shares = sharesOf(weights)
  const prefixes: string[][] = []
  let start = steps
  for (const share of shares) {
    prefixes.push(decimalPrefixes(start, start + share))
    start += share
  }
  const most = prefixes.reduce((best, list, target) => (list.length > (prefixes[best]?.length ?? 0) ? target : best), 0)
  const edges = prefixes.flatMap((list, target) => (target === most ? [] : list.map((prefix) => ({ prefix, target }))))
  return [{ prefix: '', target: most }, ...edges]
}

/** How many of the 10,000 numbers each weight gets: cumulated and rounded, so no rounding error adds up. */
export function sharesOf(weights: readonly number[]): readonly number[] {
  const total = weights.reduce((sum, weight) => sum + weight, 0)
  let sum = 0
  let given = 0
  const shares = weights.map((weight) => {
    sum += weight
    const share = Math.max(1, Math.round((sum / total) * steps) - given)
    given += share
    return share
  })
  // What the smallest took too much, the largest gives back.
  const largest = shares.indexOf(Math.max(...shares))
  return shares.map((share, i) => (i === largest ? share - (given - steps) : share))
}

// The fewest prefixes of five-digit numbers that cover `from` up to but without `to`.
function decimalPrefixes(from: number, to: number): string[] {
  const prefixes: string[] = []
  let at = from
  while (at < to) {
    let size = 1
    while (size < steps && at % (size * 10) === 0 && at + size * 10 <= to) size *= 10
    prefixes.push(String(at / size))
    at += size
  }
  return prefixes
}
