// The meaning of what is rendered, asked of a real HAProxy: random virtual hosts and requests against a naive oracle.
// RENDER_RUNS=200 runs it long; a failure prints its seed, RENDER_SEED repeats it.

import { assert, expect } from 'chai'
import fc from 'fast-check'
import { once } from 'node:events'
import { createServer, request as httpRequest, Agent, type IncomingMessage } from 'node:http'
import { connect } from 'node:net'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'

import type { Backend, ProxyModel, VirtualHost } from '../model/proxy-model.ts'
import { findHaproxy, settingsAt, startHaproxy, temporaryFolder, writeFiles } from '../scenarios/haproxy-files.ts'
import { freePorts } from '../../e2e/lib/free-ports.ts'

import { loadRenderer } from './render.ts'
import { backendIds, request as anyRequest, virtualHosts } from './testing/arbitraries.ts'
import { backendHeaders, rightAnswers, type Answer, type Request } from './testing/oracle.ts'
import { shopWeb } from './testing/shop-web.ts'
import { leafOfItems, noParts } from '../lib/parts.ts'

const templates = join(import.meta.dirname, '../../templates')
const runs = Number(process.env['RENDER_RUNS'] ?? 6)
const seed = process.env['RENDER_SEED']
const haproxy = findHaproxy()

describe('a real HAProxy with rendered files', function () {
  this.timeout(20_000 + runs * 5_000)
  before(function () {
    if (haproxy === undefined) this.skip()
  })

  it('answers random requests as the model says', async () => {
    const cases = fc.array(anyRequest, { minLength: 60, maxLength: 60 })
    await fc.assert(
      fc.asyncProperty(virtualHosts(0), cases, async (hosts, requests) => {
        await withHaproxy(hosts, async (send) => {
          for (const request of requests) {
            const right = rightAnswers(hosts, request)
            const answer = await send(request)
            const matching = right.filter((expected) => agrees(expected, answer, request))
            const copied = matching.length > 0 && (await eventually(() => matching.some(hasCopies(answer))))
            assert(copied, JSON.stringify({ request, answer, right, hosts }, null, 1))
          }
        })
      }),
      { numRuns: runs, endOnFailure: runs > 20, ...(seed === undefined ? {} : { seed: Number(seed) }) },
    )
  })

  it('splits by weight', async () => {
    const targets = ([1, 9] as const).map((weight, i) => ({
      kind: 'backend' as const,
      weight,
      backend: backendIds[i] ?? '',
      profile: 'plain' as const,
      filters: [],
      timeouts: {},
    }))
    const rules = [{ id: 'split', match: anyPath, action: { kind: 'forward' as const, targets } }]
    await withHaproxy([{ port: 0, hostname: '', rules }], async (send) => {
      let first = 0
      for (let i = 0; i < 400; i += 1) first += (await send(simplest)).backend === backendIds[0] ? 1 : 0
      expect(first).to.be.within(10, 90)
    })
  })

  it('answers 504 when the backend is slower than the timeout of the rule', async () => {
    const target = {
      kind: 'backend' as const,
      weight: 1,
      backend: backendIds[0],
      profile: 'filtered' as const,
      filters: [],
    }
    const rules = [
      {
        id: 'slow',
        match: anyPath,
        action: { kind: 'forward' as const, targets: [{ ...target, timeouts: { request: 200 } }] },
      },
    ]
    await withHaproxy([{ port: 0, hostname: '', rules }], async (send) => {
      const started = performance.now()
      expect((await send({ ...simplest, path: '/slow' })).status).to.equal(504)
      expect(performance.now() - started).to.be.within(190, 900)
    })
  })

  it('gives up a regular expression that goes back and forth, for it would hold up everybody', async () => {
    const headers = [{ name: 'x', kind: 'regex' as const, value: '(?:a+)+b|a+!' }]
    const redirect = { kind: 'redirect' as const, redirect: { status: 307 as const }, filters: [] }
    const rules = [{ id: 'regex', match: { ...anyPath, headers }, action: redirect }]
    await withHaproxy([{ port: 0, hostname: '', rules }], async (send) => {
      expect((await send({ ...simplest, headers: { x: 'aaaa!' } })).status).to.equal(307)
      expect((await send({ ...simplest, headers: { x: `${'a'.repeat(20)}!` } })).status).to.equal(404)
    })
  })

  it('sends a request without a usable host to the virtual host of any host', async () => {
    const rules = [
      {
        id: 'any',
        match: anyPath,
        action: { kind: 'redirect' as const, redirect: { status: 307 as const, hostname: 'x.org' }, filters: [] },
      },
    ]
    await withHaproxy([{ port: 0, hostname: '', rules }], async (_, port) => {
      for (const head of [
        'GET /a HTTP/1.0\r\n',
        'GET /a HTTP/1.1\r\nHost: a..b\r\n',
        'GET /a HTTP/1.1\r\nHost: [::1]:80\r\n',
      ]) {
        expect(await raw(port, head), head).to.match(/^HTTP\/1.1 307 .*\r\nlocation: http:\/\/x.org\/a\r\n/s)
      }
      for (const host of ['@', '@.example.com', 'a#b']) {
        expect(await raw(port, `GET / HTTP/1.1\r\nHost: ${host}\r\n`), host).to.match(/^HTTP\/1.1 400 /)
      }
    })
  })

  it('is ready when a generation stands in the meta map', async () => {
    await withHaproxy([], async (_, __, statusPort) => {
      const ready = await raw(statusPort, 'GET /readyz HTTP/1.1\r\nHost: x\r\n')
      expect(ready).to.match(/^HTTP\/1.1 200 .*\r\n\r\n[0-9a-f]{16}$/s)
      expect(await raw(statusPort, 'GET /livez HTTP/1.1\r\nHost: x\r\n')).to.match(/^HTTP\/1.1 200 /)
    })
  })

  it('tells metrics of the process and of ports, and those of backends when asked for', async () => {
    await withHaproxy([], async (_, __, statusPort) => {
      const metrics = (query: string) => raw(statusPort, `GET /metrics${query} HTTP/1.1\r\nHost: x\r\n`)
      expect(await metrics(''))
        .to.match(/^haproxy_process_/m)
        .and.match(/^haproxy_frontend_/m)
      expect(await metrics('')).not.to.match(/^haproxy_(backend|server)_/m)
      expect(await metrics('?scope=backend')).to.match(/^haproxy_backend_/m)
    })
  })
})

