import { expect } from 'chai'
import { Registry } from 'prom-client'

import type { RenderedConfig } from '../model/rendered.ts'
import { udpConfigFile, udpStateFile } from '../model/udp.ts'
import { silentLog } from '../lib/log.ts'

import { allCommands, change } from './change.ts'
import { parseFiles } from './files.ts'
import { freshlyLoaded, loadedMachine } from './held.ts'
import { outcomeOf, type Judged } from './outcome.ts'
import { PodWorker } from './pod.ts'
import { createPushMetrics } from './push-metrics.ts'
import { archiveFiles } from './state-archive.ts'
import { configOf, testSettings, type ConfigSpec } from './testing/configs.ts'
import { eventually } from './testing/eventually.ts'
import { FakePod } from './testing/fake-pod.ts'
import { usualTiming } from './timing.ts'

const base: ConfigSpec = { hosts: {}, backends: {}, udp: 'one' }
const next: ConfigSpec = { ...base, udp: 'two' }

describe('udp: what nginx is to load', () => {
  let pod: FakePod
  let worker: PodWorker | undefined

  beforeEach(() => {
    pod = new FakePod(testSettings)
  })
  afterEach(async () => {
    await worker?.stop()
  })

  function start(wanted: RenderedConfig): PodWorker {
    worker = new PodWorker(
      {
        name: 'gw-1',
        connect: () => pod.api(),
        isReady: () => true,
        settings: testSettings,
        timing: { ...usualTiming, persist: 20, settle: 5, settleAtMost: 20, drift: 10 },
        log: silentLog(() => {}),
        metrics: createPushMetrics(new Registry()),
        known: () => undefined,
        onFiles: () => {},
        onState: () => {},
        onReload: () => {},
      },
      wanted,
    )
    return worker
  }
  function holding(config: RenderedConfig): void {
    for (const { name, content } of archiveFiles(config, testSettings)) pod.disk.set(name, String(content))
    pod.load()
  }
  const runs = ({ udp }: RenderedConfig, more = '') => pod.disk.set(udpStateFile, `${udp?.hash ?? ''}${more}\n`)
  const has = ({ state }: PodWorker, { generation }: RenderedConfig) =>
    state.kind === 'programmed' && state.generation === generation

  it('is in the archive that pods start from, and known from their files', () => {
    const config = configOf(base)
    const files = new Map(archiveFiles(config, testSettings).map(({ name, content }) => [name, String(content)]))
    expect(files.get(udpConfigFile)).to.equal(config.udp?.text)
    expect(parseFiles(files, testSettings).udp?.hash).to.equal(config.udp?.hash)
  })

  it('is one command and no reload of HAProxy; nothing at all when the last port went', () => {
    const held = freshlyLoaded(configOf(base), testSettings)
    const plan = change(held, configOf(next))
    const kinds = plan.kind === 'commands' ? allCommands(plan.stages).map(({ kind }) => kind) : []
    expect(kinds).to.deep.equal(['put-udp'])
    expect(change(held, configOf({ hosts: {}, backends: {} }))).to.deep.include({ kind: 'commands', stages: [] })
  })

  it('a pod is programmed when nginx runs it, and not before', async () => {
    holding(configOf(base))
    const started = start(configOf(base))
    await eventually('it waits', () => started.state.kind === 'waiting' && /UDP/.test(started.state.message))
    runs(configOf(base))
    await eventually('programmed', () => has(started, configOf(base)))
  })

  it('a change is written at once, without a reload of HAProxy; until nginx has it the pod counts with what it had', async () => {
    holding(configOf(base))
    runs(configOf(base))
    const started = start(configOf(base))
    await eventually('programmed', () => has(started, configOf(base)))
    started.want(configOf(next))
    await eventually('delivered', () => pod.disk.get(udpConfigFile) === configOf(next).udp?.text)
    expect(has(started, configOf(base))).to.equal(true)
    runs(configOf(next))
    await eventually('followed', () => has(started, configOf(next)))
    expect(pod.reloads).to.equal(0)
  })

  it('nginx’s words are told when it refuses', async () => {
    holding(configOf(base))
    runs(configOf(base))
    const started = start(configOf(base))
    await eventually('programmed', () => has(started, configOf(base)))
    started.want(configOf(next))
    runs(configOf(base), ` refused ${configOf(next).udp?.hash} host not found\n`)
    await eventually('told', () => started.state.kind === 'waiting' && started.state.message.includes('host not found'))
  })

  it('a pod whose nginx was started again with nothing is not programmed any more', async () => {
    holding(configOf(base))
    runs(configOf(base))
    const started = start(configOf(base))
    await eventually('programmed', () => has(started, configOf(base)))
    pod.disk.set(udpStateFile, '\n')
    await eventually('noticed', () => started.state.kind === 'waiting')
  })

  it('a file that differs from what a broken-off change left is written again', async () => {
    holding(configOf(base))
    pod.disk.set(udpConfigFile, '# other\nother\n')
    pod.memory.maps.get('meta.map')?.set('@gen', 'busy')
    runs(configOf(base))
    const started = start(configOf(base))
    await eventually('programmed', () => has(started, configOf(base)))
    expect(pod.disk.get(udpConfigFile)).to.equal(configOf(base).udp?.text)
  })

  it('a new UDP port is not programmed while pods have only the former ones', () => {
    const acknowledged = configOf(base)
    const changed = configOf(next)
    const rendered = changed.udp === undefined ? changed : { ...changed, udp: { ...changed.udp, ports: [53, 54] } }
    const judged: Omit<Judged, 'rendered'> = {
      workload: 'gw',
      trouble: undefined,
      deployment: undefined,
      service: { status: { loadBalancer: { ingress: [{ ip: '192.0.2.1' }] } }, spec: { type: 'LoadBalancer' } },
      pods: [
        {
          name: 'p',
          ready: true,
          state: { kind: 'programmed', generation: acknowledged.generation },
          machine: loadedMachine(acknowledged.machine),
        },
      ],
      acknowledged,
    }
    expect(outcomeOf({ ...judged, rendered: changed }).kind).to.equal('programmed')
    expect(outcomeOf({ ...judged, rendered }).kind).to.equal('waiting')
  })
})
