import { expect } from 'chai'

import { backends, machine } from './files.ts'
import { at, eventually, Lab, listOf, programs, textAt } from './lab.ts'

const root = '/services/haproxy'
const raw = `${root}/configuration/raw`

for (const program of programs()) {
  describe(`raw configuration and reloads (${program.name})`, function () {
    this.timeout(60_000)
    let lab: Lab
    let first: string
    let other: string
    let invalid: string
    let unbindable: string

    before(async () => {
      lab = await Lab.start(program)
      first = machine(lab)
      other = first.replace('balance roundrobin', 'balance leastconn')
      invalid = `${first}\n  bogus-keyword argument\n`
      unbindable = machine(lab, '  bind 192.0.2.77:18081\n')
    })
    after(() => lab.stop())
    beforeEach(async () => {
      for (const each of listOf(await lab.call('GET', `${root}/transactions`)))
        await lab.call('DELETE', `${root}/transactions/${textAt(each, 'id')}`)
    })

    const onDisk = (): string => {
      const text = lab.read('haproxy.cfg')
      if (text.includes('192.0.2.77')) return 'unbindable'
      return text.includes('leastconn') ? 'other' : 'first'
    }
    const reset = async (): Promise<void> => {
      expect((await lab.call('POST', `${raw}?skip_version=true&force_reload=true`, first)).status).to.equal(201)
    }
    const ended = async (id: string): Promise<unknown> => {
      let reload: unknown
      await eventually(async () => {
        reload = (await lab.call('GET', `${root}/reloads/${id}`)).json
        return at(reload, 'status') !== 'in_progress'
      })
      return reload
    }

    it('reads the file and its counter', async () => {
      const answer = await lab.call('GET', raw)
      expect([answer.status, answer.headers['content-type'], answer.text]).to.deep.equal([200, 'text/plain', first])
      expect((await lab.call('GET', `${root}/configuration/version`)).json).to.equal(7)
    })

    it('says the counter in every answer, refusals included', async () => {
      for (const [method, path] of [
        ['GET', '/info'],
        ['GET', `${root}/runtime/maps`],
        ['GET', `${root}/runtime/maps/none.map`],
        ['DELETE', `${root}/runtime/maps/scratch.map`],
        ['GET', '/nothing'],
      ] as const)
        expect((await lab.call(method, path)).headers['configuration-version'], path).to.equal('7')
    })

    it('wants a version, or to be told that none matters', async () => {
      expect((await lab.call('POST', raw, first)).status).to.equal(400)
      const wrong = await lab.call('POST', `${raw}?version=99`, first)
      expect([wrong.status, at(wrong.json, 'message')]).to.deep.equal([
        409,
        'version mismatch: version in configuration file is 7, given version is 99',
      ])
    })

    it('takes text of more than one line only', async () => {
      expect((await lab.call('POST', `${raw}?skip_version=true&only_validate=true`, 'global')).status).to.equal(400)
      expect((await lab.call('POST', `${raw}?skip_version=true`, { a: 1 })).status).to.equal(415)
      expect((await lab.call('POST', `${raw}?skip_version=true`, '')).status).to.equal(400)
      expect((await lab.call('POST', `${raw}?skip_version=maybe`, first)).status).to.equal(400)
    })

    it('only validates: 202 with the file as it is, or 400 with the complaints', async () => {
      const fine = await lab.call('POST', `${raw}?skip_version=true&only_validate=true`, other)
      expect([fine.status, fine.text]).to.deep.equal([202, first])
      const bad = await lab.call('POST', `${raw}?skip_version=true&only_validate=true`, invalid)
      expect(bad.status).to.equal(400)
      expect(textAt(bad.json, 'message')).to.contain("unknown keyword 'bogus-keyword' in 'backend' section")
      expect(listOf(await lab.call('GET', `${root}/transactions`))).to.deep.equal([])
      expect(lab.read('haproxy.cfg')).to.equal(first)
    })

    it('validates the second file along', async () => {
      const general = `${root}/storage/general/backends.cfg?skip_reload=true`
      await lab.upload('PUT', general, { name: 'backends.cfg', text: `${backends(lab)}bogus\n` })
      const answer = await lab.call('POST', `${raw}?skip_version=true&only_validate=true`, first)
      await lab.upload('PUT', general, { name: 'backends.cfg', text: backends(lab) })
      expect(answer.status).to.equal(400)
      expect(textAt(answer.json, 'message')).to.contain(lab.path('general/backends.cfg'))
    })

    it('keeps a copy of what it refused until somebody deletes it', async () => {
      const bad = await lab.call('POST', `${raw}?skip_version=true`, invalid)
      expect(bad.status).to.equal(400)
      expect(textAt(bad.json, 'message')).to.match(/^validation error: exit status 1: err transactionId=/)
      expect(onDisk()).to.equal('first')
      const [failed, ...others] = listOf(await lab.call('GET', `${root}/transactions?status=failed`))
      expect([at(failed, 'status'), others.length]).to.deep.equal(['failed', 0])
      const transaction = `${root}/transactions/${textAt(failed, 'id')}`
      expect((await lab.call('DELETE', transaction)).status).to.equal(204)
      expect((await lab.call('DELETE', transaction)).status).to.equal(404)
    })

    it('writes without a reload, counts on, and tells the checksum', async () => {
      const pid = await lab.workerPid()
      const answer = await lab.call('POST', `${raw}?version=7&skip_reload=true`, other)
      expect([answer.status, answer.headers['configuration-version'], onDisk()]).to.deep.equal([201, '8', 'other'])
      expect(answer.headers['configuration-checksum']).to.match(/^[0-9a-f]{32}$/)
      expect(answer.headers['reload-id']).to.equal(undefined)
      expect(answer.text).to.equal(lab.read('haproxy.cfg'))
      expect((await lab.call('GET', `${root}/configuration/version`)).json).to.equal(8)
      expect(await lab.workerPid()).to.equal(pid)
      await reset()
    })

    it('keeps every line of a port for connections, those of one kind in their order', async () => {
      const map = lab.path('maps/scratch.map')
      const rules = [
        'tcp-request inspect-delay 5s',
        'tcp-request content reject if !{ req.ssl_hello_type 1 }',
        `tcp-request content set-var(txn.rt) req.ssl_sni,lower,reverse_dom,concat(/),map_beg(${map}) if { req.ssl_sni -m found }`,
        `tcp-request content set-var(txn.rt) str(@),map_str(${map}) if !{ var(txn.rt) -m found }`,
        `tcp-request content set-var(txn.rt) var(txn.rt),concat(|,txn.w),map_beg(${map},close) if { var(txn.rt) -m beg @w. } { rand(10000),add(10000),set-var(txn.w) -m int gt 0 }`,
        'tcp-request content reject if { var(txn.rt) -m str close }',
      ]
      const profile = ['mode tcp', 'timeout client-hs 10s', 'timeout client 1h', 'timeout server 1h']
      const keepalive = ['timeout connect 1s', 'option clitcpka', 'option srvtcpka', 'retries 2']
      const hop = [`server hop unix@${lab.path('run/hop.sock')} send-proxy-v2`]
      const behind = [
        `bind unix@${lab.path('run/hop.sock')} mode 600 accept-proxy ssl crt-list ${lab.path('ssl/list.txt')}`,
      ]
      const sections = [
        ['defaults tcp', ...profile, ...keepalive],
        ['frontend tls from tcp', `bind 127.0.0.1:${lab.ports.app + 1}`, ...rules, 'use_backend %[var(txn.rt)]'],
        ['backend to-terminate from tcp', ...hop],
        ['frontend terminate from tcp', ...behind, 'default_backend to-terminate'],
      ]
      const text = sections.map((lines) => lines.join('\n  ')).join('\n\n')
      const answer = await lab.call('POST', `${raw}?skip_version=true&skip_reload=true`, `${first}\n${text}\n`)
      expect(answer.status, answer.text).to.equal(201)
      const kept = lab
        .read('haproxy.cfg')
        .split('\n')
        .map((line) => line.trim())
      await reset()
      expect(kept).to.include.members(sections.flat())
      expect(kept.filter((line) => line.startsWith('tcp-request '))).to.deep.equal(rules)
    })

    it('takes the counter of the text itself: a free marker of its generation', async () => {
      const post = (text: string) => lab.call('POST', `${raw}?skip_version=true&skip_reload=true`, text)
      await post(first.replace('# _version=7', '# _version=777'))
      expect((await lab.call('GET', '/info')).headers['configuration-version']).to.equal('777')
      await post(first.replace('# _version=7\n', ''))
      expect((await lab.call('GET', '/info')).headers['configuration-version']).to.equal('1')
      await reset()
    })

    it('reloads at once when forced, and answers when the new worker serves', async () => {
      const pid = await lab.workerPid()
      const answer = await lab.call('POST', `${raw}?skip_version=true&force_reload=true`, other)
      expect([answer.status, onDisk()]).to.deep.equal([201, 'other'])
      expect(await lab.workerPid()).not.to.equal(pid)
      await reset()
    })

    it('reloads a moment later otherwise, under an id', async () => {
      const answer = await lab.call('POST', `${raw}?skip_version=true`, other)
      const id = String(answer.headers['reload-id'])
      expect([answer.status, id]).to.deep.equal([202, id])
      expect(id).to.match(/^\d{4}-\d{2}-\d{2}-\d+$/)
      const again = await lab.call('PUT', `${root}/storage/maps/hosts.map`, 'a.example.com web\n')
      expect(again.headers['reload-id'], 'one reload for all who ask').to.equal(id)
      const reload = await ended(id)
      expect([at(reload, 'id'), at(reload, 'status'), typeof at(reload, 'reload_timestamp')]).to.deep.equal([
        id,
        'succeeded',
        'number',
      ])
      expect(textAt(reload, 'response')).to.contain('Loading success')
      expect(listOf(await lab.call('GET', `${root}/reloads`)).map((each) => at(each, 'id'))).to.contain(id)
      await reset()
    })

    it('lets a forced reload stand for the waiting one', async () => {
      const waiting = await lab.call('POST', `${raw}?skip_version=true`, other)
      await reset()
      const reload = await lab.call('GET', `${root}/reloads/${String(waiting.headers['reload-id'])}`)
      expect(at(reload.json, 'status')).to.equal('succeeded')
    })

    it('knows its reloads by id, and takes every id before the newest success for a success', async () => {
      const { headers } = await lab.call('POST', `${raw}?skip_version=true`, first)
      await ended(String(headers['reload-id']))
      const old = await lab.call('GET', `${root}/reloads/2020-01-01-1`)
      expect([old.status, old.json]).to.deep.equal([200, { id: '2020-01-01-1', status: 'succeeded' }])
      expect((await lab.call('GET', `${root}/reloads/2999-01-01-999`)).status).to.equal(404)
      expect((await lab.call('GET', `${root}/reloads/x`)).status).to.equal(400)
    })

    it('puts the last file that HAProxy started with back when a forced reload fails', async () => {
      const pid = await lab.workerPid()
      await lab.call('POST', `${raw}?skip_version=true&skip_reload=true`, other)
      expect(onDisk()).to.equal('other')
      const answer = await lab.call('POST', `${raw}?skip_version=true&force_reload=true`, unbindable)
      expect(answer.status).to.equal(400)
      expect(textAt(answer.json, 'message')).to.match(/^Reload failed: .*cannot bind socket/s)
      expect([onDisk(), await lab.workerPid()], 'not the file before, which was never loaded').to.deep.equal([
        'first',
        pid,
      ])
    })

    it('puts it back as well when a later reload fails', async () => {
      const answer = await lab.call('POST', `${raw}?skip_version=true`, unbindable)
      expect([answer.status, onDisk()]).to.deep.equal([202, 'unbindable'])
      const reload = await ended(String(answer.headers['reload-id']))
      expect(at(reload, 'status')).to.equal('failed')
      expect(textAt(reload, 'response')).to.contain('cannot bind socket')
      expect(onDisk()).to.equal('first')
    })

    it('does not put the second file back', async () => {
      const general = `${root}/storage/general/backends.cfg`
      const text = `${backends(lab)}bogus\n`
      const answer = await lab.upload('PUT', `${general}?force_reload=true`, { name: 'backends.cfg', text })
      expect([answer.status, lab.read('general/backends.cfg')]).to.deep.equal([400, text])
      await lab.upload('PUT', `${general}?force_reload=true`, { name: 'backends.cfg', text: backends(lab) })
    })
  })
}
