import { expect } from 'chai'
import { Registry } from 'prom-client'

import type { Gateway, HTTPRoute } from '../model/kubernetes.ts'
import { controllerName } from '../model/kinds.ts'
import type { StatusPatch } from '../model/rendered.ts'
import { Table } from '../lib/derive.ts'
import { silentLog } from '../lib/log.ts'

import { createPushMetrics } from './push-metrics.ts'
import { Statuses } from './statuses.ts'
import { eventually } from './testing/eventually.ts'
import { FakeKube } from './testing/fake-kube.ts'
import { usualTiming } from './timing.ts'

const path = '/apis/gateway.networking.k8s.io/v1/namespaces/shop/httproutes/cart'
const gatewayPath = '/apis/gateway.networking.k8s.io/v1/namespaces/shop/gateways/web'
const entry = (controller: string, word = '') => ({
  controllerName: controller,
  parentRef: { name: 'web' },
  conditions: [],
  word,
})
const ours = (word: string) => entry(controllerName, word)
const foreign = (word: string) => entry('other.example/controller', word)

function patchOf(...parents: readonly unknown[]): StatusPatch {
  return { kind: 'HTTPRoute', key: 'shop/cart', status: { parents } }
}

describe('statuses', () => {
  let kube: FakeKube
  let statuses: Statuses
  let routes: Table<HTTPRoute>

  beforeEach(() => {
    kube = new FakeKube()
    routes = new Table<HTTPRoute>()
    const empty = () => new Table<never>()
    statuses = new Statuses({
      call: kube.call,
      snapshot: {
        GatewayClass: empty(),
        Gateway: new Table<Gateway>(),
        HTTPRoute: routes,
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
        Namespace: empty(),
        Deployment: empty(),
        Pod: empty(),
        CustomResourceDefinition: new Table(),
      },
      timing: { ...usualTiming, longestPause: 20, refused: 20, status: 10, statusAtMost: 40 },
      log: silentLog(),
      metrics: createPushMetrics(new Registry()),
    })
  })
  afterEach(() => statuses.stop())

  function route(resourceVersion: string, ...parents: readonly ReturnType<typeof entry>[]): void {
    routes.set('shop/cart', {
      apiVersion: 'gateway.networking.k8s.io/v1',
      kind: 'HTTPRoute',
      metadata: { name: 'cart', namespace: 'shop', resourceVersion },
      spec: {},
      status: { parents },
    })
  }
  const parents = () => kube.objects.get(path)?.['status']

  it('a status goes to the status subresource as a merge patch, with the version of what others may have changed', async () => {
    kube.put(path, { metadata: { name: 'cart' } })
    route('1')
    statuses.want([patchOf(ours('a'))])
    await statuses.flush()
    const [request] = kube.requests
    expect(request).to.deep.include({
      method: 'PATCH',
      path: `${path}/status`,
      contentType: 'application/merge-patch+json',
      body: { metadata: { resourceVersion: '1' }, status: { parents: [ours('a')] } },
    })
    expect(kube.requests).to.have.length(1)
  })

  it('the same patch is sent once, a new one again', async () => {
    kube.put(path, { metadata: { name: 'cart' } })
    const patch = patchOf(ours('a'))
    for (const round of [[patch], [patch], [patchOf(ours('b'))]]) {
      statuses.want(round)
      await statuses.flush()
    }
    expect(kube.paths('PATCH')).to.have.length(2)
    expect(parents()).to.deep.equal({ parents: [ours('b')] })
  })

  it('foreign entries that changed meanwhile stay as they are now', async () => {
    kube.put(path, { metadata: { name: 'cart' }, status: { parents: [foreign('new')] } })
    route('0', foreign('old'))
    statuses.want([patchOf(foreign('old'), ours('a'))])
    await statuses.flush()
    expect(kube.paths('PATCH')).to.have.length(2)
    expect(parents()).to.deep.equal({ parents: [foreign('new'), ours('a')] })
  })

  it('the first entry of another controller, written after the object was read, stays', async () => {
    kube.put(path, { metadata: { name: 'cart' }, status: { parents: [foreign('new')] } })
    route('0')
    statuses.want([patchOf(ours('a'))])
    await statuses.flush()
    expect(parents()).to.deep.equal({ parents: [foreign('new'), ours('a')] })
  })

  it('after a conflict, what is not wanted any more is not written', async () => {
    kube.put(path, { metadata: { name: 'cart' } })
    route('0')
    const newer = patchOf(ours('b'))
    kube.answer = ({ method }) => {
      if (method === 'GET') statuses.want([newer])
      return undefined
    }
    statuses.want([patchOf(ours('a'))])
    await statuses.flush()
    await eventually('the newer one', () => JSON.stringify([parents()]).includes('"b"'))
    const sent = kube.requests.filter(({ method }) => method === 'PATCH').map(({ body }) => JSON.stringify(body))
    expect(sent.filter((body) => body.includes('"word":"a"'))).to.have.length(1)
  })

  it('fields that should not be there go', async () => {
    kube.put(gatewayPath, { metadata: { name: 'web' }, status: { addresses: [], listeners: [] } })
    route('0', ours('a'))
    kube.put(path, { metadata: { name: 'cart' }, status: { parents: [ours('a')] } })
    statuses.want([{ kind: 'HTTPRoute', key: 'shop/cart', status: {} }])
    await statuses.flush()
    expect(parents()).to.deep.equal({})
  })

  it('an object that is gone needs no status', async () => {
    statuses.want([patchOf(ours('a'))])
    await statuses.flush()
    expect(kube.paths('PATCH')).to.have.length(1)
  })

  it('429 waits as long as the server says', async () => {
    kube.put(path, { metadata: { name: 'cart' } })
    let left = 1
    kube.answer = () => {
      left -= 1
      return left >= 0 ? { status: 429, body: {}, retryAfter: 30 } : undefined
    }
    const began = performance.now()
    statuses.want([patchOf(ours('a'))])
    await statuses.flush()
    expect(performance.now() - began).to.be.greaterThan(25)
    expect(parents()).to.deep.equal({ parents: [ours('a')] })
  })

  it('a status that is refused is not sent again and again', async () => {
    kube.put(path, { metadata: { name: 'cart' } })
    kube.answer = () => ({ status: 422, body: { message: 'invalid' } })
    const patch = patchOf(ours('a'))
    statuses.want([patch])
    await statuses.flush()
    statuses.want([patch])
    await statuses.flush()
    expect(kube.requests).to.have.length(1)
  })

  for (const status of [401, 403])
    it(`${status} may pass: it is tried again after a while`, async () => {
      kube.put(path, { metadata: { name: 'cart' } })
      let left = 1
      kube.answer = () => {
        left -= 1
        return left >= 0 ? { status, body: { message: 'no' } } : undefined
      }
      statuses.want([patchOf(ours('a'))])
      await statuses.flush()
      expect(parents()).to.deep.equal({ parents: [ours('a')] })
    })

  it('a namespace that is being deleted takes its statuses with it', async () => {
    kube.put(path, { metadata: { name: 'cart' } })
    const details = { causes: [{ reason: 'NamespaceTerminating' }] }
    kube.answer = () => ({ status: 403, body: { message: 'no', details } })
    statuses.want([patchOf(ours('a'))])
    await statuses.flush()
    expect(kube.requests).to.have.length(1)
  })

  it('what is not wanted any more is not sent', async () => {
    kube.put(path, { metadata: { name: 'cart' } })
    kube.put(gatewayPath, { metadata: { name: 'web' } })
    statuses.want([{ kind: 'Gateway', key: 'shop/web', status: { listeners: [] } }])
    statuses.want([])
    statuses.want([patchOf(ours('a'))])
    await eventually('the other one', () => kube.requests.length > 0)
    await new Promise((resolve) => {
      setTimeout(resolve, 30)
    })
    expect(kube.paths('PATCH')).to.deep.equal([`${path}/status`])
  })
})
