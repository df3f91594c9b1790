// ExternalAuth as a real HAProxy does it: what the one who decides gets to see, and what becomes of the request.

import { expect } from 'chai'
import { once } from 'node:events'
import { createServer, request as httpRequest, type IncomingMessage, type OutgoingHttpHeaders } from 'node:http'

import type { HTTPFilter } from '../model/kubernetes.ts'
import { freePorts } from '../../e2e/lib/free-ports.ts'

import { findHaproxy } from './haproxy-files.ts'
import { oneRoute } from './one-route.ts'
import { serving } from './serve.ts'

const haproxy = findHaproxy()
type Auth = Omit<NonNullable<HTTPFilter['externalAuth']>, 'backendRef' | 'protocol'>
type Seen = {
  readonly method: string
  readonly url: string
  readonly headers: IncomingMessage['headers']
  readonly body: string
}
type Verdict = { readonly status: number; readonly headers?: OutgoingHttpHeaders; readonly body?: string }
type Scene = {
  /** How the one who decides answers from now on. */
  readonly decide: (verdict: Verdict) => void
  readonly send: (sent?: Sent) => Promise<Answer>
  readonly asked: readonly Seen[]
  readonly served: readonly Seen[]
}
type Sent = { method?: string; path?: string; headers?: Record<string, string>; body?: string }
type Answer = { readonly status: number; readonly headers: IncomingMessage['headers']; readonly body: string }

describe('authorization by a real HAProxy', function () {
  this.timeout(30_000)
  before(function () {
    if (haproxy === undefined) this.skip()
  })

  it('asks with the method, the path behind the prefix and the headers that are named, and no body', async () => {
    const http = { path: '/check/', allowedHeaders: ['Cookie'] }
    await withAuth({ auth: { http } }, async ({ send, asked, served }) => {
      const headers = { host: 'shop.example.com', authorization: 'Bearer x', cookie: 'a=b', 'x-other': '1' }
      for (const method of ['POST', 'HEAD', 'DELETE', 'OPTIONS'])
        expect((await send({ method, headers, ...(method === 'POST' ? { body: 'text' } : {}) })).status).to.equal(200)
      const { connection: _, ...seen } = asked[0]?.headers ?? {}
      expect(seen).to.deep.equal(without(headers, 'x-other'))
      expect(asked.map(({ method, url, body }) => `${method} ${url} ${body}`)).to.deep.equal(
        ['POST', 'HEAD', 'DELETE', 'OPTIONS'].map((method) => `${method} /check/a?b=c `),
      )
      expect(served.map(({ method, url, body }) => `${method} ${url} ${body}`)[0]).to.equal('POST /a?b=c text')
    })
  })

  it('hands headers of the answer on, and never what a client says in their place', async () => {
    const http = { allowedResponseHeaders: ['X-User', 'X-Group'] }
    await withAuth({ auth: { http } }, async ({ send, decide, served }) => {
      decide({ status: 200, headers: { 'x-user': 'ann', 'x-more': '1' }, body: 'welcome' })
      await send({ headers: { 'x-user': 'root', 'x-group': 'admin' } })
      expect(served[0]?.headers).to.include({ 'x-user': 'ann' }).and.to.not.have.any.keys('x-group', 'x-more')
    })
  })

  it('hands all headers of the answer on where none is named, but for those that describe the answer', async () => {
    await withAuth({ auth: {} }, async ({ send, decide, served }) => {
      decide({ status: 200, headers: { 'x-user': 'ann', 'content-type': 'text/plain', host: 'evil' }, body: 'welcome' })
      await send({ method: 'POST', headers: { host: 'shop.example.com', 'content-type': 'a/b' }, body: 'text' })
      expect(served[0]?.headers).to.include({ 'x-user': 'ann', host: 'shop.example.com', 'content-type': 'a/b' })
      expect(served[0]?.body).to.equal('text')
    })
  })

  it('answers with what is not 200, headers and body', async () => {
    await withAuth({ auth: {} }, async ({ send, decide, served }) => {
      const headers = { location: 'https://login.example.com/', 'set-cookie': ['a=1', 'b=2'] }
      decide({ status: 302, headers, body: 'log in' })
      const answer = await send()
      expect([answer.status, answer.body]).to.deep.equal([302, 'log in'])
      expect(answer.headers).to.deep.include(headers)
      for (const status of [401, 403, 201, 204, 500]) {
        decide({ status })
        expect((await send()).status).to.equal(status)
        expect((await send({ method: 'HEAD' })).status).to.equal(status)
      }
      expect(served).to.deep.equal([])
    })
  })

  it('shows a body up to its limit, and refuses longer ones', async () => {
    await withAuth({ auth: { forwardBody: { maxSize: 10 } } }, async ({ send, asked, served }) => {
      expect((await send({ method: 'POST', body: '0123456789' })).status).to.equal(200)
      expect((await send({ method: 'POST', body: '0123456789a' })).status).to.equal(413)
      expect(
        (await send({ method: 'POST', headers: { 'transfer-encoding': 'chunked' }, body: 'a'.repeat(50_000) })).status,
      ).to.equal(413)
      expect([asked, served].map((list) => list.map(({ body }) => body))).to.deep.equal([
        ['0123456789'],
        ['0123456789'],
      ])
    })
  })

  it('lets nothing through when nobody answers, or answers without end', async () => {
    await withAuth({ auth: {}, away: true }, async ({ send, served }) => {
      expect((await send()).status).to.equal(503)
      expect(served).to.deep.equal([])
    })
    await withAuth({ auth: {} }, async ({ send, decide, served }) => {
      decide({ status: 200, body: 'a'.repeat(1_000_000) })
      expect((await send()).status).to.equal(502)
      expect(served).to.deep.equal([])
    })
  })

  it('lets nothing through that cannot be asked about, or that is refused in a way nobody can repeat', async () => {
    await withAuth({ auth: {} }, async ({ send, decide, served }) => {
      expect((await send({ method: 'OPTIONS', path: '*' })).status).to.equal(400)
      decide({ status: 999 })
      expect((await send()).status).to.be.at.least(400)
      expect(served).to.deep.equal([])
    })
  })

  it('comes before changes of headers, and neither redirects nor mirrors what is refused', async () => {
    const remove = { type: 'RequestHeaderModifier' as const, requestHeaderModifier: { remove: ['Authorization'] } }
    await withAuth({ auth: {}, filters: [remove] }, async ({ send, asked, served }) => {
      await send({ headers: { authorization: 'Bearer x' } })
      expect(asked[0]?.headers).to.include({ authorization: 'Bearer x' })
      expect(served[0]?.headers).to.not.have.any.keys('authorization')
    })
    const redirect = { type: 'RequestRedirect' as const, requestRedirect: { hostname: 'x.org' } }
    await withAuth({ auth: {}, filters: [redirect] }, async ({ send, decide }) => {
      expect((await send()).status).to.equal(302)
      decide({ status: 401 })
      expect((await send()).status).to.equal(401)
    })
  })

  it('is not asked about preflight requests, and pages may read why they were refused', async () => {
    const cors = { type: 'CORS' as const, cors: { allowOrigins: ['https://www.example.com'], allowCredentials: true } }
    await withAuth({ auth: {}, filters: [cors] }, async ({ send, decide, asked }) => {
      decide({ status: 401 })
      const origin = { origin: 'https://www.example.com' }
      expect(
        (await send({ method: 'OPTIONS', headers: { ...origin, 'access-control-request-method': 'PUT' } })).status,
      ).to.equal(204)
      expect(asked).to.deep.equal([])
      const answer = await send({ headers: origin })
      expect(answer.status).to.equal(401)
      expect(answer.headers).to.include({ 'access-control-allow-origin': origin.origin, vary: 'origin' })
      expect((await send({ headers: { origin: 'https://evil.com' } })).headers).to.not.have.any.keys(
        'access-control-allow-origin',
      )
    })
  })
})

