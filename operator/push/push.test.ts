import { setTimeout as sleep } from 'node:timers/promises'

import { expect } from 'chai'
import { Registry } from 'prom-client'

import { gatewayNameLabel, managedByLabel, authoritySecretName } from '../model/names.ts'
import type { RenderedConfig } from '../model/rendered.ts'
import { Secret } from '../model/secret.ts'
import { keyOf } from '../model/snapshot.ts'
import { silentLog } from '../lib/log.ts'

import { openPush, type PushDoor } from './push.ts'
import { archiveFiles } from './state-archive.ts'
import { configOf, testSettings, type ConfigSpec } from './testing/configs.ts'
import { eventually } from './testing/eventually.ts'
import { FakeKube } from './testing/fake-kube.ts'
import { FakePod } from './testing/fake-pod.ts'
import { deployment, emptySnapshot, ofOurs, owned, replicaSet, service, workload } from './testing/shop.ts'
import { type Timing, usualTiming } from './timing.ts'

const id = 'shop/web'
const base: ConfigSpec = { hosts: { 'a.example': { '/': 'n_a_80' } }, backends: { n_a_80: ['10.0.0.1'] } }
const more: ConfigSpec = { ...base, hosts: { ...base.hosts, 'b.example': { '/': 'n_a_80' } } }

const deployments = '/apis/apps/v1/namespaces/shop/deployments'
const secrets = '/api/v1/namespaces/shop/secrets'
const authority = `/api/v1/namespaces/operator/secrets/${authoritySecretName(id)}`
const quick = {
  ...usualTiming,
  persist: 20,
  settle: 5,
  settleAtMost: 20,
  drift: 10,
  state: 30,
  identity: 20,
  longestPause: 50,
  status: 5,
}

