import { expect } from 'chai'
import { Registry } from 'prom-client'

import { silentLog } from '../lib/log.ts'
import type { RenderedConfig } from '../model/rendered.ts'
import { Secret } from '../model/secret.ts'

import { auditPart } from './audit.ts'
import { freshlyLoaded } from './held.ts'
import { PodError } from './pod-api.ts'
import { PodWorker } from './pod.ts'
import { createPushMetrics } from './push-metrics.ts'
import { archiveFiles } from './state-archive.ts'
import { configOf, testSettings, type ConfigSpec } from './testing/configs.ts'
import { eventually } from './testing/eventually.ts'
import { FakePod, type Memory } from './testing/fake-pod.ts'
import { usualTiming } from './timing.ts'

const base: ConfigSpec = {
  hosts: { 'a.example': { '/': 'n_a_80' } },
  backends: { n_a_80: ['10.0.0.1'] },
  certificates: { 'a.pem': 'AAA', 'b.pem': 'BBB' },
  list: [
    ['a.pem', []],
    ['b.pem', ['b.example']],
  ],
}
const more: ConfigSpec = {
  ...base,
  hosts: { ...base.hosts, 'b.example': { '/': 'n_b_80' } },
  backends: { ...base.backends, n_b_80: ['10.0.0.2'] },
}
const timing = { ...usualTiming, persist: 20, settle: 5, settleAtMost: 20, drift: 5, audit: 5 }

