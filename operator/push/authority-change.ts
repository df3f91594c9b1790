// Certificates of authorities that a pod holds and should hold → commands. What is added comes before the servers that name it; what is
// removed goes after them.

import { metaMap } from '../model/names.ts'
import type { RenderedConfig } from '../model/rendered.ts'
import { entriesNotIn } from '../lib/parts.ts'

import type { Command } from './change.ts'
import { authoritiesKey, type Held } from './held.ts'

type Pair = { readonly added: readonly Command[]; readonly removed: readonly Command[] }

/** meta.map claims a fingerprint only while the file's content is certainly in memory: written after it, taken away before it. */
export function compareAuthorities(held: Held, wanted: RenderedConfig): Pair {
  const added: Command[] = []
  for (const [file, { pem, fingerprint }] of differing(wanted.authorities, held.authorities)) {
    const known = held.authorities.get(file)
    if (known?.fingerprint === fingerprint) continue
    const claim = { map: metaMap, key: authoritiesKey(file) }
    if (known !== undefined) added.push({ kind: 'delete-entry', ...claim })
    added.push({ kind: 'put-authorities', file, pem, known: known !== undefined })
    added.push({ kind: 'set-entry', ...claim, value: fingerprint, known: false })
  }
  const gone = [...differing(held.authorities, wanted.authorities).keys()]
  const removed = gone
    .filter((file) => !wanted.authorities.has(file))
    .flatMap((file): readonly Command[] => [
      { kind: 'delete-entry', map: metaMap, key: authoritiesKey(file) },
      { kind: 'delete-authorities', file },
    ])
  return { added, removed }
}

// Backends in several parts may name one file: it stands in each, and differs nowhere or everywhere.
function differing<V>(files: ReadonlyMap<string, V>, others: ReadonlyMap<string, unknown>): ReadonlyMap<string, V> {
  return new Map([...entriesNotIn(files, others)].map(([file, content]) => [file, content]))
}
