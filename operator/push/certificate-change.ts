// Certificates and their lists that a pod holds and should hold → commands, or a reload. What is added comes before what is obsolete goes.

import { metaMap } from '../model/names.ts'
import type { CertificateList, CertificateListEntry, RenderedConfig } from '../model/rendered.ts'
import { entriesNotIn } from '../lib/parts.ts'

import type { Command, Reload } from './change.ts'
import { certificateKey, type Held, type HeldList } from './held.ts'

/** The entries of a list as a pod or a file tells them, in their order. */
export function heldList(entries: readonly CertificateListEntry[]): HeldList {
  const byFile = new Map(entries.map((entry) => [entry.file, entry]))
  const list = { first: entries[0]?.file ?? '', entries: byFile }
  return byFile.size === entries.length ? list : { ...list, repeats: true }
}

/** What differs between two lists but for the order. */
type ListDifference = {
  readonly fresh: readonly CertificateListEntry[]
  readonly gone: readonly CertificateListEntry[]
}

const nothing: HeldList = { first: '', entries: new Map() }

/** Entries can come and go at run time, but for the first, which is the default certificate, and for one of two with the same file. */
export function listReload(held: Held, wanted: RenderedConfig): Reload | undefined {
  for (const [list, after] of wanted.certificateLists) {
    const before = held.certificateLists.get(list) ?? nothing
    if (before === after) continue
    const { fresh, gone } = differenceOf(before, after)
    const isOther = before.first !== after.first || gone.some(({ file }) => file === before.first)
    if (before.first !== '' && isOther) return reloadFor(`default certificate of ${list}`)
    const isSame = fresh.length === 0 && gone.length === 0
    if (before.repeats === true || (before.first === '' && !isSame)) return reloadFor(`entries of ${list}`)
  }
  return undefined
}

function reloadFor(reason: string): Reload {
  return { kind: 'reload', cause: 'certificates', reasons: [reason] }
}

type Pair = { readonly added: readonly Command[]; readonly removed: readonly Command[] }

/** meta.map claims a fingerprint only while the certificate is certainly there: written after it, taken away before it. */
export function compareCertificates(held: Held, wanted: RenderedConfig): Pair {
  const added: Command[] = []
  const removed: Command[] = []
  for (const [file, { pem, fingerprint }, known] of entriesNotIn(wanted.certificates, held.certificates)) {
    if (known?.fingerprint === fingerprint) continue
    const claim = { map: metaMap, key: certificateKey(file) }
    if (known !== undefined) added.push({ kind: 'delete-entry', ...claim })
    added.push({ kind: 'put-certificate', file, pem, known: known !== undefined })
    added.push({ kind: 'set-entry', ...claim, value: fingerprint, known: false })
  }
  for (const [list, after] of wanted.certificateLists) {
    const { fresh, gone } = differenceOf(held.certificateLists.get(list) ?? nothing, after)
    const replaced = new Set(fresh.map(({ file }) => file))
    const deleted = gone.map(({ file }) => ({ kind: 'delete-list-entry', list, file }) as const)
    added.push(...deleted.filter(({ file }) => replaced.has(file)))
    added.push(...fresh.map((entry) => ({ kind: 'add-list-entry', list, entry }) as const))
    removed.push(...deleted.filter(({ file }) => !replaced.has(file)))
  }
  for (const [file, , still] of entriesNotIn(held.certificates, wanted.certificates)) {
    if (still !== undefined) continue
    removed.push(
      { kind: 'delete-entry', map: metaMap, key: certificateKey(file) },
      { kind: 'delete-certificate', file },
    )
  }
  return { added, removed }
}

function differenceOf(before: CertificateList, after: CertificateList): ListDifference {
  return { fresh: listEntriesNotIn(after, before), gone: listEntriesNotIn(before, after) }
}

function listEntriesNotIn(list: CertificateList, other: CertificateList): readonly CertificateListEntry[] {
  return [...entriesNotIn(list.entries, other.entries)].flatMap(([, entry, against]) =>
    against !== undefined && sameListEntry(entry, against) ? [] : [entry],
  )
}

function sameListEntry(a: CertificateListEntry, b: CertificateListEntry): boolean {
  return a.file === b.file && a.sni.length === b.sni.length && a.sni.every((name, at) => name === b.sni[at])
}