describe('pod: what somebody else changed in its memory', () => {
  let pod: FakePod
  let registry: Registry
  let worker: PodWorker

  beforeEach(async () => {
    pod = new FakePod(testSettings)
    registry = new Registry()
    for (const { name, content } of archiveFiles(configOf(base), testSettings))
      pod.disk.set(name, content instanceof Secret ? content.reveal() : content)
    pod.load()
    worker = new PodWorker(
      {
        name: 'gw-1',
        connect: () => pod.api(),
        isReady: () => true,
        settings: testSettings,
        timing,
        log: silentLog(() => {}),
        metrics: createPushMetrics(registry),
        known: (generation) => [base, more].map(configOf).find((config) => config.generation === generation),
        onFiles: () => {},
        onState: () => {},
        onReload: () => {},
      },
      configOf(base),
    )
  })
  afterEach(() => worker.stop())

  const has = ({ generation }: RenderedConfig) =>
    worker.state.kind === 'programmed' && worker.state.generation === generation
  const drifts = async (): Promise<Readonly<Record<string, number>>> => {
    const metric = await registry.getSingleMetric('haproxy_gateway_drift_total')?.get()
    return Object.fromEntries((metric?.values ?? []).map(({ labels, value }) => [String(labels['part']), value]))
  }
  const mapped = (memory: Memory, map: string) => memory.maps.get(map) ?? expect.fail(map)

  const harm: readonly (readonly [string, string, (memory: Memory) => void, (memory: Memory) => boolean])[] = [
    [
      'an entry that is missing',
      'map',
      (memory) => mapped(memory, 'paths-80.map').delete('b.example/'),
      (memory) => mapped(memory, 'paths-80.map').get('b.example/') === 'spare0001',
    ],
    [
      'an entry with another value',
      'map',
      (memory) => mapped(memory, 'paths-80.map').set('a.example/', 'spare0001'),
      (memory) => mapped(memory, 'paths-80.map').get('a.example/') === 'n_a_80',
    ],
    [
      'an entry of nobody',
      'map',
      (memory) => mapped(memory, 'hosts-80.map').set('example.evil', 'a.example'),
      (memory) => !mapped(memory, 'hosts-80.map').has('example.evil'),
    ],
    [
      'a server in maintenance',
      'servers',
      (memory) => {
        for (const [name, server] of memory.backends.get('n_a_80') ?? [])
          memory.backends.get('n_a_80')?.set(name, { ...server, ready: false })
      },
      (memory) => [...(memory.backends.get('n_a_80')?.values() ?? [])].every(({ ready }) => ready),
    ],
    [
      'a server of nobody',
      'servers',
      (memory) =>
        memory.backends.get('spare0001')?.set('evil', { name: 'evil', address: '10.9.9.9', port: 1, ready: true }),
      (memory) => memory.backends.get('spare0001')?.has('evil') === false,
    ],
    [
      'a certificate that no list names any more',
      'certificates',
      (memory) => memory.lists.forEach((list) => list.splice(1)),
      (memory) => [...memory.lists.values()].every((list) => list.length === 2),
    ],
    [
      'an alias that is gone',
      'state',
      (memory) => mapped(memory, 'meta.map').delete('@be.spare0001'),
      (memory) =>
        mapped(memory, 'meta.map').get(`@be.${mapped(memory, 'paths-80.map').get('b.example/')}`) === 'n_b_80',
    ],
  ]
  for (const [what, part, damage, isRepaired] of harm)
    it(`${what} is found, counted and repaired without a reload`, async () => {
      worker.want(configOf(more))
      await eventually('brought', () => has(configOf(more)))
      expect(isRepaired(pod.memory), 'right before').to.equal(true)
      damage(pod.memory)
      expect(isRepaired(pod.memory), 'wrong now').to.equal(false)
      await eventually('repaired', () => isRepaired(pod.memory))
      await eventually('programmed', () => has(configOf(more)))
      expect((await drifts())[part]).to.be.greaterThan(0)
      expect(pod.reloads).to.equal(0)
    })

  it('a memory that is as it should be is never repaired, however often it is read', async () => {
    worker.want(configOf(more))
    await eventually('brought', () => has(configOf(more)))
    const seen = pod.calls.length
    await eventually(
      'read round and round',
      () => pod.calls.slice(seen).filter((call) => call === 'listMap').length > 30,
    )
    expect(await drifts()).to.deep.equal({})
    expect(pod.calls.slice(seen)).to.not.include('addEntry')
  })

  it('a part that cannot be read keeps nobody from the others', async () => {
    pod.before = (call) => {
      if (call === 'listListEntries') throw new PodError(404, 'no such list')
    }
    const seen = pod.calls.length
    await eventually('servers are asked for', () => pod.calls.slice(seen).includes('listServers'))
    expect(await drifts()).to.deep.equal({})
  })

  it('thousands of entries are compared in slices, beside everything else', async () => {
    const hosts = Object.fromEntries(Array.from({ length: 40_000 }, (_, n) => [`${n}.example`, { '/': 'n_a_80' }]))
    const config = configOf({ ...base, hosts })
    const entries = [...(config.maps.get('paths-80.map')?.values() ?? [])].flatMap((section) => section.entries)
    const api = { ...pod.api(), listMap: async () => entries }
    const held = { ...freshlyLoaded(config, testSettings), maps: new Map([...config.maps].slice(1, 2)) }
    let turns = 0
    const others = setInterval(() => (turns += 1), 0)
    try {
      expect(await auditPart(api, held, { step: 0, touched: new Set() })).to.equal(undefined)
    } finally {
      clearInterval(others)
    }
    expect(turns).to.be.greaterThan(1)
  })

  it('a change while a part is being read is no drift', async () => {
    pod.before = async (call) => {
      if (call === 'listMap') await new Promise((resolve) => setTimeout(resolve, 2))
    }
    for (let n = 0; n < 20; n += 1) {
      worker.want(configOf(n % 2 === 0 ? more : base))
      await eventually('brought', () => has(configOf(n % 2 === 0 ? more : base)))
    }
    expect(await drifts()).to.deep.equal({})
  })

  it('changes without a pause hide nothing that somebody else changed, and are no drift themselves', async () => {
    let [changes, isEnding] = [0, false]
    pod.before = async () => {
      if (!isEnding) changes += 1
      worker.want(configOf({ ...more, hosts: { ...more.hosts, 'c.example': { [`/${changes}`]: 'n_a_80' } } }))
      await new Promise((resolve) => setTimeout(resolve, 1))
    }
    worker.want(configOf(more))
    try {
      await eventually('many changes', () => changes > 300)
      expect(await drifts()).to.deep.equal({})
      mapped(pod.memory, 'paths-80.map').set('a.example/', 'spare0007')
      await eventually('repaired', () => mapped(pod.memory, 'paths-80.map').get('a.example/') === 'n_a_80')
      expect(await drifts()).to.deep.equal({ map: 1 })
    } finally {
      isEnding = true
    }
  })
})
