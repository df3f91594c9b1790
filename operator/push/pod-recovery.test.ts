import { expect } from 'chai'
import { Registry } from 'prom-client'

import type { RenderedConfig } from '../model/rendered.ts'
import { Secret } from '../model/secret.ts'
import { silentLog } from '../lib/log.ts'

import { HAProxyDown, PodError } from './pod-api.ts'
import { PodWorker } from './pod.ts'
import { createPushMetrics, type PushMetrics } from './push-metrics.ts'
import { Reloads } from './reloads.ts'
import { archiveFiles } from './state-archive.ts'
import { configOf, testSettings, type ConfigSpec } from './testing/configs.ts'
import { eventually } from './testing/eventually.ts'
import { FakePod } from './testing/fake-pod.ts'
import { quickTiming } from './testing/timing.ts'
import type { Timing } from './timing.ts'

const base: ConfigSpec = { hosts: { 'a.example': { '/': 'n_a_80' } }, backends: { n_a_80: ['10.0.0.1'] } }
const more: ConfigSpec = {
  hosts: { ...base.hosts, 'b.example': { '/': 'n_b_80' } },
  backends: { ...base.backends, n_b_80: ['10.0.0.2'] },
}
const other: ConfigSpec = {
  hosts: { ...base.hosts, 'c.example': { '/': 'n_c_80' } },
  backends: { ...base.backends, n_c_80: ['10.0.0.3'] },
}

const quick: Timing = { ...quickTiming, down: 1, longestPause: 2, warning: 60_000 }

