// HTTPS ports of a real HAProxy: who is let in without a certificate, and which requests came over the wrong connection.

import { expect } from 'chai'
import { constants } from 'node:crypto'
import { connect as connectHttp2 } from 'node:http2'
import { request as httpsRequest, type RequestOptions } from 'node:https'
import { connect as connectTls, type ConnectionOptions } from 'node:tls'

import type { Gateway, GatewayListener, KubernetesObject } from '../model/kubernetes.ts'
import type { Port } from '../model/proxy-model.ts'
import {
  configMap,
  gateway,
  gatewayClass,
  listener,
  listenerSet,
  route,
  tlsListener,
  tlsSecret,
} from '../translate/testing/objects.ts'
import { type Authority, createAuthority, type Pair } from '../../e2e/contract/authority.ts'
import { freePorts } from '../../e2e/lib/free-ports.ts'

import { findHaproxy } from './haproxy-files.ts'
import { serving } from './serve.ts'

const haproxy = findHaproxy()

describe('client certificates at a real HAProxy', function () {
  this.timeout(20_000)
  let authorities: Readonly<Record<'a' | 'b', Authority>>
  before(async function () {
    if (haproxy === undefined) this.skip()
    authorities = { a: await createAuthority(), b: await createAuthority() }
  })

  const versions: readonly (readonly [string, ConnectionOptions])[] = [
    ['TLS 1.3', { minVersion: 'TLSv1.3' }],
    ['TLS 1.2', { maxVersion: 'TLSv1.2' }],
    ['TLS 1.2 without tickets', { maxVersion: 'TLSv1.2', secureOptions: constants.SSL_OP_NO_TICKET }],
  ]
  for (const [what, version] of versions) {
    it(`each port lets in those of its authority, and no session of another port; ${what}`, async () => {
      await withPorts(authorities, async ({ first, second, lax, shared }) => {
        const { a, b } = { a: authorities.a.client, b: authorities.b.client }
        const tried = async (port: Port, pair?: Pair): Promise<string> =>
          (await visit(port, { ...version, ...pair })).seen
        expect(await tried(first, a), 'its own').to.equal('a')
        expect(await tried(first, b), 'the other port’s').to.equal('refused')
        expect(await tried(first), 'none').to.equal('refused')
        expect(await tried(second, b), 'its own').to.equal('b')
        expect(await tried(second, a), 'the other port’s').to.equal('refused')
        for (const pair of [a, b, undefined]) expect(await tried(lax, pair), 'insecure fallback').to.equal('lax')
        expect(await tried(shared, a), 'behind the look at the SNI').to.equal('a')
        expect(await tried(shared), 'behind the look at the SNI').to.equal('refused')
        for (const [port, pair] of [[lax], [lax, b], [second, b], [shared, a]] as const) {
          const { session } = await visit(port, { ...version, ...pair })
          expect(session, 'a session to resume').to.not.equal(undefined)
          const resumed = await visit(first, { ...version, ...(session === undefined ? {} : { session }) })
          expect(resumed.seen, 'a session of another port').to.equal('refused')
        }
      })
    })
  }
})

type Ports = { readonly first: Port; readonly second: Port; readonly lax: Port; readonly shared: Port }

async function withPorts(
  { a, b }: Readonly<Record<'a' | 'b', Authority>>,
  work: (ports: Ports) => Promise<void>,
): Promise<void> {
  const [first = 0, second = 0, lax = 0, shared = 0] = await freePorts(4)
  const trusting = (name: string, mode?: 'AllowInsecureFallback') => ({
    validation: {
      caCertificateRefs: [{ group: '', kind: 'ConfigMap', name }],
      ...(mode === undefined ? {} : { mode }),
    },
  })
  const frontend = {
    default: trusting('a'),
    perPort: [
      { port: second, tls: trusting('b') },
      { port: lax, tls: trusting('a', 'AllowInsecureFallback') },
    ],
  }
  const listeners = [
    tlsListener(['tls'], { name: 'first', port: first }),
    tlsListener(['tls'], { name: 'second', port: second }),
    tlsListener(['tls'], { name: 'lax', port: lax }),
    tlsListener(['tls'], { name: 'shared', port: shared, hostname: 'shop.example.com' }),
    listener({ name: 'raw', port: shared, protocol: 'TLS', hostname: 'raw.example.com', tls: { mode: 'Passthrough' } }),
  ]
  const objects = [
    ...basics(gateway('shop/web', listeners, { tls: { frontend } })),
    configMap('shop/a', { 'ca.crt': a.ca }),
    configMap('shop/b', { 'ca.crt': b.ca }),
    ...[['first', 'a'] as const, ['second', 'b'] as const, ['lax', 'lax'] as const, ['shared', 'a'] as const].map(
      ([sectionName, hostname]) => telling(sectionName, { sectionName, hostname }),
    ),
  ]
  await serving(haproxy ?? '', { objects, gateway: 'shop/web' }, () => work({ first, second, lax, shared }))
}

