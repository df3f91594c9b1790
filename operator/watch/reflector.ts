// List, then watch from there, for ever. Loses nothing: after any interruption it resumes at the last version it saw, and when the
// server has forgotten that version it lists again and tells what went in between.

import type { KubeResponse } from '../model/kube-call.ts'
import type { KubernetesObject } from '../model/kubernetes.ts'
import type { ObjectKey } from '../model/snapshot.ts'
import { keyOf, splitKey } from '../model/snapshot.ts'

import { backoff, type BackoffLimits } from '../lib/backoff.ts'
import { errorText, type Logger } from '../lib/log.ts'
import { endOfSlice, inSlices, nextTurn } from '../lib/turns.ts'

import type { KubeClient } from './kube.ts'
import { Missed } from './missed.ts'
import { pause } from './pause.ts'
import { parseEvent, parseList, parseStatus, type WatchEvent } from './wire.ts'

export type ChangeType = 'ADDED' | 'MODIFIED' | 'DELETED'

export type ReflectorOptions = {
  readonly client: KubeClient
  /** Of the collection, e.g. `/apis/gateway.networking.k8s.io/v1/httproutes`. */
  readonly path: string
  /** Written into every object: lists of built-in kinds and metadata-only answers do not hold the real ones. */
  readonly apiVersion: string
  readonly kind: string
  readonly labelSelector?: string
  /** Ask for metadata only: the content of such objects is fetched when somebody needs it. */
  readonly metadataOnly?: boolean
  /**
   * What happened since the object was last reported; of a deletion that was missed only the metadata are known. When it throws or rejects,
   * the object is read and reported again. Nobody waits for it.
   */
  readonly onChange: (type: ChangeType, object: KubernetesObject) => void | Promise<void>
  readonly count: (what: 'event' | 'relist' | 'error') => void
  readonly logger: Logger
  readonly pageSize?: number
  readonly backoffLimits?: BackoffLimits
}

/** A shorter watch is a failure: a server that hangs up at once must not be asked in a loop. */
const shortestWatch = 1000
const listDeadline = 60_000
/** Objects: to parse a page is one block of the event loop. */
const usualPage = 100

/** Follows one collection of objects. */
export class Reflector {
  readonly #options: ReflectorOptions
  readonly #stopping = new AbortController()
  readonly #synced = Promise.withResolvers<void>()
  readonly #known = new Map<ObjectKey, string>()
  readonly #missed: Missed
  #version: string | undefined
  #lists = 0
  #failures = 0
  /** Milliseconds that the last watch lasted. */
  #watched = 0
  #complaint = ''
  #running: Promise<void> | undefined

