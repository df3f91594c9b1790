import type { CertificateList, CertificateListEntry } from './rendered.ts'

/** The entries of a list as they stand in its file: the first one first, the others in an order that depends on their files alone. */
export function* entriesInOrder({ first, entries }: CertificateList): Generator<CertificateListEntry, undefined> {
  for (const entry of entries.values()) if (entry.file === first) yield entry
  for (const entry of entries.values()) if (entry.file !== first) yield entry
}
