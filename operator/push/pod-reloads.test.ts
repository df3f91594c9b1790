import { setTimeout as sleep } from 'node:timers/promises'

import { expect } from 'chai'
import { Registry } from 'prom-client'

import type { RenderedConfig } from '../model/rendered.ts'
import { Secret } from '../model/secret.ts'
import { silentLog } from '../lib/log.ts'

import { PodWorker } from './pod.ts'
import { createPushMetrics } from './push-metrics.ts'
import type { Reloaded } from './reloads.ts'
import { archiveFiles } from './state-archive.ts'
import { configOf, testSettings, type ConfigSpec } from './testing/configs.ts'
import { eventually } from './testing/eventually.ts'
import { FakePod } from './testing/fake-pod.ts'
import { type Timing, usualTiming } from './timing.ts'

const base: ConfigSpec = { hosts: { 'a.example': { '/': 'n_a_80' } }, backends: { n_a_80: ['10.0.0.1'] } }
/** With these header names, and with a host for each. */
const withHeaders = (...names: readonly string[]): RenderedConfig =>
  configOf({
    ...base,
    hosts: Object.fromEntries([
      ...Object.entries(base.hosts),
      ...names.map((name) => [`${name}.example`, { '/': 'n_a_80' }]),
    ]),
    reasons: ['port 80', 'port 443', ...names.map((name) => `header ${name}`)],
  })
/** No reload is due before the test is over, unless it waits for nothing. */
const never: Partial<Timing> = { reloadGather: 60_000, reloadPause: 60_000 }

describe('pod: reloads', () => {
  let pod: FakePod
  let isReady: boolean
  let seen: Reloaded[]
  let worker: PodWorker | undefined

  beforeEach(() => {
    pod = new FakePod(testSettings)
    isReady = true
    seen = []
    for (const { name, content } of archiveFiles(configOf(base), testSettings))
      pod.disk.set(name, content instanceof Secret ? content.reveal() : content)
    pod.load()
  })
  afterEach(() => worker?.stop())

  async function started(timing: Partial<Timing>): Promise<PodWorker> {
    worker = new PodWorker(
      {
        name: 'gw-1',
        connect: () => pod.api(),
        isReady: () => isReady,
        settings: testSettings,
        timing: { ...usualTiming, persist: 20, drift: 10, ...timing },
        log: silentLog(),
        metrics: createPushMetrics(new Registry()),
        known: () => undefined,
        onFiles: () => {},
        onState: () => {},
        onReload: (reloaded) => seen.push(reloaded),
      },
      configOf(base),
    )
    await brought(worker, configOf(base))
    return worker
  }
  const brought = (bringing: PodWorker, { generation }: RenderedConfig) =>
    eventually(`generation ${generation}`, () => {
      const { state } = bringing
      return state.kind === 'programmed' && state.generation === generation
    })

  it('many header names one after the other are few reloads, and the newest is there at the end', async () => {
    const bringing = await started({ reloadGather: 20, reloadPause: 150 })
    const names = Array.from({ length: 20 }, (_, n) => `x-${n}`)
    for (const [n] of names.entries()) {
      bringing.want(withHeaders(...names.slice(0, n + 1)))
      await sleep(5)
    }
    await brought(bringing, withHeaders(...names))
    expect(pod.reloads).to.be.within(1, 4)
    expect(seen.at(-1)?.wanted.generation).to.equal(withHeaders(...names).generation)
  })

  it('tell what for, of which pod and how long it took', async () => {
    const bringing = await started({ reloadGather: 0 })
    bringing.want(withHeaders('x-a'))
    await brought(bringing, withHeaders('x-a'))
    expect(seen).to.have.length(1)
    expect(seen[0]).to.deep.include({
      pod: 'gw-1',
      wasReady: true,
      reload: { kind: 'reload', cause: 'machine', reasons: ['header x-a'] },
    })
    expect(seen[0]?.milliseconds).to.be.within(0, 5000)
  })

  it('what takes none any more is brought at once', async () => {
    const bringing = await started(never)
    bringing.want(withHeaders('x-a'))
    await sleep(20)
    const other = configOf({ ...base, hosts: { ...base.hosts, 'b.example': { '/': 'n_a_80' } } })
    bringing.want(other)
    await brought(bringing, other)
    expect(pod.reloads).to.equal(0)
  })

  it('the same as before again leaves the pod as it is, and the worker at rest', async () => {
    const bringing = await started({ ...never, reloadGather: 20, drift: 60_000, audit: 60_000 })
    bringing.want(withHeaders('x-a'))
    await sleep(5)
    bringing.want(configOf(base))
    const calls = pod.calls.length
    await sleep(60)
    expect(pod.reloads).to.equal(0)
    expect(pod.calls.length - calls).to.be.lessThan(5)
  })

  it('while one waits the pod is still watched', async () => {
    const bringing = await started(never)
    bringing.want(withHeaders('x-a'))
    const calls = pod.calls.length
    await eventually('looks', () => pod.calls.length > calls + 3)
    expect(pod.reloads).to.equal(0)
  })

  it('a pod that is not ready waits for nothing', async () => {
    const bringing = await started(never)
    isReady = false
    bringing.want(withHeaders('x-a'))
    await brought(bringing, withHeaders('x-a'))
    expect(seen.map(({ wasReady }) => wasReady)).to.deep.equal([false])
  })

  it('a refused one counts for the pause as well', async () => {
    const bringing = await started({ reloadGather: 0, reloadPause: 60_000, refused: 60_000 })
    pod.refusal = 'err msg="unknown keyword \'bogus\'" '
    bringing.want(withHeaders('x-bogus'))
    await eventually('rejected', () => bringing.state.kind === 'rejected')
    bringing.want(withHeaders('x-a'))
    await sleep(40)
    expect(pod.calls.filter((call) => call === 'reload')).to.have.length(1)
    expect(seen).to.deep.equal([])
  })

  it('connects to the Runtime API anew: a kept connection stays with the process that was there before', async () => {
    const bringing = await started({ reloadGather: 0, reloadPause: 0 })
    expect(pod.connections, 'when the pod was found').to.equal(1)
    bringing.want(withHeaders('a'))
    await brought(bringing, withHeaders('a'))
    expect([pod.reloads, pod.connections], 'after a reload').to.deep.equal([1, 2])
    bringing.reconnect()
    await eventually('another connection', () => pod.connections === 3)
  })
})
