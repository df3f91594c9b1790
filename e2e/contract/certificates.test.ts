import { readdirSync } from 'node:fs'

import { expect } from 'chai'

import type { Pair } from './authority.ts'
import { at, Lab, listOf, programs } from './lab.ts'

const root = '/services/haproxy'
const memory = `${root}/runtime/ssl_certs`
const disk = `${root}/storage/ssl_certificates`
const lists = `${root}/runtime/ssl_crt_lists`

for (const program of programs()) {
  describe(`certificates (${program.name})`, function () {
    this.timeout(60_000)
    let lab: Lab
    let a: Pair
    let b: Pair
    let entries: string

    beforeEach(async () => {
      lab = await Lab.start(program)
      a = await lab.authority.issue('a.example.com')
      b = await lab.authority.issue('b.example.com')
      entries = `${lists}/entries?name=${encodeURIComponent(lab.path('ssl/list.txt'))}`
    })
    afterEach(() => lab.stop())

    const pem = ({ cert, key }: Pair): string => cert + key
    const inMemory = (name: string): string => `${memory}/${encodeURIComponent(lab.path(`ssl/${name}`))}`
    const create = (name: string, text: string, query = '') => lab.upload('POST', `${disk}${query}`, { name, text })
    const addToList = (name: string, sni: string) =>
      lab.call('POST', entries, { file: lab.path(`ssl/${name}`), sni_filter: [sni] })
    const loaded = async (): Promise<readonly unknown[]> =>
      listOf(await lab.call('GET', memory)).map((each) => at(each, 'storage_name'))

    it('names certificates in memory by the path they were loaded from', async () => {
      expect(await loaded()).to.deep.equal([lab.path('ssl/default.pem')])
      const { json } = await lab.call('GET', inMemory('default.pem'))
      expect([at(json, 'status'), at(json, 'subject')]).to.deep.equal(['Used', '/CN=data-plane.test'])
      expect(String(at(json, 'sha1_finger_print'))).to.match(/^[0-9A-F]{40}$/)
      expect((await lab.call('GET', `${memory}/default.pem`)).status).to.equal(404)
    })

    it('serves a new certificate without a reload: file and memory, then the list', async () => {
      const pid = await lab.workerPid()
      const created = await create('a.pem', pem(a))
      expect([created.status, at(created.json, 'storage_name'), at(created.json, 'domains')]).to.deep.equal([
        201,
        'a.pem',
        'a.example.com',
      ])
      expect(await loaded()).to.contain(lab.path('ssl/a.pem'))
      expect(await lab.served('a.example.com')).to.equal('data-plane.test')
      const added = await addToList('a.pem', 'a.example.com')
      expect([added.status, added.text]).to.deep.equal([201, ''])
      expect(await lab.served('a.example.com')).to.equal('a.example.com')
      expect([await lab.workerPid(), lab.read('ssl/a.pem')]).to.deep.equal([pid, pem(a)])
      expect(
        listOf(await lab.call('GET', entries)).map((each) => [at(each, 'file'), at(each, 'line_number')]),
      ).to.deep.equal([
        [lab.path('ssl/default.pem'), 1],
        [lab.path('ssl/a.pem'), 2],
      ])
    })

    it('replaces in file and memory at once, or in the file alone', async () => {
      await create('a.pem', pem(a))
      await addToList('a.pem', 'a.example.com')
      const renewed = await lab.authority.issue('renewed.example.com')
      const both = await lab.call('PUT', `${disk}/a.pem`, pem(renewed))
      expect([both.status, await lab.served('a.example.com')]).to.deep.equal([200, 'renewed.example.com'])
      const fileOnly = await lab.call('PUT', `${disk}/a.pem?skip_reload=true`, pem(a))
      expect([fileOnly.status, await lab.served('a.example.com')]).to.deep.equal([200, 'renewed.example.com'])
      expect(lab.read('ssl/a.pem')).to.equal(pem(a))
      expect((await lab.call('PUT', `${disk}/none.pem`, pem(a))).status).to.equal(404)
    })

    it('replaces in memory alone', async () => {
      const file = lab.read('ssl/default.pem')
      const answer = await lab.upload('PUT', inMemory('default.pem'), { name: 'x.pem', text: pem(a) })
      expect([answer.status, answer.text]).to.deep.equal([200, ''])
      expect(await lab.served('whatever.test')).to.equal('a.example.com')
      expect(lab.read('ssl/default.pem')).to.equal(file)
      expect((await lab.upload('PUT', inMemory('none.pem'), { name: 'x.pem', text: pem(a) })).status).to.equal(500)
    })

    it('is blocked for every certificate by a key that does not fit, until the same one is set rightly', async () => {
      await lab.upload('POST', memory, { name: 'z.pem', text: pem(b) })
      const put = (path: string, text: string) => lab.upload('PUT', path, { name: 'x.pem', text })
      expect((await put(inMemory('default.pem'), a.cert + b.key)).status).to.equal(500)
      const blocked = await put(`${memory}/z.pem`, pem(b))
      expect(blocked.status).to.equal(500)
      expect(blocked.text).to.contain('ongoing transaction')
      expect((await put(inMemory('default.pem'), pem(a))).status).to.equal(200)
      expect((await put(`${memory}/z.pem`, pem(b))).status).to.equal(200)
    })

    it('writes a key that does not fit to disk when it may not reload, and asks for a reload otherwise', async () => {
      await create('a.pem', pem(a))
      expect((await lab.call('PUT', `${disk}/a.pem?skip_reload=true`, a.cert + b.key)).status).to.equal(200)
      expect(lab.read('ssl/a.pem')).to.equal(a.cert + b.key)
      const loose = await create('b.pem', a.cert + b.key)
      expect(loose.status).to.equal(202)
      expect(loose.headers['reload-id']).to.match(/-\d+$/)
    })

    it('refuses files without a certificate or a key', async () => {
      expect((await create('x.pem', 'not a certificate')).status).to.equal(500)
      expect((await create('x.pem', a.cert)).status).to.equal(500)
      expect((await lab.call('POST', disk, pem(a))).status).to.equal(415)
      expect(readdirSync(lab.path('ssl'))).to.deep.equal(['default.pem', 'list.txt'])
    })

    it('creates a file once, under a plain name', async () => {
      for (const [name, stored] of [
        ['my.site.example.com.pem', 'my_site_example_com.pem'],
        ['with space!.pem', 'with_space_.pem'],
        ['../up.pem', 'up.pem'],
        ['a-b_c.pem', 'a-b_c.pem'],
      ] as const) {
        const answer = await create(name, pem(a), '?skip_reload=true')
        expect([answer.status, at(answer.json, 'storage_name')]).to.deep.equal([201, stored])
        expect((await create(name, pem(a), '?skip_reload=true')).status).to.equal(409)
      }
      expect((await lab.call('GET', `${disk}/my.site.example.com.pem`)).status, 'asked for by either name').to.equal(
        200,
      )
      expect(await loaded(), 'skip_reload keeps it out of memory').to.deep.equal([lab.path('ssl/default.pem')])
    })

    it('lists and reads files on disk without their keys', async () => {
      const names = listOf(await lab.call('GET', disk)).map((each) => at(each, 'storage_name'))
      expect(names).to.deep.equal(['default.pem'])
      const { status, text, json } = await lab.call('GET', `${disk}/default.pem`)
      expect([status, at(json, 'subject'), at(json, 'issuers')]).to.deep.equal([200, 'data-plane.test', 'contract-ca'])
      expect(text).not.to.contain('PRIVATE')
      expect((await lab.call('GET', `${disk}/none.pem`)).status).to.equal(404)
    })

    it('edits a list in memory by path and line', async () => {
      await create('a.pem', pem(a))
      expect((await addToList('a.pem', 'a.example.com')).status).to.equal(201)
      expect((await addToList('a.pem', 'aa.example.com')).status, 'twice is no conflict').to.equal(201)
      const file = encodeURIComponent(lab.path('ssl/a.pem'))
      const ambiguous = await lab.call('DELETE', `${entries}&cert_file=${file}`)
      expect(ambiguous.status).to.equal(404)
      expect((await lab.call('DELETE', `${entries}&cert_file=${file}&line_number=99`)).status).to.equal(404)
      expect((await lab.call('DELETE', `${entries}&cert_file=${file}&line_number=2`)).status).to.equal(204)
      expect(await lab.served('a.example.com')).to.equal('data-plane.test')
      expect(await lab.served('aa.example.com')).to.equal('a.example.com')
      expect((await lab.call('DELETE', `${entries}&cert_file=${file}`)).status).to.equal(204)
      expect((await lab.call('DELETE', `${entries}&cert_file=${file}`)).status).to.equal(404)
    })

    it('keeps filters and options of an entry', async () => {
      await create('a.pem', pem(a))
      const entry = {
        file: lab.path('ssl/a.pem'),
        sni_filter: ['*.a.example.com', '!x.a.example.com'],
        ssl_bind_config: 'alpn h2',
      }
      expect((await lab.call('POST', entries, entry)).status).to.equal(201)
      const listed = listOf(await lab.call('GET', entries))[1]
      // HAProxy ends the options with a zero byte, and both APIs hand it on.
      const options = String(at(listed, 'ssl_bind_config')).replace('\0', '')
      expect({ ...entry, ssl_bind_config: options }).to.deep.equal(entry)
      expect([at(listed, 'sni_filter'), at(listed, 'line_number')]).to.deep.equal([entry.sni_filter, 2])
      expect(await lab.served('y.a.example.com')).to.equal('a.example.com')
      expect(await lab.served('x.a.example.com')).to.equal('data-plane.test')
    })

    it('refuses entries of unknown lists and certificates', async () => {
      expect((await addToList('none.pem', 'a.example.com')).status).to.equal(500)
      expect((await lab.call('POST', entries, {})).status).to.equal(500)
      const unknown = `${lists}/entries?name=nope`
      expect((await lab.call('POST', unknown, { file: lab.path('ssl/default.pem') })).status).to.equal(500)
      expect((await lab.call('GET', unknown)).status).to.equal(404)
      expect((await lab.call('DELETE', `${unknown}&cert_file=x`)).status).to.equal(404)
      expect((await lab.call('GET', `${lists}/entries`)).status).to.equal(400)
      expect((await lab.call('DELETE', entries)).status).to.equal(400)
      expect(listOf(await lab.call('GET', lists))).to.deep.equal([{ file: lab.path('ssl/list.txt') }])
    })

    it('removes from memory what nothing uses, and from disk what haproxy.cfg does not name', async () => {
      await create('a.pem', pem(a))
      await addToList('a.pem', 'a.example.com')
      expect((await lab.call('DELETE', inMemory('a.pem'))).status, 'in use').to.equal(500)
      expect((await lab.call('DELETE', `${disk}/a.pem?skip_reload=true`)).status, 'lists do not protect').to.equal(204)
      expect((await lab.call('DELETE', `${disk}/a.pem?skip_reload=true`)).status).to.equal(404)
      await lab.call('DELETE', `${entries}&cert_file=${encodeURIComponent(lab.path('ssl/a.pem'))}`)
      expect((await lab.call('DELETE', inMemory('a.pem'))).status).to.equal(204)
      expect((await lab.call('DELETE', inMemory('a.pem'))).status).to.equal(500)
    })
  })
}
