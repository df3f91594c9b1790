import { expect } from 'chai'
import { Registry } from 'prom-client'

import type { ObjectOf } from '../model/kubernetes.ts'
import type { DesiredObject } from '../model/rendered.ts'
import { Table } from '../lib/derive.ts'
import { silentLog } from '../lib/log.ts'

import { Objects } from './objects.ts'
import { createPushMetrics } from './push-metrics.ts'
import { eventually } from './testing/eventually.ts'
import { FakeKube } from './testing/fake-kube.ts'

const path = '/apis/apps/v1/namespaces/shop/deployments/web'

const labels = { 'app.kubernetes.io/managed-by': 'haproxy-gateway-operator' }
const gateway = { apiVersion: 'gateway.networking.k8s.io/v1', kind: 'Gateway', name: 'web', uid: 'u1' }

function deployment(replicas: number, name = 'web'): DesiredObject {
  const object = {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name, namespace: 'shop', labels },
    spec: { replicas },
  }
  return object
}

const leavingGateway: ObjectOf['Gateway'] = {
  apiVersion: 'gateway.networking.k8s.io/v1',
  kind: 'Gateway',
  metadata: { name: 'web', deletionTimestamp: new Date() },
  spec: { gatewayClassName: 'haproxy', listeners: [] },
}

