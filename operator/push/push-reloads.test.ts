import { setTimeout as sleep } from 'node:timers/promises'

import { expect } from 'chai'
import { Registry } from 'prom-client'

import { Secret } from '../model/secret.ts'
import { Users } from '../model/users.ts'
import { silentLog } from '../lib/log.ts'
import { snapshotFromObjects } from '../watch/files.ts'

import { openPush, type PushDoor } from './push.ts'
import { archiveFiles } from './state-archive.ts'
import { configOf, testSettings, type ConfigSpec } from './testing/configs.ts'
import { eventually } from './testing/eventually.ts'
import { FakeKube } from './testing/fake-kube.ts'
import { FakePod } from './testing/fake-pod.ts'
import { ofOurs, workload } from './testing/shop.ts'
import { usualTiming } from './timing.ts'

const base: ConfigSpec = { hosts: {}, backends: {} }
const wanted = {
  ...configOf({ ...base, reasons: ['port 80', 'port 443', 'header x-a'] }),
  users: new Users(() => ['HTTPRoute shop/cart']),
}
const said = 'header x-a (HTTPRoute shop/cart)'
const events = '/apis/events.k8s.io/v1/namespaces/shop/events'
const addresses = ['10.1.0.1', '10.1.0.2']

describe('push: reloads', () => {
  let kube: FakeKube
  let pods: ReadonlyMap<string, FakePod>
  let door: PushDoor

  beforeEach(() => {
    kube = new FakeKube()
    pods = new Map(addresses.map((address) => [address, loadedPod()]))
    const service = {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: workload.name, namespace: 'shop' },
      spec: { clusterIP: '10.96.0.1' },
    }
    const objects = addresses.map((address) => ({
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: `pod-${address}`, namespace: 'shop', uid: address, ...ofOurs },
      status: { phase: 'Running', podIP: address, conditions: [{ type: 'Ready', status: 'True' }] },
    }))
    door = openPush({
      call: kube.call,
      snapshot: snapshotFromObjects([service, ...objects]),
      settings: testSettings,
      operatorNamespace: 'operator',
      logger: silentLog(),
      registry: new Registry(),
      onOutcome: () => {},
      connectPod: (address) => pods.get(address)?.api() ?? expect.fail(`nobody at ${address}`),
      timing: { ...usualTiming, state: 30, reloadGather: 2, reloadPause: 10, eventGather: 50, eventPause: 50 },
    })
  })
  afterEach(() => door.stop())

  function loadedPod(): FakePod {
    const pod = new FakePod(testSettings)
    for (const { name, content } of archiveFiles(configOf(base), testSettings))
      pod.disk.set(name, content instanceof Secret ? content.reveal() : content)
    pod.load()
    return pod
  }
  const outcome = () => door.outcomes().get('shop/web')
  const written = () => kube.requests.filter(({ path }) => path === events).map(({ body }) => JSON.stringify(body))

  it('of all pods are told in the outcome and in one Event, with the object that they were for', async () => {
    door.dataplane.want('shop/web', workload, configOf(base))
    await eventually('programmed', () => outcome()?.kind === 'programmed')
    expect(outcome()).to.not.have.property('reload')
    door.dataplane.want('shop/web', workload, wanted)
    await eventually('both reloaded', () => [...pods.values()].every(({ reloads }) => reloads === 1))
    await eventually('told', () => outcome()?.reload === said)
    await eventually('Event', () => written().length > 0)
    expect(written()[0])
      .to.match(/HAProxy was reloaded \(2 pods, \d+ ms\)/)
      .and.include(said)
    await sleep(120)
    expect(written()).to.have.length(1)
  })

  it('hold nothing up when Events cannot be written', async () => {
    kube.answer = ({ path }) => (path === events ? { status: 403, body: { message: 'forbidden' } } : undefined)
    door.dataplane.want('shop/web', workload, configOf(base))
    await eventually('programmed', () => outcome()?.kind === 'programmed')
    door.dataplane.want('shop/web', workload, wanted)
    await eventually('asked', () => written().length > 0)
    expect(outcome()).to.include({ kind: 'programmed', reload: said })
    await sleep(120)
    expect(written()).to.have.length(1)
  })
})
