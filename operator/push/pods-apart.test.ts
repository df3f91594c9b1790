import { expect } from 'chai'
import { Registry } from 'prom-client'

import type { RenderedConfig } from '../model/rendered.ts'
import { Secret } from '../model/secret.ts'
import { silentLog } from '../lib/log.ts'

import { PodError } from './pod-api.ts'
import { PodWorker } from './pod.ts'
import { createPushMetrics } from './push-metrics.ts'
import { archiveFiles } from './state-archive.ts'
import { configOf, testSettings, type ConfigSpec } from './testing/configs.ts'
import { eventually } from './testing/eventually.ts'
import { FakePod } from './testing/fake-pod.ts'
import { usualTiming } from './timing.ts'

const base: ConfigSpec = { hosts: { 'a.example': { '/': 'n_a_80' } }, backends: { n_a_80: ['10.0.0.1'] } }
const more: ConfigSpec = { ...base, hosts: { ...base.hosts, 'b.example': { '/': 'n_a_80' } } }
const timing = { ...usualTiming, persist: 20, drift: 10, busyServers: 10, longestPause: 50 }

/** What one of two pods does when it is brought to `more`. */
const troubles: Readonly<Record<string, (pod: FakePod) => FakePod['before']>> = {
  'refuses one command out of many': () => (call, _, key) => {
    if (call === 'addEntry' && key === 'b.example/') throw new PodError(500, 'out of memory')
  },
  'does not answer one command out of many': () => {
    let times = 0
    return (call) => {
      times += call === 'addEntry' ? 1 : 0
      if (call === 'addEntry' && times === 1) throw new Error('socket hang up')
    }
  },
  'starts again in the middle': (pod) => {
    let times = 0
    return (call) => {
      times += call === 'addEntry' ? 1 : 0
      if (call === 'addEntry' && times === 1) pod.load()
    }
  },
}

describe('pods', () => {
  const workers: PodWorker[] = []
  afterEach(async () => {
    await Promise.all(workers.splice(0).map((worker) => worker.stop()))
  })

  function start(pod: FakePod, wanted: RenderedConfig): PodWorker {
    for (const { name, content } of archiveFiles(wanted, testSettings))
      pod.disk.set(name, content instanceof Secret ? content.reveal() : content)
    pod.load()
    const worker = new PodWorker(
      {
        name: 'pod',
        connect: () => pod.api(),
        isReady: () => true,
        settings: testSettings,
        timing,
        log: silentLog(() => {}),
        metrics: createPushMetrics(new Registry()),
        known: () => undefined,
        onFiles: () => {},
        onState: () => {},
        onReload: () => {},
      },
      wanted,
    )
    workers.push(worker)
    return worker
  }
  const has = ({ state }: PodWorker, { generation }: RenderedConfig) =>
    state.kind === 'programmed' && state.generation === generation
  const pathOf = (pod: FakePod) => pod.memory.maps.get('paths-80.map')?.get('b.example/')

  for (const [what, trouble] of Object.entries(troubles))
    it(`one that ${what} costs the other nothing, and ends the same`, async () => {
      const [good, bad] = [new FakePod(testSettings), new FakePod(testSettings)]
      const both = [start(good, configOf(base)), start(bad, configOf(base))]
      await eventually('base', () => both.every((worker) => has(worker, configOf(base))))
      bad.before = trouble(bad)
      const calls = good.calls.length
      for (const worker of both) worker.want(configOf(more))
      await eventually('all', () => both.every((worker) => has(worker, configOf(more))))
      expect([pathOf(good), pathOf(bad)]).to.deep.equal(['n_a_80', 'n_a_80'])
      expect(good.calls.slice(calls).filter((call) => call === 'addEntry').length).to.be.at.most(4)
      expect(good.reloads).to.equal(0)
    })
})
