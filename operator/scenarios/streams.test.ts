// TLSRoutes and TCPRoutes as a real HAProxy serves them: who gets a connection, by SNI, by port and by weight, and which ones are closed.

import { expect } from 'chai'
import { once } from 'node:events'
import { createServer as createHttpServer } from 'node:http'
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { connect as connectTls, createServer as createTlsServer } from 'node:tls'

import type { KubernetesObject } from '../model/kubernetes.ts'
import { pem } from '../translate/testing/certificates.ts'
import { tlsSecret } from '../translate/testing/objects.ts'
import { parseManifests } from '../watch/files.ts'
import { freePorts } from '../../e2e/lib/free-ports.ts'

import { findHaproxy } from './haproxy-files.ts'
import { serving } from './serve.ts'

const haproxy = findHaproxy()

describe('connections at a real HAProxy', function () {
  this.timeout(20_000)
  before(function () {
    if (haproxy === undefined) this.skip()
  })

  it('the SNI decides who decrypts, where TLS and HTTPS share a port', async () => {
    const [port = 0] = await freePorts(1)
    const listeners = [
      `{ name: mail, protocol: TLS, port: ${port}, hostname: mail.example.com, tls: { mode: Passthrough } }`,
      `{ name: wild, protocol: TLS, port: ${port}, hostname: "*.wild.example.com", tls: { mode: Passthrough } }`,
      `{ name: cache, protocol: TLS, port: ${port}, hostname: cache.example.com, tls: { certificateRefs: [{ name: tls }] } }`,
      `{ name: idle, protocol: TLS, port: ${port}, hostname: idle.example.com, tls: { mode: Passthrough } }`,
      `{ name: https, protocol: HTTPS, port: ${port}, tls: { certificateRefs: [{ name: tls }] } }`,
    ]
    await withServers(async ({ mail, cache, cart }) => {
      const routes = [
        tlsRoute('mail', ['mail.example.com', '*.wild.example.com'], [`{ name: mail, port: ${mail} }`]),
        tlsRoute('cache', ['cache.example.com'], [`{ name: cache, port: ${cache} }`]),
        route('HTTPRoute', 'cart', [`{ name: cart, port: ${cart} }`]),
      ]
      await withGateway(listeners, [...routes, ...services({ mail, cache, cart })], async () => {
        expect(await overTls(port, 'mail.example.com')).to.equal('mail for mail.example.com')
        expect(await overTls(port, 'MAIL.example.com'), 'upper case').to.match(/^mail/)
        expect(await overTls(port, 'a.b.wild.example.com')).to.equal('mail for a.b.wild.example.com')
        expect(await overTls(port, 'cache.example.com')).to.equal('cache')
        expect(await overTls(port, 'idle.example.com'), 'a listener without routes').to.equal('')
        expect(await overTls(port, 'shop.example.com', request)).to.match(/^HTTP\/1.1 200 [^]*cart$/)
        expect(await overTls(port, undefined, request), 'no SNI').to.match(/^HTTP\/1.1 200 /)
        expect(await overTls(await halving(port), 'mail.example.com'), 'in small pieces').to.match(/^mail/)
      })
    })
  })

  it('connections for a name of nobody, and those without TLS, are closed', async () => {
    const [passing = 0, ending = 0] = await freePorts(2)
    const listeners = [
      `{ name: passing, protocol: TLS, port: ${passing}, tls: { mode: Passthrough } }`,
      `{ name: ending, protocol: TLS, port: ${ending}, tls: { certificateRefs: [{ name: tls }] } }`,
      `{ name: idle, protocol: TLS, port: ${ending}, hostname: idle.wild.example.com, tls: { certificateRefs: [{ name: tls }] } }`,
    ]
    await withServers(async ({ mail, cache }) => {
      const routes = [
        tlsRoute('mail', ['mail.example.com'], [`{ name: mail, port: ${mail} }`], 'passing'),
        tlsRoute('cache', ['cache.example.com', '*.wild.example.com'], [`{ name: cache, port: ${cache} }`], 'ending'),
        tlsRoute('lost', ['lost.example.com'], ['{ name: missing, port: 1 }']),
      ]
      await withGateway(listeners, [...routes, ...services({ mail, cache })], async () => {
        expect(await overTls(passing, 'mail.example.com')).to.match(/^mail/)
        expect(await overTls(ending, 'cache.example.com')).to.equal('cache')
        expect(await overTls(ending, 'x.wild.example.com')).to.equal('cache')
        expect(await overTls(ending, 'idle.wild.example.com'), 'a listener without routes').to.equal('')
        for (const port of [passing, ending])
          for (const name of ['other.example.com', 'lost.example.com', 'example.com', 'x.mail.example.com', undefined])
            expect(await overTls(port, name), `${name}`).to.equal('')
        expect(await overTcp(passing, request)).to.equal('')
        expect(await overTcp(ending, request)).to.equal('')
      })
    })
  })

  it('a TCP port leads to the one route, by weight, also when the server speaks first', async () => {
    const [db = 0, none = 0, gone = 0] = await freePorts(3)
    const listeners = [db, none, gone].map((port, at) => `{ name: tcp${at}, protocol: TCP, port: ${port} }`)
    await withServers(async ({ cache, other }) => {
      const refs = [
        `{ name: cache, port: ${cache}, weight: 2 }`,
        `{ name: other, port: ${other}, weight: 1 }`,
        '{ name: missing, port: 1, weight: 1 }',
      ]
      const routes = [
        route('TCPRoute', 'db', refs, 'tcp0'),
        route('TCPRoute', 'gone', ['{ name: missing, port: 1 }'], 'tcp2'),
      ]
      await withGateway(listeners, [...routes, ...services({ cache, other })], async () => {
        expect(await overTcp(none), 'no route').to.equal('')
        expect(await overTcp(gone), 'no backend').to.equal('')
        const all = 400
        const counts = new Map<string, number>()
        for (let n = 0; n < all; n += 1) {
          const said = await overTcp(db)
          counts.set(said, (counts.get(said) ?? 0) + 1)
        }
        expect([...counts.keys()].toSorted()).to.deep.equal(['', 'cache', 'other'])
        expect((counts.get('cache') ?? 0) / all).to.be.closeTo(0.5, 0.12)
        expect((counts.get('other') ?? 0) / all).to.be.closeTo(0.25, 0.12)
      })
    })
  })
})

