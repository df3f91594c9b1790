import { Gathering, type Members } from '../lib/derive.ts'
import { PartedMap, partOf } from '../lib/parts.ts'

/**
 * The newest value of every member that has one. The function gives the same map as long as nothing changed, and otherwise one with
 * another part, so what a caller holds never changes under it. Up to date after `settle`.
 */
export function follow<T>(members: Members, valueOf: (member: string) => T | undefined): () => ReadonlyMap<string, T> {
  const newest = new Map<string, Map<string, T>>()
  const parts = new Map<string, ReadonlyMap<string, T>>()
  let given: ReadonlyMap<string, T> | undefined

  function put(member: string, value: T | undefined): void {
    const name = partOf(member)
    const part = newest.get(name) ?? new Map<string, T>()
    if (part.get(member) === value) return
    given = undefined
    parts.delete(name)
    if (value === undefined) part.delete(member)
    else part.set(member, value)
    if (part.size > 0) newest.set(name, part)
    else newest.delete(name)
  }

  function copy(): ReadonlyMap<string, T> {
    for (const [name, part] of newest) if (!parts.has(name)) parts.set(name, new Map(part))
    return new PartedMap(parts)
  }

  // A member is computed again exactly when something it read changed; that is all that is wanted of the gathering here.
  void new Gathering(members, (member) => {
    put(member, valueOf(member))
    return []
  })
  members.watchMembers((member, present) => {
    if (!present) put(member, undefined)
  })
  return () => (given ??= copy())
}
