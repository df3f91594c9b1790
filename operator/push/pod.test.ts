import { expect } from 'chai'
import { Registry } from 'prom-client'

import type { RenderedConfig } from '../model/rendered.ts'
import { Secret } from '../model/secret.ts'
import { silentLog } from '../lib/log.ts'

import { PodError } from './pod-api.ts'
import { PodWorker } from './pod.ts'
import { createPushMetrics } from './push-metrics.ts'
import { Reloads } from './reloads.ts'
import { archiveFiles } from './state-archive.ts'
import { configOf, testSettings, type ConfigSpec } from './testing/configs.ts'
import { eventually } from './testing/eventually.ts'
import { FakePod, storedGeneration } from './testing/fake-pod.ts'
import { quickTiming } from './testing/timing.ts'
import type { Timing } from './timing.ts'

const base: ConfigSpec = { hosts: { 'a.example': { '/': 'n_a_80' } }, backends: { n_a_80: ['10.0.0.1'] } }
const more: ConfigSpec = {
  hosts: { ...base.hosts, 'b.example': { '/': 'n_b_80' } },
  backends: { ...base.backends, n_b_80: ['10.0.0.2'] },
}
const most: ConfigSpec = { hosts: { ...more.hosts, 'c.example': { '/': 'n_b_80' } }, backends: more.backends }

const quick: Timing = { ...quickTiming, longestPause: 100 }

