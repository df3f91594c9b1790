// Weighted choices → edges of tree.map: frontends draw a number, and its decimal prefix finds the value.

import { shortHash } from '../lib/hash.ts'

import { splitEdges } from './weights.ts'

/** A value that a share of requests or connections gets. Weights are above 0. */
export type Share = { readonly weight: number; readonly value: string }

/** Where the edges go; `scope` is part of the hash, so that no key is shared by two sections. */
export type SplitNodes = { readonly scope: string; readonly tree: Map<string, string> }

/** The value of all shares together: the id of a split, or the only value there is. `nothing` is that of no share. */
export function splitValue(shares: readonly Share[], { scope, tree }: SplitNodes, nothing: string): string {
  const [first] = shares
  if (first === undefined) return nothing
  if (shares.every(({ value }) => value === first.value)) return first.value
  const edges = splitEdges(shares.map(({ weight }) => weight))
  const texts = edges.map(({ prefix, target }) => [prefix, shares[target]?.value ?? nothing] as const)
  const id = `@w.${shortHash(`${scope}\n${texts.map((edge) => edge.join(' ')).join('\n')}`)}`
  for (const [prefix, value] of texts) tree.set(`${id}|${prefix}`, value)
  return id
}