describe('pod: whatever goes wrong', () => {
  let pod: FakePod
  let lines: string[]
  let isReady: boolean
  let registry: Registry
  let metrics: PushMetrics
  const workers: PodWorker[] = []

  beforeEach(() => {
    pod = new FakePod(testSettings)
    lines = []
    isReady = true
    registry = new Registry()
    metrics = createPushMetrics(registry)
    for (const { name, content } of archiveFiles(configOf(base), testSettings))
      pod.disk.set(name, content instanceof Secret ? content.reveal() : content)
    pod.load()
  })
  afterEach(async () => {
    await Promise.all(workers.splice(0).map((worker) => worker.stop()))
  })

  function start(wanted: ConfigSpec, timing: Partial<Timing> = {}): PodWorker {
    const log = silentLog((level, message, fields) => lines.push(`${level} ${message} ${JSON.stringify(fields)}`))
    const reloads = new Reloads({ log, metrics, onNews: () => {} })
    const worker = new PodWorker(
      {
        name: 'gw-1',
        connect: () => pod.api(),
        isReady: () => isReady,
        settings: testSettings,
        timing: { ...quick, ...timing },
        log,
        metrics,
        known: () => undefined,
        onFiles: () => {},
        onState: () => {},
        onReload: (reloaded) => reloads.add(reloaded),
      },
      configOf(wanted),
    )
    workers.push(worker)
    return worker
  }
  const has = (worker: PodWorker, { generation }: RenderedConfig) =>
    worker.state.kind === 'programmed' && worker.state.generation === generation
  const bring = async (worker: PodWorker, spec: ConfigSpec) => {
    worker.want(configOf(spec))
    await eventually(`generation of ${Object.keys(spec.hosts).join()}`, () => has(worker, configOf(spec)))
  }
  const pathOf = (host: string) => pod.memory.maps.get('paths-80.map')?.get(`${host}/`)
  const serversOf = (backend: string) =>
    [...(pod.memory.backends.get(backend)?.values() ?? [])].map(
      ({ address, ready }) => `${address}${ready ? '' : ' in maintenance'}`,
    )

  it('a Service that comes back to the spare where its server still drains has it ready again', async () => {
    const worker = start(base, { busyServers: 60_000 })
    pod.busyServers.add('10-0-0-2_80')
    for (let round = 0; round < 4; round += 1) {
      await bring(worker, more)
      expect(pathOf('b.example')).to.equal('spare0001')
      expect(serversOf('spare0001')).to.deep.equal(['10.0.0.2'])
      await bring(worker, base)
      expect(serversOf('spare0001')).to.deep.equal(['10.0.0.2 in maintenance'])
    }
    expect(lines.filter((line) => !line.startsWith('info'))).to.deep.equal([])
    expect(pod.reloads).to.equal(0)
  })

  it('a draining server that is wanted again is not deleted by the attempt that was pending', async () => {
    const worker = start(base)
    pod.busyServers.add('10-0-0-2_80')
    for (let round = 0; round < 4; round += 1) {
      await bring(worker, more)
      await bring(worker, base)
    }
    await bring(worker, more)
    const backend = pathOf('b.example') ?? ''
    pod.busyServers.clear()
    await eventually('the others are gone', () =>
      ['spare0001', 'spare0002', 'spare0003'].every((spare) => spare === backend || serversOf(spare).length === 0),
    )
    expect(serversOf(backend)).to.deep.equal(['10.0.0.2'])
  })

  it('a server of this name that somebody left behind gets address and state', async () => {
    pod.memory.backends.get('spare0001')?.set('10-0-0-2_80', {
      name: '10-0-0-2_80',
      address: '10.9.9.9',
      port: 1,
      ready: false,
    })
    await bring(start(base), more)
    expect(pod.memory.backends.get('spare0001')?.get('10-0-0-2_80')).to.deep.equal({
      name: '10-0-0-2_80',
      address: '10.0.0.2',
      port: 80,
      ready: true,
    })
  })

  it('an operator that starts again sees what drains, and deletes it in the end', async () => {
    const first = start(base, { busyServers: 60_000 })
    pod.busyServers.add('10-0-0-2_80')
    await bring(first, more)
    await bring(first, base)
    await first.stop()
    const second = start(other, { busyServers: 10 })
    await bring(second, other)
    expect(serversOf('spare0001')).to.include('10.0.0.2 in maintenance')
    pod.busyServers.clear()
    await eventually('deleted', () => !serversOf('spare0001').some((server) => server.startsWith('10.0.0.2')))
    expect(pod.reloads).to.equal(0)
  })

  it('a change that broke off never leaves its servers to the next Service in the same spare', async () => {
    const worker = start(base)
    await bring(worker, base)
    pod.before = async (call, map = '', key = '') => {
      if (call !== 'addEntry' || map !== 'meta.map' || key !== '@be.spare0001') return
      pod.before = () => {}
      worker.want(configOf(other))
      await eventually('the server is there', () => serversOf('spare0001').includes('10.0.0.2'))
      throw new Error('other side closed')
    }
    worker.want(configOf(more))
    await eventually('broke off', () => lines.some((line) => line.includes('other side closed')))
    await bring(worker, other)
    expect(serversOf(pathOf('c.example') ?? '')).to.deep.equal(['10.0.0.3'])
    expect(serversOf('spare0001')).to.deep.equal([])
  })

  it('after a change that broke off only those spares are asked for servers that can have some', async () => {
    const worker = start(base)
    await bring(worker, base)
    const asked: string[] = []
    pod.before = (call, backend = '', server = '') => {
      if (call === 'listServers') asked.push(backend)
      if (call !== 'readyServer' || server !== '10-0-0-2_80' || asked.length > 0) return
      throw new Error('other side closed')
    }
    await bring(worker, more)
    expect(asked).to.include('spare0001').and.to.not.include('spare0002')
    expect(serversOf('spare0001')).to.deep.equal(['10.0.0.2'])
  })

  it('a certificate that went back before its change was known is put back', async () => {
    const secure = (pem: string): ConfigSpec => ({ ...base, certificates: { 'a.pem': pem }, list: [['a.pem', []]] })
    const worker = start(secure('1'))
    await bring(worker, secure('1'))
    pod.before = (call, map = '', key = '') => {
      if (call !== 'addEntry' || map !== 'meta.map' || key !== '@crt.a.pem') return
      pod.before = () => {}
      worker.want(configOf(secure('1')))
      throw new Error('other side closed')
    }
    worker.want(configOf(secure('2')))
    await eventually('broke off', () => pod.calls.includes('putCertificate') && pod.disk.get('ssl/a.pem') === '2')
    await eventually('put back', () => pod.memory.certificates.get('a.pem') === '1')
    await bring(worker, secure('1'))
  })

  it('a certificate whose file is ahead of the others is not believed by a HAProxy that loads it', async () => {
    const secure = (pem: string): ConfigSpec => ({ ...base, certificates: { 'a.pem': pem }, list: [['a.pem', []]] })
    const worker = start(secure('1'), { persist: 60_000 })
    await bring(worker, secure('1'))
    await bring(worker, secure('2'))
    await worker.stop()
    pod.load()
    await bring(start(secure('1')), secure('1'))
    expect(pod.memory.certificates.get('a.pem')).to.equal('1')
    expect(pod.disk.get('ssl/a.pem')).to.equal('1')
  })

  it('a certificate whose file is ahead goes back in its file as well when a reload brings the one before', async () => {
    const secure = (pem: string): ConfigSpec => ({ ...base, certificates: { 'a.pem': pem }, list: [['a.pem', []]] })
    const worker = start(secure('1'), { persist: 60_000 })
    await bring(worker, secure('1'))
    await bring(worker, secure('2'))
    await bring(worker, { ...secure('1'), reasons: ['port 80', 'port 443', 'port 8080'] })
    expect(pod.disk.get('ssl/a.pem')).to.equal('1')
    expect(pod.memory.certificates.get('a.pem')).to.equal('1')
  })

  it('a HAProxy that started again between two changes is believed nothing of what the second left in it', async () => {
    const worker = start(base, { settle: 100, settleAtMost: 60_000, persist: 60_000 })
    const changes = () => lines.filter((line) => line.includes('changed at run time')).length
    await bring(worker, base)
    worker.want(configOf(more))
    await eventually('changed', () => changes() === 1)
    pod.load()
    worker.want(configOf(other))
    await eventually('changed again', () => changes() === 2)
    await bring(worker, other)
    const all = { hosts: { ...other.hosts, ...more.hosts }, backends: { ...other.backends, ...more.backends } }
    await bring(worker, all)
    expect(serversOf(pathOf('b.example') ?? '')).to.deep.equal(['10.0.0.2'])
    expect(serversOf(pathOf('c.example') ?? '')).to.deep.equal(['10.0.0.3'])
  })

  it('files of a refused configuration are not taken for what runs, whoever finds them', async () => {
    const wanted: ConfigSpec = { ...more, reasons: ['port 80', 'port 443', 'port 8080'] }
    pod.refusal = 'err msg="unknown keyword" '
    const first = start(wanted)
    await eventually('rejected', () => first.state.kind === 'rejected')
    await first.stop()
    pod.load()
    const second = start(wanted)
    await eventually('told', () => second.state.kind !== 'waiting')
    expect(second.state.kind).to.equal('rejected')
  })

  for (const [name, error] of [
    ['refused', new PodError(400, 'no')],
    ['not answered', new HAProxyDown()],
  ] as const)
    it(`a change that is ${name} again and again ends in a reload for reason unknown`, async () => {
      pod.before = (call) => {
        if (call === 'addServer') throw error
      }
      await bring(start(base), more)
      expect(pod.reloads).to.equal(1)
      expect(pathOf('b.example')).to.equal('n_b_80')
      expect(await registry.metrics()).to.include('haproxy_gateway_reloads_total{reason="unknown"} 1')
      expect(lines.filter((line) => line.startsWith('warn')).join('\n')).to.include(`"cause":"${error.message}"`)
    })

  it('a section whose reload got no answer is not taken for what its file says', async () => {
    const named = { ...base, named: ['n_a_80'] }
    const worker = start(base)
    await bring(worker, base)
    let failures = 0
    pod.before = (call) => {
      if (call !== 'reload' || failures > 0) return
      failures += 1
      throw new HAProxyDown()
    }
    worker.want(configOf({ ...named, reasons: ['port 80', 'port 443', 'port 8080'] }))
    await eventually('broke off', () => failures === 1)
    await bring(worker, named)
    expect(pod.reloads === 1 || pathOf('a.example') === 'spare.named0001').to.equal(true)
  })

  it('a pause that ends between two looks at the clock is not slept through', async () => {
    const clock = performance.now.bind(performance)
    let passed = 0
    performance.now = () => clock() + (passed += Math.random())
    try {
      let refusals = 0
      pod.before = () => {
        refusals += 1
        if (refusals < 100) throw new Error('connect ECONNREFUSED')
      }
      await bring(start(base), base)
    } finally {
      performance.now = clock
    }
  })

  it('a memory that cannot be read ends in a reload, but only of a HAProxy that runs', async () => {
    pod.before = (call, map = '') => {
      if (call === 'listMap' && map === 'paths-80.map' && pod.reloads === 0) throw new PodError(500, 'empty value')
      if (call === 'isRunning' && lines.length < 12) throw new HAProxyDown()
    }
    await bring(start(more), more)
    expect(lines.length).to.be.at.least(12)
    expect(pod.reloads).to.equal(1)
    expect(lines.join()).to.include('what a pod holds cannot be told')
  })

  it('when the files cannot be written either, both ways are tried in turn', async () => {
    let open = false
    pod.before = (call) => {
      if (call === 'addServer' && !open) throw new PodError(500, 'no')
      if (call === 'putFile') throw new PodError(500, 'disk full')
    }
    const worker = start(more)
    await eventually('tried', () => pod.calls.filter((call) => call === 'putFile').length > 1)
    open = true
    await bring(worker, more)
    expect(pod.reloads).to.equal(0)
  })

  it('warns at the third and the tenth failure, then now and again', async () => {
    pod.before = () => {
      throw new HAProxyDown()
    }
    const attempts = () => lines.filter((line) => line.includes('attempt'))
    const warnings = () =>
      attempts()
        .filter((line) => line.startsWith('warn'))
        .map((line) => Number(/"attempt":(\d+)/.exec(line)?.[1]))
    const worker = start(base)
    await eventually('failed often', () => attempts().length >= 15)
    expect(warnings()).to.deep.equal([3, 10])
    expect(worker.state).to.deep.include({ kind: 'waiting' })
    await worker.stop()
    lines.length = 0
    start(base, { warning: 0 })
    await eventually('failed often', () => warnings().length >= 5)
    expect(warnings().slice(0, 5)).to.deep.equal([3, 10, 11, 12, 13])
  }).timeout(10_000)

  it('a pod that is not ready is given time to start before anybody is warned', async () => {
    pod.before = () => {
      throw new HAProxyDown()
    }
    isReady = false
    const attempts = () => lines.filter((line) => line.includes('attempt'))
    const warnings = () => attempts().filter((line) => line.startsWith('warn'))
    const patient = start(base, { starting: 60_000, warning: 0 })
    await eventually('failed often', () => attempts().length >= 15)
    expect(warnings()).to.deep.equal([])
    isReady = true
    await eventually('warned', () => warnings().length > 0)
    await patient.stop()
    isReady = false
    lines.length = 0
    start(base, { starting: 1, warning: 0 })
    await eventually('warned', () => warnings().length > 0)
  }).timeout(10_000)
})
