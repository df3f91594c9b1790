// The way to the API server: two pools of connections, one for watches (each holds a connection), one for calls.
// The stock client opens a new TLS connection for every request and gives calls no deadline.

import { KubeConfig, type RequestContext } from '@kubernetes/client-node'
import type { RequestOptions } from 'node:https'
import { Agent, request, type Dispatcher } from 'undici'

import type { KubeRequest, KubeResponse } from '../model/kube-call.ts'

const callDeadline = 15_000
const connectDeadline = 10_000
/** Dead peers are found by TCP, after 30 s plus ten probes a second apart: a quiet watch gets no bookmarks for minutes. */
const keepAliveDelay = 30_000
/** Milliseconds for which certificates and token are used without another look at their files. */
const accessAge = 1_000

export type CallOptions = {
  /** Instead of plain JSON, e.g. only the metadata. */
  readonly accept?: string
  /** Milliseconds. */
  readonly deadline?: number
}

export type WatchRequest = { readonly path: string; readonly accept?: string; readonly signal: AbortSignal }
export type WatchResponse = {
  readonly status: number
  /** Milliseconds, from the Retry-After header. */
  readonly retryAfter?: number
  /** The body line by line; rejects when the connection breaks. */
  readonly lines: AsyncIterable<string>
}

export type KubeClient = {
  readonly call: (request: KubeRequest, options?: CallOptions) => Promise<KubeResponse>
  /** A response without end; nothing but the signal, the server or the network ends it. */
  readonly watch: (request: WatchRequest) => Promise<WatchResponse>
  readonly close: () => Promise<void>
}

/** A client for the current cluster of a configuration; `client.call` is the KubeCaller of other rooms. */
export function createKubeClient(config: PooledKubeConfig): KubeClient {
  return {
    call: (call: KubeRequest, options: CallOptions = {}) => send(config, call, options),
    watch: (watch) => openStream(config, watch),
    close: () => config.close(),
  }
}

/** The given kubeconfig file, or as usual: $KUBECONFIG, the home folder's, the Pod's service account. */
export function loadKubeConfig(file?: string): PooledKubeConfig {
  const config = new PooledKubeConfig()
  if (file === undefined) config.loadFromDefault()
  else config.loadFromFile(file)
  if (config.getCurrentCluster() === null)
    throw new Error(
      `The kubeconfig has no current context that names a cluster; choose one with "kubectl config use-context", or give another file with --kubeconfig.`,
    )
  return config
}

type Pools = { readonly key: string; readonly calls: Dispatcher; readonly watches: Dispatcher }
type Access = { readonly server: string; readonly headers: Record<string, string>; readonly pools: Pools }

/** A KubeConfig whose requests share connections. Token and certificate files are read again by the base class as they rotate. */
export class PooledKubeConfig extends KubeConfig {
  #pools: Pools | undefined
  #access: { readonly at: number; readonly access: Access } | undefined

  /** Where to send a request, what proves who we are, and through which connections. */
  async access(): Promise<Access> {
    const now = performance.now()
    if (this.#access === undefined || now - this.#access.at > accessAge)
      this.#access = { at: now, access: await this.#look() }
    return this.#access.access
  }

  async #look(): Promise<Access> {
    const cluster = this.getCurrentCluster()
    if (cluster === null) throw new Error('the kubeconfig has no current cluster')
    const options: RequestOptions = {}
    await this.applyToHTTPSOptions(options)
    const headers: Record<string, string> = {}
    for (const [name, value] of Object.entries(options.headers ?? {})) headers[name] = String(value)
    if (typeof options.auth === 'string')
      headers['Authorization'] = `Basic ${Buffer.from(options.auth).toString('base64')}`
    return { server: cluster.server.replace(/\/$/, ''), headers, pools: this.#poolsFor(options) }
  }

  /** For the generated API classes. */
  override async applySecurityAuthentication(context: RequestContext): Promise<void> {
    await super.applySecurityAuthentication(context)
    context.setDispatcher((await this.access()).pools.calls)
  }

  async close(): Promise<void> {
    const pools = this.#pools
    this.#pools = undefined
    this.#access = undefined
    await Promise.all([pools?.calls.destroy(), pools?.watches.destroy()])
  }

  // A rotated certificate needs new connections; the old ones end with the requests they carry.
  #poolsFor(options: RequestOptions): Pools {
    const cluster = this.getCurrentCluster()
    const { ca, cert, key: privateKey, servername, rejectUnauthorized } = options
    const key = JSON.stringify([
      cluster?.server,
      cluster?.proxyUrl,
      servername,
      rejectUnauthorized,
      textOf(ca),
      textOf(cert),
      textOf(privateKey),
    ])
    if (this.#pools?.key === key) return this.#pools
    const retired = this.#pools
    void retired?.calls.close()
    void retired?.watches.close()
    this.#pools = { key, ...this.#open(options) }
    return this.#pools
  }

  #open(options: RequestOptions): Omit<Pools, 'key'> {
    if (this.getCurrentCluster()?.proxyUrl !== undefined)
      throw new Error(`proxy-url of the kubeconfig's cluster is not supported; name the API server directly.`)
    const connect = {
      ...tlsOptions(options),
      keepAlive: true,
      keepAliveInitialDelay: keepAliveDelay,
      timeout: connectDeadline,
    }
    return {
      calls: new Agent({ connect, allowH2: false, connections: 32 }),
      watches: new Agent({ connect, allowH2: false, bodyTimeout: 0, headersTimeout: 30_000 }),
    }
  }
}

