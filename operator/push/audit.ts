// What a pod's memory holds beside what it should hold, a part at a time: entry by entry, server by server. `@gen` tells of a HAProxy that was
// restarted; this finds what somebody else changed, or what a call changed that nobody saw end. Changes go on meanwhile: of what they touch
// nothing is said.

import { metaMap } from '../model/names.ts'
import type { MapEntry, ServerLine } from '../model/rendered.ts'

import { errorText, type Logger } from '../lib/log.ts'
import { inSteps } from '../lib/steps.ts'
import { finished } from '../lib/turns.ts'

import { allCommands, type Command, type Stage } from './change.ts'
import { readMeta, spelled, type Held, type HeldMap } from './held.ts'
import { isPadding } from './padded.ts'
import type { PlainEntry, PodApi, PodServer } from './pod-api.ts'
import type { PushMetrics } from './push-metrics.ts'
import { connections, eachOf } from './runtime.ts'
import { sameAddress } from './same-address.ts'
import type { Timing } from './timing.ts'

export type AuditorOptions = {
  readonly name: string
  readonly timing: Timing
  readonly log: Logger
  readonly metrics: PushMetrics
}

/** Goes through one pod's memory, part by part, beside everything else. */
export class Auditor {
  readonly #options: AuditorOptions
  #step = 0
  #due: number
  /** By changes since the part under way began to be read; undefined: what it is compared with holds no longer. */
  #touched: Set<string> | undefined
  #hasFound = false
  #underWay: Promise<void> | undefined

  constructor(options: AuditorOptions) {
    this.#options = options
    this.#due = performance.now() + options.timing.audit
  }

  /** When the next part is to be read, in the time of `performance.now()`. */
  get due(): number {
    return this.#underWay === undefined ? this.#due : Infinity
  }

  /** The pod does not hold what it was given: to be read back. */
  get hasFound(): boolean {
    return this.#hasFound
  }

  /** When it is to be read although changes leave no moment in which nothing else is due. */
  get overdue(): number {
    return this.due + patience * this.#options.timing.audit
  }

