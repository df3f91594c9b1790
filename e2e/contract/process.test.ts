import { writeFileSync } from 'node:fs'
import { connect } from 'node:net'

import { expect } from 'chai'

import { createAuthority } from './authority.ts'
import { machine } from './files.ts'
import { at, eventually, Lab, listOf, programs } from './lab.ts'

const root = '/services/haproxy'

for (const program of programs()) {
  describe(`the program itself (${program.name})`, function () {
    this.timeout(60_000)
    let lab: Lab

    beforeEach(async () => {
      lab = await Lab.start(program)
    })
    afterEach(() => lab.stop())

    it('lets in nobody without a certificate of its CA, and nobody in plain text', async () => {
      const { ca, client } = lab.authority
      expect(await lab.statusWith({ ca, ...client })).to.equal(200)
      const stranger = (await createAuthority()).client
      for (const credentials of [{ ca }, { ca, ...stranger }]) {
        const refusal = await lab.statusWith(credentials).catch((error: unknown) => error)
        expect(refusal).to.be.instanceOf(Error)
      }
      expect(await plainText(lab.ports.api)).not.to.match(/^HTTP\/1.1 200/)
    })

    it('answers about itself and about the worker', async () => {
      expect((await lab.call('GET', '/info')).status).to.equal(200)
      expect((await lab.call('GET', '/health')).json).to.deep.equal({ haproxy: 'unknown' })
      const { json } = await lab.call('GET', `${root}/runtime/info`)
      expect(at(json, 'info', 'version')).to.match(/^3\.4\./)
      expect(at(json, 'info', 'pid')).to.be.a('number')
      expect(at(json, 'info', 'uptime')).to.be.a('number')
    })

    it('refuses unknown paths and methods', async () => {
      expect((await lab.call('GET', '/nothing')).status).to.equal(404)
      expect((await lab.call('PATCH', `${root}/runtime/maps/scratch.map/entries`)).status).to.equal(405)
    })

    it('lives on without HAProxy and finds it again', async () => {
      await lab.stopHAProxy()
      const info = await lab.call('GET', `${root}/runtime/info`)
      expect([info.status, at(info.json, 'info')]).to.deep.equal([200, undefined])
      expect(at(info.json, 'error')).to.match(/^dial unix/)
      const map = `${root}/runtime/maps/scratch.map`
      const spare = `${root}/runtime/backends/spare1/servers`
      const expected: readonly (readonly [string, string, object | undefined, number])[] = [
        ['POST', `${map}/entries`, { key: 'a', value: 'b' }, 400],
        ['PUT', `${map}/entries/a`, { value: 'b' }, 404],
        ['DELETE', `${map}/entries/a`, undefined, 404],
        ['GET', `${map}/entries/a`, undefined, 404],
        ['PUT', map, [{ key: 'a', value: 'b' }], 400],
        ['GET', spare, undefined, 404],
        ['POST', spare, { name: 'e', address: '127.0.0.1', port: 80 }, 500],
        ['DELETE', `${spare}/e`, undefined, 404],
        ['GET', `${root}/runtime/ssl_certs`, undefined, 404],
      ]
      for (const [method, path, body, status] of expected)
        expect((await lab.call(method, path, body)).status, `${method} ${path}`).to.equal(status)
      const push = await lab.call('POST', `${root}/configuration/raw?skip_version=true&force_reload=true`, machine(lab))
      expect([push.status, String(at(push.json, 'message')).slice(0, 29)]).to.deep.equal([
        400,
        'Reload failed: cannot reload:',
      ])
      await lab.startHAProxy()
      expect(listOf(await lab.call('GET', `${map}/entries`))).to.deep.equal([])
    })

    it('takes a renewed certificate over on SIGHUP', async () => {
      expect(await lab.apiCertificate()).to.equal('data-plane.test')
      const renewed = await lab.authority.issue('renewed.test')
      writeFileSync(lab.path('pki/tls.crt'), renewed.cert)
      writeFileSync(lab.path('pki/tls.key'), renewed.key)
      lab.signalApi('SIGHUP')
      await eventually(async () => (await lab.apiCertificate()) === 'renewed.test')
    })

    it('ends on SIGTERM with code 0, and HAProxy serves on', async () => {
      expect(await lab.stopApi()).to.equal(0)
      expect((await lab.visit('a.example.com', '/')).status).to.equal(200)
    })

    it('comes back with what HAProxy has in memory', async () => {
      const entries = `${root}/runtime/maps/scratch.map/entries`
      await lab.call('POST', entries, { key: '/kept', value: '1' })
      await lab.stopApi('SIGKILL')
      await lab.startApi()
      expect(listOf(await lab.call('GET', entries)).map((entry) => at(entry, 'key'))).to.deep.equal(['/kept'])
    })
  })
}

/** The first words of the answer to a request without TLS; empty when the connection is closed. */
function plainText(port: number): Promise<string> {
  return new Promise((resolve) => {
    let text = ''
    const socket = connect(port, '127.0.0.1', () => socket.write('GET /v3/info HTTP/1.1\r\nhost: x\r\n\r\n'))
    socket.on('data', (part) => {
      text += part.toString('latin1')
      socket.destroy()
    })
    socket.once('error', () => resolve(text))
    socket.once('close', () => resolve(text))
  })
}
