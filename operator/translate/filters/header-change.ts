import type { Header, HeaderChange } from '../../model/proxy-model.ts'

// What happens to one header: whether what came with the message goes, and what is put there then.
type Fate = { readonly name: string; readonly cleared: boolean; readonly headers: readonly Header[] }

/**
 * One change that does what all of them do one after the other, each in its own order of remove, set, add. Names are compared without
 * case and kept as the user wrote them.
 */
export function composeHeaderChanges(changes: readonly HeaderChange[]): HeaderChange {
  const fates = new Map<string, Fate>()
  const put = (name: string, change: (before: readonly Header[]) => readonly Header[], clears: boolean): void => {
    const before = fates.get(name.toLowerCase())
    fates.set(name.toLowerCase(), {
      name,
      cleared: clears || before?.cleared === true,
      headers: change(before?.headers ?? []),
    })
  }
  for (const { remove, set, add } of changes) {
    for (const name of remove) put(name, () => [], true)
    for (const header of set) put(header.name, () => [header], true)
    for (const header of add) put(header.name, (before) => [...before, header], false)
  }
  return changeOf([...fates.values()])
}

export function isNoChange(change: HeaderChange): boolean {
  return change.remove.length + change.set.length + change.add.length === 0
}

function changeOf(fates: readonly Fate[]): HeaderChange {
  return {
    remove: fates.flatMap(({ name, cleared, headers }) => (cleared && headers.length === 0 ? [name] : [])),
    set: fates.flatMap(({ cleared, headers }) => (cleared ? headers.slice(0, 1) : [])),
    add: fates.flatMap(({ cleared, headers }) => (cleared ? headers.slice(1) : headers)),
  }
}