async function send(config: PooledKubeConfig, call: KubeRequest, options: CallOptions): Promise<KubeResponse> {
  const { server, headers, pools } = await config.access()
  const ending = endingOf(call.signal, options.deadline ?? callDeadline)
  try {
    const response = await request(server + call.path, {
      method: call.method,
      headers: {
        ...headers,
        accept: options.accept ?? 'application/json',
        ...(call.body === undefined ? {} : { 'content-type': call.contentType ?? 'application/json' }),
      },
      body: call.body === undefined ? null : JSON.stringify(call.body),
      dispatcher: pools.calls,
      signal: ending.signal,
    })
    const body = parseBody(await response.body.text())
    return { status: response.statusCode, body, ...retryAfter(response.headers['retry-after']) }
  } finally {
    ending.forget()
  }
}

// Nothing is left of a call that has ended: signals with a time of their own would all fire later, thousands after a burst of calls.
function endingOf(caller: AbortSignal | undefined, deadline: number) {
  const ending = new AbortController()
  const abort = (): void => ending.abort(caller?.reason)
  const timer = setTimeout(
    () => ending.abort(new DOMException(`no answer within ${deadline} ms`, 'TimeoutError')),
    deadline,
  )
  if (caller?.aborted === true) abort()
  caller?.addEventListener('abort', abort, { once: true })
  return {
    signal: ending.signal,
    forget: () => {
      clearTimeout(timer)
      caller?.removeEventListener('abort', abort)
    },
  }
}

async function openStream(config: PooledKubeConfig, watch: WatchRequest): Promise<WatchResponse> {
  const { server, headers, pools } = await config.access()
  const response = await request(server + watch.path, {
    method: 'GET',
    headers: { ...headers, accept: watch.accept ?? 'application/json' },
    dispatcher: pools.watches,
    signal: watch.signal,
  })
  return {
    status: response.statusCode,
    lines: splitLines(response.body),
    ...retryAfter(response.headers['retry-after']),
  }
}

async function* splitLines(body: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder()
  let rest = ''
  for await (const chunk of body) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split('\n')
    rest = lines.pop() ?? ''
    yield* lines
  }
  if (rest !== '') yield rest
}

function parseBody(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    // A proxy in between, or an API server that is starting, answers with plain text.
    return text
  }
}

/** Retry-After in milliseconds: the header holds seconds or a date. */
function retryAfter(header: string | readonly string[] | undefined): { readonly retryAfter?: number } {
  if (typeof header !== 'string') return {}
  const milliseconds = /^\d+$/.test(header) ? Number(header) * 1000 : Date.parse(header) - Date.now()
  return Number.isNaN(milliseconds) ? {} : { retryAfter: Math.max(0, milliseconds) }
}

function tlsOptions({ ca, cert, key, rejectUnauthorized, servername }: RequestOptions): Record<string, unknown> {
  const given = Object.entries({ ca, cert, key, rejectUnauthorized, servername })
  return Object.fromEntries(given.filter(([, value]) => value !== undefined))
}

// client-node reads certificates and keys from files or base64, into buffers.
function textOf(material: unknown): string {
  return Buffer.isBuffer(material) ? material.toString('latin1') : ''
}
