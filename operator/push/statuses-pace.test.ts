// How many statuses are under way at once, in which order, and how often for one object.

import { expect } from 'chai'
import { setTimeout as delay } from 'node:timers/promises'
import { Registry } from 'prom-client'

import { controllerName } from '../model/kinds.ts'
import type { KubeRequest, KubeResponse } from '../model/kube-call.ts'
import type { StatusPatch } from '../model/rendered.ts'
import { silentLog } from '../lib/log.ts'
import { Store } from '../watch/store.ts'

import { createPushMetrics } from './push-metrics.ts'
import { Statuses } from './statuses.ts'
import { eventually } from './testing/eventually.ts'
import { FakeKube } from './testing/fake-kube.ts'
import { usualTiming, type Timing } from './timing.ts'

const api = '/apis/gateway.networking.k8s.io/v1/namespaces/shop'
const gatewayPath = `${api}/gateways/web`

function routeStatus(name: string, word = ''): StatusPatch {
  const parents = [{ controllerName, parentRef: { name: 'web' }, conditions: [], word }]
  return { kind: 'HTTPRoute', key: `shop/${name}`, status: { parents } }
}

function gatewayStatus(attachedRoutes: number): StatusPatch {
  return { kind: 'Gateway', key: 'shop/web', status: { listeners: [{ name: 'http', attachedRoutes }] } }
}

function routes(count: number): readonly StatusPatch[] {
  return Array.from({ length: count }, (_, n) => routeStatus(`r${n}`))
}

describe('the pace of statuses', () => {
  let kube: FakeKube
  let statuses: Statuses
  let flying: { now: number; most: number }

  beforeEach(() => {
    kube = new FakeKube()
    flying = { now: 0, most: 0 }
    kube.put(gatewayPath, { metadata: { name: 'web' } })
  })
  afterEach(() => statuses.stop())

  function open(timing: Partial<Timing>): void {
    statuses = new Statuses({
      call: kube.call,
      snapshot: new Store().snapshot,
      timing: { ...usualTiming, longestPause: 20, routeStatus: 5, status: 10, statusAtMost: 40, ...timing },
      log: silentLog(),
      metrics: createPushMetrics(new Registry()),
    })
  }

  // Each call takes as long as `work` does.
  function slowed(work: (request: KubeRequest) => Promise<unknown>): void {
    kube.answer = async (request): Promise<KubeResponse | undefined> => {
      flying.now += 1
      flying.most = Math.max(flying.most, flying.now)
      await work(request)
      flying.now -= 1
      return undefined
    }
  }

  it('of routes one at a time: a change of a user finds the API server free', async () => {
    open({ routeStatusLate: 60_000 })
    slowed(() => delay(1))
    statuses.want(routes(30))
    await eventually('all are written', () => kube.paths('PATCH').length === 30 && flying.now === 0)
    expect(flying.most).to.equal(1)
  })

  it('more beside each other the later they are, up to a limit, and a Gateway’s does not stand behind them', async () => {
    open({ routeStatusLate: 10 })
    const answered = Promise.withResolvers<void>()
    slowed(({ path }) => (path.startsWith(gatewayPath) ? delay(1) : answered.promise))
    statuses.want([...routes(30), gatewayStatus(30)])
    await eventually('as many as there may be', () => flying.now === 6)
    await eventually('the Gateway’s', () => kube.objects.get(gatewayPath)?.['status'] !== undefined)
    await delay(100)
    expect(flying.now).to.equal(6)
    answered.resolve()
    await eventually('all are written', () => kube.paths('PATCH').length === 31)
  })

  it('what cannot be written holds up no other', async () => {
    open({ routeStatusLate: 60_000 })
    kube.answer = ({ path }) => (path.includes('/r0/') ? { status: 500, body: {} } : undefined)
    statuses.want(routes(10))
    await eventually('the others', () => new Set(kube.paths('PATCH')).size === 10)
  })

  it('an object that keeps changing has its status written now and then, and in the end the last', async () => {
    open({ routeStatus: 20, routeStatusAtMost: 100 })
    kube.put(`${api}/httproutes/r0`, { metadata: { name: 'r0' } })
    const began = performance.now()
    let last = 0
    for (; performance.now() - began < 500; last += 1) {
      statuses.want([routeStatus('r0', String(last))])
      await delay(2)
    }
    const meanwhile = kube.paths('PATCH').length
    expect(meanwhile).to.be.within(2, 8)
    const wanted = JSON.stringify(routeStatus('r0', String(last - 1)).status)
    await eventually('the last', () => JSON.stringify(kube.objects.get(`${api}/httproutes/r0`)?.['status']) === wanted)
  })

  it('a thousand routes attached one after the other change a Gateway few times', async () => {
    open({ routeStatusLate: 5 })
    slowed(() => delay(0))
    for (let n = 1; n <= 1000; n += 1) {
      statuses.want([gatewayStatus(n), routeStatus(`r${n}`)])
      if (n % 100 === 0) await delay(5)
    }
    const wanted = JSON.stringify(gatewayStatus(1000).status)
    await eventually('the last', () => JSON.stringify(kube.objects.get(gatewayPath)?.['status']) === wanted)
    expect(kube.paths('PATCH').filter((one) => one === `${gatewayPath}/status`).length).to.be.at.most(15)
    expect(flying.most).to.be.at.most(10)
  })
})
