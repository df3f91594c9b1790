// The port in front of HAProxy's Runtime API: who is let in, and what happens when certificates are renewed.

import { expect } from 'chai'
import { X509Certificate } from 'node:crypto'
import { text } from 'node:stream/consumers'
import { connect, type ConnectionOptions, type TLSSocket } from 'node:tls'

import type { DataPlaneSettings } from '../model/settings.ts'
import { newIdentity, serverName, type Identity, type KeyPair } from '../push/identity.ts'
import { testIdentity } from '../push/testing/pki.ts'
import { gateway, gatewayClass, tlsListener, tlsSecret } from '../translate/testing/objects.ts'
import { freePorts } from '../../e2e/lib/free-ports.ts'

import { findHaproxy } from './haproxy-files.ts'
import { serving } from './serve.ts'

const haproxy = findHaproxy()

describe("the port of HAProxy's Runtime API", function () {
  this.timeout(20_000)
  before(function () {
    if (haproxy === undefined) this.skip()
  })

  it('lets the operator in, and nobody else of its authority or of another', async () => {
    const other = await newIdentity('test/other', new Date())
    await withRuntime(async ({ runtimePort }) => {
      const tried = (pair?: KeyPair, more: ConnectionOptions = {}): Promise<string> =>
        ask('show info', { port: runtimePort, ...certificate(pair), ...more })
      expect(await tried(testIdentity.client)).to.match(/^Pid: \d+$/m)
      expect(await tried(testIdentity.server), 'the pod’s own certificate').to.match(/^refused: .*unsupported cert/)
      expect(await tried(other.client), 'another authority’s').to.match(/^refused: .*unknown ca/)
      expect(await tried(), 'none').to.match(/^refused: .*certificate required/)
      expect(await tried(testIdentity.client, { maxVersion: 'TLSv1.2' }), 'old TLS').to.match(/^refused: .*version/)
    })
  })

  it('does not let in who resumes a session of a listener', async () => {
    await withRuntime(async ({ runtimePort }, httpsPort) => {
      const session = await sessionOf(httpsPort)
      expect(await ask('show info', { port: runtimePort, session })).to.match(/^refused: .*certificate required/)
    })
  })

  it('answers many commands of one connection', async () => {
    await withRuntime(async ({ root, runtimePort }) => {
      const map = `${root}/maps/meta.map`
      const lines = ['show map', `add map ${map} @a 1`, `get map ${map} @a`].join('\n')
      const answer = await ask(lines, { port: runtimePort, ...certificate(testIdentity.client) })
      expect(answer)
        .to.contain(map)
        .and.to.match(/found=yes, .*value="1"/)
    })
  })

  it('shows another certificate and trusts another authority without a reload', async () => {
    const next = await newIdentity('test/next', new Date())
    const ca = next.authority.certificate + testIdentity.authority.certificate
    await withRuntime(async ({ pki, runtimePort }) => {
      const asked = (identity: Identity, lines = 'show info'): Promise<string> =>
        ask(lines, { port: runtimePort, ca, ...certificate(identity.client) })
      const pid = pidIn(await asked(testIdentity))
      expect(await asked(next)).to.match(/^refused: .*unknown ca/)

      await asked(testIdentity, set(`ca-file ${pki}/ca.crt`, ca))
      for (const identity of [testIdentity, next]) expect(pidIn(await asked(identity))).to.equal(pid)

      const pem = next.server.certificate + next.server.key.reveal()
      await asked(testIdentity, set(`cert ${pki}/tls.crt`, pem))
      expect(await presented({ port: runtimePort, ca })).to.equal(serialOf(next.server))
      expect(pidIn(await asked(next))).to.equal(pid)
    })
  })
})

async function withRuntime(work: (settings: DataPlaneSettings, httpsPort: number) => Promise<void>): Promise<void> {
  const [httpsPort = 0] = await freePorts(1)
  const listeners = [tlsListener(['tls'], { port: httpsPort })]
  const objects = [gatewayClass(), gateway('shop/web', listeners), tlsSecret('shop/tls')]
  await serving(haproxy ?? '', { objects, gateway: 'shop/web' }, (_, settings) => work(settings, httpsPort))
}

function certificate(pair?: KeyPair): ConnectionOptions {
  return pair === undefined ? {} : { cert: pair.certificate, key: pair.key.reveal() }
}

/** `set` and `commit` of a certificate or of authorities; an empty line would end what is set. */
function set(what: string, pem: string): string {
  return `set ssl ${what} <<\n${pem.replaceAll(/\n{2,}/g, '\n')}\ncommit ssl ${what}`
}

async function ask(lines: string, options: ConnectionOptions): Promise<string> {
  const socket = open(options)
  try {
    // Otherwise it ends after one line.
    socket.end(`prompt i\n${lines}\n`)
    return await text(socket)
  } catch (error) {
    return `refused: ${String(error)}`
  } finally {
    socket.destroy()
  }
}

async function presented(options: ConnectionOptions): Promise<string> {
  const socket = open({ ...options, ...certificate(testIdentity.client) })
  return new Promise((resolve, reject) => {
    socket.once('error', reject)
    socket.once('secureConnect', () => {
      resolve(socket.getPeerCertificate().serialNumber)
      socket.destroy()
    })
  })
}

function serialOf({ certificate: pem }: KeyPair): string {
  return new X509Certificate(pem).serialNumber
}

async function sessionOf(port: number): Promise<Buffer> {
  const socket = connect({ port, host: '127.0.0.1', servername: 'shop.example.com', rejectUnauthorized: false })
  return new Promise((resolve, reject) => {
    socket.once('error', reject)
    socket.once('session', (session) => {
      resolve(session)
      socket.destroy()
    })
  })
}

function open(options: ConnectionOptions): TLSSocket {
  return connect({
    host: '127.0.0.1',
    servername: serverName,
    ca: testIdentity.authority.certificate,
    ...options,
  })
}

function pidIn(info: string): string {
  return /^Pid: (\d+)$/m.exec(info)?.[1] ?? info
}
