import { request } from 'node:http'

import { expect } from 'chai'

import { at, eventually, Lab, listOf, programs } from './lab.ts'

const backends = '/services/haproxy/runtime/backends'
const spare = `${backends}/spare1/servers`

for (const program of programs()) {
  describe(`servers in memory (${program.name})`, function () {
    this.timeout(60_000)
    let lab: Lab

    before(async () => {
      lab = await Lab.start(program)
      await lab.call('POST', '/services/haproxy/runtime/maps/hosts.map/entries', { key: 's.test', value: 'spare1' })
    })
    after(() => lab.stop())
    afterEach(async () => {
      for (const server of listOf(await lab.call('GET', spare)))
        await lab.call('DELETE', `${spare}/${String(at(server, 'name'))}`)
    })

    const endpoint = (name: string): object => ({ name, address: '127.0.0.1', port: lab.ports.app })

    it('serves from a new server only after it was made ready', async () => {
      expect((await lab.visit('s.test', '/')).status).to.equal(503)
      const added = await lab.call('POST', spare, endpoint('e1'))
      expect([added.status, added.json]).to.deep.equal([201, endpoint('e1')])
      expect((await lab.visit('s.test', '/')).status).to.equal(503)
      const state = (await lab.call('GET', `${spare}/e1`)).json
      expect([at(state, 'admin_state'), at(state, 'operational_state')]).to.deep.equal(['maint', 'down'])
      const ready = await lab.call('PUT', `${spare}/e1`, { admin_state: 'ready' })
      expect([ready.status, at(ready.json, 'admin_state'), at(ready.json, 'operational_state')]).to.deep.equal([
        200,
        'ready',
        'up',
      ])
      expect((await lab.visit('s.test', '/')).text).to.equal('app')
    })

    it('adds a server in maintenance whatever is said, drops unknown fields, and runs no health checks', async () => {
      const added = await lab.call('POST', spare, {
        ...endpoint('e1'),
        maintenance: 'disabled',
        check: 'enabled',
        cookie: 'x',
      })
      expect([added.status, at(added.json, 'cookie')]).to.deep.equal([201, undefined])
      expect(at((await lab.call('GET', `${spare}/e1`)).json, 'admin_state')).to.equal('maint')
      const ready = await lab.call('PUT', `${spare}/e1`, { admin_state: 'ready' })
      expect(at(ready.json, 'check_state')).to.equal(2)
    })

    it('knows a name once, and no unknown backend', async () => {
      await lab.call('POST', spare, endpoint('e1'))
      expect((await lab.call('POST', spare, endpoint('e1'))).status).to.equal(409)
      expect((await lab.call('POST', `${backends}/nobody/servers`, endpoint('e1'))).status).to.equal(404)
      expect((await lab.call('GET', `${backends}/nobody/servers`)).status).to.equal(404)
    })

    it('lists none of an empty backend, and those of a file that it never parsed', async () => {
      expect(listOf(await lab.call('GET', spare))).to.deep.equal([])
      const [server] = listOf(await lab.call('GET', `${backends}/web/servers`))
      expect([at(server, 'name'), at(server, 'port')]).to.deep.equal(['app', lab.ports.app])
    })

    it('changes address, port, weight and state one by one or together', async () => {
      await lab.call('POST', spare, endpoint('e1'))
      const change = async (body: object): Promise<unknown> => {
        const { status, json } = await lab.call('PUT', `${spare}/e1`, body)
        return [status, ...['address', 'port', 'weight', 'admin_state'].map((field) => at(json, field))]
      }
      expect(await change({ address: '127.0.0.2' })).to.deep.equal([200, '127.0.0.2', lab.ports.app, 1, 'maint'])
      expect(await change({ port: 82 })).to.deep.equal([200, '127.0.0.2', 82, 1, 'maint'])
      expect(await change({ weight: 10 })).to.deep.equal([200, '127.0.0.2', 82, 10, 'maint'])
      expect(await change({ admin_state: 'drain' })).to.deep.equal([200, '127.0.0.2', 82, 10, 'drain'])
      expect(await change({})).to.deep.equal([200, '127.0.0.2', 82, 10, 'drain'])
      expect(await change({ address: '127.0.0.3', port: 83, weight: 5, admin_state: 'ready' })).to.deep.equal([
        200,
        '127.0.0.3',
        83,
        5,
        'ready',
      ])
    })

    it('answers 200 to an address that HAProxy cannot take, and changes nothing', async () => {
      await lab.call('POST', spare, endpoint('e1'))
      const answer = await lab.call('PUT', `${spare}/e1`, { address: 'bad', port: 82 })
      expect([answer.status, at(answer.json, 'address')]).to.deep.equal([200, '127.0.0.1'])
    })

    it('adds a server that speaks HTTP/2 only, in clear text or over verified TLS', async () => {
      const answer = await lab.call('POST', spare, { ...endpoint('e1'), proto: 'h2' })
      expect([answer.status, answer.json]).to.deep.equal([201, { ...endpoint('e1'), proto: 'h2' }])
      await lab.call('PUT', `${spare}/e1`, { admin_state: 'ready' })
      expect((await lab.visit('s.test', '/')).text).to.equal('app')
      const tls = {
        name: 'e2',
        address: '127.0.0.1',
        port: lab.ports.https,
        ssl: 'enabled',
        verify: 'required',
        ssl_cafile: lab.path('pki/ca.crt'),
        sni: `str(${lab.authority.servername})`,
      }
      const added = await lab.call('POST', spare, { ...tls, proto: 'h2', alpn: 'h2' })
      expect([added.status, added.json]).to.deep.equal([201, { ...tls, proto: 'h2', alpn: 'h2' }])
      expect(at((await lab.call('GET', `${spare}/e2`)).json, 'use_ssl')).to.equal(true)
    })

    it('refuses a server with a bundle that HAProxy has not loaded, or with an unknown way to verify', async () => {
      const tls = { ...endpoint('e1'), ssl: 'enabled', verify: 'required', ssl_cafile: lab.path('pki/unknown.crt') }
      const answer = await lab.call('POST', spare, tls)
      expect([answer.status, answer.text.includes('unable to load')]).to.deep.equal([500, true])
      expect((await lab.call('POST', spare, { ...tls, verify: 'maybe' })).status).to.equal(422)
      expect((await lab.call('POST', spare, { ...tls, sni: 'str(a) b' })).status).to.equal(422)
    })

    const refused: readonly (readonly [string, number, object])[] = [
      ['no name', 400, { address: '127.0.0.1', port: 80 }],
      ['no address', 500, { name: 'e' }],
      ['a port above 65,535', 422, { name: 'e', address: '127.0.0.1', port: 99_999 }],
      ['port 0', 422, { name: 'e', address: '127.0.0.1', port: 0 }],
      ['white space in the address', 422, { name: 'e', address: 'a b', port: 80 }],
      ['white space in the name', 500, { name: 'e 1', address: '127.0.0.1', port: 80 }],
      ['; in the name', 500, { name: 'e;1', address: '127.0.0.1', port: 80 }],
    ]
    for (const [name, status, body] of refused)
      it(`refuses a new server with ${name}: ${status}`, async () => {
        expect((await lab.call('POST', spare, body)).status).to.equal(status)
        expect(listOf(await lab.call('GET', spare))).to.deep.equal([])
      })

    it('refuses changes out of range, and of servers that do not exist', async () => {
      await lab.call('POST', spare, endpoint('e1'))
      expect((await lab.call('PUT', `${spare}/e1`, { admin_state: 'sleep' })).status).to.equal(422)
      expect((await lab.call('PUT', `${spare}/e1`, { weight: 1000 })).status).to.equal(500)
      expect((await lab.call('PUT', `${spare}/none`, { admin_state: 'ready' })).status).to.equal(404)
      expect((await lab.call('DELETE', `${spare}/none`)).status).to.equal(404)
      expect((await lab.call('DELETE', `${backends}/nobody/servers/e1`)).status).to.equal(404)
    })

    it('does not remove a server that has a request, but leaves it in maintenance', async () => {
      await lab.call('POST', spare, endpoint('e1'))
      await lab.call('PUT', `${spare}/e1`, { admin_state: 'ready' })
      const slow = request({
        host: '127.0.0.1',
        port: lab.ports.http,
        path: '/slow',
        method: 'POST',
        headers: { host: 's.test', 'content-length': '10' },
      })
      slow.once('error', () => {})
      slow.write('x')
      await eventually(async () => {
        // The first refusal proves that the request has arrived; until then the server would simply go.
        await lab.call('POST', spare, endpoint('e1'))
        return (await lab.visit('s.test', '/')).status === 200
      })
      const answer = await lab.call('DELETE', `${spare}/e1`)
      expect(answer.status).to.equal(500)
      expect(answer.text).to.contain('still has connections')
      expect(at((await lab.call('GET', `${spare}/e1`)).json, 'admin_state')).to.equal('maint')
      slow.destroy()
      await eventually(async () => (await lab.call('DELETE', `${spare}/e1`)).status === 204)
    })

    it('removes a server of a file as well', async () => {
      expect((await lab.call('DELETE', `${backends}/web/servers/app`)).status).to.equal(204)
      expect(listOf(await lab.call('GET', `${backends}/web/servers`))).to.deep.equal([])
    })

    if (program.name === 'embedded')
      it('refuses line breaks in a name', async () => {
        const server = { name: 'e1\nshow info', address: '127.0.0.1', port: 80 }
        expect((await lab.call('POST', spare, server)).status).to.equal(400)
      })
  })
}
