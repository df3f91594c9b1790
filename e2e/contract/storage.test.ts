import { readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

import { expect } from 'chai'

import { at, Lab, listOf, programs, type Answer } from './lab.ts'

const root = '/services/haproxy/storage'
const maps = `${root}/maps`
const general = `${root}/general`
const lists = `${root}/ssl_crt_lists`

for (const program of programs()) {
  describe(`files on disk (${program.name})`, function () {
    this.timeout(60_000)
    let lab: Lab

    before(async () => {
      lab = await Lab.start(program)
    })
    after(() => lab.stop())

    const names = async (path: string): Promise<readonly unknown[]> =>
      listOf(await lab.call('GET', path)).map((each) => at(each, 'storage_name'))
    const outcome = ({ status, json }: Answer): unknown => [status, at(json, 'storage_name')]

    it('replaces a map file and leaves memory alone', async () => {
      expect(await names(maps)).to.deep.equal(['hosts.map', 'scratch.map'])
      const answer = await lab.call('PUT', `${maps}/scratch.map?skip_reload=true`, '/x 1\n')
      expect([answer.status, answer.text, lab.read('maps/scratch.map')]).to.deep.equal([204, '', '/x 1\n'])
      const read = await lab.call('GET', `${maps}/scratch.map`)
      expect([read.status, read.headers['content-type'], read.text]).to.deep.equal([
        200,
        'application/octet-stream',
        '/x 1\n',
      ])
      expect(listOf(await lab.call('GET', '/services/haproxy/runtime/maps/scratch.map/entries'))).to.deep.equal([])
    })

    it('reloads later, at once, or not at all', async () => {
      const later = await lab.call('PUT', `${maps}/scratch.map`, '/x 2\n')
      expect([later.status, later.text]).to.deep.equal([202, ''])
      expect(later.headers['reload-id']).to.match(/-\d+$/)
      expect((await lab.call('PUT', `${maps}/scratch.map?force_reload=true`, '/x 3\n')).status).to.equal(204)
      const [entry] = listOf(await lab.call('GET', '/services/haproxy/runtime/maps/scratch.map/entries'))
      expect(at(entry, 'value')).to.equal('3')
    })

    it('knows no map that is not there, and takes no empty one by PUT', async () => {
      expect((await lab.call('PUT', `${maps}/none.map?skip_reload=true`, 'x y\n')).status).to.equal(404)
      expect((await lab.call('GET', `${maps}/none.map`)).status).to.equal(404)
      expect((await lab.call('PUT', `${maps}/scratch.map?skip_reload=true`, '')).status).to.equal(400)
      expect((await lab.call('PUT', `${maps}/scratch.map?skip_reload=true`, { a: 1 })).status).to.equal(415)
    })

    it('creates map files, empty ones too, under plain names', async () => {
      for (const [name, stored] of [
        ['new.map', 'new.map'],
        ['odd.name.map', 'odd_name.map'],
        ['paths-8080.map', 'paths-8080.map'],
        ['../up.map', 'up.map'],
      ] as const) {
        expect(outcome(await lab.upload('POST', maps, { name, text: 'a b\n' }))).to.deep.equal([201, stored])
        expect((await lab.upload('POST', maps, { name, text: 'a b\n' })).status).to.equal(409)
        expect(lab.read(`maps/${stored}`)).to.equal('a b\n')
      }
      expect(outcome(await lab.upload('POST', maps, { name: 'empty.map', text: '' }))).to.deep.equal([201, 'empty.map'])
      expect((await lab.call('DELETE', `${maps}/new.map`)).status).to.equal(204)
      expect((await lab.call('DELETE', `${maps}/new.map`)).status).to.equal(404)
    })

    it('reaches no file outside its folder', async () => {
      for (const name of ['..%2Fhaproxy.cfg', '%2E%2E%2Fhaproxy.cfg', '..%2F..%2Fetc%2Fpasswd']) {
        expect((await lab.call('GET', `${maps}/${name}`)).status, name).to.equal(404)
        expect((await lab.call('PUT', `${maps}/${name}?skip_reload=true`, 'x')).status, name).to.equal(404)
      }
      expect(lab.read('haproxy.cfg')).to.match(/^# _version=7\n/)
    })

    it('protects files that haproxy.cfg names from deletion', async () => {
      expect((await lab.call('DELETE', `${maps}/hosts.map`)).status).to.equal(409)
      expect((await lab.call('DELETE', `${lists}/list.txt?skip_reload=true`)).status).to.equal(409)
      expect(readdirSync(lab.path('maps'))).to.contain('hosts.map')
    })

    it('replaces a general file by upload, whatever the upload calls it', async () => {
      const before = lab.read('general/backends.cfg')
      const text = `${before}backend spare3 from svc\n`
      const answer = await lab.upload('PUT', `${general}/backends.cfg?skip_reload=true`, { name: 'other.txt', text })
      expect([answer.status, answer.text, lab.read('general/backends.cfg')]).to.deep.equal([204, '', text])
      expect((await lab.call('GET', `${general}/backends.cfg`)).text).to.equal(text)
      expect(await names(general)).to.deep.equal(['backends.cfg', 'clients.pem'])
      const unknown = await lab.upload('PUT', `${general}/none.cfg?skip_reload=true`, { name: 'none.cfg', text })
      expect(unknown.status).to.equal(404)
      expect((await lab.call('PUT', `${general}/backends.cfg?skip_reload=true`, text)).status).to.equal(415)
    })

    it('reads a general file that somebody else writes, an empty one too', async () => {
      for (const text of ['', 'told by another container\n']) {
        writeFileSync(join(lab.folder, 'general/udp.state'), text)
        const answer = await lab.call('GET', `${general}/udp.state`)
        expect([answer.status, answer.text]).to.deep.equal([200, text])
      }
      expect((await lab.call('DELETE', `${general}/udp.state`)).status).to.equal(204)
    })

    it('creates and deletes general files', async () => {
      const lua = { name: 'candidates.lua', text: '-- nothing\n' }
      expect(outcome(await lab.upload('POST', general, lua))).to.deep.equal([201, 'candidates.lua'])
      expect((await lab.upload('POST', general, lua)).status).to.equal(409)
      expect(lab.read('general/candidates.lua')).to.equal(lua.text)
      expect((await lab.call('DELETE', `${general}/candidates.lua`)).status).to.equal(204)
      expect((await lab.call('DELETE', `${general}/candidates.lua`)).status).to.equal(404)
    })

    it('replaces a certificate list on disk', async () => {
      expect(await names(lists)).to.deep.equal(['list.txt'])
      const text = `${lab.path('ssl/default.pem')} x.example.com\n`
      const answer = await lab.call('PUT', `${lists}/list.txt?skip_reload=true`, text)
      expect(outcome(answer)).to.deep.equal([200, 'list.txt'])
      expect([lab.read('ssl/list.txt'), at(answer.json, 'size')]).to.deep.equal([text, Buffer.byteLength(text)])
      expect((await lab.call('GET', `${lists}/list.txt`)).text).to.equal(text)
      expect((await lab.call('PUT', `${lists}/none.txt?skip_reload=true`, 'x')).status).to.equal(404)
    })

    it('asks for a reload when a certificate list is created', async () => {
      const list = { name: 'certificates-443.txt', text: `${lab.path('ssl/default.pem')}\n` }
      const answer = await lab.upload('POST', lists, list)
      expect(outcome(answer)).to.deep.equal([202, 'certificates-443.txt'])
      expect(answer.headers['reload-id']).to.match(/-\d+$/)
      expect((await lab.upload('POST', lists, list)).status).to.equal(409)
      const forced = await lab.upload('POST', `${lists}?force_reload=true`, { ...list, name: 'certificates-8443.txt' })
      expect(outcome(forced)).to.deep.equal([201, 'certificates-8443.txt'])
      expect((await lab.call('DELETE', `${lists}/certificates-443.txt?skip_reload=true`)).status).to.equal(204)
      expect((await lab.call('DELETE', `${lists}/certificates-8443.txt`)).status).to.equal(202)
    })
  })
}
