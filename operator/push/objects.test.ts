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
  const deployments = new Table<{ metadata: { name: string; namespace: string; generation: number } }>()
  const namespaces = new Table<ObjectOf['Namespace']>()
  const gateways = new Table<ObjectOf['Gateway']>()

  beforeEach(() => {
    kube = new FakeKube()
    const empty = () => new Table<never>()
    objects = new Objects({
      call: kube.call,
      snapshot: {
        GatewayClass: empty(),
        Gateway: gateways,
        HTTPRoute: empty(),
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
      log: silentLog(),
      metrics: createPushMetrics(new Registry()),
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

  it('applies by server-side apply, with force, under our name', async () => {
    objects.want('shop/web', [deployment(1)])
    await objects.idle()
    const [request] = kube.requests
    expect(request?.path).to.equal(`${path}?fieldManager=haproxy-gateway-operator&force=true`)
    expect(request?.contentType).to.equal('application/apply-patch+yaml')
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
      kube.answer = () => {
        left -= 1
        return left >= 0
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
    kube.answer = () => forbidden('NamespaceTerminating')
    objects.want('shop/web', [deployment(1)])
    await objects.idle()
    expect(applies()).to.equal(1)
    let left = 2
    kube.answer = () => {
      left -= 1
      return left >= 0 ? forbidden('Quota') : undefined
    }
    objects.want('shop/web', [deployment(2)])
    await objects.idle()
    expect(applies()).to.equal(4)
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
