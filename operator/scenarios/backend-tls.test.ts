// BackendTLSPolicies at a real HAProxy: which certificates of real servers are trusted, what is asked for, and what servers are shown.

import { expect } from 'chai'
import { once } from 'node:events'
import { createSecureServer, type Http2SecureServer } from 'node:http2'
import { connect, TLSSocket } from 'node:tls'

import type { BackendTLSPolicy, KubernetesObject } from '../model/kubernetes.ts'
import {
  configMap,
  gateway,
  gatewayClass,
  listener,
  route,
  streamRoute,
  tlsListener,
  tlsSecret,
} from '../translate/testing/objects.ts'
import { type AltName, type Authority, createAuthority, type Pair } from '../../e2e/contract/authority.ts'
import { freePorts } from '../../e2e/lib/free-ports.ts'

import { findHaproxy } from './haproxy-files.ts'
import { serving } from './serve.ts'

const haproxy = findHaproxy()
const host = 'cart.example.com'
const dns = (value: string): AltName => ({ type: 'dns', value })
const url = (value: string): AltName => ({ type: 'url', value })

type Validation = BackendTLSPolicy['spec']['validation']
type Names = NonNullable<Validation['subjectAltNames']>
type Case = {
  readonly what: string
  /** Names in the server's certificate. */
  readonly served: readonly AltName[]
  readonly policy?: Partial<Validation>
  readonly authority?: 'ours' | 'theirs'
  readonly appProtocol?: string
  readonly answer: string
}

const hostname = (...names: readonly string[]): Names => names.map((name) => ({ type: 'Hostname', hostname: name }))
const uri = (...names: readonly string[]): Names => names.map((name) => ({ type: 'URI', uri: name }))
const spiffe = 'spiffe://example.com/ns/shop/sa/cart'
const served = `200 ${host} 1.1`

const cases: readonly Case[] = [
  { what: 'the right authority and name', served: [dns(host)], answer: served },
  { what: 'a wildcard of the certificate', served: [dns('*.example.com')], answer: served },
  { what: 'another authority', served: [dns(host)], authority: 'theirs', answer: '503' },
  { what: 'another name', served: [dns('other.example.com')], answer: '503' },
  { what: 'HTTP/2 only', served: [dns(host)], appProtocol: 'kubernetes.io/h2c', answer: `200 ${host} 2.0` },
  { what: 'a listed name', served: [dns(host)], policy: { subjectAltNames: hostname(host) }, answer: served },
  {
    what: 'one of the listed names, in other case',
    served: [dns('CART.example.com'), url(spiffe)],
    policy: { subjectAltNames: [...hostname('nobody.example.com', 'Cart.Example.com')] },
    answer: served,
  },
  {
    what: 'a listed name under a wildcard of the certificate',
    served: [dns(host), dns('*.shop.example.com')],
    policy: { subjectAltNames: hostname('a.shop.example.com') },
    answer: served,
  },
  {
    what: 'a wildcard of the certificate for one label only',
    served: [dns(host), dns('*.example.com')],
    policy: { subjectAltNames: hostname('a.shop.example.com') },
    answer: '502',
  },
  {
    what: 'none of the listed names',
    served: [dns(host), url(spiffe)],
    policy: { subjectAltNames: [...hostname('other.example.com'), ...uri(`${spiffe}2`, spiffe.slice(0, -1))] },
    answer: '502',
  },
  { what: 'a listed URI', served: [dns(host), url(spiffe)], policy: { subjectAltNames: uri(spiffe) }, answer: served },
  {
    what: 'a listed URI over HTTP/2',
    served: [dns(host), url(spiffe)],
    policy: { subjectAltNames: uri(spiffe) },
    appProtocol: 'kubernetes.io/h2c',
    answer: `200 ${host} 2.0`,
  },
  {
    what: 'no listed URI over HTTP/2',
    served: [dns(host)],
    policy: { subjectAltNames: uri(spiffe) },
    appProtocol: 'kubernetes.io/h2c',
    answer: '502',
  },
  {
    what: 'a listed name, but not the one that is asked for',
    served: [dns('other.example.com')],
    policy: { subjectAltNames: hostname('other.example.com') },
    answer: '503',
  },
  {
    what: 'authorities that cannot be read',
    served: [dns(host)],
    policy: { caCertificateRefs: [{ group: '', kind: 'ConfigMap', name: 'missing' }] },
    answer: '503',
  },
  {
    what: 'the authorities of the system',
    served: [dns(host)],
    policy: { caCertificateRefs: [], wellKnownCACertificates: 'System' },
    answer: '503',
  },
]

