import { memo } from './derive.ts'
import type { Parts } from './parts.ts'

/**
 * What is computed from a tree, from the leaves up, once for each node: of a tree that changed, the nodes that did.
 * @param ofLeaf from the items of a leaf, which may be none
 * @param ofBranches from what was found for each branch
 */
export function fold<T, R>(ofLeaf: (items: readonly T[]) => R, ofBranches: (found: readonly R[]) => R): Fold<T, R> {
  const found = memo(
    (parts: Parts<T>): R =>
      parts.branches.length === 0
        ? ofLeaf(parts.entries.map(({ value }) => value))
        : ofBranches(parts.branches.map(found)),
  )
  function* preparing(parts: Parts<T>): Generator<undefined, undefined> {
    if (found.knows(parts)) return
    for (const branch of parts.branches) yield* preparing(branch)
    yield void found(parts)
  }
  return Object.assign(found, { preparing })
}

export type Fold<T, R> = ((parts: Parts<T>) => R) & {
  /** The same in steps, a node each, from the leaves up: a call then finds it done. */
  readonly preparing: (parts: Parts<T>) => Generator<undefined, undefined>
}
