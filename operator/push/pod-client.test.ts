import { createServer, type Server } from 'node:https'

import { expect } from 'chai'

import { silentLog } from '../lib/log.ts'
import { newIdentity, type Identity } from './identity.ts'
import { PodError, type PodApi } from './pod-api.ts'
import { podConnector } from './pod-client.ts'
import { testSettings } from './testing/configs.ts'
import type { ServerOptions } from '../model/rendered.ts'
import { Secret } from '../model/secret.ts'

type Answer = {
  readonly status: number
  readonly body?: unknown
  readonly headers?: Readonly<Record<string, string>>
}

const socket = '/gw/run/master.sock'
const words = (message: string, status: number): Answer => ({ status, body: { code: status, message } })
const running: Answer = { status: 200, body: { info: { pid: 7 }, runtimeAPI: socket } }
const down: Answer = { status: 200, body: { error: `dial unix ${socket}: connect: connection refused` } }

describe('pod client', () => {
  let server: Server
  let api: PodApi
  let identity: Identity
  let answers: Readonly<Record<string, Answer>>
  let sent = ''

  before(async () => {
    identity = await newIdentity('shop/web', new Date())
  })
  beforeEach(async () => {
    answers = {}
    const { authority, server: own } = identity
    const options = { ca: authority.certificate, cert: own.certificate, key: own.key.reveal(), requestCert: true }
    server = createServer(options, (request, response) => {
      const path = (request.url ?? '').replace('/v3/services/haproxy', '').replace(/\?.*/, '')
      let text = ''
      request.on('data', (part: Buffer) => (text += part.toString()))
      request.once('end', () => (sent = text))
      const { status, body, headers = {} } = answers[`${request.method} ${path}`] ?? words('nobody told', 501)
      response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body))
    })
    await new Promise<void>((resolve) => {
      server.listen(0, '127.0.0.1', resolve)
    })
    const address = server.address()
    const apiPort = typeof address === 'object' && address !== null ? address.port : 0
    api = podConnector({ ...testSettings, apiPort }, silentLog())('127.0.0.1', identity)
  })
  afterEach(async () => {
    await api.close()
    server.close()
  })

  const servers = '/runtime/backends/spare.f0001/servers'
  const endpoint = { name: 'e1', address: '10.98.16.14', port: 3000 }
  const failure = (call: Promise<unknown>) =>
    call.then(
      () => expect.fail('no failure'),
      (error: unknown) => error,
    )
  const refused = async (call: Promise<unknown>) => {
    const error = await failure(call)
    return error instanceof PodError ? error.status : `no refusal: ${String(error)}`
  }

  it("tells HAProxy's refusal from its silence, though both name its socket", async () => {
    answers = {
      [`POST ${servers}`]: words(
        `${socket} [3]  Already exists a server with the same name in backend. [add server spare.f0001/e1 10.98.16.14:3000]`,
        409,
      ),
      [`DELETE ${servers}/e1`]: words(
        `${socket} [3]  Server still has connections attached to it, cannot remove it. [del server spare.f0001/e1]`,
        500,
      ),
      [`DELETE ${servers}/e2`]: words(`${socket} dial unix ${socket}: connect: connection refused [del server]`, 500),
    }
    expect(await refused(api.addServer('spare.f0001', endpoint))).to.equal(409)
    expect(await refused(api.deleteServer('spare.f0001', 'e1'))).to.equal(500)
    expect(await failure(api.deleteServer('spare.f0001', 'e2'))).to.not.be.instanceOf(PodError)
  })

  const asked: readonly (readonly [string, string, () => Promise<unknown>])[] = [
    ['a map', 'GET /runtime/maps/meta.map/entries', () => api.listMap('meta.map')],
    ['an entry', 'GET /runtime/maps/meta.map/entries/@gen', () => api.readEntry('meta.map', '@gen')],
    ['servers', `GET ${servers}`, () => api.listServers('spare.f0001')],
    ['a server', `DELETE ${servers}/e1`, () => api.deleteServer('spare.f0001', 'e1').catch(missing)],
  ]
  for (const [what, call, ask] of asked)
    it(`believes that ${what} is missing only if HAProxy runs`, async () => {
      answers = { [call.replace('@', '%40')]: words('not found', 404), 'GET /runtime/info': running }
      expect(await ask()).to.equal(undefined)
      answers = { ...answers, 'GET /runtime/info': down }
      expect(await failure(ask())).to.include({ message: 'HAProxy does not answer its Data Plane API' })
      expect(await api.isRunning()).to.equal(false)
    })

  it('looks at what a server became, since success is claimed in any case', async () => {
    const state = (address: string, admin_state: string) => ({
      [`PUT ${servers}/e1`]: { status: 200, body: { address, port: 3000, admin_state } },
    })
    answers = state('10.98.16.14', 'ready')
    await api.moveServer('spare.f0001', endpoint)
    answers = state('10.0.0.9', 'ready')
    await api.readyServer('spare.f0001', 'e1')
    expect(await refused(api.moveServer('spare.f0001', endpoint))).to.equal(409)
    answers = state('10.98.16.14', 'maint')
    expect(await refused(api.readyServer('spare.f0001', 'e1'))).to.equal(409)
    answers = state('2001:db8::1', 'ready')
    await api.moveServer('spare.f0001', { ...endpoint, address: '2001:DB8:0:0::1' })
  })

  it('says of a new server what its line in the file says', async () => {
    answers = { [`POST ${servers}`]: { status: 201, body: endpoint } }
    const ssl = { caFile: 'ca-1.pem', sni: 'own.example.com', certificate: '/gw/ssl/shop_client.pem' }
    const add = async (options: ServerOptions): Promise<unknown> => {
      await api.addServer('spare.f0001', { ...endpoint, options })
      return JSON.parse(sent)
    }
    const tls = {
      ssl: 'enabled',
      verify: 'required',
      ssl_cafile: 'ca-1.pem',
      sni: 'str(own.example.com)',
      ssl_certificate: '/gw/ssl/shop_client.pem',
    }
    expect(await add({})).to.deep.equal(endpoint)
    expect(await add({ proto: 'h2' })).to.deep.equal({ ...endpoint, proto: 'h2' })
    expect(await add({ ssl })).to.deep.include({ ...endpoint, ...tls })
    expect(await add({ ssl, proto: 'h2' })).to.deep.include({ ...endpoint, ...tls, proto: 'h2', alpn: 'h2' })
  })

  it('takes a certificate that waits for a reload for a refusal', async () => {
    const put = 'PUT /storage/ssl_certificates/a.pem'
    answers = { [put]: { status: 202, body: {}, headers: { 'reload-id': '2026-01-01-1' } } }
    expect(await refused(api.putCertificate('a.pem', new Secret('PEM')))).to.equal(202)
    answers = { [put]: { status: 200, body: {} } }
    await api.putCertificate('a.pem', new Secret('PEM'))
  })
})

function missing(error: unknown): undefined {
  if (error instanceof PodError && error.status === 404) return undefined
  throw error
}