describe('servers with TLS behind a real HAProxy', function () {
  this.timeout(30_000)
  let authorities: Readonly<Record<'ours' | 'theirs', Authority>>
  before(async function () {
    if (haproxy === undefined) this.skip()
    authorities = { ours: await createAuthority(), theirs: await createAuthority() }
  })

  it('a response comes only from a server with the certificate that the policy asks for', async () => {
    const servers = await Promise.all(
      cases.map(async ({ served: names, authority = 'ours' }) => serve(await authorities[authority].issue('x', names))),
    )
    const objects = servers.flatMap((server, index) => objectsOf(`s${index}`, portOf(server), cases[index]))
    try {
      await withGateway(
        { objects: [...objects, configMap('shop/ca', { 'ca.crt': authorities.ours.ca })] },
        async (visit) => {
          // A second connection may resume the session of the first.
          for (const time of ['first', 'second', 'third']) {
            const answers = await Promise.all(cases.map((_, index) => visit(`s${index}`)))
            for (const [index, { what, answer }] of cases.entries())
              expect(answers[index], `${what}, ${time} time`).to.equal(answer)
          }
        },
      )
    } finally {
      for (const server of servers) server.close()
    }
  })

  it('servers see the Gateway’s certificate when they ask for one', async () => {
    const { ours } = authorities
    const asking = await serve(await ours.issue(host), ours.ca)
    const objects = [...objectsOf('asking', portOf(asking)), configMap('shop/ca', { 'ca.crt': ours.ca })]
    const secret = tlsSecret('shop/client', ours.client.cert, ours.client.key)
    const shown = { objects: [...objects, secret], clientCertificate: 'client' }
    try {
      await withGateway(shown, async (visit) => expect(await visit('asking')).to.equal(`${served} operator.test`))
      await withGateway({ objects }, async (visit) => expect(await visit('asking')).to.match(/^50\d$/))
    } finally {
      asking.close()
    }
  })

  it('connections that a TLS listener decrypts go on encrypted, and those that pass through are left alone', async () => {
    const { ours } = authorities
    const [ended = 0, passing = 0] = await freePorts(2)
    const right = await serve(await ours.issue(host))
    const wrong = await serve(await ours.issue('wrong', [dns(host)]))
    const refused = { policy: { subjectAltNames: hostname('nobody.example.com') } }
    const listeners = [
      tlsListener(['tls'], { name: 'ended', protocol: 'TLS', port: ended }),
      { name: 'passing', protocol: 'TLS', port: passing, tls: { mode: 'Passthrough' as const } },
    ]
    const to = (name: string, server: Http2SecureServer) =>
      streamRoute('TLSRoute', `shop/${name}-tls`, [{ name: 'web' }], {
        hostnames: [`${name}.example.com`],
        rules: [{ backendRefs: [{ name, port: portOf(server) }] }],
      })
    const objects = [
      ...objectsOf('right', portOf(right)),
      ...objectsOf('wrong', portOf(wrong), refused),
      to('right', right),
      to('wrong', wrong),
      tlsSecret('shop/tls'),
      configMap('shop/ca', { 'ca.crt': ours.ca }),
    ]
    const cluster = [gatewayClass(), gateway('shop/web', listeners), ...objects]
    try {
      await serving(haproxy ?? '', { objects: cluster, gateway: 'shop/web' }, async () => {
        expect(await asked(ended, 'right.example.com'), 'the name of the policy').to.equal(served)
        expect(await asked(ended, 'wrong.example.com'), 'a name that the policy does not list').to.equal('')
        expect(await asked(passing, 'right.example.com'), 'the client’s own').to.equal('200 right.example.com 1.1')
      })
    } finally {
      for (const server of [right, wrong]) server.close()
    }
  })
})

