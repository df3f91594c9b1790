// gRPC, HTTP/2 backends and WebSockets as a real HAProxy carries them.

import { expect } from 'chai'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { createServer as createHttpServer, get, request as httpRequest } from 'node:http'
import { connect, createServer, type ClientHttp2Session, type Http2Server, type IncomingHttpHeaders } from 'node:http2'
import type { Server } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'

import { parseManifests } from '../watch/files.ts'
import { freePorts } from '../../e2e/lib/free-ports.ts'

import { findHaproxy } from './haproxy-files.ts'
import { serving } from './serve.ts'

const haproxy = findHaproxy()

/** What came of a call: HTTP's status, gRPC's from the trailers, and the body. */
type Reply = { readonly status: number; readonly code?: string; readonly body: string }
type Call = (path: string, headers?: Readonly<Record<string, string>>, messages?: readonly string[]) => Promise<Reply>
/** `seen`: backend and path of every call that reached one. */
type Place = { readonly port: number; readonly call: Call; readonly seen: readonly string[] }

const calls = `
- { matches: [{ method: { service: shop.Cart, method: Get } }], backendRefs: [{ name: one, port: 80 }] }
- { matches: [{ method: { service: shop.Cart } }], backendRefs: [{ name: two, port: 80 }] }
- { matches: [{ method: { method: Get } }], backendRefs: [{ name: three, port: 80 }] }
- { matches: [{ method: { type: RegularExpression, service: '(?i)stock', method: '(?i)(add|drop)' } }], backendRefs: [{ name: three, port: 80 }] }
- { matches: [{ method: { service: shop.Pay }, headers: [{ name: Lane, value: fast }] }], backendRefs: [{ name: one, port: 80 }] }
- { matches: [{ method: { service: shop.Gone } }], backendRefs: [{ name: gone, port: 80 }] }
- matches: [{ method: { service: shop.Told } }]
  filters: [{ type: RequestHeaderModifier, requestHeaderModifier: { set: [{ name: told, value: 'yes' }] } }]
  backendRefs: [{ name: two, port: 80 }]
- matches: [{ method: { service: shop.Copied } }]
  filters: [{ type: RequestMirror, requestMirror: { backendRef: { name: three, port: 80 } } }]
  backendRefs: [{ name: one, port: 80 }]
`

describe('gRPC through a real HAProxy', function () {
  this.timeout(20_000)
  before(function () {
    if (haproxy === undefined) this.skip()
  })

  const replies: readonly (readonly [string, string, Readonly<Record<string, string>>, Reply])[] = [
    ['a method of a service', '/shop.Cart/Get', {}, { status: 200, code: '0', body: 'one' }],
    ['another method of the service', '/shop.Cart/Put', {}, { status: 200, code: '0', body: 'two' }],
    ['a method of any service', '/shop.Stock/Get', {}, { status: 200, code: '0', body: 'three' }],
    ['regular expressions', '/Stock/ADD', {}, { status: 200, code: '0', body: 'three' }],
    ['what only looks like it', '/Stock/ADDED', {}, { status: 404, body: '' }],
    ['another case', '/Shop.cart/Put', {}, { status: 404, body: '' }],
    ['a header', '/shop.Pay/Any', { lane: 'fast' }, { status: 200, code: '0', body: 'one' }],
    ['another header', '/shop.Pay/Any', { lane: 'slow' }, { status: 404, body: '' }],
    ['a Service that does not exist', '/shop.Gone/Any', {}, { status: 503, body: '' }],
    ['a filter', '/shop.Told/Any', {}, { status: 200, code: '0', body: 'two told' }],
  ]
  it('goes by service, method and headers, and keeps trailers', async () => {
    await withCalls(async ({ call }) => {
      for (const [sentence, path, headers, expected] of replies) {
        const { status, body, code } = await call(path, headers)
        const bodyOf = status === 200 ? body : ''
        expect({ status, body: bodyOf, ...(code === undefined ? {} : { code }) }, sentence).to.deep.equal(expected)
      }
    })
  })

  it('sends copies of unary calls to a mirror', async () => {
    await withCalls(async ({ call, seen }) => {
      expect((await call('/shop.Copied/Get')).body).to.equal('one')
      for (let round = 0; round < 100 && seen.length < 2; round += 1) await delay(20)
      expect([...seen].toSorted()).to.deep.equal(['one /shop.Copied/Get', 'three /shop.Copied/Get'])
    })
  })

  it('carries messages of a stream as they come, in both directions', async () => {
    await withCalls(async ({ call }) => {
      const { body, code } = await call('/shop.Cart/Get', {}, ['a', 'b', 'c'])
      expect([body, code]).to.deep.equal(['one a b c', '0'])
    })
  })

  it('speaks HTTP/2 to ports that ask for it, whatever the client speaks', async () => {
    await withCalls(async ({ port }) => {
      const answer = await new Promise<string>((resolve, reject) => {
        get({ port, path: '/', headers: { host: 'h2c.example.com' }, agent: false }, (response) => {
          let text = ''
          response.setEncoding('utf8').on('data', (part: string) => (text += part))
          response.once('end', () => resolve(text)).once('error', reject)
        }).once('error', reject)
      })
      expect(answer).to.equal('two')
    })
  })

  it('carries WebSockets of HTTP/1.1 and of HTTP/2', async () => {
    await withCalls(async ({ port }) => {
      expect(await webSocket(port)).to.equal('101 echo')
      expect(await webSocketOverHttp2(port)).to.equal('200 echo')
    })
  })
})