const anyPath = { path: { kind: 'prefix' as const, value: '/' }, headers: [], queries: [] }
const simplest: Request = { method: 'GET', host: 'x.org', path: '/', query: '', headers: {} }

type Seen = {
  readonly status: number
  readonly location: string | undefined
  readonly responseHeaders: Readonly<Record<string, string | undefined>>
  readonly backend?: string
  readonly path?: string
  readonly requestHeaders?: Readonly<Record<string, string | undefined>>
  /** What backends have seen of the request until now, with all its copies. */
  readonly arrivals: readonly Arrival[]
}
type Arrival = Pick<Required<Seen>, 'backend' | 'path' | 'requestHeaders'> & {
  readonly method: string
  readonly body: string
}
type Send = (request: Request) => Promise<Seen>

async function withHaproxy(
  hosts: readonly VirtualHost[],
  work: (send: Send, port: number, statusPort: number) => Promise<void>,
): Promise<void> {
  const [port = 0, statusPort = 0, runtimePort = 0] = await freePorts(3)
  const { root, remove } = temporaryFolder()
  const log = new Map<string, Arrival[]>()
  const backends = await Promise.all(backendIds.map((id) => startBackend(id, log)))
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  try {
    const render = loadRenderer(templates, settingsAt(root, { statusPort, runtimePort }))
    const servers = new Map(backendIds.map((id, i) => [id as string, backends[i]?.port ?? 0]))
    writeFiles(
      root,
      render(
        proxyOf(
          hosts.map((host) => ({ ...host, port })),
          port,
          servers,
        ),
      ),
    )
    const running = await startHaproxy(haproxy ?? '', root)
    try {
      await work((request) => sendTo(request, { port, agent, log }), port, statusPort)
    } finally {
      await running.stop()
    }
  } finally {
    agent.destroy()
    await Promise.all(backends.map((backend) => backend.stop()))
    remove()
  }
}

function proxyOf(hosts: readonly VirtualHost[], port: number, servers: ReadonlyMap<string, number>): ProxyModel {
  const matches = hosts.flatMap((host) => host.rules.map((rule) => rule.match))
  const distinct = (names: readonly string[]) => [...new Set(names)].toSorted()
  return {
    ...shopWeb,
    frontends: [{ kind: 'http', port, hosts: leafOfItems(hosts) }],
    backends: leafOfItems(
      [...servers].flatMap(([id, to]): readonly Backend[] =>
        (['plain', 'filtered', 'retry.1.503'] as const).map((profile) => ({
          id,
          profile,
          servers: [{ address: '127.0.0.1', port: to }],
        })),
      ),
    ),
    certificates: noParts,
    conditionNames: {
      headers: distinct(matches.flatMap(({ headers }) => headers.map(({ name }) => name))),
      queries: distinct(matches.flatMap(({ queries }) => queries.map(({ name }) => name))),
    },
  }
}