const request = 'GET / HTTP/1.1\r\nhost: shop.example.com\r\nconnection: close\r\n\r\n'

// ---- the Gateway --------------------------------------------------------------------------------------------------------------------

async function withGateway(
  listeners: readonly string[],
  manifests: readonly string[],
  work: () => Promise<void>,
): Promise<void> {
  if (haproxy === undefined) return
  const gateway = `{ apiVersion: gateway.networking.k8s.io/v1, kind: Gateway, metadata: { namespace: shop, name: web },
    spec: { gatewayClassName: haproxy, listeners: [${listeners.join(', ')}] } }`
  const gatewayClass = `{ apiVersion: gateway.networking.k8s.io/v1, kind: GatewayClass, metadata: { name: haproxy },
    spec: { controllerName: haproxy-gateway.dev/controller } }`
  const text = [gatewayClass, gateway, ...manifests].join('\n---\n')
  const objects: readonly KubernetesObject[] = [...parseManifests(text, 'test'), tlsSecret('shop/tls')]
  await serving(haproxy, { objects, gateway: 'shop/web' }, work)
}

function tlsRoute(name: string, hostnames: readonly string[], refs: readonly string[], section?: string): string {
  const names = hostnames.map((hostname) => JSON.stringify(hostname)).join(', ')
  return route('TLSRoute', name, refs, section).replace('rules:', `hostnames: [${names}], rules:`)
}

