import { expect } from 'chai'
import { Registry } from 'prom-client'

import type { GatewayClass } from '../model/kubernetes.ts'
import { Table } from '../lib/derive.ts'
import { silentLog } from '../lib/log.ts'

import { Finalizers } from './finalizers.ts'
import { createPushMetrics } from './push-metrics.ts'
import { FakeKube } from './testing/fake-kube.ts'

const path = '/apis/gateway.networking.k8s.io/v1/gatewayclasses/haproxy'

describe('finalizers', () => {
  let kube: FakeKube
  let classes: Table<GatewayClass>
  let finalizers: Finalizers

  beforeEach(() => {
    kube = new FakeKube()
    classes = new Table()
    finalizers = new Finalizers({
      call: kube.call,
      snapshot: { GatewayClass: classes },
      longestPause: 20,
      log: silentLog(),
      metrics: createPushMetrics(new Registry()),
    })
    show('u1')
  })
  afterEach(() => finalizers.stop())

  function show(uid: string): void {
    kube.put(path, { metadata: { name: 'haproxy', uid } })
    classes.set('haproxy', {
      apiVersion: 'gateway.networking.k8s.io/v1',
      kind: 'GatewayClass',
      metadata: { name: 'haproxy', uid },
      spec: { controllerName: 'x/y' },
    })
  }
  async function want(isUsed: boolean): Promise<void> {
    finalizers.want(new Map([['haproxy', { findings: [], isUsed }]]))
    await finalizers.idle()
  }
  const written = () => kube.requests.map(({ body }) => JSON.parse(JSON.stringify(body)).metadata)
  const on = (uid: string) => ({
    name: 'haproxy',
    uid,
    finalizers: ['gateway-exists-finalizer.gateway.networking.k8s.io'],
  })
  const off = (uid: string) => ({ name: 'haproxy', uid })

  it('stands on a class while Gateways use it, and is written once', async () => {
    for (const isUsed of [true, true, false, false, true]) await want(isUsed)
    expect(written()).to.deep.equal([on('u1'), off('u1'), on('u1')])
    const [request] = kube.requests
    expect(request?.path).to.equal(`${path}?fieldManager=haproxy-gateway-operator&force=true`)
    expect(request?.contentType).to.equal('application/apply-patch+yaml')
  })

  it('what a former life left on an unused class is taken away', async () => {
    await want(false)
    expect(written()).to.deep.equal([off('u1')])
  })

  it('a class that was made anew is another one', async () => {
    await want(true)
    show('u2')
    await want(true)
    expect(written()).to.deep.equal([on('u1'), on('u2')])
  })

  it('a refusal is tried again until the class is gone', async () => {
    const refused = Promise.withResolvers<void>()
    kube.answer = () => {
      if (kube.requests.length === 3) refused.resolve()
      return { status: 409, body: { message: 'uid mismatch' } }
    }
    finalizers.want(new Map([['haproxy', { findings: [], isUsed: true }]]))
    await refused.promise
    finalizers.want(new Map())
    await finalizers.idle()
    expect(kube.requests.length).to.be.within(3, 4)
  })
})
