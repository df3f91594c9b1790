// What goes on through the Gateway while it changes: WebSockets that echo every second, streams of HTTP/2 in TLS that never end, and requests to
// routes that do not change, whose Services' endpoints do.

import { request as plainRequest } from 'node:http'
import { connect } from 'node:http2'
import { request as tlsRequest } from 'node:https'
import type { Duplex } from 'node:stream'
import { setTimeout as delay } from 'node:timers/promises'
import { Pool, request } from 'undici'

/** Longer silence of what should speak at least every second is a break. */
const silenceMilliseconds = 8_000

/** Something long-lived; `stop` ends it and says how it broke, if it did. */
export type LongLived = { readonly stop: () => Promise<string | undefined> }

/** A WebSocket that sends a text every second and gets it back; resolves when the first has come back. */
export async function openWebSocket(address: string, host: string, tls: boolean): Promise<LongLived> {
  const headers = {
    host,
    connection: 'Upgrade',
    upgrade: 'websocket',
    'sec-websocket-version': '13',
    'sec-websocket-key': Buffer.from('a bench socket..').toString('base64'),
  }
  const options = { host: address, path: '/socket', headers, agent: false } as const
  const socket = await new Promise<Duplex>((resolve, reject) => {
    const sent = tls ? tlsRequest({ ...options, servername: host, rejectUnauthorized: false }) : plainRequest(options)
    sent.once('upgrade', (_, upgraded) => resolve(upgraded))
    sent.once('response', ({ statusCode }) =>
      reject(new Error(`a WebSocket to ${host} was answered with ${statusCode}`)),
    )
    sent.once('error', reject)
    sent.end()
  })
  // Masked with zeros: https://www.rfc-editor.org/rfc/rfc6455#section-5.3
  const frame = Buffer.concat([Buffer.of(0x81, 0x80 | 4, 0, 0, 0, 0), Buffer.from('tick')])
  const talking = setInterval(() => socket.write(frame), 1_000)
  socket.write(frame)
  return watched(socket, () => {
    clearInterval(talking)
    socket.destroy()
  })
}

/** So many streams of one connection. */
export async function openStreams(address: string, host: string, count: number): Promise<readonly LongLived[]> {
  const session = connect(`https://${address}`, { servername: host, rejectUnauthorized: false })
  session.on('error', () => session.destroy())
  const streams = Array.from({ length: count }, () =>
    session.request({ ':path': '/events', ':authority': host, accept: 'text/event-stream' }),
  )
  return Promise.all(
    streams.map((stream) =>
      watched(stream, () => {
        stream.destroy()
        session.unref()
      }),
    ),
  )
}

// Resolves with the first data, and watches from then on.
async function watched(stream: Duplex, end: () => void): Promise<LongLived> {
  let last = performance.now()
  let broken: string | undefined
  let stopped = false
  const breaks = (how: string): void => {
    if (!stopped) broken ??= how
  }
  const first = Promise.withResolvers<void>()
  stream.on('data', () => {
    last = performance.now()
    first.resolve()
  })
  stream.on('error', (error: Error) => breaks(error.message))
  stream.on('close', () => {
    breaks('closed')
    first.reject(new Error(`a stream ended before it began: ${broken}`))
  })
  const timer = setInterval(() => {
    if (performance.now() - last > silenceMilliseconds) breaks(`silent for ${silenceMilliseconds} ms`)
  }, 1_000)
  await first.promise
  return {
    stop: async () => {
      stopped = true
      clearInterval(timer)
      end()
      await delay(0)
      return broken
    },
  }
}

/** A request that never changes: which bodies are right. */
export type Steady = { readonly host: string; readonly bodies: ReadonlySet<string> }
export type Traffic = {
  readonly requests: number
  /** Answers that were none, or not 200. */
  readonly failed: readonly string[]
  /** 200, but of another Service. */
  readonly wrong: readonly string[]
}

const pauseMilliseconds = 10

/** Asks for them in turn on connections that stay open, in clear text and in TLS, until told to stop. */
export function keepAskingAll(address: string, steady: readonly Steady[]): { readonly stop: () => Promise<Traffic> } {
  const ending = new AbortController()
  const failed: string[] = []
  const wrong: string[] = []
  let requests = 0
  const began = performance.now()
  const at = (): string => `${Math.round(performance.now() - began)} ms`
  const ask = async (pool: Pool, { host, bodies }: Steady): Promise<void> => {
    requests += 1
    try {
      const { statusCode, body } = await request('http://bench/', { dispatcher: pool, headers: { host } })
      const text = (await body.text()).trim()
      if (statusCode !== 200) failed.push(`${at()}: ${host}: ${statusCode}`)
      else if (!bodies.has(text)) wrong.push(`${at()}: ${host}: ${text}`)
    } catch (error) {
      failed.push(`${at()}: ${host}: ${error instanceof Error ? error.message : String(error)}`)
    }
  }
  const loop = async (pool: Pool, first: number): Promise<void> => {
    for (let n = first; !ending.signal.aborted; n++) {
      const one = steady[n % steady.length]
      if (one) await ask(pool, one)
      await delay(pauseMilliseconds)
    }
    await pool.close()
  }
  const pools = Array.from({ length: 8 }, (_, n) => (n % 2 === 0 ? 'http' : 'https')).map(
    (scheme) =>
      new Pool(`${scheme}://${address}`, { connections: 1, pipelining: 1, connect: { rejectUnauthorized: false } }),
  )
  const loops = pools.map((pool, n) => loop(pool, n * 7))
  return {
    stop: async () => {
      ending.abort()
      await Promise.all(loops)
      return { requests, failed, wrong }
    },
  }
}
