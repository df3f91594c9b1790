import { expect } from 'chai'
import { Registry } from 'prom-client'

import type { RenderedConfig } from '../model/rendered.ts'
import { Secret } from '../model/secret.ts'
import { silentLog } from '../lib/log.ts'

import { parseMap } from './files.ts'
import { readMeta } from './held.ts'
import { PodWorker } from './pod.ts'
import { createPushMetrics } from './push-metrics.ts'
import { archiveFiles } from './state-archive.ts'
import { configOf, testSettings, type ConfigSpec } from './testing/configs.ts'
import { eventually } from './testing/eventually.ts'
import { FakePod } from './testing/fake-pod.ts'
import { quickTiming } from './testing/timing.ts'

const ports = ['port 80', 'port 443']
const names = ['header x-a', 'query parameter v', 'profile retry.2.500']
const bare: ConfigSpec = { hosts: { 'a.example': { '/': 'n_a_80' } }, backends: { n_a_80: ['10.0.0.1'] } }
const base: ConfigSpec = { ...bare, reasons: [...ports, ...names] }
/** The same routes and one more, so that it is another generation than any before. */
const routed = (n: number, reasons: readonly string[]): ConfigSpec => ({
  ...bare,
  hosts: { ...bare.hosts, [`${n}.example`]: { '/': 'n_a_80' } },
  reasons,
})

describe('pod: a machine that can do more than is wanted', () => {
  let pod: FakePod
  let worker: PodWorker | undefined
  let reasons: (readonly string[])[]

  beforeEach(() => {
    pod = new FakePod(testSettings)
    reasons = []
    for (const { name, content } of archiveFiles(configOf(base), testSettings))
      pod.disk.set(name, content instanceof Secret ? content.reveal() : content)
    pod.load()
  })
  afterEach(() => worker?.stop())

  async function start(spec: ConfigSpec): Promise<PodWorker> {
    await worker?.stop()
    worker = new PodWorker(
      {
        name: 'gw-1',
        connect: () => pod.api(),
        isReady: () => true,
        settings: testSettings,
        timing: { ...quickTiming, reloadGather: 0, reloadPause: 0 },
        log: silentLog(),
        metrics: createPushMetrics(new Registry()),
        known: () => undefined,
        onFiles: () => {},
        onState: () => {},
        onReload: ({ reload }) => reasons.push(reload.reasons),
      },
      configOf(spec),
    )
    await arrived(worker, configOf(spec))
    return worker
  }
  const arrived = (bringing: PodWorker, { generation }: RenderedConfig) =>
    eventually(`generation ${generation}`, () => {
      const { state } = bringing
      return state.kind === 'programmed' && state.generation === generation
    })
  const bring = async (bringing: PodWorker, spec: ConfigSpec): Promise<void> => {
    bringing.want(configOf(spec))
    await arrived(bringing, configOf(spec))
  }
  const onDisk = () => readMeta(parseMap(pod.disk.get('maps/meta.map') ?? ''))
  const written = (spec: ConfigSpec) =>
    eventually('files are written', () => onDisk().generation === configOf(spec).generation)

  it('is not loaded again when names and policies vanish, nor when they come back', async () => {
    const bringing = await start(base)
    await bring(bringing, routed(1, ports))
    await bring(bringing, routed(2, [...ports, 'header x-a']))
    await bring(bringing, routed(3, [...ports, ...names]))
    expect(reasons).to.deep.equal([])
  })

  it('is what the files beside it tell of, whatever is wanted', async () => {
    const bringing = await start(base)
    await bring(bringing, routed(1, ports))
    await written(routed(1, ports))
    expect(onDisk().machine.reasons).to.have.members([...ports, ...names])
    expect(pod.disk.get('haproxy.cfg')).to.equal(configOf(base).machine.text)
  })

  it('is known to an operator that starts again', async () => {
    await bring(await start(base), routed(1, ports))
    await bring(await start(routed(1, ports)), routed(2, [...ports, 'header x-a']))
    await bring(await start(routed(3, [...ports, 'query parameter v'])), routed(4, [...ports, ...names]))
    expect(reasons).to.deep.equal([])
  })

  it('is known after HAProxy started again', async () => {
    await bring(await start(base), routed(1, ports))
    await written(routed(1, ports))
    pod.load()
    await bring(await start(routed(1, ports)), routed(2, [...ports, 'header x-a']))
    expect(reasons).to.deep.equal([])
  })

  it('loses what nobody asks for with the next reload, which tells only what it is for', async () => {
    const bringing = await start(base)
    await bring(bringing, routed(1, ports))
    await bring(bringing, routed(2, [...ports, 'header x-new']))
    expect(reasons).to.deep.equal([['header x-new']])
    await bring(bringing, routed(3, [...ports, 'header x-a', 'header x-new']))
    expect(reasons).to.deep.equal([['header x-new'], ['header x-a']])
  })

  it('is still the one in the files when HAProxy refuses the next', async () => {
    const bringing = await start(base)
    await bring(bringing, routed(1, ports))
    await written(routed(1, ports))
    pod.refusal = 'err msg="unknown keyword" '
    bringing.want(configOf(routed(2, [...ports, 'header x-new'])))
    await eventually('rejected', () => bringing.state.kind === 'rejected')
    await bring(bringing, routed(1, ports))
    await written(routed(1, ports))
    expect(onDisk().machine.reasons).to.have.members([...ports, ...names])
    await bring(bringing, routed(3, [...ports, ...names]))
    expect(reasons).to.deep.equal([])
  })

  it('gives up a port at once', async () => {
    await bring(await start(base), routed(1, ['port 80', ...names]))
    expect(reasons).to.deep.equal([['port 443']])
  })
})