  /** A change begins: what it touches may be found as it was before or after. */
  touch(stages: readonly Stage[]): void {
    if (this.#underWay === undefined) return
    for (const command of allCommands(stages)) this.#touched?.add(placeOf(command))
  }

  /** HAProxy loads its files: what is being read says nothing of them. */
  abandon(): void {
    this.#touched = undefined
    this.#hasFound = false
  }

  /** The pod is another, or was away: from the first part on, soon. */
  startOver(): void {
    this.abandon()
    this.#step = 0
    this.#due = performance.now() + this.#options.timing.drift
  }

  later(): void {
    this.#due = performance.now() + this.#options.timing.audit
  }

  start(api: PodApi, held: Held, onEnd: () => void): void {
    this.#underWay = this.#read(api, held).finally(() => {
      this.#underWay = undefined
      onEnd()
    })
  }

  /** Resolves when nothing is being read. */
  async idle(): Promise<void> {
    await this.#underWay
  }

  async #read(api: PodApi, held: Held): Promise<void> {
    const { name, log, metrics } = this.#options
    const touched = new Set<string>()
    this.#touched = touched
    this.later()
    try {
      const drift = await auditPart(api, held, { step: this.#step, touched })
      if (this.#touched !== touched) return
      this.#step += 1
      if (drift === undefined) return
      log.warn('a pod does not hold what it was given, reading it back', { pod: name, ...drift })
      metrics.drifted(drift.part)
      this.#hasFound = true
    } catch (error) {
      // Whoever changes or looks next finds out what is the matter. The other parts have their turn.
      this.#step += 1
      log.debug('a part of a pod cannot be read', { pod: name, cause: errorText(error) })
    }
  }
}

export type Drift = { readonly part: 'map' | 'servers' | 'certificates' | 'state'; readonly words: string }

/** Backends whose servers are asked for in one step: each is a call. */
const backendsPerStep = 20
/** So many times the pause between two parts is waited for a moment in which nothing else is due. */
const patience = 4

// Where a command leaves its traces, as a whole: an entry of a map, or a map, a list, a backend; files in what is said of them.
function placeOf(command: Command): string {
  if (command.kind === 'put-server' || command.kind === 'delete-server') return command.backend
  if (command.kind === 'put-map') return command.map
  if (command.kind === 'set-entry' || command.kind === 'delete-entry')
    return command.map === metaMap ? metaMap : entryPlace(command.map, command.key)
  return command.kind === 'add-list-entry' || command.kind === 'delete-list-entry' ? command.list : metaMap
}

function entryPlace(map: string, key: string): string {
  return `${map} ${key}`
}

export type Part = {
  /** Parts are counted from 0 on, round and round. */
  readonly step: number
  /** What is not to be judged: changes come here while it is read. */
  readonly touched: ReadonlySet<string>
}

/** Compares one part with what `held` says at the beginning. Reads only. Rejects when the pod does not answer. */
export async function auditPart(api: PodApi, held: Held, { step, touched }: Part): Promise<Drift | undefined> {
  const maps = [...held.maps.keys()].toSorted()
  const lists = [...held.certificateLists.keys()].toSorted()
  const chunks = Math.ceil(held.backends.size / backendsPerStep)
  const part = step % (maps.length + lists.length + chunks + 1)
  const map = maps[part]
  if (map !== undefined) return compareMap(api, held, { map, touched })
  const list = lists[part - maps.length]
  const chunk = part - maps.length - lists.length
  if (list === undefined && chunk < chunks) return compareBackends(api, held, { chunk, touched })
  const drift = await (list === undefined ? compareMeta(api, held) : compareList(api, held, list))
  return touched.has(list ?? metaMap) ? undefined : drift
}

type MapPart = { readonly map: string; readonly touched: ReadonlySet<string> }

async function compareMap(api: PodApi, held: Held, part: MapPart): Promise<Drift | undefined> {
  const found = (await api.listMap(part.map)) ?? []
  // What is touched from now on was read already.
  const touched = new Set(part.touched)
  return touched.has(part.map) ? undefined : finished(comparing(held, { map: part.map, touched }, found))
}

function* entriesOf(map: HeldMap | undefined): Generator<MapEntry> {
  for (const { entries } of map?.values() ?? []) yield* entries
}

function* comparing(
  { maps, layout }: Held,
  { map, touched }: MapPart,
  found: readonly PlainEntry[],
): Generator<undefined, Drift | undefined> {
  const expected = new Map<string, string>()
  const isTouched = (key: string) => touched.size > 0 && touched.has(entryPlace(map, key))
  yield* inSteps(entriesOf(maps.get(map)), (entry) => {
    if (!isTouched(entry.key)) expected.set(entry.key, spelled(entry, layout.aliases))
  })
  const seen = new Set<string>()
  let foreign = 0
  let other = 0
  yield* inSteps(found, (entry) => {
    if (isPadding(entry) || isTouched(entry.key)) return
    seen.add(entry.key)
    const wanted = expected.get(entry.key)
    if (wanted === undefined) foreign += 1
    else if (wanted !== entry.value) other += 1
  })
  const missing = expected.size - (seen.size - foreign)
  if (missing + foreign + other === 0) return undefined
  return { part: 'map', words: `${map}: ${missing} entries missing, ${foreign} foreign, ${other} with another value` }
}

async function compareList(api: PodApi, { certificateLists }: Held, list: string): Promise<Drift | undefined> {
  const found = await api.listListEntries(list)
  const known = new Set(found.map(({ file, sni }) => [file, ...sni].join(' ')))
  const wanted = [...(certificateLists.get(list)?.entries.values() ?? [])]
  const missing = wanted.filter(({ file, sni }) => !known.has([file, ...sni].join(' '))).length
  if (missing === 0 && found.length === wanted.length) return undefined
  const words = `${list}: ${found.length} entries, of ${wanted.length} wanted ones ${missing} are missing`
  return { part: 'certificates', words }
}

type ServersPart = { readonly chunk: number; readonly touched: ReadonlySet<string> }

// Servers that are not ready wait for their end, and are nobody's.
async function compareBackends(api: PodApi, { backends, layout }: Held, part: ServersPart): Promise<Drift | undefined> {
  const { chunk, touched } = part
  const some = [...backends].slice(chunk * backendsPerStep, (chunk + 1) * backendsPerStep)
  const wrong: string[] = []
  await eachOf(some, connections, async ([name, { servers }]) => {
    const backend = layout.aliases.get(name) ?? name
    const ready = ((await api.listServers(backend)) ?? []).filter((server) => server.ready)
    const isSame = ready.length === servers.size && ready.every((server) => isAt(server, servers.get(server.name)))
    if (!isSame && !touched.has(backend))
      wrong.push(`${backend}: ${ready.length} servers ready, ${servers.size} wanted`)
  })
  return wrong.length === 0 ? undefined : { part: 'servers', words: wrong.slice(0, 3).join('; ') }
}

function isAt({ address, port }: PodServer, line: ServerLine | undefined): boolean {
  return line !== undefined && sameAddress(address, line.address) && port === line.port
}

async function compareMeta(api: PodApi, { layout, certificates, authorities }: Held): Promise<Drift | undefined> {
  const meta = readMeta((await api.listMap(metaMap)) ?? [])
  const isSame =
    sameEntries(layout.aliases, meta.aliases) &&
    sameEntries(fingerprints(certificates), fingerprints(meta.certificates)) &&
    sameEntries(fingerprints(authorities), fingerprints(meta.authorities))
  return isSame ? undefined : { part: 'state', words: `${metaMap}: other aliases or certificates than were written` }
}

function fingerprints(files: Held['certificates']): ReadonlyMap<string, string> {
  return new Map([...files].map(([file, { fingerprint }]) => [file, fingerprint]))
}

function sameEntries(a: ReadonlyMap<string, string>, b: ReadonlyMap<string, string>): boolean {
  return a.size === b.size && [...a].every(([key, value]) => b.get(key) === value)
}
