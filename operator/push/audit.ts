// What a pod's memory holds beside what it should hold, a part at a time: entry by entry, server by server. `@gen` tells of a HAProxy that was
// restarted; this finds what somebody else changed, or what a call changed that nobody saw end.

import { metaMap } from '../model/names.ts'
import type { MapEntry, ServerLine } from '../model/rendered.ts'

import { errorText, type Logger } from '../lib/log.ts'
import { inSteps } from '../lib/steps.ts'
import { finished } from '../lib/turns.ts'

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

type Hooks = {
  /** Nothing was changed since the step began. */
  readonly isSame: () => boolean
  readonly onDrift: () => void
  readonly onEnd: () => void
}

/** Goes through one pod's memory, part by part, beside everything else. */
export class Auditor {
  readonly #options: AuditorOptions
  #step = 0
  #due: number
  #underWay: Promise<void> | undefined

  constructor(options: AuditorOptions) {
    this.#options = options
    this.#due = performance.now() + options.timing.audit
  }

  /** When the next part is to be read, in the time of `performance.now()`. */
  get due(): number {
    return this.#underWay === undefined ? this.#due : Infinity
  }

  /** The pod is another, or was away: from the first part on, soon. */
  startOver(): void {
    this.#step = 0
    this.#due = performance.now() + this.#options.timing.drift
  }

  later(): void {
    this.#due = performance.now() + this.#options.timing.audit
  }

  start(api: PodApi, held: Held, hooks: Hooks): void {
    this.#underWay = this.#read(api, held, hooks).finally(() => {
      this.#underWay = undefined
      hooks.onEnd()
    })
  }

  /** Resolves when nothing is being read. */
  async idle(): Promise<void> {
    await this.#underWay
  }

  async #read(api: PodApi, held: Held, { isSame, onDrift }: Hooks): Promise<void> {
    const { name, log, metrics } = this.#options
    this.later()
    try {
      const drift = await auditPart(api, held, this.#step)
      if (!isSame()) return
      this.#step += 1
      if (drift === undefined) return
      log.warn('a pod does not hold what it was given, reading it back', { pod: name, ...drift })
      metrics.drifted(drift.part)
      onDrift()
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

/**
 * Compares the part number `step`; parts are counted from 0 on, round and round. Reads only; what it says holds only if nothing was changed
 * meanwhile. Rejects when the pod does not answer.
 */
export async function auditPart(api: PodApi, held: Held, step: number): Promise<Drift | undefined> {
  const maps = [...held.maps.keys()].toSorted()
  const lists = [...held.certificateLists.keys()].toSorted()
  const chunks = Math.ceil(held.backends.size / backendsPerStep)
  const part = step % (maps.length + lists.length + chunks + 1)
  const map = maps[part]
  if (map !== undefined) return compareMap(api, held, map)
  const list = lists[part - maps.length]
  if (list !== undefined) return compareList(api, held, list)
  const chunk = part - maps.length - lists.length
  return chunk < chunks ? compareBackends(api, held, chunk) : compareMeta(api, held)
}

async function compareMap(api: PodApi, held: Held, map: string): Promise<Drift | undefined> {
  const found = (await api.listMap(map)) ?? []
  return finished(comparing(held, map, found))
}

function* entriesOf(map: HeldMap | undefined): Generator<MapEntry> {
  for (const { entries } of map?.values() ?? []) yield* entries
}

function* comparing(
  { maps, layout }: Held,
  map: string,
  found: readonly PlainEntry[],
): Generator<undefined, Drift | undefined> {
  const expected = new Map<string, string>()
  yield* inSteps(entriesOf(maps.get(map)), (entry) => expected.set(entry.key, spelled(entry, layout.aliases)))
  const seen = new Set<string>()
  let foreign = 0
  let other = 0
  yield* inSteps(found, (entry) => {
    if (isPadding(entry)) return
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
  const wanted = certificateLists.get(list) ?? []
  const missing = wanted.filter(({ file, sni }) => !known.has([file, ...sni].join(' '))).length
  if (missing === 0 && found.length === wanted.length) return undefined
  const words = `${list}: ${found.length} entries, of ${wanted.length} wanted ones ${missing} are missing`
  return { part: 'certificates', words }
}

// Servers that are not ready wait for their end, and are nobody's.
async function compareBackends(api: PodApi, { backends, layout }: Held, chunk: number): Promise<Drift | undefined> {
  const some = [...backends].slice(chunk * backendsPerStep, (chunk + 1) * backendsPerStep)
  const wrong: string[] = []
  await eachOf(some, connections, async ([name, { servers }]) => {
    const backend = layout.aliases.get(name) ?? name
    const ready = ((await api.listServers(backend)) ?? []).filter((server) => server.ready)
    const isSame = ready.length === servers.size && ready.every((server) => isAt(server, servers.get(server.name)))
    if (!isSame) wrong.push(`${backend}: ${ready.length} servers ready, ${servers.size} wanted`)
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