async function withCalls(work: (place: Place) => Promise<void>): Promise<void> {
  const [port = 0, web = 0, ...ports] = await freePorts(5)
  const names = ['one', 'two', 'three']
  const seen: string[] = []
  const backends = await Promise.all(names.map((name, at) => listening(grpcServer(name, seen), ports[at] ?? 0)))
  const webSockets = await listening(webSocketServer(), web)
  const services = [
    ...names.map((name, at) => serviceAt(name, ports[at] ?? 0, '')),
    serviceAt('ws', web, 'kubernetes.io/ws'),
    serviceAt('h2c', ports[1] ?? 0, 'kubernetes.io/h2c'),
  ]
  const objects = parseManifests([base(port), ...services].join('\n---\n'), 'test')
  try {
    await serving(haproxy ?? '', { objects, gateway: 'shop/web' }, async () => {
      const session = connect(`http://127.0.0.1:${port}`)
      try {
        await work({
          port,
          seen,
          call: (path, headers = {}, messages = []) => callOver(session, { path, headers, messages }),
        })
      } finally {
        session.destroy()
      }
    })
  } finally {
    for (const server of [...backends, webSockets]) server.close()
  }
}

async function listening<S extends Server | Http2Server>(server: S, port: number): Promise<S> {
  server.listen(port, '127.0.0.1')
  await once(server, 'listening')
  return server
}

// Answers with its name, and then with every message that arrives.
function grpcServer(name: string, seen: string[]): Http2Server {
  const server = createServer()
  server.on('stream', (stream, headers) => {
    seen.push(`${name} ${headers[':path']}`)
    stream.once('error', () => {})
    stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true })
    stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }))
    stream.write(headers['told'] === undefined ? name : `${name} told`)
    stream.on('data', (message: Buffer) => stream.write(` ${message.toString()}`))
    stream.once('end', () => stream.end())
  })
  return server
}

// A client of gRPC ends its side after its last message, and here sends the next one when the answer to the one before is there.
function callOver(
  session: ClientHttp2Session,
  { path, headers, messages }: { path: string; headers: Readonly<Record<string, string>>; messages: readonly string[] },
): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const head = {
      ':method': 'POST',
      ':path': path,
      ':authority': 'grpc.example.com',
      'content-type': 'application/grpc',
      te: 'trailers',
    }
    const stream = session.request({ ...head, ...headers })
    const rest = [...messages]
    const next = () => {
      const message = rest.shift()
      if (message === undefined) stream.end()
      else stream.write(message)
    }
    let [status, body, code] = [0, '', undefined as string | undefined]
    stream.on('response', (answer) => (status = answer[':status'] ?? 0))
    stream.on('data', (part: Buffer) => {
      body += part.toString()
      next()
    })
    stream.on('trailers', (trailers: IncomingHttpHeaders) => (code = [trailers['grpc-status']].flat()[0]))
    stream.once('error', reject)
    stream.once('close', () => resolve({ status, body, ...(code === undefined ? {} : { code }) }))
    if (messages.length === 0) stream.end()
  })
}

