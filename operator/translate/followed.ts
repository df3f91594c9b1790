import { Gathering, type Members } from '../lib/derive.ts'

/**
 * The newest value of every member that has one. The function gives the same map as long as nothing changed, and otherwise a copy, so
 * what a caller holds never changes under it. Up to date after `settle`.
 */
export function follow<T>(members: Members, valueOf: (member: string) => T | undefined): () => ReadonlyMap<string, T> {
  const newest = new Map<string, T>()
  let given: ReadonlyMap<string, T> | undefined

  function put(member: string, value: T | undefined): void {
    if (newest.get(member) === value) return
    given = undefined
    if (value === undefined) newest.delete(member)
    else newest.set(member, value)
  }

  // A member is computed again exactly when something it read changed; that is all that is wanted of the gathering here.
  void new Gathering(members, (member) => {
    put(member, valueOf(member))
    return []
  })
  members.watchMembers((member, present) => {
    if (!present) put(member, undefined)
  })
  return () => (given ??= new Map(newest))
}
