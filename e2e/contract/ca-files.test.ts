// Certificates of authorities at run time: for clients of a port, and for servers.

import { once } from 'node:events'
import { createServer, type Server } from 'node:https'
import { connect, type ConnectionOptions } from 'node:tls'

import { expect } from 'chai'

import { createAuthority, type Authority, type Pair } from './authority.ts'
import { at, Lab, listOf, programs } from './lab.ts'

const files = '/services/haproxy/runtime/ssl_ca_files'
const servers = '/services/haproxy/runtime/backends/spare1/servers'

for (const program of programs())
  describe(`authorities (${program.name})`, function () {
    this.timeout(60_000)
    let lab: Lab
    let other: Authority
    let origin: Server

    beforeEach(async () => {
      lab = await Lab.start(program)
      other = await createAuthority()
      origin = createServer((_, response) => response.end('app'))
    })
    afterEach(async () => {
      origin.closeAllConnections()
      origin.close()
      await lab.stop()
    })

    const create = (name: string, text: string) => lab.upload('POST', files, { name, text })
    const replace = (name: string, text: string) => lab.upload('PUT', `${files}/${name}`, { name: 'x', text })
    const statusOf = async (call: Promise<{ readonly status: number }>): Promise<number> => (await call).status
    const known = async (): Promise<readonly unknown[]> =>
      listOf(await lab.call('GET', files)).map((each) => [at(each, 'storage_name'), at(each, 'count')])

    it('are known by the name in the configuration, or by the bare name that they were added under', async () => {
      expect(await known()).to.deep.include.members([
        ['clients.pem', '1 certificate(s)'],
        [lab.path('pki/ca.crt'), '1 certificate(s)'],
      ])
      expect(await statusOf(create('/a/folder/ca-1.pem', lab.authority.ca))).to.equal(201)
      expect(await known()).to.deep.include(['ca-1.pem', '1 certificate(s)'])
      const { status, json } = await lab.call('GET', `${files}/ca-1.pem`)
      expect([status, json]).to.deep.equal([200, { count: '1 certificate(s)', storage_name: 'ca-1.pem' }])
      expect(await statusOf(lab.call('GET', `${files}/${encodeURIComponent(lab.path('pki/ca.crt'))}`))).to.equal(200)
      expect(await statusOf(lab.call('GET', `${files}/none.pem`))).to.equal(404)
    })

    it('are added once, and replaced only when they are there', async () => {
      expect(await statusOf(replace('ca-1.pem', lab.authority.ca))).to.equal(500)
      expect(await statusOf(create('ca-1.pem', lab.authority.ca))).to.equal(201)
      expect(await statusOf(create('ca-1.pem', lab.authority.ca))).to.equal(500)
      const two = `${lab.authority.ca.trim()}\n${other.ca.trim()}\n`
      expect(await statusOf(replace('ca-1.pem', two))).to.equal(201)
      expect(await known()).to.deep.include(['ca-1.pem', '2 certificate(s)'])
    })

    it('are refused when there is no certificate in them, and can be set rightly then', async () => {
      expect(await statusOf(create('ca-1.pem', 'not a certificate'))).to.equal(500)
      expect(await known(), 'created, and empty').to.deep.include(['ca-1.pem', '0 certificate(s)'])
      expect(await statusOf(create('ca-2.pem', ''))).to.be.within(400, 500)
      expect(await statusOf(replace('ca-1.pem', lab.authority.ca))).to.equal(201)
      expect(await statusOf(create('ca-3.pem', lab.authority.ca)), 'no transaction was left open').to.equal(201)
      expect(await statusOf(replace('ca-1.pem', 'not a certificate'))).to.equal(500)
      expect(await known(), 'what was there stays').to.deep.include(['ca-1.pem', '1 certificate(s)'])
    })

    // More than HAProxy reads in one piece is cut off now and then, on the way through its master process.
    it('are taken by the dozen', async () => {
      const bundle = `${other.ca.trim()}\n`.repeat(23) + lab.authority.ca
      expect(bundle.length).to.be.within(8_000, 14_000)
      expect(await statusOf(create('ca-1.pem', bundle))).to.equal(201)
      expect(await known(), 'the same certificate counts once').to.deep.include(['ca-1.pem', '2 certificate(s)'])
    })

    it('let clients of a port in from the next connection on, and end the sessions of before', async () => {
      const { mutual } = lab.ports
      const [ours, theirs] = [lab.authority.client, other.client]
      const pid = await lab.workerPid()
      for (const version of [{ minVersion: 'TLSv1.3' }, { maxVersion: 'TLSv1.2' }] as const) {
        expect(await statusOf(replace('clients.pem', lab.authority.ca))).to.equal(201)
        const first = await visit(mutual, { ...version, ...ours })
        expect(first.seen).to.equal('new')
        const resumed = await visit(mutual, { ...version, ...ours, ...sessionOf(first) })
        expect(resumed.seen).to.equal('resumed')
        expect((await visit(mutual, { ...version, ...theirs })).seen).to.equal('refused')
        expect(await statusOf(replace('clients.pem', other.ca))).to.equal(201)
        expect((await visit(mutual, { ...version, ...theirs })).seen).to.equal('new')
        expect((await visit(mutual, { ...version, ...ours })).seen).to.equal('refused')
        for (const { session } of [first, resumed])
          expect((await visit(mutual, { ...version, ...ours, ...sessionOf({ session }) })).seen).to.equal('refused')
      }
      expect(await lab.workerPid()).to.equal(pid)
    })

    it('verify servers that are added at run time', async () => {
      await create('ca-ours.pem', lab.authority.ca)
      await create('ca-theirs.pem', other.ca)
      await lab.call('POST', '/services/haproxy/runtime/maps/hosts.map/entries', { key: 'tls.test', value: 'spare1' })
      const port = await listening(origin, lab.authority.server)
      const add = (name: string, ssl_cafile: string) =>
        lab.call('POST', servers, {
          name,
          address: '127.0.0.1',
          port,
          ssl: 'enabled',
          verify: 'required',
          ssl_cafile,
          sni: `str(${lab.authority.servername})`,
        })
      const ready = (name: string) => lab.call('PUT', `${servers}/${name}`, { admin_state: 'ready' })
      expect(await statusOf(add('none', 'ca-none.pem'))).to.equal(500)
      expect(await statusOf(add('theirs', 'ca-theirs.pem'))).to.equal(201)
      await ready('theirs')
      expect((await lab.visit('tls.test', '/')).status, 'signed by somebody else').to.equal(503)
      expect(await statusOf(add('ours', 'ca-ours.pem'))).to.equal(201)
      await ready('ours')
      await lab.call('DELETE', `${servers}/theirs`)
      expect((await lab.visit('tls.test', '/')).status).to.equal(200)
      expect(await statusOf(lab.call('DELETE', `${files}/ca-ours.pem`)), 'its server keeps what it had').to.equal(204)
      expect((await lab.visit('tls.test', '/')).status).to.equal(200)
    })

    it('are removed when no port uses them', async () => {
      await create('ca-1.pem', lab.authority.ca)
      expect(await statusOf(lab.call('DELETE', `${files}/ca-1.pem`))).to.equal(204)
      expect(await statusOf(lab.call('DELETE', `${files}/ca-1.pem`))).to.equal(500)
      expect(await statusOf(lab.call('DELETE', `${files}/clients.pem`)), 'in use').to.equal(500)
    })
  })