// Answers with what it saw, so one look at the response tells the whole way.
async function startBackend(
  id: string,
  log: Map<string, Arrival[]>,
): Promise<{ readonly port: number; readonly stop: () => Promise<void> }> {
  const server = createServer((request, response) => {
    let body = ''
    request.setEncoding('utf8').on('data', (chunk) => (body += String(chunk)))
    request.on('end', () => {
      const { method = '', url: path = '' } = request
      const arrival = { backend: id, method, path, requestHeaders: plain(request.headers), body }
      log.get(String(request.headers['x-test-id']))?.push(arrival)
      if (path === '/slow') return
      response.writeHead(200, backendHeaders)
      response.end(JSON.stringify(arrival))
    })
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  return {
    port: typeof address === 'object' && address !== null ? address.port : 0,
    async stop() {
      server.closeAllConnections()
      await once(server.close(), 'close')
    },
  }
}

type Way = { readonly port: number; readonly agent: Agent; readonly log: Map<string, Arrival[]> }

async function sendTo(
  { method, host, path, query, headers, body = '' }: Request,
  { port, agent, log }: Way,
): Promise<Seen> {
  const arrivals: Arrival[] = []
  const id = String(log.size)
  log.set(id, arrivals)
  const target = query === '' ? path : `${path}?${query}`
  const outgoing = httpRequest({
    host: '127.0.0.1',
    port,
    agent,
    method,
    path: target,
    setHost: false,
    headers: { host, 'x-test-id': id, ...headers, ...(body === '' ? {} : { 'content-length': body.length }) },
  })
  const [response]: IncomingMessage[] = await once(outgoing.end(body), 'response')
  if (response === undefined) throw new Error('no response')
  let text = ''
  for await (const chunk of response.setEncoding('utf8')) text += String(chunk)
  const seen = {
    status: response.statusCode ?? 0,
    location: response.headers.location,
    responseHeaders: plain(response.headers),
    arrivals,
  }
  if (response.statusCode !== 200) return seen
  const echoed: Pick<Required<Seen>, 'backend' | 'path' | 'requestHeaders'> = JSON.parse(text)
  return { ...seen, ...echoed }
}

function plain(headers: IncomingMessage['headers']): Readonly<Record<string, string | undefined>> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, value?.toString()]))
}

const compared = [
  'x-one',
  'x-two',
  'x-new',
  'vary',
  ...['origin', 'methods', 'headers', 'credentials'].map((name) => `access-control-allow-${name}`),
  'access-control-expose-headers',
  'access-control-max-age',
]

// The request itself and a copy of it, as it was forwarded, to each mirror.
function hasCopies({ arrivals }: Seen): (expected: Answer) => boolean {
  return (expected) => {
    if (!('backend' in expected)) return arrivals.length === 0
    const backends = [expected.backend, ...expected.mirrors]
    const [first] = arrivals
    if (
      first === undefined ||
      arrivals
        .map(({ backend }) => backend)
        .toSorted()
        .join() !== backends.toSorted().join()
    )
      return false
    return arrivals.every((copy) => essence(copy) === essence(first))
  }
}

function essence({ method, path, requestHeaders, body }: Arrival): string {
  const { connection: _, 'transfer-encoding': __, 'content-length': ___, ...headers } = requestHeaders
  return JSON.stringify([method, path, body, Object.entries(headers).toSorted(([a], [b]) => (a < b ? -1 : 1))])
}

async function eventually(holds: () => boolean): Promise<boolean> {
  for (let i = 0; i < 100 && !holds(); i += 1) await setTimeout(10)
  return holds()
}

function agrees(expected: Answer, seen: Seen, request: Request): boolean {
  if (expected.status !== seen.status) return false
  if (compared.some((name) => expected.responseHeaders[name] !== seen.responseHeaders[name])) return false
  if (!('backend' in expected)) return !('location' in expected) || expected.location === seen.location
  const query = request.query === '' ? '' : `?${request.query}`
  return (
    expected.backend === seen.backend &&
    `${expected.path}${query}` === seen.path &&
    expected.host === seen.requestHeaders?.['host'] &&
    compared.every((name) => expected.requestHeaders[name] === seen.requestHeaders?.[name])
  )
}

// A request line and headers as they are, the connection closed after the answer.
async function raw(port: number, head: string): Promise<string> {
  const socket = connect(port, '127.0.0.1').setEncoding('latin1')
  socket.write(`${head}Connection: close\r\n\r\n`)
  let text = ''
  for await (const chunk of socket) text += String(chunk)
  return text
}