// Enough of RFC 6455 to be let through: what follows the handshake is sent back as it is.
function webSocketServer(): Server {
  const server = createHttpServer()
  server.on('upgrade', ({ headers }, socket) => {
    const accept = createHash('sha1').update(`${headers['sec-websocket-key']}${guid}`).digest('base64')
    const head = ['HTTP/1.1 101 Switching Protocols', 'connection: upgrade', 'upgrade: websocket']
    socket.write([...head, `sec-websocket-accept: ${accept}`, '', ''].join('\r\n'))
    socket.once('error', () => {}).pipe(socket)
  })
  return server
}

const guid = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11'
const key = 'dGhlIHNhbXBsZSBub25jZQ=='

function webSocket(port: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const headers = {
      host: 'ws.example.com',
      connection: 'upgrade',
      upgrade: 'websocket',
      'sec-websocket-key': key,
      'sec-websocket-version': '13',
    }
    const request = httpRequest({ port, path: '/', headers, agent: false })
    request.once('upgrade', (response, socket) => {
      socket.once('data', (part: Buffer) => {
        resolve(`${response.statusCode} ${part.toString()}`)
        socket.destroy()
      })
      socket.write('echo')
    })
    request.once('response', ({ statusCode }) => resolve(`refused with ${statusCode}`))
    request.once('error', reject)
    request.end()
  })
}

/** RFC 8441 */
async function webSocketOverHttp2(port: number): Promise<string> {
  const session = connect(`http://127.0.0.1:${port}`)
  try {
    await once(session, 'remoteSettings')
    const head = {
      ':method': 'CONNECT',
      ':protocol': 'websocket',
      ':scheme': 'http',
      ':path': '/',
      ':authority': 'ws.example.com',
    }
    const stream = session.request({ ...head, 'sec-websocket-version': '13' })
    return await new Promise((resolve, reject) => {
      let status = 0
      stream.once('response', (answer) => {
        status = answer[':status'] ?? 0
        if (status === 200) stream.write('echo')
        else resolve(`refused with ${status}`)
      })
      stream.once('data', (part: Buffer) => resolve(`${status} ${part.toString()}`))
      stream.once('error', reject).once('close', () => resolve('closed'))
    })
  } finally {
    session.destroy()
  }
}

function base(port: number): string {
  return `
apiVersion: gateway.networking.k8s.io/v1
kind: GatewayClass
metadata: { name: haproxy }
spec: { controllerName: haproxy-gateway.dev/controller }
---
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: { namespace: shop, name: web }
spec: { gatewayClassName: haproxy, listeners: [{ name: http, protocol: HTTP, port: ${port} }] }
---
apiVersion: gateway.networking.k8s.io/v1
kind: GRPCRoute
metadata: { namespace: shop, name: calls }
spec:
  parentRefs: [{ name: web }]
  hostnames: [grpc.example.com]
  rules: ${calls.replaceAll('\n', '\n  ')}
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: { namespace: shop, name: ws }
spec: { parentRefs: [{ name: web }], hostnames: [ws.example.com], rules: [{ backendRefs: [{ name: ws, port: 80 }] }] }
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: { namespace: shop, name: h2c }
spec: { parentRefs: [{ name: web }], hostnames: [h2c.example.com], rules: [{ backendRefs: [{ name: h2c, port: 80 }] }] }`
}

function serviceAt(name: string, port: number, appProtocol: string): string {
  return `
apiVersion: v1
kind: Service
metadata: { namespace: shop, name: ${name} }
spec: { ports: [{ port: 80${appProtocol === '' ? '' : `, appProtocol: ${appProtocol}`} }] }
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: { namespace: shop, name: ${name}, labels: { kubernetes.io/service-name: ${name} } }
addressType: IPv4
ports: [{ port: ${port} }]
endpoints: [{ addresses: [10.0.0.1], conditions: { ready: true } }]`
}
