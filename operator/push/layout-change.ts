// Where the backends of a pod live before and after a change: in sections that were loaded, or in spares. Pure.

import { metaMap, spareProfileOf } from '../model/names.ts'
import type { BackendSection, RenderedConfig } from '../model/rendered.ts'
import type { SpareProfile } from '../model/settings.ts'
import { entriesNotIn } from '../lib/parts.ts'

import type { Command, Reload } from './change.ts'
import { aliasKey, type Held, type HeldBackend, type Layout } from './held.ts'

type Draft = {
  readonly aliases: Map<string, string>
  readonly retired: Map<string, SpareProfile | undefined>
  readonly free: Map<SpareProfile, readonly string[]>
  readonly former: Map<string, string>
}

/**
 * A backend that appears takes its own loaded section if that does for it, else a spare; so does one that needs what its place cannot do.
 * `resting`: spares that are given to nobody but who had them last. What is given back is given away with the next change, when it is empty.
 */
export function nextLayout(held: Held, wanted: RenderedConfig, resting: ReadonlySet<string>): Layout | Reload {
  if (held.backends === wanted.backends) return held.layout
  const { aliases, retired, free, former } = held.layout
  const draft = {
    aliases: new Map(aliases),
    retired: new Map(retired),
    free: new Map(free),
    former: new Map(former),
  }
  for (const [name, section, before] of entriesNotIn(wanted.backends, held.backends)) {
    if (before !== undefined && does(profileOf(held, name, before), section.from)) continue
    const lack = settle(draft, section, resting)
    if (lack !== undefined) return lack
  }
  for (const [name, before, section] of entriesNotIn(held.backends, wanted.backends))
    if (section === undefined || draft.aliases.get(name) !== aliases.get(name)) leave(draft, { held, name, before })
  for (const [name, , section] of entriesNotIn(held.backends, wanted.backends))
    if (section === undefined) draft.aliases.delete(name)
  return draft
}

/** The backends that are wanted as before, but live elsewhere: whatever names them has to be written again. */
export function movedBackends(held: Held, wanted: RenderedConfig, layout: Layout): ReadonlySet<string> {
  const moved = new Set<string>()
  if (held.layout === layout) return moved
  for (const [name, , before] of entriesNotIn(wanted.backends, held.backends))
    if (before !== undefined && isMoved(held, layout, name)) moved.add(name)
  return moved
}

function isMoved(held: Held, layout: Layout, name: string): boolean {
  return held.layout.aliases.get(name) !== layout.aliases.get(name)
}

// The profile of the place that a backend has; undefined: nobody knows any more what was loaded.
function profileOf({ layout }: Held, name: string, { from }: HeldBackend): SpareProfile | undefined {
  const spare = layout.aliases.get(name)
  return spare === undefined ? from : spareProfileOf(spare)
}

// `named` is `filtered` with one thing more, and `filtered` does nothing without a record. Of the backends of one name nothing else differs.
function does(loaded: SpareProfile | undefined, wanted: SpareProfile): boolean {
  if (loaded === wanted || loaded === 'named') return true
  if (wanted === 'named' || wanted === 'named-tcp') return false
  return loaded === undefined || loaded === 'named-tcp'
}

function settle(draft: Draft, { name, from }: BackendSection, resting: ReadonlySet<string>): Reload | undefined {
  if (draft.retired.has(name) && does(draft.retired.get(name), from)) {
    draft.retired.delete(name)
    draft.aliases.delete(name)
    return undefined
  }
  const spares = draft.free.get(from) ?? []
  const at = fitting(name, spares, { former: draft.former, resting })
  const spare = spares[at]
  const reason = `no spare of profile ${from} is left for backend ${name}`
  if (spare === undefined) return { kind: 'reload', cause: 'spares', reasons: [reason] }
  draft.free.set(from, spares.toSpliced(at, 1))
  draft.aliases.set(name, spare)
  draft.former.delete(spare)
  return undefined
}

type Leaving = { readonly held: Held; readonly name: string; readonly before: HeldBackend }

function leave(draft: Draft, { held, name, before }: Leaving): void {
  const spare = held.layout.aliases.get(name)
  const profile = profileOf(held, name, before)
  if (spare === undefined) draft.retired.set(name, profile)
  if (spare === undefined || profile === undefined) return
  draft.free.set(profile, [...(draft.free.get(profile) ?? []), spare])
  draft.former.set(spare, name)
}

type Pasts = { readonly former: ReadonlyMap<string, string>; readonly resting: ReadonlySet<string> }

// The backend's own from before, else the first that rests no more; past the end when there is none.
function fitting(name: string, spares: readonly string[], { former, resting }: Pasts): number {
  const own = spares.findIndex((spare) => former.get(spare) === name)
  const at = own < 0 ? spares.findIndex((spare) => !resting.has(spare)) : own
  return at < 0 ? spares.length : at
}

type Pair = { readonly added: readonly Command[]; readonly removed: readonly Command[] }

/** Servers that come and go; of a backend that moves, all of them. */
export function compareServers(held: Held, wanted: RenderedConfig, layout: Layout): Pair {
  const added: Command[] = []
  const removed: Command[] = []
  for (const [name, section, before] of entriesNotIn(wanted.backends, held.backends)) {
    const backend = layout.aliases.get(name) ?? name
    const present = isMoved(held, layout, name) ? undefined : before
    for (const [server, line] of section.servers)
      if (present?.servers.has(server) !== true) added.push({ kind: 'put-server', backend, server, line })
  }
  for (const [name, before, section] of entriesNotIn(held.backends, wanted.backends)) {
    const backend = held.layout.aliases.get(name) ?? name
    const staying = isMoved(held, layout, name) ? undefined : section
    for (const server of before.servers.keys())
      if (staying?.servers.has(server) !== true) removed.push({ kind: 'delete-server', backend, server })
  }
  return { added, removed }
}

/** What the pod is told about who lives where. */
export function compareAliases(before: ReadonlyMap<string, string>, after: ReadonlyMap<string, string>): Pair {
  if (before === after) return { added: [], removed: [] }
  const spares = new Set(before.values())
  const added = [...after].filter(([name, spare]) => before.get(name) !== spare)
  const stillUsed = new Set(after.values())
  const removed = [...spares].filter((spare) => !stillUsed.has(spare))
  return {
    added: added.map(([name, spare]) => ({
      kind: 'set-entry',
      map: metaMap,
      key: aliasKey(spare),
      value: name,
      known: spares.has(spare),
    })),
    removed: removed.map((spare) => ({ kind: 'delete-entry', map: metaMap, key: aliasKey(spare) })),
  }
}
