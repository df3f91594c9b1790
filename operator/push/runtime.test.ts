import { expect } from 'chai'

import { spareNames } from './held.ts'
import { Secret } from '../model/secret.ts'

import { MemoryMarks } from './marks.ts'
import type { PodApi } from './pod-api.ts'
import { runStages } from './runtime.ts'
import { FakePod } from './testing/fake-pod.ts'
import { configOf, testSettings } from './testing/configs.ts'
import { archiveFiles } from './state-archive.ts'
import { quickTiming } from './testing/timing.ts'

const entry = { kind: 'set-entry', map: 'tree.map', key: '@n.1', value: 'a', known: false } as const
const server = {
  kind: 'put-server',
  backend: spareNames('plain', testSettings.spares.plain)[0] ?? '',
  server: 'one',
  line: { address: '10.0.0.1', port: 80 },
} as const

describe('commands by the Runtime API', () => {
  let pod: FakePod
  let asked: string[][]
  const withRuntime = (answer: (command: string) => string): PodApi => ({
    ...pod.api(),
    runtime: {
      isOpen: true,
      maps: '/gw/maps',
      ask: async (commands) => {
        asked.push([...commands])
        await Promise.resolve()
        return commands.map(answer)
      },
      renew: () => {},
    },
  })
  const good = (command: string) => (command.startsWith('add server') ? 'New server registered.' : '')

  beforeEach(() => {
    asked = []
    pod = new FakePod(testSettings)
    const config = configOf({ hosts: { 'a.example.com': { '/': '~a' } }, backends: { a: [] } })
    for (const { name, content } of archiveFiles(config, testSettings)) pod.disk.set(name, String(content))
    pod.load()
  })

  it('takes a way there and back for each stage, and no call', async () => {
    await runStages(withRuntime(good), [{ chains: [[server], [{ ...server, server: 'two' }]] }, { chains: [[entry]] }])
    expect(asked.map((commands) => commands.length)).to.deep.equal([4, 2])
    expect(pod.calls).to.deep.equal([])
  })

  it('leaves a stage with a certificate to the Data Plane API, and the next one not', async () => {
    await runStages(withRuntime(good), [
      { chains: [[{ kind: 'delete-certificate', file: 'none.pem' }, server]] },
      { chains: [[entry]] },
    ])
    expect(pod.calls).to.deep.equal(['deleteCertificate', 'addServer', 'readyServer'])
    expect(asked).to.have.length(1)
  })

  it('leaves to the Data Plane API what could be misread, with its chain and no other', async () => {
    const words = { ...entry, key: '@n.words', value: 'two words' }
    const chains = [[{ ...entry, key: '@n.before' }, words], [entry], [{ ...entry, key: '@n.2' }]]
    await runStages(withRuntime(good), [{ chains }])
    expect(asked.flat().filter((command) => command.startsWith('add'))).to.deep.equal([
      'add map /gw/maps/tree.map @n.1 a',
      'add map /gw/maps/tree.map @n.2 a',
    ])
    expect(pod.calls).to.deep.equal(['addEntry', 'addEntry'])
  })

  it('lets the Data Plane API do what was refused, before the next stage', async () => {
    const refusing = (command: string) =>
      command.startsWith('add server') ? 'Already exists a server with the same name in backend.' : ''
    await runStages(withRuntime(refusing), [{ chains: [[server]] }, { chains: [[entry]] }])
    expect(pod.calls).to.deep.equal(['addServer', 'readyServer'])
  })

  it('rejects when the Data Plane API refuses it too, and goes no further', async () => {
    const missing = { ...server, backend: 'nowhere' }
    const run = runStages(
      withRuntime(() => 'No such backend.'),
      [{ chains: [[missing]] }, { chains: [[entry]] }],
    )
    expect(await run.then(String, String)).to.contain('no backend nowhere')
    expect(asked).to.have.length(1)
  })

  it('names servers that still have connections', async () => {
    const inUse = (command: string) =>
      command.startsWith('del') ? 'Server still has connections attached to it, cannot remove it.' : ''
    const gone = { kind: 'delete-server', backend: 'b', server: 'one' } as const
    expect(await runStages(withRuntime(inUse), [{ chains: [[gone]] }])).to.deep.equal([gone])
  })

  it('asks once more when a server was to go: its idle connections end a moment after the line', async () => {
    let attempts = 0
    const idle = (command: string) => {
      if (!command.startsWith('del')) return ''
      attempts += 1
      return attempts === 1 ? 'Server still has connections attached to it, cannot remove it.' : 'Server deleted.'
    }
    const gone = { kind: 'delete-server', backend: 'b', server: 'one' } as const
    expect(await runStages(withRuntime(idle), [{ chains: [[gone]] }])).to.deep.equal([])
    expect(pod.calls).to.deep.equal([])
  })

  it('does not settle when the connection has led to another process than the Data Plane API', async () => {
    const marks = new MemoryMarks(quickTiming)
    await marks.during(pod.api(), async () => {})
    const word = `type=str, found=yes, value="${marks.boot}"`
    expect(
      await marks.settle(
        withRuntime(() => 'type=str, found=no'),
        'g1',
      ),
    ).to.equal(false)
    expect(
      await marks.settle(
        withRuntime(() => word),
        'g1',
      ),
    ).to.equal(true)
  })

  it('takes a certificate back whose file is still there, though memory has it no more', async () => {
    const put = { kind: 'put-certificate', file: 'c.pem', pem: new Secret('one'), known: false } as const
    await runStages(pod.api(), [{ chains: [[put]] }])
    await runStages(pod.api(), [{ chains: [[{ kind: 'delete-certificate', file: 'c.pem' }]] }])
    await runStages(pod.api(), [{ chains: [[{ ...put, pem: new Secret('two') }]] }])
    expect([pod.memory.certificates.get('c.pem'), pod.disk.get('ssl/c.pem')]).to.deep.equal(['two', 'two'])
  })
})
