// What a pod really holds, asked for entry by entry. Nothing is concluded from what was sent before.

import { metaMap } from '../model/names.ts'
import type { RenderedConfig } from '../model/rendered.ts'
import type { DataPlaneSettings } from '../model/settings.ts'

import { heldList } from './certificate-change.ts'
import { backendsFile, parseBackends, parseMap } from './files.ts'
import {
  layoutOf,
  metaMapFile,
  readMeta,
  sparesOf,
  unsectioned,
  type Held,
  type HeldBackend,
  type HeldList,
  type Meta,
} from './held.ts'
import { covers } from './machine-change.ts'
import { isPadding } from './padded.ts'
import { tolerate, type PodApi, type PodServer } from './pod-api.ts'
import { connections, eachOf, type BusyServer } from './runtime.ts'
import { readHeldUdp } from './udp.ts'

/** More backends than this take longer to ask for than a reload takes. */
const mostBackends = 4000

export type ReadBack = { readonly held: Held; readonly busy: readonly BusyServer[] }

type Asked = {
  readonly wanted: RenderedConfig
  readonly meta: Meta
  readonly settings: DataPlaneSettings
  /** Memory is not what it says of itself, so nothing but asking for each server tells them. */
  readonly doubted: boolean
  /** The spares that were given away since HAProxy loaded its files, if that is known: no other one can have servers. */
  readonly lent: ReadonlySet<string> | undefined
}

/**
 * The state of a pod that runs a machine for `wanted`; servers that are not in use come as `busy`.
 * Undefined when it runs another one, when its state cannot be told, or not in reasonable time.
 */
export async function readBack(
  api: PodApi,
  { meta, ...asking }: Omit<Asked, 'meta'> & { readonly meta: Meta | undefined },
): Promise<ReadBack | undefined> {
  if (meta === undefined || !covers(meta.machine, asking.wanted.machine)) return undefined
  const asked = { ...asking, meta }
  const { wanted, settings, doubted } = asked
  const maps = new Map<string, ReturnType<typeof unsectioned>>()
  for (const map of wanted.maps.keys()) {
    const entries = await api.listMap(map)
    if (entries === undefined) return undefined
    maps.set(map, unsectioned(entries.filter((entry) => !isPadding(entry))))
  }
  const loaded = doubted ? undefined : await loadedBackends(api, meta, settings)
  // Files that were written for a reload that nobody saw end: lines in them may not have been loaded.
  const servers = loaded ?? (meta.isLoading ? undefined : await askedBackends(api, asked))
  if (servers === undefined) return undefined
  const certificateLists = await readLists(api, wanted)
  const { certificates, authorities, machine } = meta
  const udp = wanted.udp === undefined ? {} : await readHeldUdp(api)
  const { busy, ...backends } = servers
  return {
    held: {
      generation: '',
      machine,
      maps,
      certificates,
      certificateLists,
      authorities,
      ...udp,
      ...backends,
    },
    busy,
  }
}

type Backends = Pick<Held, 'backends' | 'layout'> & { readonly busy: readonly BusyServer[] }

// Nothing was changed since HAProxy loaded its files, and the files are still those: one file tells all backends.
async function loadedBackends(api: PodApi, meta: Meta, settings: DataPlaneSettings): Promise<Backends | undefined> {
  if (meta.boot !== undefined || meta.generation === '') return undefined
  const stored = await api.readFile(metaMapFile)
  if (stored === undefined || readMeta(parseMap(stored)).generation !== meta.generation) return undefined
  const text = await api.readFile(backendsFile)
  return text === undefined ? undefined : { ...parseBackends(text, sparesOf(meta.machine, settings)), busy: [] }
}

// Spares are asked for as well: a change that broke off may have left servers in one before its alias was written. Such servers are taken
// for a backend by the spare's own name, which nobody wants, so that the spare is emptied before it is given away again. One call
// each: the Data Plane API lists servers of one backend only.
async function askedBackends(
  api: PodApi,
  { wanted, meta, settings, doubted, lent }: Asked,
): Promise<Backends | undefined> {
  const all = sparesOf(meta.machine, settings)
  const spares = new Set([...all.values()].flat())
  const used = new Set(meta.aliases.values())
  const isEmpty = (spare: string) => !doubted && lent?.has(spare) === false
  const unused = [...spares].filter((spare) => !used.has(spare) && !isEmpty(spare))
  const names = [...new Set([...wanted.backends.keys(), ...meta.aliases.keys(), ...unused])]
  if (names.length > mostBackends) return undefined
  const found = await listAll(api, names, meta.aliases)
  const backends = new Map<string, HeldBackend>()
  const aliases = new Map<string, string>()
  const busy: BusyServer[] = []
  for (const [name, { backend, servers }] of found) {
    const ready = servers.filter((server) => server.ready)
    busy.push(...servers.filter((server) => !server.ready).map((server) => ({ backend, server: server.name })))
    const isFree = backend === name && spares.has(name)
    if (isFree && ready.length === 0) continue
    if (isFree || backend !== name) aliases.set(name, backend)
    // Of a section under its own name nobody knows what it inherited when it was loaded: files may have been written since.
    backends.set(name, {
      servers: new Map(ready.map(({ name: server, address, port }) => [server, { address, port }])),
    })
  }
  const loaded = [...all].map(([profile, some]) => {
    return [profile, some.filter((spare) => found.has(spare) || isEmpty(spare))] as const
  })
  return { backends, layout: layoutOf(aliases, new Map(loaded)), busy }
}

type Listed = { readonly backend: string; readonly servers: readonly PodServer[] }

async function listAll(
  api: PodApi,
  names: readonly string[],
  aliases: ReadonlyMap<string, string>,
): Promise<ReadonlyMap<string, Listed>> {
  const found = new Map<string, Listed>()
  await eachOf(names, connections, async (name) => {
    const backend = aliases.get(name) ?? name
    const servers = await api.listServers(backend)
    if (servers !== undefined) found.set(name, { backend, servers })
  })
  return found
}

async function readLists(api: PodApi, wanted: RenderedConfig): Promise<ReadonlyMap<string, HeldList>> {
  const lists = new Map<string, HeldList>()
  for (const list of wanted.certificateLists.keys()) {
    const read = api.listListEntries(list).then((entries) => void lists.set(list, heldList(entries)))
    await tolerate(read, 404)
  }
  return lists
}

/** meta.map in memory; undefined when HAProxy has none, so runs something that is not ours. */
export async function readMemory(api: PodApi): Promise<Meta | undefined> {
  const entries = await api.listMap(metaMap)
  return entries === undefined ? undefined : readMeta(entries)
}
