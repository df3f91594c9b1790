// Copies of requests as a real HAProxy sends them: what is in them, and that whoever gets them cannot hurt whoever sent the request.

import { expect } from 'chai'
import { once } from 'node:events'
import { createServer, request as httpRequest, type IncomingMessage } from 'node:http'
import { setTimeout } from 'node:timers/promises'

import type { HTTPFilter } from '../model/kubernetes.ts'
import { freePorts } from '../../e2e/lib/free-ports.ts'

import { findHaproxy } from './haproxy-files.ts'
import { oneRoute } from './one-route.ts'
import { serving } from './serve.ts'

const haproxy = findHaproxy()

/** What an endpoint has seen. */
type Arrival = {
  readonly method: string
  readonly path: string
  readonly headers: IncomingMessage['headers']
  readonly body: string
}
type Sent = {
  readonly method?: string
  readonly path?: string
  readonly headers?: Readonly<Record<string, string>>
  /** Parts with pauses of `pause` ms between them; without a content-length the request is chunked. */
  readonly parts?: readonly string[]
  readonly pause?: number
}
type Answer = { readonly status: number; readonly took: number }
type Scene = {
  readonly send: (sent?: Sent) => Promise<Answer>
  readonly main: readonly Arrival[]
  readonly copies: readonly Arrival[]
}

describe('mirrors of a real HAProxy', function () {
  this.timeout(30_000)
  before(function () {
    if (haproxy === undefined) this.skip()
  })

  it('get the request as it was forwarded, and nothing of how it came', async () => {
    await withMirror({}, async ({ send, main, copies }) => {
      const headers = { host: 'shop.example.com', 'x-haproxy-subrequest': '@x.1:DELETE:', 'x-a': '1', cookie: 'a=b' }
      expect(await statusOf(send({ method: 'PATCH', path: '/a%20b?c=d', headers, parts: ['body'] }))).to.equal(200)
      await until(() => copies.length === 1)
      const { 'x-haproxy-subrequest': own, ...rest } = main[0]?.headers ?? {}
      expect(own).to.equal('@x.1:DELETE:')
      expect(essence(copies[0])).to.deep.equal(essence(main[0] && { ...main[0], headers: rest }))
    })
  })

  it('get bodies that fit into a buffer, whether their length is known or not; larger ones are only forwarded', async () => {
    await withMirror({}, async ({ send, main, copies }) => {
      const small = 'a'.repeat(11_000)
      await send({ method: 'POST', path: '/known', headers: { 'content-length': '11000' }, parts: [small] })
      await send({ method: 'POST', path: '/unknown', parts: [small] })
      await send({ method: 'POST', path: '/large', parts: ['a'.repeat(100_000)] })
      await send({
        method: 'POST',
        path: '/large-known',
        headers: { 'content-length': '20000' },
        parts: ['a'.repeat(20_000)],
      })
      await until(() => copies.length === 2)
      expect(copies.map(({ path, body }) => [path, body.length])).to.deep.equal([
        ['/known', 11_000],
        ['/unknown', 11_000],
      ])
      expect(main.map(({ body }) => body.length)).to.deep.equal([11_000, 11_000, 100_000, 20_000])
    })
  })

  it('wait for a slow body of known length, and not for one that streams', async () => {
    await withMirror({}, async ({ send, main, copies }) => {
      const headers = { 'content-length': '2' }
      expect(await statusOf(send({ method: 'POST', path: '/slow', headers, parts: ['a', 'b'], pause: 400 }))).to.equal(
        200,
      )
      expect(await statusOf(send({ method: 'POST', path: '/stream', parts: ['a', 'b'], pause: 400 }))).to.equal(200)
      await until(() => copies.length > 0)
      expect(main.map(({ body }) => body)).to.deep.equal(['ab', 'ab'])
      expect(copies.map(({ path }) => path)).to.deep.equal(['/slow'])
    })
  })

  it('get their share', async () => {
    await withMirror({ fraction: { numerator: 1, denominator: 4 } }, async ({ send, main, copies }) => {
      for (let i = 0; i < 400; i += 1) await send()
      await setTimeout(100)
      expect(main).to.have.lengthOf(400)
      expect(copies.length).to.be.within(60, 140)
    })
  })

  it('get copies however many requests without a path came before', async () => {
    await withMirror({}, async ({ send, main, copies }) => {
      // More than the threads together may keep under way.
      for (let wave = 0; wave < 40; wave += 1)
        await Promise.all(Array.from({ length: 100 }, () => send({ method: 'OPTIONS', path: '*' })))
      expect(main).to.have.lengthOf(4000)
      for (let i = 0; i < 20; i += 1) await send({ path: '/after' })
      await until(() => copies.length === 20)
      expect(new Set(copies.map(({ path }) => path))).to.deep.equal(new Set(['/after']))
    })
  })

  for (const [name, behaviour] of [
    ['is not there', 'dead'],
    ['never answers', 'hanging'],
  ] as const)
    it(`cost the request nothing when the mirror ${name}`, async () => {
      await withMirror(
        {},
        async ({ send, main, copies }) => {
          await send()
          const statuses = new Set<number>()
          for (let wave = 0; wave < 15; wave += 1) {
            const answers = await Promise.all(Array.from({ length: 100 }, () => send()))
            for (const { status } of answers) statuses.add(status)
          }
          expect([...statuses]).to.deep.equal([200])
          const alone = await send()
          expect(alone.took).to.be.lessThan(500)
          expect(main).to.have.lengthOf(1502)
          // Beyond what each thread keeps under way, copies are dropped.
          expect(copies.length).to.be.lessThan(1400)
        },
        behaviour,
      )
    })
})