type Visit = (service: string) => Promise<string>
type Setting = { readonly objects: readonly KubernetesObject[]; readonly clientCertificate?: string }

async function withGateway(
  { objects, clientCertificate }: Setting,
  work: (visit: Visit) => Promise<unknown>,
): Promise<void> {
  const [port = 0] = await freePorts(1)
  const visit: Visit = async (service) => {
    const response = await fetch(`http://127.0.0.1:${port}/${service}`)
    const text = await response.text()
    return response.status === 200 ? `200 ${text}` : String(response.status)
  }
  const tls =
    clientCertificate === undefined ? {} : { tls: { backend: { clientCertificateRef: { name: clientCertificate } } } }
  const cluster = [gatewayClass(), gateway('shop/web', [listener({ port })], tls), ...objects]
  await serving(haproxy ?? '', { objects: cluster, gateway: 'shop/web' }, async () => void (await work(visit)))
}

function objectsOf(
  name: string,
  port: number,
  { policy = {}, appProtocol }: Partial<Case> = {},
): readonly KubernetesObject[] {
  const metadata = { namespace: 'shop', name }
  const labels = { 'kubernetes.io/service-name': name }
  const validation: Validation = {
    hostname: host,
    caCertificateRefs: [{ group: '', kind: 'ConfigMap', name: 'ca' }],
    ...policy,
  }
  const service = {
    apiVersion: 'v1',
    kind: 'Service',
    metadata,
    spec: { ports: [{ name: 'tls', port, ...(appProtocol !== undefined && { appProtocol }) }] },
  }
  const slice = {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: { ...metadata, labels },
    addressType: 'IPv4',
    endpoints: [{ addresses: ['10.0.0.1'], conditions: { ready: true } }],
    ports: [{ name: 'tls', port }],
  }
  const encrypted = {
    apiVersion: 'gateway.networking.k8s.io/v1',
    kind: 'BackendTLSPolicy',
    metadata,
    spec: { targetRefs: [{ group: '', kind: 'Service', name }], validation },
  }
  const rules = [{ matches: [{ path: { value: `/${name}` } }], backendRefs: [{ name, port }] }]
  return [service, slice, encrypted, route(`shop/${name}`, [{ name: 'web' }], { rules })]
}

// Answers with the name that it was asked for, the version of HTTP, and whom the client's certificate names.
async function serve(pair: Pair, clients?: string): Promise<Http2SecureServer> {
  const asking = clients === undefined ? {} : { requestCert: true, rejectUnauthorized: true, ca: clients }
  const server = createSecureServer({ ...pair, allowHTTP1: true, ...asking }, ({ socket, httpVersion }, response) => {
    const client = clients === undefined ? '' : ` ${clientOf(socket)}`
    response.end(`${'servername' in socket ? String(socket.servername) : ''} ${httpVersion}${client}`)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return server
}

// One request of HTTP/1.1 over TLS, whoever decrypts it; empty when the connection is closed.
async function asked(port: number, servername: string): Promise<string> {
  const socket = connect({ port, host: '127.0.0.1', servername, rejectUnauthorized: false })
  socket.on('error', () => undefined)
  socket.end(`GET / HTTP/1.1\r\nhost: ${servername}\r\nconnection: close\r\n\r\n`)
  const text = await textOf(socket)
  const [, status = '', body = ''] = /^HTTP\/1\.1 (\d+)[^]*?\r\n\r\n(?:[0-9a-f]+\r\n)?([^\r]*)/.exec(text) ?? []
  return text === '' ? '' : `${status} ${body}`
}

async function textOf(socket: TLSSocket): Promise<string> {
  let text = ''
  try {
    for await (const chunk of socket) text += String(chunk)
  } catch {
    return text
  }
  return text
}

function clientOf(socket: unknown): string {
  return socket instanceof TLSSocket ? String(socket.getPeerCertificate().subject.CN) : ''
}

function portOf(server: Http2SecureServer): number {
  const address = server.address()
  return typeof address === 'object' && address !== null ? address.port : 0
}
