import { Grove, type Members } from './derive.ts'
import { PartedMap } from './parts.ts'

/**
 * The newest value of every member that has one. The function gives the same map as long as nothing changed, and otherwise one with
 * another tree, so what a caller holds never changes under it. Up to date after `settle`.
 */
export function follow<T>(members: Members, valueOf: (member: string) => T | undefined): () => ReadonlyMap<string, T> {
  const values = new Grove(members, (member) => {
    const value = valueOf(member)
    return value === undefined ? [] : [['', value] as const]
  })
  let given: PartedMap<T> | undefined
  return () => {
    const tree = values.tree('')
    if (given?.parts !== tree) given = new PartedMap(tree)
    return given
  }
}