type Visit = { readonly seen: 'new' | 'resumed' | 'refused'; readonly session?: Buffer | undefined }

function sessionOf({ session }: Pick<Visit, 'session'>): Pick<ConnectionOptions, 'session'> {
  return session === undefined ? {} : { session }
}

async function listening(server: Server, { cert, key }: Pair): Promise<number> {
  server.setSecureContext({ cert, key })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  return typeof address === 'object' && address !== null ? address.port : 0
}

// A connection with one request on it.
async function visit(port: number, options: ConnectionOptions & Partial<Pair>): Promise<Visit> {
  const place = { host: '127.0.0.1', port, servername: 'data-plane.test', rejectUnauthorized: false }
  const socket = connect({ ...place, ...options })
  let answer = ''
  let session: Buffer | undefined
  let isResumed = false
  socket.on('session', (given: Buffer) => void (session = given))
  socket.on('data', (part: Buffer) => void (answer += part.toString()))
  socket.on('secureConnect', () => {
    isResumed = socket.isSessionReused()
    socket.write('GET / HTTP/1.1\r\nhost: nobody.test\r\nconnection: close\r\n\r\n')
  })
  socket.on('error', () => {})
  await new Promise((resolve) => socket.once('close', resolve))
  if (answer === '') return { seen: 'refused' }
  return { seen: isResumed ? 'resumed' : 'new', session }
}