describe('pod', () => {
  let pod: FakePod
  let known: RenderedConfig[]
  let lines: string[]
  let registry: Registry
  const workers: PodWorker[] = []

  beforeEach(() => {
    pod = new FakePod(testSettings)
    known = []
    lines = []
    registry = new Registry()
  })
  afterEach(async () => {
    await Promise.all(workers.splice(0).map((worker) => worker.stop()))
  })

  function start(wanted: RenderedConfig, timing: Partial<Timing> = {}): PodWorker {
    const log = silentLog((_, message, fields) => lines.push(`${message} ${JSON.stringify(fields)}`))
    const metrics = createPushMetrics(registry)
    const reloads = new Reloads({ log, metrics, onNews: () => {} })
    const worker = new PodWorker(
      {
        name: 'gw-1',
        connect: () => pod.api(),
        isReady: () => true,
        settings: testSettings,
        timing: { ...quick, ...timing },
        log,
        metrics,
        known: (generation) => known.find((config) => config.generation === generation),
        onFiles: () => {},
        onState: () => {},
        onReload: (reloaded) => reloads.add(reloaded),
      },
      wanted,
    )
    workers.push(worker)
    return worker
  }
  const has = (worker: PodWorker, { generation }: RenderedConfig) =>
    worker.state.kind === 'programmed' && worker.state.generation === generation
  const brought = (worker: PodWorker, config: RenderedConfig) =>
    eventually(`generation ${config.generation}`, () => has(worker, config))
  const writes = () => pod.calls.filter((call) => !/^(read|list)/.test(call))

  function holding(config: RenderedConfig): void {
    for (const { name, content } of archiveFiles(config, testSettings))
      pod.disk.set(name, content instanceof Secret ? content.reveal() : content)
    pod.load()
  }
  const pathOf = (host: string) => pod.memory.maps.get('paths-80.map')?.get(`${host}/`)

  it('a pod in step is left alone', async () => {
    holding(configOf(base))
    await brought(start(configOf(base)), configOf(base))
    expect(writes()).to.deep.equal([])
  })

  it('a pod that started from older files is brought there without a reload', async () => {
    holding(configOf(base))
    await brought(start(configOf(more)), configOf(more))
    expect(pod.reloads).to.equal(0)
    expect(pathOf('b.example')).to.equal('spare0001')
    expect(pod.memory.backends.get('spare0001')?.get('10-0-0-2_80')?.ready).to.equal(true)
  })

  it('another machine takes files and one reload, logged and counted with its reason', async () => {
    known = [configOf(base)]
    holding(configOf(base))
    const wanted = configOf({ ...more, reasons: ['port 80', 'port 443', 'port 8080'] })
    await brought(start(wanted), wanted)
    expect(pod.reloads).to.equal(1)
    expect(pathOf('b.example')).to.equal('n_b_80')
    expect(lines.join()).to.include('port 8080')
    expect(await registry.metrics()).to.include('haproxy_gateway_reloads_total{reason="port"} 1')
  })

  it('what was changed at run time is in the files soon after, under its own names', async () => {
    holding(configOf(base))
    const worker = start(configOf(base))
    worker.want(configOf(more))
    await eventually('persisted', () => storedGeneration(pod) === configOf(more).generation)
    expect(pod.disk.get('maps/paths-80.map')).to.include('b.example/ n_b_80')
    expect(pod.reloads).to.equal(0)
  })

  describe('changes that never end', () => {
    /** From now on, whenever a change has begun, another one is wanted. */
    async function busy(onChange: (count: number) => void = () => {}): Promise<void> {
      holding(configOf(base))
      const worker = start(configOf(base))
      await brought(worker, configOf(base))
      let count = 0
      pod.before = async (call, map = '') => {
        if (call !== 'addEntry' || map !== 'hosts-80.map') return
        count += 1
        worker.want(configOf({ ...most, hosts: { ...most.hosts, [`${count}.example`]: { '/': 'n_b_80' } } }))
        await new Promise((resolve) => setTimeout(resolve, 1))
        onChange(count)
      }
      worker.want(configOf(most))
    }

    it('are in the files as soon as others', async () => {
      await busy()
      await eventually('persisted', () => pod.disk.get('maps/hosts-80.map')?.includes('c.example/') === true)
    })

    it('are no failure for which a later one waits longer', async () => {
      await busy((count) => {
        if (count < 3 || count === 10) throw new Error('other side closed')
      })
      const attempts = () => lines.flatMap((line) => /attempt":(\d+)/.exec(line)?.slice(1) ?? [])
      await eventually('failed again', () => attempts().length >= 3)
      expect(attempts().slice(0, 3)).to.deep.equal(['1', '2', '1'])
    })
  })

  it('a HAProxy that loaded its files again is noticed even when they hold the same generation', async () => {
    holding(configOf(base))
    const worker = start(configOf(more))
    await eventually('persisted', () => storedGeneration(pod) === configOf(more).generation)
    pod.load()
    await eventually('noticed', () => lines.some((line) => line.includes('lost its state')))
    worker.want(configOf(most))
    await eventually('brought', () => pathOf('c.example') === 'n_b_80')
    await brought(worker, configOf(most))
    expect(pod.memory.backends.get('spare0001')?.size).to.equal(0)
  })

  it('a HAProxy that lost everything gets everything again', async () => {
    holding(configOf(base))
    const worker = start(configOf(base))
    await brought(worker, configOf(base))
    pod.disk.clear()
    pod.load()
    pod.memory.maps.clear()
    await eventually('repaired', () => pathOf('a.example') === 'n_a_80')
    expect(pod.reloads).to.equal(1)
  })

  it('a restart in the middle of a change is repaired, never believed', async () => {
    holding(configOf(base))
    pod.before = (call, map = '') => {
      if (call !== 'addEntry' || map !== 'hosts-80.map') return
      pod.before = () => {}
      pod.load()
    }
    const worker = start(configOf(most))
    await brought(worker, configOf(most))
    expect(pathOf('b.example')).to.equal('spare0001')
    expect(pathOf('c.example')).to.equal('spare0001')
    expect(pod.memory.backends.get('spare0001')?.size).to.equal(1)
    expect(pod.reloads).to.equal(0)
  })

  for (const failing of ['addServer', 'readyServer', 'addEntry', 'replaceEntry', 'readEntry'])
    it(`a connection that breaks at ${failing} leads to a look at what is there, and then on`, async () => {
      holding(configOf(base))
      let broken = 0
      pod.before = (call) => {
        if (call !== failing || broken > 1) return
        broken += 1
        throw new Error('other side closed')
      }
      await brought(start(configOf(most), { drift: 1000 }), configOf(most))
      expect(broken).to.be.greaterThan(0)
      expect(pathOf('c.example')).to.equal('spare0001')
      expect(pod.reloads).to.equal(0)
    })

  it('after a change that broke off, what the pod says of its generation is not believed', async () => {
    known = [configOf(base), configOf(more)]
    holding(configOf(base))
    const worker = start(configOf(more))
    await brought(worker, configOf(more))
    const isApplied = () => pod.memory.maps.get('hosts-80.map')?.has('c.example/') === true
    pod.before = async (call, _, key = '') => {
      if (call !== 'replaceEntry' || key !== '@gen') return
      pod.before = () => {}
      await eventually('the change is there, its mark is not', isApplied)
      worker.want(configOf(more))
      throw new Error('other side closed')
    }
    worker.want(configOf(most))
    await eventually('undone', () => pod.before.length === 0 && !isApplied())
    expect(pathOf('c.example')).to.equal(undefined)
  })

  it('entries that only pad a map are left where they are', async () => {
    holding(configOf(base))
    pod.memory.maps.get('paths-80.map')?.set('@pad0', 'xxx')
    pod.memory.maps.get('meta.map')?.set('@gen', 'unknown')
    await brought(start(configOf(base)), configOf(base))
    expect(pod.calls).to.not.include('deleteEntry')
  })

  it('changes at run time that are refused again and again end in a reload', async () => {
    holding(configOf(base))
    pod.before = (call) => {
      if (call === 'addServer') throw new PodError(404, 'no such backend')
    }
    await brought(start(configOf(more)), configOf(more))
    expect(pod.reloads).to.equal(1)
    expect(pathOf('b.example')).to.equal('n_b_80')
  })

  it("a refused configuration leaves HAProxy and its files as they were, and tells HAProxy's words", async () => {
    known = [configOf(base)]
    holding(configOf(base))
    const worker = start(configOf(base), { refused: 60_000 })
    await brought(worker, configOf(base))
    pod.refusal =
      'validation error: err msg="[/gw/dpapi/tx/haproxy.cfg.23dafed3-bf2a-40d4:7] unknown keyword \'bogus\'" '
    worker.want(configOf({ ...more, reasons: ['port 81'] }))
    await eventually('rejected', () => worker.state.kind === 'rejected')
    expect(worker.state).to.include({ message: "[haproxy.cfg:7] unknown keyword 'bogus'" })
    expect(storedGeneration(pod)).to.equal(configOf(base).generation)
    expect(pod.disk.get('general/backends.cfg')).to.not.include('n_b_80')
    expect(pod.calls).to.include('dropFailedTransactions')
    expect(pod.calls.filter((call) => call === 'reload')).to.have.length(1)

    worker.want(configOf(more))
    await brought(worker, configOf(more))
    expect(pod.reloads).to.equal(0)
  })

  it('only the newest of what came meanwhile is brought', async () => {
    holding(configOf(base))
    const gate = Promise.withResolvers<void>()
    pod.before = (call) => (call === 'addServer' ? gate.promise : undefined)
    const worker = start(configOf(more), { drift: 1000 })
    await eventually('began', () => pod.calls.includes('addServer'))
    worker.want(configOf({ ...most, hosts: { ...most.hosts, 'skipped.example': { '/': 'n_b_80' } } }))
    worker.want(configOf(most))
    gate.resolve()
    await brought(worker, configOf(most))
    expect(pod.calls.filter((call) => call === 'addEntry')).to.have.length(2 + 4)
    expect(pathOf('skipped.example')).to.equal(undefined)
  })

  it('a server with connections is deleted later, and holds up nothing', async () => {
    holding(configOf(base))
    pod.busyServers.add('10-0-0-1_80')
    const worker = start(configOf({ ...base, backends: { n_a_80: ['10.0.0.3'] } }))
    await brought(worker, configOf({ ...base, backends: { n_a_80: ['10.0.0.3'] } }))
    expect(pod.memory.backends.get('n_a_80')?.get('10-0-0-1_80')?.ready).to.equal(false)
    pod.busyServers.clear()
    await eventually('deleted', () => pod.memory.backends.get('n_a_80')?.has('10-0-0-1_80') === false)
  })

  it('a server that is wanted again while it drains is not deleted', async () => {
    holding(configOf(base))
    pod.busyServers.add('10-0-0-1_80')
    const other = configOf({ ...base, backends: { n_a_80: ['10.0.0.3'] } })
    const worker = start(other)
    await brought(worker, other)
    worker.want(configOf(base))
    await brought(worker, configOf(base))
    pod.busyServers.clear()
    const looks = pod.calls.length
    await eventually('looked again', () => pod.calls.length > looks + 3)
    expect(pod.memory.backends.get('n_a_80')?.get('10-0-0-1_80')?.ready).to.equal(true)
  })

  it('a certificate is replaced at once, and its file goes only when no list names it', async () => {
    const secure = (files: Readonly<Record<string, string>>): ConfigSpec => ({
      ...base,
      certificates: files,
      list: Object.keys(files).map((file) => [file, []]),
    })
    holding(configOf(secure({ 'a.pem': 'A', 'b.pem': 'B' })))
    const wanted = configOf(secure({ 'a.pem': 'A2' }))
    pod.before = (call) => {
      if (call !== 'deleteCertificateFile') return
      expect(pod.disk.get('ssl/certificates-443.txt')).to.not.include('b.pem')
    }
    await brought(start(wanted), wanted)
    expect(pod.disk.get('ssl/a.pem')).to.equal('A2')
    await eventually('file gone', () => !pod.disk.has('ssl/b.pem'))
    expect(pod.reloads).to.equal(0)
  })

  it('stopping does not wait for a pod that does not answer', async () => {
    holding(configOf(base))
    const hung = Promise.withResolvers<void>()
    pod.before = () => hung.promise
    const worker = start(configOf(base))
    const stopped = worker.stop()
    // What closing the connections does to a real call.
    hung.reject(new Error('closed'))
    await stopped
    expect(worker.state.kind).to.equal('waiting')
  })
})
