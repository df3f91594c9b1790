// A small API server on a real socket: lists in pages, watches with history, bookmarks, compaction, and the ways in which it can fail.

import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { Socket } from 'node:net'

import type { KubernetesObject } from '../../model/kubernetes.ts'

import { createKubeClient, PooledKubeConfig, type KubeClient } from '../kube.ts'

type Happening = {
  readonly version: number
  readonly collection: string
  readonly type: string
  readonly object: KubernetesObject
}
type Watcher = { readonly collection: string; readonly response: ServerResponse }
type Answer = { readonly status: number; readonly headers?: Record<string, string>; readonly body?: unknown }

export class FakeApi {
  readonly requests: URL[] = []
  readonly accepted: string[] = []
  readonly #objects = new Map<string, KubernetesObject>()
  readonly #sockets = new Set<Socket>()
  readonly #watchers = new Set<Watcher>()
  readonly #scripted: { readonly when: (url: URL) => boolean; readonly answer: Answer }[] = []
  readonly #waiting = new Set<() => void>()
  readonly #server: Server
  #history: Happening[] = []
  #version = 100
  #port = 0
  /** Collections that answer 404. */
  readonly missing = new Set<string>()

  constructor() {
    this.#server = createServer((request, response) => this.#serve(request, response))
    this.#server.on('connection', (socket) => {
      this.#sockets.add(socket)
      socket.on('close', () => this.#sockets.delete(socket))
    })
  }

  async open(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#server.listen(this.#port, '127.0.0.1', resolve)
    await promise
    const address = this.#server.address()
    if (typeof address === 'object' && address !== null) this.#port = address.port
  }

  async close(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#server.close(() => resolve())
    this.cut()
    await promise
  }

  client(): KubeClient {
    const config = new PooledKubeConfig()
    config.loadFromString(this.kubeconfig())
    return createKubeClient(config)
  }

  /** The text of a kubeconfig file. */
  kubeconfig(): string {
    const cluster = { server: `http://127.0.0.1:${this.#port}`, 'insecure-skip-tls-verify': true }
    return JSON.stringify({
      clusters: [{ name: 'fake', cluster }],
      users: [{ name: 'tester', user: { token: 'let-me-in' } }],
      contexts: [{ name: 'test', context: { cluster: 'fake', user: 'tester' } }],
      'current-context': 'test',
    })
  }

  /** Adds or changes an object, of namespace `shop` unless it says otherwise; the kinds of the collection are as in Kubernetes' lists: absent from items. */
  put(
    collection: string,
    name: string,
    content: { readonly metadata?: object; readonly [field: string]: unknown } = {},
  ): void {
    this.#version += 1
    const key = `${collection}/${name}`
    const metadata = { name, namespace: 'shop', resourceVersion: String(this.#version), ...content.metadata }
    const object = { ...content, metadata }
    this.#happen({ version: this.#version, collection, type: this.#objects.has(key) ? 'MODIFIED' : 'ADDED', object })
    this.#objects.set(key, object)
  }

  remove(collection: string, name: string): void {
    this.#version += 1
    const object = this.#objects.get(`${collection}/${name}`)
    this.#objects.delete(`${collection}/${name}`)
    const metadata = Object.assign({}, object?.metadata, { resourceVersion: String(this.#version) })
    this.#happen({ version: this.#version, collection, type: 'DELETED', object: { ...object, metadata } })
  }

  /** Forgets the past: who resumes from before now gets 410. */
  compact(): void {
    this.#version += 1
    this.#history = []
  }

  /** Tells watchers how far they are. */
  bookmark(): void {
    this.#version += 1
    this.#tell('', 'BOOKMARK', { metadata: { resourceVersion: String(this.#version) } })
  }

  /** Sends a line to all watchers as it is. */
  say(line: string): void {
    for (const { response } of this.#watchers) response.write(`${line}\n`)
  }

  endWatches(): void {
    for (const { response } of this.#watchers) response.end()
    this.#watchers.clear()
  }

  /** Breaks all connections. */
  cut(): void {
    for (const socket of this.#sockets) socket.destroy()
    this.#watchers.clear()
  }

  /** Answers the next request of this sort differently. */
  script(when: (url: URL) => boolean, answer: Answer): void {
    this.#scripted.push({ when, answer })
  }

  /** Resolves as soon as the condition holds, looking again after every request and watch. */
  async until(condition: () => boolean): Promise<void> {
    while (!condition()) {
      const { promise, resolve } = Promise.withResolvers<void>()
      this.#waiting.add(resolve)
      await promise
    }
  }

  /** Makes `until` look again. */
  readonly notice = (): void => {
    for (const resolve of this.#waiting) resolve()
    this.#waiting.clear()
  }

  get watching(): number {
    return this.#watchers.size
  }

  #happen(happening: Happening): void {
    this.#history.push(happening)
    this.#tell(happening.collection, happening.type, happening.object)
  }

  #tell(collection: string, type: string, object: KubernetesObject): void {
    for (const watcher of this.#watchers)
      if (collection === '' || watcher.collection === collection)
        watcher.response.write(`${JSON.stringify({ type, object })}\n`)
  }

  #serve(request: IncomingMessage, response: ServerResponse): void {
    const url = new URL(request.url ?? '/', 'http://fake')
    this.requests.push(url)
    this.accepted.push(request.headers.accept ?? '')
    const at = this.#scripted.findIndex(({ when }) => when(url))
    const [scripted] = at < 0 ? [] : this.#scripted.splice(at, 1)
    if (request.headers.authorization !== 'Bearer let-me-in') send(response, status(401, 'who are you?'))
    else if (scripted !== undefined) send(response, scripted.answer)
    else if (this.missing.has(url.pathname)) send(response, { status: 404, body: '404 page not found' })
    else if (url.searchParams.has('watch')) this.#watch(url, response)
    else if (this.#objects.has(url.pathname)) send(response, { status: 200, body: this.#objects.get(url.pathname) })
    else if (url.pathname.endsWith('s')) this.#list(url, response)
    else send(response, status(404, 'not found'))
    setImmediate(this.notice)
  }

  #list(url: URL, response: ServerResponse): void {
    const named = /metadata\.name=([^,]*)/.exec(url.searchParams.get('fieldSelector') ?? '')?.[1]
    const all = [...this.#objects]
      .filter(([key]) => key.startsWith(`${url.pathname}/${named ?? ''}`))
      .map(([, object]) => object)
      .filter(({ metadata }) => named === undefined || metadata?.name === named)
    const limit = Number(url.searchParams.get('limit') ?? all.length)
    const start = Number(url.searchParams.get('continue') ?? 0)
    const rest = start + limit < all.length ? { continue: String(start + limit) } : {}
    const metadata = { resourceVersion: String(this.#version), ...rest }
    send(response, {
      status: 200,
      body: { kind: 'ThingList', apiVersion: 'v1', metadata, items: all.slice(start, start + limit) },
    })
  }

  #watch(url: URL, response: ServerResponse): void {
    const since = Number(url.searchParams.get('resourceVersion'))
    const first = this.#history[0]?.version ?? this.#version + 1
    response.writeHead(200, { 'content-type': 'application/json' })
    if (since + 1 < first) {
      response.end(`${JSON.stringify({ type: 'ERROR', object: status(410, 'too old resource version').body })}\n`)
      return
    }
    response.flushHeaders()
    for (const { version, collection, type, object } of this.#history)
      if (version > since && collection === url.pathname) response.write(`${JSON.stringify({ type, object })}\n`)
    this.#watchers.add({ collection: url.pathname, response })
  }
}

/** An answer as the API server phrases refusals. */
export function status(code: number, message: string, headers: Record<string, string> = {}): Answer {
  return { status: code, headers, body: { kind: 'Status', apiVersion: 'v1', status: 'Failure', message, code } }
}

function send(response: ServerResponse, { status: code, headers = {}, body = '' }: Answer): void {
  response.writeHead(code, { 'content-type': 'application/json', ...headers })
  response.end(typeof body === 'string' ? body : JSON.stringify(body))
}