async function withMirror(
  share: Omit<NonNullable<HTTPFilter['requestMirror']>, 'backendRef'>,
  work: (scene: Scene) => Promise<void>,
  behaviour: 'answering' | 'hanging' | 'dead' = 'answering',
): Promise<void> {
  const [port = 0, nobody = 0] = await freePorts(2)
  const main = await startEndpoint(true)
  const mirror = await startEndpoint(behaviour === 'answering')
  const filter = { type: 'RequestMirror', requestMirror: { backendRef: { name: 'mirror', port: 80 }, ...share } }
  const rule = { filters: [filter], backendRefs: [{ name: 'main', port: 80 }] }
  const scene = {
    objects: oneRoute(rule, port, { main: main.port, mirror: behaviour === 'dead' ? nobody : mirror.port }),
    gateway: 'shop/web',
  }
  try {
    const send = (sent: Sent = {}) => ask(port, sent)
    await serving(haproxy ?? '', scene, () => work({ send, main: main.arrivals, copies: mirror.arrivals }))
  } finally {
    await Promise.all([main.stop(), mirror.stop()])
  }
}

type Endpoint = { readonly port: number; readonly arrivals: readonly Arrival[]; readonly stop: () => Promise<void> }

async function startEndpoint(answers: boolean): Promise<Endpoint> {
  const arrivals: Arrival[] = []
  const server = createServer((request, response) => {
    let body = ''
    request.setEncoding('utf8').on('data', (chunk) => (body += String(chunk)))
    request.on('end', () => {
      const { method = '', url: path = '', headers } = request
      arrivals.push({ method, path, headers, body })
      if (answers) response.end('ok')
    })
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  return {
    port: typeof address === 'object' && address !== null ? address.port : 0,
    arrivals,
    async stop() {
      server.closeAllConnections()
      await once(server.close(), 'close')
    },
  }
}

async function ask(
  port: number,
  { method = 'GET', path = '/', headers = {}, parts = [], pause = 0 }: Sent,
): Promise<Answer> {
  const started = performance.now()
  const outgoing = httpRequest({ host: '127.0.0.1', port, method, path, headers, agent: false })
  for (const [index, part] of parts.entries()) {
    if (index > 0) await setTimeout(pause)
    outgoing.write(part)
  }
  const [response]: IncomingMessage[] = await once(outgoing.end(), 'response')
  response?.resume()
  return { status: response?.statusCode ?? 0, took: performance.now() - started }
}

async function statusOf(answer: Promise<Answer>): Promise<number> {
  return (await answer).status
}

async function until(holds: () => boolean): Promise<void> {
  for (let i = 0; i < 100 && !holds(); i += 1) await setTimeout(10)
  expect(holds()).to.equal(true)
}

function essence(arrival: Arrival | undefined): unknown {
  const { connection: _, 'transfer-encoding': __, 'content-length': ___, ...headers } = arrival?.headers ?? {}
  return { method: arrival?.method, path: arrival?.path, body: arrival?.body, headers }
}