function basics(web: Gateway): readonly KubernetesObject[] {
  return [gatewayClass(), web, tlsSecret('shop/tls')]
}

// A route that answers with a redirect to `hostname`, so that the answer says whose it is.
function telling(name: string, { sectionName, hostname }: { readonly sectionName: string; readonly hostname: string }) {
  return route(`shop/${name}`, [{ name: 'web', sectionName }], { rules: redirectTo(hostname) })
}

function redirectTo(hostname: string) {
  return [{ filters: [{ type: 'RequestRedirect' as const, requestRedirect: { hostname } }] }]
}

type Visit = { readonly seen: string; readonly session?: Buffer }

// A connection with one request on it: where the answer points to, or `refused`; and the session that the server offered.
async function visit(port: Port, options: ConnectionOptions, host = servername): Promise<Visit> {
  const socket = connectTls({ port, host: '127.0.0.1', servername, rejectUnauthorized: false, ...options })
  let session: Buffer | undefined
  socket.on('session', (offered: Buffer) => {
    session = offered
  })
  socket.on('error', () => undefined)
  socket.write(`GET / HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`)
  let text = ''
  socket.on('data', (chunk: Buffer) => {
    text += chunk.toString('latin1')
  })
  await new Promise((resolve) => socket.once('close', resolve))
  const seen = /^location: https:\/\/([^:/]+)/m.exec(text)?.[1] ?? (text === '' ? 'refused' : text.slice(0, 20))
  return { seen, ...(session === undefined ? {} : { session }) }
}

const servername = 'shop.example.com'