function route(kind: string, name: string, refs: readonly string[], section?: string): string {
  const parent = `{ name: web${section === undefined ? '' : `, sectionName: ${section}`} }`
  return `{ apiVersion: gateway.networking.k8s.io/v1, kind: ${kind}, metadata: { namespace: shop, name: ${name} },
    spec: { parentRefs: [${parent}], rules: [{ backendRefs: [${refs.join(', ')}] }] } }`
}

function services(ports: Readonly<Record<string, number>>): readonly string[] {
  return Object.entries(ports).flatMap(([name, port]) => [
    `{ apiVersion: v1, kind: Service, metadata: { namespace: shop, name: ${name} }, spec: { ports: [{ port: ${port} }] } }`,
    `{ apiVersion: discovery.k8s.io/v1, kind: EndpointSlice, addressType: IPv4, ports: [{ port: ${port} }],
      metadata: { namespace: shop, name: ${name}-1, labels: { kubernetes.io/service-name: ${name} } },
      endpoints: [{ addresses: [10.0.0.1], conditions: { ready: true } }] }`,
  ])
}

// ---- servers and clients ------------------------------------------------------------------------------------------------------------

type Ports = { readonly mail: number; readonly cache: number; readonly other: number; readonly cart: number }

// mail speaks TLS and says for which name; cache and other say who they are at once; cart speaks HTTP.
async function withServers(work: (ports: Ports) => Promise<void>): Promise<void> {
  const mail = createTlsServer({ cert: pem.server, key: pem.serverKey }, (socket) => {
    socket.on('error', () => undefined).end(`mail for ${String(socket.servername)}`)
  })
  const greeter = (name: string) => createServer((socket) => socket.on('error', () => undefined).end(name))
  const servers = {
    mail,
    cache: greeter('cache'),
    other: greeter('other'),
    cart: createHttpServer((_, to) => to.end('cart')),
  }
  try {
    await work({
      mail: await listening(servers.mail),
      cache: await listening(servers.cache),
      other: await listening(servers.other),
      cart: await listening(servers.cart),
    })
  } finally {
    for (const server of [...Object.values(servers), ...relays.splice(0)]) server.close()
  }
}

async function listening(server: Server): Promise<number> {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address: AddressInfo | string | null = server.address()
  return address !== null && typeof address === 'object' ? address.port : 0
}

const relays: Server[] = []

// A port that leads to `port` and passes the first bytes on in small pieces, as a slow network might.
async function halving(port: number): Promise<number> {
  const relay = createServer((socket) => {
    const onwards = connect(port, '127.0.0.1').on('error', () => undefined)
    onwards.setNoDelay(true)
    onwards.pipe(socket.on('error', () => undefined))
    socket.once('data', (hello) => {
      socket.pause()
      const pieces = [hello.subarray(0, 3), hello.subarray(3, 60), hello.subarray(60)]
      for (const [at, piece] of pieces.entries()) setTimeout(() => onwards.write(piece), at * 50)
      setTimeout(() => socket.pipe(onwards), pieces.length * 50)
    })
  })
  relays.push(relay)
  return await listening(relay)
}

// What the other side says until it closes; empty: it closed without a word.
function overTls(port: number, servername: string | undefined, text = ''): Promise<string> {
  const name = servername === undefined ? {} : { servername }
  const socket = connectTls({ port, host: '127.0.0.1', rejectUnauthorized: false, ...name })
  if (text !== '') socket.write(text)
  return told(socket)
}

function overTcp(port: number, text = ''): Promise<string> {
  const socket = connect(port, '127.0.0.1')
  if (text !== '') socket.write(text)
  return told(socket)
}

function told(socket: Socket): Promise<string> {
  return new Promise((resolve) => {
    let said = ''
    socket.setTimeout(4000, () => {
      said += '(still open)'
      socket.destroy()
    })
    socket.on('data', (chunk) => {
      said += chunk.toString('utf8')
    })
    socket.on('error', () => undefined)
    socket.on('close', () => resolve(said))
  })
}