describe('objects', () => {
  let kube: FakeKube
  let objects: Objects
  /** By owner and object. */
  const troubles = new Map<string, string>()
  let told: number
  let lines: string[]
  let refusedPause: number
  const deployments = new Table<ObjectOf['Deployment']>()
  const namespaces = new Table<ObjectOf['Namespace']>()
  const gateways = new Table<ObjectOf['Gateway']>()

  beforeEach(() => {
    kube = new FakeKube()
    troubles.clear()
    told = 0
    lines = []
    refusedPause = 20
    const empty = () => new Table<never>()
    objects = new Objects({
      call: kube.call,
      snapshot: {
        GatewayClass: empty(),
        Gateway: gateways,
        HTTPRoute: empty(),
        ListenerSet: empty(),
        GRPCRoute: empty(),
        TLSRoute: empty(),
        TCPRoute: empty(),
        UDPRoute: empty(),
        BackendTLSPolicy: empty(),
        ReferenceGrant: empty(),
        Service: empty(),
        EndpointSlice: empty(),
        Secret: empty(),
        ConfigMap: empty(),
        Namespace: namespaces,
        Deployment: deployments,
        Pod: empty(),
        CustomResourceDefinition: empty(),
      },
      operatorNamespace: 'operator',
      longestPause: 20,
      get refusedPause() {
        return refusedPause
      },
      log: silentLog((level, message) => lines.push(`${level} ${message}`)),
      metrics: createPushMetrics(new Registry()),
      onTrouble: (owner, object, message) => {
        if (message === undefined) troubles.delete(`${owner} ${object}`)
        else {
          told += 1
          troubles.set(`${owner} ${object}`, message)
        }
      },
    })
    objects.release('shop/web')
  })
  afterEach(async () => {
    namespaces.delete('shop')
    gateways.delete('shop/web')
    await objects.stop()
  })

  const applies = () => kube.paths('PATCH').length
  const shown = (generation: number) =>
    deployments.set('shop/web', { metadata: { name: 'web', namespace: 'shop', generation } })

  it('applies by server-side apply under our name, with force what is ours already', async () => {
    objects.want('shop/web', [deployment(1)])
    await objects.idle()
    objects.want('shop/web', [deployment(2)])
    await objects.idle()
    const [first, second] = kube.requests.filter(({ method }) => method === 'PATCH')
    expect(first?.path, 'somebody could have made one meanwhile').to.equal(
      `${path}?fieldManager=haproxy-gateway-operator`,
    )
    expect(second?.path).to.equal(`${path}?fieldManager=haproxy-gateway-operator&force=true`)
    expect(first?.contentType).to.equal('application/apply-patch+yaml')
  })

  it('the same object again is nothing to do', async () => {
    const wanted = [deployment(1)]
    objects.want('shop/web', wanted)
    await objects.idle()
    objects.want('shop/web', wanted)
    objects.want('shop/web', [...wanted])
    await objects.idle()
    expect(applies()).to.equal(1)
  })

  it('only the newest of what came meanwhile is sent', async () => {
    const gate = Promise.withResolvers<undefined>()
    kube.answer = () => gate.promise
    for (const replicas of [1, 2, 3]) objects.want('shop/web', [deployment(replicas)])
    gate.resolve(undefined)
    await objects.idle()
    expect(applies()).to.equal(2)
    expect(kube.objects.get(path)?.['spec']).to.deep.equal({ replicas: 3 })
  })

  for (const status of [409, 429, 500, 503])
    it(`${status} is tried again`, async () => {
      let left = 2
      kube.answer = ({ method }) => {
        if (method === 'PATCH') left -= 1
        return method === 'PATCH' && left >= 0
          ? { status, body: { message: 'later' }, ...(status === 429 ? { retryAfter: 5 } : {}) }
          : undefined
      }
      objects.want('shop/web', [deployment(1)])
      await objects.idle()
      expect(applies()).to.equal(3)
      expect(kube.objects.has(path)).to.equal(true)
    })

  it('an answer that never comes is tried again', async () => {
    let left = 1
    kube.answer = () => {
      left -= 1
      if (left >= 0) throw new Error('socket hang up')
      return undefined
    }
    objects.want('shop/web', [deployment(1)])
    await objects.idle()
    expect(kube.objects.has(path)).to.equal(true)
  })

  it('what somebody else changed or deleted is applied again, our own write is not', async () => {
    const wanted = [deployment(1)]
    kube.answer = ({ method }) =>
      method === 'PATCH' ? { status: 200, body: { metadata: { generation: 4 } } } : undefined
    const expectApplies = async (count: number) => {
      objects.want('shop/web', wanted)
      await objects.idle()
      expect(applies()).to.equal(count)
    }
    await expectApplies(1)
    shown(4)
    await expectApplies(1)
    shown(5)
    await expectApplies(2)
    await expectApplies(2)
    deployments.delete('shop/web')
    await expectApplies(3)
  })

  it('what others change beside ours is no reason to apply it again, nor to say so', async () => {
    const wanted = [deployment(1)]
    kube.answer = ({ method }) =>
      method === 'PATCH' ? { status: 200, body: { metadata: { generation: 4 } } } : undefined
    objects.want('shop/web', wanted)
    await objects.idle()
    const metadata = { name: 'web', namespace: 'shop', generation: 5, labels: { ...labels, theirs: 'too' } }
    const template = { spec: { containers: [] } }
    const spec = { replicas: 1, paused: false, selector: {}, template }
    deployments.set('shop/web', { metadata, spec, status: { readyReplicas: 1 } })
    objects.want('shop/web', wanted)
    await objects.idle()
    expect([applies(), lines.filter((line) => line.startsWith('info'))]).to.deep.equal([1, []])
    deployments.set('shop/web', { metadata: { ...metadata, generation: 6 }, spec: { ...spec, replicas: 2 } })
    objects.want('shop/web', wanted)
    await objects.idle()
    expect([applies(), lines.filter((line) => line.startsWith('info'))]).to.deep.equal([
      2,
      ['info object was changed by somebody else, applying it again'],
    ])
  })

  it('an object that its proxy needs no longer is deleted, if it is certainly ours', async () => {
    kube.put(path, { metadata: { name: 'web', namespace: 'shop', labels } })
    objects.want('shop/web', [deployment(1)])
    await objects.idle()
    objects.want('shop/web', [])
    await objects.idle()
    expect(kube.objects.has(path), 'no Gateway owns it').to.equal(true)
    const metadata = { name: 'web', namespace: 'shop', labels, ownerReferences: [gateway] }
    const mine = { ...deployment(1), metadata }
    objects.want('shop/web', [mine])
    await objects.idle()
    objects.keepOnly([])
    await eventually('deleted', () => !kube.objects.has(path))
  })

  for (const [what, mark] of [
    ['namespace', () => namespaces.set('shop', { metadata: { name: 'shop', deletionTimestamp: new Date() } })],
    ['Gateway', () => gateways.set('shop/web', leavingGateway)],
  ] as const)
    it(`nothing is applied once the ${what} is being deleted`, async () => {
      objects.want('shop/web', [deployment(1)])
      await objects.idle()
      mark()
      objects.want('shop/web', [deployment(2)])
      await objects.idle()
      expect(applies()).to.equal(1)
    })

  const forbidden = (reason: string) => ({ status: 403, body: { message: 'no', details: { causes: [{ reason }] } } })

  it('a namespace that the API server knows to be terminating is left alone, any other refusal is not', async () => {
    kube.answer = ({ method }) => (method === 'PATCH' ? forbidden('NamespaceTerminating') : undefined)
    objects.want('shop/web', [deployment(1)])
    await objects.idle()
    expect(applies()).to.equal(1)
    let left = 2
    kube.answer = ({ method }) => {
      if (method === 'PATCH') left -= 1
      return method === 'PATCH' && left >= 0 ? forbidden('Quota') : undefined
    }
    objects.want('shop/web', [deployment(2)])
    await objects.idle()
    expect(applies()).to.equal(4)
  })

  it('a refusal is the trouble of its proxy until the object is written or not wanted any more', async () => {
    const quota = { status: 403, body: { message: 'deployments.apps "web" is forbidden: exceeded quota: two' } }
    kube.answer = ({ method }) => (method === 'PATCH' ? quota : undefined)
    objects.want('shop/web', [deployment(1)])
    await eventually('told', () => troubles.size > 0)
    expect([...troubles]).to.deep.equal([
      [
        'shop/web Deployment shop/web',
        'Deployment shop/web cannot be written: deployments.apps "web" is forbidden: exceeded quota: two',
      ],
    ])
    kube.answer = () => undefined
    await eventually('written', () => troubles.size === 0)
    kube.answer = ({ method }) => (method === 'PATCH' ? quota : undefined)
    objects.want('shop/web', [deployment(2)])
    await eventually('told again', () => troubles.size > 0)
    objects.want('shop/web', [])
    expect(troubles.size).to.equal(0)
  })

  it('of a refusal a person hears once per cause, and it is tried again at once when the object changes', async () => {
    const warnings = () => lines.filter((line) => line.startsWith('warn')).length
    const quota = (message: string) => {
      kube.answer = ({ method }) => (method === 'PATCH' ? { status: 403, body: { message } } : undefined)
    }
    quota('exceeded quota: two')
    objects.want('shop/web', [deployment(1)])
    await eventually('tried some times', () => applies() > 4)
    expect(warnings()).to.equal(1)
    quota('exceeded quota: three')
    await eventually('another cause', () => warnings() === 2)
    refusedPause = 300_000
    // From the next attempt on it waits for minutes or, having failed a few times only, for seconds.
    const before = applies()
    await eventually('one more', () => applies() > before)
    kube.answer = () => undefined
    objects.want('shop/web', [deployment(2)])
    await objects.idle()
    expect(kube.objects.get(path)?.['spec']).to.deep.equal({ replicas: 2 })
  })

  it("an API server that is away for a moment is nobody's trouble, one that stays away is", async () => {
    let left = 2
    kube.answer = () => {
      left -= 1
      if (left >= 0) throw new Error('socket hang up')
      return undefined
    }
    objects.want('shop/web', [deployment(1)])
    await objects.idle()
    expect(told).to.equal(0)
    kube.answer = () => {
      throw new Error('socket hang up')
    }
    objects.want('shop/web', [deployment(2)])
    await eventually('told', () => troubles.size > 0)
    expect([...troubles.values()].join()).to.include('socket hang up')
  })

  for (const [whose, metadata] of [
    ['somebody', {}],
    ['Helm', { labels: { 'app.kubernetes.io/managed-by': 'Helm' } }],
    ['another Gateway', { labels, ownerReferences: [{ ...gateway, name: 'other' }] }],
  ] as const)
    it(`an object of ${whose} that has the name already is left as it is and named`, async () => {
      const theirs = { metadata: { name: 'web', namespace: 'shop', ...metadata }, spec: { replicas: 7 } }
      kube.put(path, theirs)
      const metadataOfOurs = { name: 'web', namespace: 'shop', labels, ownerReferences: [gateway] }
      objects.want('shop/web', [{ ...deployment(1), metadata: metadataOfOurs }])
      await eventually('told', () => troubles.size > 0)
      expect([...troubles.values()].join()).to.match(/Deployment shop\/web .*does not belong to Gateway web.*delete/)
      expect(applies()).to.equal(0)
      kube.objects.delete(path)
      await eventually('written', () => kube.objects.has(path))
      expect(troubles.size).to.equal(0)
    })

  for (const [what, metadata] of [
    ['an owner reference to the Gateway', { ownerReferences: [{ ...gateway, uid: 'of the one before' }] }],
    ['our label', { labels }],
  ] as const)
    it(`an object with ${what} is ours`, async () => {
      kube.put(path, { metadata: { name: 'web', namespace: 'shop', ...metadata }, spec: { replicas: 7 } })
      const ours = { name: 'web', namespace: 'shop', labels, ownerReferences: [gateway] }
      objects.want('shop/web', [{ ...deployment(1), metadata: ours }])
      await objects.idle()
      expect(kube.objects.get(path)?.['spec']).to.deep.equal({ replicas: 1 })
    })

  it('what takes the place of an object that was ours is not taken over either', async () => {
    objects.want('shop/web', [deployment(1)])
    await objects.idle()
    kube.objects.delete(path)
    kube.put(path, { metadata: { name: 'web', namespace: 'shop', uid: 'theirs' }, spec: { replicas: 7 } })
    objects.want('shop/web', [deployment(2)])
    await eventually('told', () => troubles.size > 0)
    expect(kube.objects.get(path)?.['spec']).to.deep.equal({ replicas: 7 })
  })

  it('a Deployment waits until its proxy is released', async () => {
    objects.want('shop/other', [deployment(1, 'other')])
    await objects.idle()
    expect(applies()).to.equal(0)
    objects.release('shop/other')
    await objects.idle()
    expect(applies()).to.equal(1)
  })
})