type Setting = { readonly auth: Auth; readonly filters?: readonly HTTPFilter[]; readonly away?: boolean }

async function withAuth(
  { auth, filters = [], away = false }: Setting,
  work: (scene: Scene) => Promise<void>,
): Promise<void> {
  const [port = 0, nobody = 0] = await freePorts(2)
  let verdict: Verdict = { status: 200 }
  const decider = await startEndpoint(() => verdict)
  const main = await startEndpoint(() => ({ status: 200, body: 'ok' }))
  const external: HTTPFilter = {
    type: 'ExternalAuth',
    externalAuth: { protocol: 'HTTP', backendRef: { name: 'auth', port: 80 }, ...auth },
  }
  const redirects = filters.some(({ type }) => type === 'RequestRedirect')
  const rule = { filters: [external, ...filters], ...(redirects ? {} : { backendRefs: [{ name: 'main', port: 80 }] }) }
  const scene = {
    objects: oneRoute(rule, port, { main: main.port, auth: away ? nobody : decider.port }),
    gateway: 'shop/web',
  }
  try {
    await serving(haproxy ?? '', scene, () =>
      work({
        decide: (next) => void (verdict = next),
        send: (sent = {}) => ask(port, sent),
        asked: decider.seen,
        served: main.seen,
      }),
    )
  } finally {
    await Promise.all([decider.stop(), main.stop()])
  }
}

type Endpoint = { readonly port: number; readonly seen: readonly Seen[]; readonly stop: () => Promise<void> }

async function startEndpoint(answer: () => Verdict): Promise<Endpoint> {
  const seen: Seen[] = []
  const server = createServer((request, response) => {
    let body = ''
    request.setEncoding('utf8').on('data', (chunk) => (body += String(chunk)))
    request.on('end', () => {
      const { method = '', url = '', headers } = request
      seen.push({ method, url, headers, body })
      const verdict = answer()
      response.writeHead(verdict.status, verdict.headers).end(verdict.body ?? '')
    })
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  return {
    port: typeof address === 'object' && address !== null ? address.port : 0,
    seen,
    async stop() {
      server.closeAllConnections()
      await once(server.close(), 'close')
    },
  }
}

async function ask(port: number, { method = 'GET', path = '/a?b=c', headers = {}, body = '' }: Sent): Promise<Answer> {
  const length = body === '' || 'transfer-encoding' in headers ? {} : { 'content-length': body.length }
  const outgoing = httpRequest({
    host: '127.0.0.1',
    port,
    method,
    path,
    headers: { ...headers, ...length },
    agent: false,
  })
  outgoing.on('error', () => undefined)
  const [response]: IncomingMessage[] = await once(outgoing.end(body), 'response')
  if (response === undefined) throw new Error('no response')
  let text = ''
  for await (const chunk of response.setEncoding('utf8')) text += String(chunk)
  return { status: response.statusCode ?? 0, headers: response.headers, body: text }
}

function without(headers: Readonly<Record<string, string>>, name: string): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(headers).filter(([other]) => other !== name))
}