describe('push', () => {
  let kube: FakeKube
  let pods: Map<string, FakePod>
  let snapshot: ReturnType<typeof emptySnapshot>
  let door: PushDoor
  let lines: string[]
  let now: Date
  let runs: number
  /** Labels and owner of the next pod. */
  let marks: object

  beforeEach(() => {
    kube = new FakeKube()
    pods = new Map()
    lines = []
    runs = 0
    marks = ofOurs
    now = new Date('2026-03-01T00:00:00Z')
    snapshot = emptySnapshot()
    door = openDoor()
  })
  afterEach(() => door.stop())

  const openDoor = (timing: Partial<Timing> = {}): PushDoor =>
    openPush({
      call: kube.call,
      snapshot,
      settings: testSettings,
      operatorNamespace: 'operator',
      logger: silentLog((_, message, fields) => lines.push(`${message} ${JSON.stringify(fields)}`)),
      registry: new Registry(),
      onOutcome: () => {
        runs += 1
      },
      connectPod: (address) => pods.get(address)?.api() ?? expect.fail(`nobody at ${address}`),
      clock: () => now,
      timing: { ...quick, ...timing },
    })

  function addPod(name: string, address: string, holding: RenderedConfig, ready = true): FakePod {
    const pod = new FakePod(testSettings)
    for (const { name: file, content } of archiveFiles(holding, testSettings))
      pod.disk.set(file, content instanceof Secret ? content.reveal() : content)
    pod.load()
    pods.set(address, pod)
    const object = {
      metadata: { name, namespace: 'shop', uid: `uid-${name}`, ...marks },
      status: { phase: 'Running', podIP: address, conditions: [{ type: 'Ready', status: ready ? 'True' : 'False' }] },
    }
    snapshot.Pod.set(keyOf(object), object)
    return pod
  }
  function addService(): void {
    const object = {
      metadata: { name: workload.name, namespace: 'shop' },
      spec: { type: 'LoadBalancer' },
      status: { loadBalancer: { ingress: [{ ip: '192.0.2.1' }] } },
    }
    snapshot.Service.set(keyOf(object), object)
  }
  const run = (config: RenderedConfig) => {
    door.objects.want(id, [deployment, service])
    door.dataplane.want(id, workload, config)
    door.objects.keepOnly([id])
    door.dataplane.keepOnly([id])
  }
  const outcome = () => door.outcomes().get(id)

  it('the Deployment waits for both Secrets, everything else does not', async () => {
    const gate = Promise.withResolvers<undefined>()
    kube.answer = ({ path, method }) => (method === 'PATCH' && path.includes('-state') ? gate.promise : undefined)
    run(configOf(base))
    await eventually('Service', () => kube.paths('PATCH').includes(`/api/v1/namespaces/shop/services/web-haproxy`))
    await eventually('pki', () => kube.paths('PATCH').includes(`${secrets}/web-haproxy-pki`))
    expect(kube.paths('PATCH')).to.not.include(`${deployments}/web-haproxy`)
    gate.resolve(undefined)
    await eventually('Deployment', () => kube.objects.has(`${deployments}/web-haproxy`))
    expect(kube.objects.has(`${secrets}/web-haproxy-state`)).to.equal(true)
    expect(JSON.stringify(kube.objects.get(`${secrets}/web-haproxy-pki`))).to.not.include('ca.key')
  })

  it('puts both Secrets back when somebody deleted them and a new pod needs them', async () => {
    run(configOf(base))
    await eventually('Deployment', () => kube.objects.has(`${deployments}/web-haproxy`))
    for (const kind of ['pki', 'state']) kube.objects.delete(`${secrets}/web-haproxy-${kind}`)
    addPod('p2', '10.1.0.2', configOf(base), false)
    run(configOf(base))
    for (const kind of ['pki', 'state'])
      await eventually(kind, () => kube.objects.has(`${secrets}/web-haproxy-${kind}`))
  })

  it('is waiting until a ready pod has everything and the Service an address, then programmed', async () => {
    run(configOf(base))
    expect(outcome()?.message).to.include('first data plane pod')
    addPod('p1', '10.1.0.1', configOf(base), false)
    run(configOf(base))
    await eventually('connected', () => pods.get('10.1.0.1')?.calls.includes('readEntry') === true)
    run(configOf(base))
    expect(outcome()?.message).to.include('to become ready')
    addPod('p1', '10.1.0.1', configOf(base))
    run(configOf(base))
    expect(outcome()?.message).to.include('given an address')
    addService()
    run(configOf(base))
    expect(outcome()).to.deep.equal({
      kind: 'programmed',
      generation: configOf(base).generation,
      message: '',
      addresses: [{ type: 'IPAddress', value: '192.0.2.1' }],
    })
    expect(door.outcomes()).to.equal(door.outcomes())
    expect(runs).to.be.greaterThan(0)
  })

  for (const [what, other] of [
    ['no owner', { labels: ofOurs.labels }],
    ['another Deployment', { labels: ofOurs.labels, ownerReferences: [replicaSet('other-5d9c')] }],
    ['no ReplicaSet', { labels: ofOurs.labels, ownerReferences: [{ ...replicaSet('web-haproxy-5d9c'), kind: 'Job' }] }],
    ['another hash', { labels: ofOurs.labels, ownerReferences: [replicaSet('web-haproxy-77')] }],
    ['no hash', { labels: { [gatewayNameLabel]: 'web' }, ownerReferences: [replicaSet('web-haproxy-undefined')] }],
  ] as const)
    it(`a pod with our label and ${what} is none of ours`, async () => {
      addService()
      marks = other
      addPod('p1', '10.1.0.1', configOf(base))
      run(configOf(base))
      await eventually('identity', () => kube.objects.has(`${secrets}/web-haproxy-pki`))
      await eventually('Deployment', () => kube.objects.has(`${deployments}/web-haproxy`))
      run(configOf(base))
      expect(pods.get('10.1.0.1')?.calls).to.deep.equal([])
      expect(outcome()?.message).to.include('first data plane pod')
    })

  it('pods that serve go on, and their Gateway says what cannot be written until it can be', async () => {
    addService()
    const pod = addPod('p1', '10.1.0.1', configOf(base))
    run(configOf(base))
    await eventually('programmed', () => outcome()?.kind === 'programmed')
    kube.answer = ({ method, path }) =>
      method === 'PATCH' && path.includes('-state')
        ? { status: 403, body: { message: `exceeded quota ${'QUJD'.repeat(40)}` } }
        : undefined
    run(configOf(more))
    await eventually('waiting', () => outcome()?.kind === 'waiting')
    expect(outcome()?.message).to.match(/^Secret shop\/web-haproxy-state cannot be written: exceeded quota/)
    expect(outcome()?.message, 'words that may hold what was sent').to.not.include('QUJDQUJD')
    expect(outcome()?.addresses).to.have.length(1)
    await eventually('brought', () => pod.generation?.startsWith(configOf(more).generation) === true)
    kube.answer = () => undefined
    await eventually('programmed', () => outcome()?.kind === 'programmed')
  })

  it('an attempt to renew certificates that failed is forgotten when the next one finds nothing to do', async () => {
    addService()
    addPod('p1', '10.1.0.1', configOf(base))
    run(configOf(base))
    await eventually('programmed', () => outcome()?.kind === 'programmed')
    kube.answer = ({ path }) =>
      path.includes('/operator/secrets/') ? { status: 403, body: { message: 'not allowed' } } : undefined
    await eventually('waiting', () => outcome()?.message.includes('not allowed') === true)
    kube.answer = () => undefined
    await eventually('programmed', () => outcome()?.kind === 'programmed')
  })

  it('a slow pod holds up no other', async () => {
    addService()
    const slow = addPod('p1', '10.1.0.1', configOf(base))
    const fast = addPod('p2', '10.1.0.2', configOf(base))
    const gate = Promise.withResolvers<void>()
    slow.before = () => gate.promise
    run(configOf(base))
    run(configOf(more))
    await eventually('fast', () => fast.generation?.startsWith(configOf(more).generation) === true)
    expect(slow.generation).to.equal(configOf(base).generation)
    gate.resolve()
    await eventually('slow', () => slow.generation?.startsWith(configOf(more).generation) === true)
    run(configOf(more))
    await eventually('programmed', () => outcome()?.kind === 'programmed')
  })

  it("HAProxy's refusal becomes the outcome with the guilty Service, and never the state of new pods", async () => {
    addService()
    const pod = addPod('p1', '10.1.0.1', configOf(base))
    run(configOf(base))
    await eventually('state', () => kube.objects.has(`${secrets}/web-haproxy-state`))
    await eventually('programmed', () => outcome()?.kind === 'programmed')
    const archive = () =>
      /"state.tar.gz":"[^"]+"/.exec(JSON.stringify(kube.objects.get(`${secrets}/web-haproxy-state`)))?.[0]
    const before = archive()
    pod.refusal = "err msg=\"'server n_a_80/x' : could not resolve in backend 'n_a_80'\" "
    run(configOf({ ...base, reasons: ['port 81'] }))
    await eventually('rejected', () => outcome()?.kind === 'rejected')
    expect(outcome()?.guilty).to.deep.equal({ kind: 'Service', key: 'n/a' })
    await sleep(60)
    expect(archive()).to.be.a('string').and.to.equal(before)
  })

  it('a state that pods took is written for new pods', async () => {
    addService()
    addPod('p1', '10.1.0.1', configOf(base))
    run(configOf(base))
    await eventually('state', () => kube.objects.has(`${secrets}/web-haproxy-state`))
    const first = kube.objects.get(`${secrets}/web-haproxy-state`)
    run(configOf(more))
    await eventually('new state', () => kube.objects.get(`${secrets}/web-haproxy-state`) !== first)
  })

  it('certificates are renewed in time: the pods get theirs, the operator uses its own', async () => {
    const pod = addPod('p1', '10.1.0.1', configOf(base))
    run(configOf(base))
    await eventually('identity', () => kube.objects.has(authority) && pod.calls.length > 0)
    const before = kube.objects.get(`${secrets}/web-haproxy-pki`)
    now = new Date(now.getTime() + 70 * 86_400_000)
    await eventually('renewed', () => kube.objects.get(`${secrets}/web-haproxy-pki`) !== before)
    await eventually('told', () => lines.some((line) => line.includes('certificates renewed')))
  })

  it('an operator that starts again takes the authority it finds', async () => {
    run(configOf(base))
    await eventually('authority', () => kube.objects.has(authority))
    const data = kube.objects.get(authority)?.['data']
    await door.stop()
    kube.requests.length = 0
    door = openPush({
      call: kube.call,
      snapshot,
      settings: testSettings,
      operatorNamespace: 'operator',
      logger: silentLog(),
      registry: new Registry(),
      onOutcome: () => {},
      clock: () => now,
    })
    door.dataplane.want(id, workload, configOf(base))
    await eventually('applied', () => kube.paths('PATCH').includes(`${secrets}/web-haproxy-pki`))
    expect(kube.objects.get(authority)?.['data']).to.deep.equal(data)
    expect(kube.paths('POST')).to.deep.equal([])
  })

  it('what no Gateway of ours needs any more is deleted, and nothing else', async () => {
    const leftover = {
      metadata: {
        name: 'old',
        namespace: 'shop',
        labels: { [managedByLabel]: 'haproxy-gateway-operator' },
        ownerReferences: [{ kind: 'Gateway' }],
      },
    }
    kube.put(`${deployments}/old`, leftover)
    kube.put(`${deployments}/helm`, { metadata: { ...leftover.metadata, name: 'helm', ownerReferences: [] } })
    kube.put(`${deployments}/own`, { metadata: { name: 'own', namespace: 'shop', ...owned } })
    run(configOf(base))
    await eventually('leftover gone', () => !kube.objects.has(`${deployments}/old`))
    await eventually('Deployment', () => kube.objects.has(`${deployments}/web-haproxy`))
    door.objects.keepOnly([])
    door.dataplane.keepOnly([])
    await eventually('all gone', () => !kube.objects.has(`${deployments}/web-haproxy`) && !kube.objects.has(authority))
    await eventually('Secrets gone', () => ![...kube.objects.keys()].some((path) => path.startsWith(secrets)))
    expect(kube.objects.has(`${deployments}/helm`)).to.equal(true)
    expect(door.outcomes().size).to.equal(0)
  })

  it('what a suspended Gateway has stays, after a new start too, until it is not kept any more', async () => {
    kube.put(`${deployments}/web-haproxy`, { metadata: { name: 'web-haproxy', namespace: 'shop', ...owned } })
    kube.put(authority, { metadata: { name: authoritySecretName(id), namespace: 'operator', labels: owned.labels } })
    const leftover = {
      ...owned,
      name: 'old',
      namespace: 'shop',
      labels: { ...owned.labels, [gatewayNameLabel]: 'old' },
    }
    kube.put(`${deployments}/old`, { metadata: leftover })
    const keep = (ids: readonly string[]) => {
      door.objects.keepOnly(ids)
      door.dataplane.keepOnly(ids)
    }
    keep([id])
    await eventually('leftover gone', () => !kube.objects.has(`${deployments}/old`))
    await eventually('all looked at', () => kube.paths('GET').some((path) => path.startsWith('/api/v1/secrets')))
    expect(kube.objects.has(`${deployments}/web-haproxy`) && kube.objects.has(authority)).to.equal(true)
    expect([...kube.paths('PATCH'), ...kube.paths('POST')]).to.deep.equal([])
    keep([])
    await eventually('gone', () => !kube.objects.has(`${deployments}/web-haproxy`) && !kube.objects.has(authority))
  })

  it('a Gateway that moves to another class leaves no Secret behind', async () => {
    run(configOf(base))
    await eventually('written', () => kube.objects.has(`${secrets}/web-haproxy-state`))
    door.dataplane.want(id, { ...workload, name: 'web-edge', className: 'edge' }, configOf(base))
    const ours = () => [...kube.objects.keys()].filter((path) => path.startsWith(secrets)).toSorted()
    await eventually('moved', () => ours().join() === `${secrets}/web-edge-pki,${secrets}/web-edge-state`)
    expect(kube.objects.has(authority)).to.equal(true)
  })

  it('a Gateway that comes back while its Secrets are being deleted keeps or gets them all', async () => {
    run(configOf(base))
    await eventually('written', () => kube.objects.has(`${secrets}/web-haproxy-state`))
    await eventually('written', () => kube.objects.has(`${secrets}/web-haproxy-pki`))
    const gate = Promise.withResolvers<undefined>()
    kube.answer = ({ method, path }) => (method === 'DELETE' && path.includes('/secrets/') ? gate.promise : undefined)
    door.dataplane.keepOnly([])
    await eventually('begun', () => kube.paths('DELETE').some((path) => path.startsWith(secrets)))
    const podSecrets = [`${secrets}/web-haproxy-pki`, `${secrets}/web-haproxy-state`]
    const before = kube.paths('PATCH').length
    run(configOf(base))
    gate.resolve(undefined)
    const writtenSince = () => new Set(kube.paths('PATCH').slice(before))
    await eventually('written again', () => podSecrets.every((secret) => writtenSince().has(secret)))
    await door.stop()
    expect([...podSecrets, authority].filter((path) => !kube.objects.has(path))).to.deep.equal([])
  })

  it('nothing is written for a Gateway whose namespace is being deleted, Secrets included', async () => {
    snapshot.Namespace.set('shop', { metadata: { name: 'shop', deletionTimestamp: new Date() } })
    run(configOf(base))
    await door.stop()
    expect([...kube.paths('POST'), ...kube.paths('PATCH')]).to.deep.equal([])
  })

  it('a terminating namespace that the snapshot does not show yet is asked once for each object', async () => {
    // The hourly look at the Secrets writes them again, whatever came of it before.
    await door.stop()
    door = openDoor({ identity: 60_000 })
    kube.answer = ({ method, path }) =>
      method === 'PATCH' && path.includes('/namespaces/shop/')
        ? { status: 403, body: { message: 'no', details: { causes: [{ reason: 'NamespaceTerminating' }] } } }
        : undefined
    run(configOf(base))
    await eventually('asked', () =>
      ['-pki', '-state'].every((end) => kube.paths('PATCH').some((path) => path.endsWith(end))),
    )
    await door.stop()
    expect(new Set(kube.paths('PATCH')).size).to.equal(kube.paths('PATCH').length)
    expect(lines.filter((line) => line.includes('cannot be written'))).to.deep.equal([])
  })

  it('no key and no certificate call ever reaches the log', async () => {
    kube.answer = ({ method, path }) =>
      method === 'PATCH' && path.includes('-pki') ? { status: 500, body: { message: 'etcd is away' } } : undefined
    run(configOf(base))
    await eventually('failed', () => lines.some((line) => line.includes('etcd is away')))
    await eventually('told', () => outcome()?.message.includes('etcd is away') === true)
    expect(outcome()?.message).to.include('cannot be written')
    expect(lines.join()).to.not.match(/PRIVATE|LS0tLS/)
  })
})