  constructor(options: ReflectorOptions) {
    this.#options = options
    const { backoffLimits } = options
    this.#missed = new Missed({
      read: (key) => this.#read(key),
      take: (key, object) => this.#takeAgain(key, object),
      ...(backoffLimits && { limits: backoffLimits }),
    })
  }

  /** Resolves when the first list is complete, or when the cluster turned out not to know the kind. */
  get synced(): Promise<void> {
    return this.#synced.promise
  }

  start(): void {
    this.#running ??= this.#run()
  }

  async stop(): Promise<void> {
    this.#stopping.abort()
    await Promise.all([this.#running, this.#missed.stop()])
  }

  async #run(): Promise<void> {
    while (!this.#stopping.signal.aborted) {
      this.#watched = 0
      const trouble = await this.#round().catch((error: unknown) => this.#complain(error))
      const failedNow = trouble === undefined ? 0 : 1
      this.#failures = this.#watched < shortestWatch ? this.#failures + 1 : failedNow
      const wait = Math.max(trouble?.retryAfter ?? 0, backoff(this.#failures, this.#options.backoffLimits))
      await pause(wait, this.#stopping.signal)
    }
  }

  // One list, when needed, and one watch.
  async #round(): Promise<undefined> {
    this.#version ??= await this.#list()
    await this.#watch(this.#version)
  }

  async #list(): Promise<string> {
    const seen = new Set<ObjectKey>()
    let token = ''
    let version = ''
    do {
      const page = parseList(await this.#page(token))
      await nextTurn()
      await inSlices(page.items, (object) => {
        seen.add(keyOf(object))
        this.#keep(object)
      })
      token = page.continueToken
      version = page.version
    } while (token !== '')
    await inSlices([...this.#known.keys()], (key) => {
      if (!seen.has(key)) this.#drop(key)
    })
    this.#lists += 1
    if (this.#lists > 1) this.#options.count('relist')
    this.#synced.resolve()
    return version
  }

  async #page(token: string): Promise<unknown> {
    const { pageSize = usualPage } = this.#options
    return this.#get({ limit: String(pageSize), ...(token !== '' && { continue: token }) })
  }

  async #read(key: ObjectKey): Promise<KubernetesObject | undefined> {
    const fields = Object.entries(splitKey(key)).filter(([, value]) => value !== '')
    const fieldSelector = fields.map(([field, value]) => `metadata.${field}=${value}`).join(',')
    return parseList(await this.#get({ fieldSelector })).items[0]
  }

  async #get(asked: Readonly<Record<string, string>>): Promise<unknown> {
    const { client, path } = this.#options
    const query = new URLSearchParams({ ...asked, ...this.#selector() })
    const response = await client.call(
      { method: 'GET', path: `${path}?${query.toString()}`, signal: this.#stopping.signal },
      { deadline: listDeadline, ...this.#accept('PartialObjectMetadataList') },
    )
    if (response.status !== 200) throw new Refusal('list', response)
    return response.body
  }

  async #watch(version: string): Promise<void> {
    const { client, path } = this.#options
    const seconds = Math.round(300 + Math.random() * 300)
    // The server ends the watch after `timeoutSeconds`; if it does not, the connection is not what it seems.
    const ending = new AbortController()
    const signal = AbortSignal.any([this.#stopping.signal, ending.signal, AbortSignal.timeout((seconds + 30) * 1000)])
    const query = new URLSearchParams({ watch: 'true', allowWatchBookmarks: 'true', ...this.#selector() })
    query.set('resourceVersion', version)
    query.set('timeoutSeconds', String(seconds))
    const started = performance.now()
    try {
      const stream = await client.watch({
        path: `${path}?${query.toString()}`,
        signal,
        ...this.#accept('PartialObjectMetadata'),
      })
      if (stream.status !== 200) throw new Refusal('watch', { ...stream, body: await textOf(stream.lines) })
      if (this.#complaint !== '') this.#options.logger.info('watching again', { path })
      this.#complaint = ''
      for await (const line of stream.lines) {
        if (line === '') continue
        this.#apply(parseEvent(line))
        // After an interruption, and from many writers, thousands come at once.
        if (performance.now() >= endOfSlice()) await nextTurn()
      }
    } finally {
      ending.abort()
      this.#watched = performance.now() - started
    }
  }

  #apply(event: WatchEvent): void {
    if (event.type === 'ERROR') throw new Refusal('watch', { status: event.code, body: event.body })
    if (event.type === 'DELETED') this.#drop(keyOf(event.object), event.object)
    else if (event.type !== 'BOOKMARK') this.#keep(event.object)
    if (event.type !== 'BOOKMARK') this.#options.count('event')
    this.#version = event.object.metadata?.resourceVersion ?? this.#version
  }

  #keep(object: KubernetesObject): void {
    const key = keyOf(object)
    const version = object.metadata?.resourceVersion ?? ''
    const before = this.#known.get(key)
    if (before === version) return
    this.#known.set(key, version)
    this.#report(before === undefined ? 'ADDED' : 'MODIFIED', object)
  }

  // Without an object: it went while nobody was watching.
  #drop(key: ObjectKey, object?: KubernetesObject): void {
    const version = this.#known.get(key)
    if (version === undefined) return
    this.#known.delete(key)
    this.#report('DELETED', object ?? lastKnown(key, version))
  }

  #report(type: ChangeType, object: KubernetesObject): void {
    const { apiVersion, kind, onChange } = this.#options
    const key = keyOf(object)
    this.#missed.forget(key)
    try {
      onChange(type, Object.assign(object, { apiVersion, kind }))?.catch((error: unknown) => this.#miss(key, error))
    } catch (error) {
      this.#miss(key, error)
    }
  }

  #miss(key: ObjectKey, error: unknown): void {
    const { kind, logger, count } = this.#options
    count('error')
    logger.error('an event could not be taken in; the object is read again', { kind, key, error: errorText(error) })
    this.#missed.add(key)
  }

  #takeAgain(key: ObjectKey, object: KubernetesObject | undefined): void {
    this.#known.set(key, '')
    if (object === undefined) this.#drop(key)
    else this.#keep(object)
  }

  // Tells the log once per kind of trouble.
  #complain(error: unknown): Trouble {
    const { path, kind, logger, count } = this.#options
    if (this.#stopping.signal.aborted) return { retryAfter: 0 }
    const refusal = error instanceof Refusal ? error : undefined
    if (refusal?.needsList === true) this.#version = undefined
    if (refusal?.status === 410) {
      logger.info('the server no longer has the version we stopped at; listing again', { path })
      return refusal
    }
    count('error')
    const complaint = errorText(error)
    if (complaint !== this.#complaint) logger.warn(adviceFor(refusal, kind), { path, error: complaint })
    this.#complaint = complaint
    if (refusal?.isUnknownKind === true) this.#synced.resolve()
    return { retryAfter: refusal?.retryAfter ?? 0 }
  }

  #selector(): Record<string, string> {
    const { labelSelector } = this.#options
    return labelSelector === undefined ? {} : { labelSelector }
  }

  #accept(as: string): { readonly accept?: string } {
    if (this.#options.metadataOnly !== true) return {}
    return { accept: `application/json;as=${as};g=meta.k8s.io;v=v1,application/json` }
  }
}

/** Milliseconds that the server asked us to wait. */
type Trouble = { readonly retryAfter: number }

/** The server answered, but not with what was asked for. */
class Refusal extends Error {
  readonly status: number
  readonly retryAfter: number
  readonly isUnknownKind: boolean
  /** Whether resuming at the same version is pointless. */
  readonly needsList: boolean

  constructor(what: 'list' | 'watch', response: KubeResponse) {
    super(`${what}: HTTP ${response.status} ${parseStatus(response.body)}`)
    this.status = response.status
    this.retryAfter = response.retryAfter ?? 0
    this.isUnknownKind = what === 'list' && response.status === 404
    // 504 is also how a server that was set back to an older state refuses a version of its future.
    this.needsList = [400, 404, 410, 504].includes(response.status)
  }
}

function adviceFor(refusal: Refusal | undefined, kind: string): string {
  if (refusal?.isUnknownKind === true)
    return `The cluster does not know the kind ${kind}; what depends on it waits until its CustomResourceDefinition is installed.`
  if (refusal?.status === 403)
    return `The operator may not list and watch objects of kind ${kind}; grant it in the operator's ClusterRole.`
  return `Cannot follow objects of kind ${kind}; trying again.`
}

function lastKnown(key: ObjectKey, resourceVersion: string): KubernetesObject {
  const slash = key.indexOf('/')
  if (slash < 0) return { metadata: { name: key, resourceVersion } }
  return { metadata: { namespace: key.slice(0, slash), name: key.slice(slash + 1), resourceVersion } }
}

async function textOf(lines: AsyncIterable<string>): Promise<string> {
  const all: string[] = []
  for await (const line of lines) all.push(line)
  return all.join('\n')
}
