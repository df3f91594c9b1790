// The operator's commands over HAProxy's own Runtime API, on a real HAProxy: what it does with each line, and where a kept connection leads.

import { X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import { request, type IncomingMessage } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'

import { expect } from 'chai'
import fc from 'fast-check'

import { silentLog } from '../../operator/lib/log.ts'
import type { Command } from '../../operator/push/change.ts'
import { spareNames } from '../../operator/push/held.ts'
import { Secret } from '../../operator/model/secret.ts'
import { newIdentity, renewed, type Identity } from '../../operator/push/identity.ts'
import type { PodApi } from '../../operator/push/pod-api.ts'
import { podConnector } from '../../operator/push/pod-client.ts'
import { linesOf } from '../../operator/push/runtime-lines.ts'
import { runStages } from '../../operator/push/runtime.ts'
import { testIdentity, writePki } from '../../operator/push/testing/pki.ts'

import { createAuthority } from './authority.ts'
import { eventually, programs } from './lab.ts'
import { PushLab } from './push-lab.ts'

const [program] = programs()

describe('changing a pod by the Runtime API', function () {
  this.timeout(60_000)
  let lab: PushLab
  let api: PodApi
  let spare: string

  before(async () => {
    if (program === undefined) throw new Error('there is always the embedded API')
    const { cert, key } = await (await createAuthority()).issue('a.test')
    lab = await PushLab.start(program, {
      hosts: { 'a.test': { '/': '~a' } },
      backends: { a: ['127.1.0.1'] },
      certificates: { 'a.pem': cert + key },
      list: [['a.pem', ['a.test']]],
    })
    spare = spareNames('plain', lab.settings.spares.plain)[0] ?? ''
    api = lab.connect()
    api.runtime.renew()
    await eventually(async () => api.runtime.isOpen)
  })
  after(async () => {
    await api.close()
    await lab.stop()
  })

  // Nothing that these tests change may take the other way.
  const run = (...commands: readonly Command[]) => {
    const forbidden = () => Promise.reject(new Error('a call of the Data Plane API'))
    const calls = { addEntry: forbidden, replaceEntry: forbidden, deleteEntry: forbidden, addServer: forbidden }
    return runStages({ ...api, ...calls, readyServer: forbidden, deleteServer: forbidden }, [{ chains: [commands] }])
  }
  const connectAs = (identity: Identity) => podConnector(lab.settings, silentLog())('127.0.0.1', identity)
  // As the kubelet does; the Data Plane API is told.
  const mount = async (identity: Identity) => {
    writePki(lab.settings.pki, identity)
    lab.signalApi('SIGHUP')
    await sleep(200)
  }
  const serialIn = async ({ runtime }: PodApi) => {
    const [shown = ''] = await runtime.ask([`show ssl cert ${lab.settings.pki}/tls.crt`])
    return /^Serial: (\w+)$/m.exec(shown)?.[1]
  }
  const entries = async () => new Map((await api.listMap('tree.map'))?.map(({ key, value }) => [key, value]))

  it('entries come, change and go, and are what was sent, whatever characters pass', async () => {
    const characters = Array.from({ length: 0x5f }, (_, at) => String.fromCharCode(0x21 + at))
    const text = fc.string({ unit: fc.constantFrom(...characters), minLength: 1, maxLength: 30 })
    let sent = 0
    await fc.assert(
      fc.asyncProperty(text, text, text, async (end, value, other) => {
        const key = `@n.${end}`
        const entry = { kind: 'set-entry', map: 'tree.map', key, value, known: false } as const
        const changed = { ...entry, value: other, known: true }
        if ([entry, changed].some((command) => linesOf(command, '/maps') === undefined)) return
        sent += 1
        const before = await entries()
        await run(entry)
        expect(await entries()).to.deep.equal(new Map([...before, [key, value]]))
        await run(changed)
        expect(await entries()).to.deep.equal(new Map([...before, [key, other]]))
        await run({ kind: 'delete-entry', map: 'tree.map', key })
        expect(await entries()).to.deep.equal(before)
      }),
      { numRuns: 200 },
    )
    expect(sent).to.be.greaterThan(20)
  })

  it('an entry that is there already is not there twice', async () => {
    const entry = { kind: 'set-entry', map: 'tree.map', key: '@n.twice', value: 'one', known: false } as const
    await run(entry)
    await run({ ...entry, value: 'two' })
    expect((await api.listMap('tree.map'))?.filter(({ key }) => key === entry.key)).to.deep.equal([
      { key: entry.key, value: 'two' },
    ])
  })

  it('thousands of entries take several lines', async () => {
    const many = Array.from({ length: 2_000 }, (_, at) => `@many.${at}`)
    await run(...many.map((key) => ({ kind: 'set-entry', map: 'tree.map', key, value: 'v', known: false }) as const))
    const found = await entries()
    expect(many.filter((key) => found.get(key) !== 'v')).to.deep.equal([])
  })

  it('servers come and go, of either family', async () => {
    const put = (server: string, address: string) =>
      ({ kind: 'put-server', backend: spare, server, line: { address, port: 8080 } }) as const
    await run(put('four', '127.2.0.1'), put('six', '::1'))
    expect(
      (await api.listServers(spare))?.map(({ name, address, port, ready }) => [name, address, port, ready]),
    ).to.deep.equal([
      ['four', '127.2.0.1', 8080, true],
      ['six', '::1', 8080, true],
    ])
    const gone = (server: string) => ({ kind: 'delete-server', backend: spare, server }) as const
    await eventually(async () => (await run(gone('four'), gone('six'), gone('nobody'))).length === 0)
    expect(await api.listServers(spare)).to.deep.equal([])
  })

  // HAProxy closes them beside our lines: of twenty, fifteen were left when nobody asked twice.
  it('servers that have idle connections only go at once, nearly all of them', async () => {
    const [usual] = (await api.listServers('a')) ?? []
    const port = usual?.port ?? 0
    await api.runtime.ask([`set server a/${usual?.name} state maint`])
    let busy = 0
    try {
      for (let n = 2; n < 22; n += 1) {
        const server = { backend: 'a', server: `s${n}` }
        await run({ kind: 'put-server', ...server, line: { address: `127.1.0.${n}`, port } })
        expect(await statusOf(lab)).to.equal(200)
        busy += (await run({ kind: 'delete-server', ...server })).length
      }
      expect(busy).to.be.lessThan(8)
    } finally {
      await api.runtime.ask([`set server a/${usual?.name} state ready`])
    }
  })

  it('authorities of any size that a policy may name are taken, each time', async () => {
    const authorities = await Promise.all(Array.from({ length: 60 }, (_, n) => createAuthority(`ca-${n}`)))
    const pems = authorities.map(({ ca }) => `${ca.trim()}\n`)
    for (const kilobytes of [9, 10, 15, 20, 32, 64, 128, 256]) {
      const count = Math.ceil((kilobytes * 1024) / (pems[0] ?? '').length)
      const pem = Array.from({ length: count }, (_, n) => pems[n % pems.length]).join('')
      const put = { kind: 'put-authorities', file: `ca-${kilobytes}.pem`, pem } as const
      // A second time, as after a change that broke off.
      for (const known of [false, true, false]) await runStages(api, [{ chains: [[{ ...put, known }]] }])
      const [list = ''] = await api.runtime.ask(['show ssl ca-file'])
      expect(list).to.contain(`ca-${kilobytes}.pem - ${Math.min(count, pems.length)} certificate(s)`)
    }
  })

  it('a certificate that went and comes back at once takes no reload, though its file is still there', async () => {
    const pid = await api.runtime.ask(['show info']).then(pidOf)
    const authority = await createAuthority()
    for (const name of ['one.test', 'two.test']) {
      const { cert, key } = await authority.issue(name)
      const put = { kind: 'put-certificate', file: 'back.pem', pem: new Secret(cert + key), known: false } as const
      const entry = { file: 'back.pem', sni: [name] }
      const [list, file] = ['certificates-443.txt', 'back.pem']
      await runStages(api, [{ chains: [[put, { kind: 'add-list-entry', list, entry }]] }])
      await runStages(api, [
        {
          chains: [
            [
              { kind: 'delete-list-entry', list, file },
              { kind: 'delete-certificate', file },
            ],
          ],
        },
      ])
    }
    // The API's own reload, had it taken one, would come after a second.
    await sleep(1_500)
    expect(await api.isRunning()).to.equal(true)
    api.runtime.renew()
    await eventually(async () => api.runtime.isOpen)
    expect(await api.runtime.ask(['show info']).then(pidOf)).to.equal(pid)
  })

  it('what HAProxy refuses is done by the Data Plane API, or said in its words', async () => {
    const server = {
      kind: 'put-server',
      backend: spare,
      server: 'one',
      line: { address: '127.2.0.1', port: 80 },
    } as const
    await run(server)
    await runStages(api, [{ chains: [[{ ...server, line: { address: '127.2.0.2', port: 81 } }]] }])
    expect(await api.listServers(spare)).to.deep.equal([{ name: 'one', address: '127.2.0.2', port: 81, ready: true }])
    await run({ kind: 'delete-server', backend: spare, server: 'one' })
    const nowhere = runStages(api, [{ chains: [[{ ...server, backend: 'nowhere' }]] }])
    expect(await nowhere.then(String, String)).to.contain('nowhere')
  })

  it('connects again after a reload, to the process that is HAProxy then', async () => {
    const pid = () => api.runtime.ask(['show info']).then(pidOf)
    const before = await pid()
    lab.reloadFromOutside()
    // The old process keeps what it has accepted.
    await eventually(async () => (await api.isRunning()) && (await pid()) === before)
    await eventually(async () => {
      api.runtime.renew()
      await eventually(async () => api.runtime.isOpen)
      return (await pid()) !== before
    })
  })

  it('gives HAProxy a renewed certificate, and the one of a new authority, without a reload', async () => {
    const now = new Date()
    // Leaves of 90 days are renewed a month before they end.
    const former = await newIdentity('test/pod', new Date(now.getTime() - 61 * 86_400_000))
    await mount(former)
    lab.reloadFromOutside()
    const before = connectAs(former)
    await eventually(async () => {
      before.runtime.renew()
      await eventually(async () => before.runtime.isOpen)
      return (await serialIn(before)) === serialOf(former)
    })
    const pid = await before.runtime.ask(['show info']).then(pidOf)
    const leaf = await renewed(former, 'test/pod', now)
    const authority = await newIdentity('test/pod', now, former.authority.certificate)
    for (const next of [leaf, authority]) {
      await mount(next)
      const later = connectAs(next)
      try {
        later.runtime.renew()
        await eventually(async () => later.runtime.isOpen)
        expect(await later.runtime.ask(['show info']).then(pidOf)).to.equal(pid)
        expect(await serialIn(later)).to.equal(serialOf(next))
      } finally {
        await later.close()
      }
    }
    await before.close()
    await mount(testIdentity)
    lab.reloadFromOutside()
    await eventually(async () => {
      api.runtime.renew()
      await eventually(async () => api.runtime.isOpen)
      return (await serialIn(api)) === serialOf(testIdentity)
    })
  })

  it('connects by itself when HAProxy was started again', async () => {
    await lab.killHAProxy()
    await eventually(async () => !api.runtime.isOpen)
    await eventually(async () => api.runtime.isOpen)
    await run({ kind: 'set-entry', map: 'tree.map', key: '@n.new', value: 'v', known: false })
    expect((await entries()).get('@n.new')).to.equal('v')
  })
})

async function statusOf({ httpPort: port }: PushLab): Promise<number | undefined> {
  const visitor = request({ host: '127.0.0.1', port, headers: { host: 'a.test' }, agent: false }).end()
  const [answer]: IncomingMessage[] = await once(visitor, 'response')
  answer?.resume()
  return answer?.statusCode
}

function pidOf([info = '']: readonly string[]): string | undefined {
  return /^Pid: (\d+)$/m.exec(info)?.[1]
}

function serialOf({ server }: Identity): string {
  return new X509Certificate(server.certificate).serialNumber
}