describe('misdirected requests at a real HAProxy', function () {
  this.timeout(20_000)
  before(function () {
    if (haproxy === undefined) this.skip()
  })

  type Case = readonly [sni: string, host: string, answer: string]
  const always: readonly Case[] = [
    ['shop.org', 'shop.org', 'shop'],
    ['shop.org', 'SHOP.org', 'shop'],
    ['shop.org', 'shop.org.', 'shop'],
    ['shop.org', 'shop.org:8443', 'shop'],
    ['shop.org', 'a.all.org', '421'],
    ['shop.org', 'a.b.all.org', '421'],
    ['SHOP.org', 'shop.org', 'shop'],
    ['a.all.org', 'a.all.org', 'all'],
    ['a.all.org', 'b.all.org', 'all'],
    ['a.all.org', 'one.all.org', '421'],
    ['a.all.org', 'x.deep.all.org', '421'],
    ['a.all.org', 'ONE.all.org:443', '421'],
    ['x.deep.all.org', 'y.z.deep.all.org', 'deep'],
    ['one.all.org', 'a.all.org', '421'],
    ['one.all.org', 'one.all.org', 'one'],
    ['x.unknown.org', 'shop.org', '421'],
    ['', 'shop.org', 'shop'],
    ['', 'one.all.org', 'one'],
  ]
  const withAny: readonly Case[] = [
    ...always,
    ['all.org', 'all.org', 'any'],
    ['all.org', 'x.unknown.org', 'any'],
    ['x.unknown.org', 'other.org', 'any'],
    ['shop.org', 'x.unknown.org', '421'],
    ['', 'x.unknown.org', 'any'],
  ]
  const withoutAny: readonly Case[] = [
    ...always,
    ['shop.org', 'x.unknown.org', '404'],
    ['all.org', 'all.org', '404'],
    ['', 'x.unknown.org', '404'],
  ]
  const names = { shop: 'shop.org', all: '*.all.org', deep: '*.deep.all.org', one: 'one.all.org' }
  const raw = { protocol: 'TLS', tls: { mode: 'Passthrough' as const } }

  it('are those whose host is another listener’s than the SNI', () => check(names, withoutAny))
  it('are so beside a listener for any host', () => check({ ...names, any: '' }, withAny))
  it('are so where the SNI is looked at before', () => {
    const beside = listener({ name: 'raw', hostname: 'raw.org', ...raw })
    const known = withAny.filter(([sni]) => sni !== '')
    return check({ ...names, any: '' }, known, beside)
  })
  it('are so between a Gateway and its ListenerSets, which ask for client certificates as it says', async () => {
    const [port = 0] = await freePorts(1)
    const { ca, client } = await createAuthority()
    const validation = { caCertificateRefs: [{ group: '', kind: 'ConfigMap', name: 'ca' }] }
    const web = gateway('shop/web', [tlsListener(['tls'], { port, hostname: 'shop.org' })], {
      tls: { frontend: { default: { validation } } },
      allowedListeners: { namespaces: { from: 'Same' } },
    })
    const guest = listenerSet('shop/guest', 'web', [tlsListener(['tls'], { port, hostname: '*.all.org' })])
    const kind = { group: 'gateway.networking.k8s.io', kind: 'ListenerSet', name: 'guest' }
    const objects = [
      ...basics(web),
      guest,
      configMap('shop/ca', { 'ca.crt': ca }),
      telling('shop', { sectionName: 'https', hostname: 'shop' }),
      route('shop/all', [kind], { rules: redirectTo('all') }),
    ]
    await serving(haproxy ?? '', { objects, gateway: 'shop/web' }, async () => {
      const asked = (sni: string, host: string, pair?: Pair) => visit(port, { servername: sni, ...pair }, host)
      expect((await asked('a.all.org', 'a.all.org', client)).seen).to.equal('all')
      expect((await asked('a.all.org', 'shop.org', client)).seen).to.match(/ 421 /)
      expect((await asked('shop.org', 'a.all.org', client)).seen).to.match(/ 421 /)
      expect((await asked('a.all.org', 'a.all.org')).seen).to.equal('refused')
    })
  })
  it('do not exist where there is one listener', () =>
    check({ shop: 'shop.org' }, [
      ['a.all.org', 'shop.org', 'shop'],
      ['shop.org', 'a.all.org', '404'],
    ]))

  async function check(hostnames: Readonly<Record<string, string>>, cases: readonly Case[], beside?: GatewayListener) {
    const [port = 0] = await freePorts(1)
    const listeners = Object.entries(hostnames).map(([name, hostname]) =>
      tlsListener(['tls'], { name, port, ...(hostname === '' ? {} : { hostname }) }),
    )
    const web = gateway('shop/web', [...listeners, ...(beside === undefined ? [] : [{ ...beside, port }])])
    const routes = Object.keys(hostnames).map((name) => telling(name, { sectionName: name, hostname: name }))
    await serving(haproxy ?? '', { objects: [...basics(web), ...routes], gateway: 'shop/web' }, async () => {
      for (const [sni, host, answer] of cases) {
        expect(await overHttp1(port, sni, host), `${sni} ${host} over HTTP/1.1`).to.equal(answer)
        expect(await overHttp2(port, sni, host), `${sni} ${host} over HTTP/2`).to.equal(answer)
      }
    })
  }
})

function answerOf(status: number | undefined, location: string | undefined): string {
  return /^https:\/\/([^:/]+)/.exec(location ?? '')?.[1] ?? String(status)
}

async function overHttp1(port: Port, sni: string, host: string): Promise<string> {
  const options: RequestOptions = { port, host: '127.0.0.1', servername: sni, headers: { host }, agent: false }
  const outgoing = httpsRequest({ ...options, rejectUnauthorized: false })
  return new Promise((resolve, reject) => {
    outgoing.on('error', reject)
    outgoing.on('response', (response) => {
      response.resume()
      resolve(answerOf(response.statusCode, response.headers.location))
    })
    outgoing.end()
  })
}

async function overHttp2(port: Port, sni: string, host: string): Promise<string> {
  const options = { servername: sni, rejectUnauthorized: false, ALPNProtocols: ['h2'] }
  const client = connectHttp2('https://127.0.0.1', { createConnection: () => connectTls({ port, ...options }) })
  try {
    const stream = client.request({ ':authority': host, ':path': '/' })
    return await new Promise((resolve, reject) => {
      stream.on('error', reject)
      stream.on('response', ({ ':status': status, location }) => resolve(answerOf(status, location)))
      stream.resume().end()
    })
  } finally {
    client.destroy()
  }
}
