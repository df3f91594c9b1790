import { setTimeout as sleep } from 'node:timers/promises'

import { expect } from 'chai'

import type { KubeRequest, KubeResponse } from '../model/kube-call.ts'
import { silentLog } from '../lib/log.ts'

import { Queues } from './queues.ts'
import { ReloadEvents } from './reload-events.ts'
import type { ReloadNews } from './reloads.ts'
import { eventually } from './testing/eventually.ts'

const collection = '/apis/events.k8s.io/v1/namespaces/shop/events'
const now = new Date('2026-03-01T00:00:00.5Z')

describe('events of reloads', () => {
  let requests: KubeRequest[]
  let answer: (request: KubeRequest) => KubeResponse | Promise<KubeResponse>
  let lines: string[]
  let queue: Queues
  let events: ReloadEvents

  beforeEach(() => {
    requests = []
    lines = []
    answer = ({ method }) => ({ status: method === 'POST' ? 201 : 200, body: { metadata: { name: 'web.abc' } } })
    queue = new Queues({ limit: 1, longestPause: 0, onFailure: () => expect.fail('tried again') })
    events = new ReloadEvents({
      call: async (request) => {
        requests.push(request)
        return answer(request)
      },
      gateway: 'shop/web',
      timing: { eventGather: 10, eventPause: 40 },
      clock: () => now,
      log: silentLog((level, message) => lines.push(`${level} ${message}`)),
      queue,
    })
  })
  afterEach(async () => {
    events.stop()
    await queue.stop()
  })

  const news = (more: Partial<ReloadNews> = {}): ReloadNews => ({
    summary: 'header x-a (HTTPRoute shop/cart)',
    pod: 'gw-1',
    milliseconds: 70,
    isAnother: true,
    ...more,
  })
  const seen = (count: number) => eventually(`${count} requests`, () => requests.length >= count)

  it('one for all pods says what for, because of whom, and how long it took', async () => {
    events.add(news(), 'u1')
    events.add(news({ pod: 'gw-2', milliseconds: 95, isAnother: false }), 'u1')
    await seen(1)
    expect(requests[0]).to.deep.include({ method: 'POST', path: collection })
    expect(requests[0]?.body).to.deep.include({
      type: 'Normal',
      reason: 'Reloaded',
      action: 'Reload',
      note: 'HAProxy was reloaded (2 pods, 95 ms): header x-a (HTTPRoute shop/cart)',
      eventTime: '2026-03-01T00:00:00.500000Z',
      metadata: { namespace: 'shop', generateName: 'web-' },
      regarding: {
        apiVersion: 'gateway.networking.k8s.io/v1',
        kind: 'Gateway',
        namespace: 'shop',
        name: 'web',
        uid: 'u1',
      },
      reportingController: 'haproxy-gateway.dev/controller',
    })
  })

  it('the same again is another occurrence of the Event that is there', async () => {
    events.add(news(), 'u1')
    await seen(1)
    events.add(news(), 'u1')
    await seen(2)
    expect(requests[1]).to.deep.include({
      method: 'PATCH',
      path: `${collection}/web.abc`,
      body: { series: { count: 2, lastObservedTime: '2026-03-01T00:00:00.500000Z' } },
    })
  })

  it('an Event that has expired is written anew', async () => {
    events.add(news(), 'u1')
    await seen(1)
    answer = ({ method }) => ({ status: method === 'PATCH' ? 404 : 201, body: {} })
    events.add(news(), 'u1')
    await seen(3)
    expect(requests.map(({ method }) => method)).to.deep.equal(['POST', 'PATCH', 'POST'])
  })

  it('many reloads are few Events, of a length that the API server takes', async () => {
    for (let n = 0; n < 200; n += 1) {
      events.add(news({ summary: `header ${'x'.repeat(250)}-${n} (HTTPRoute shop/cart)` }), 'u1')
      await sleep(1)
    }
    await sleep(60)
    expect(requests.length).to.be.within(2, 12)
    const notes = requests.map(({ body }) => JSON.stringify(body).match(/"note":"([^"]*)"/)?.[1] ?? '')
    expect(notes.every(({ length }) => length > 0 && length <= 1024)).to.equal(true)
    expect(notes.at(-1)).to.match(/reloaded \d+ times/)
  })

  it('one that cannot be written is given up, and the next is written', async () => {
    answer = () => ({ status: 403, body: { message: 'forbidden' } })
    events.add(news(), 'u1')
    await eventually('refused', () => lines.length > 0)
    expect(lines).to.deep.equal(['debug event cannot be written'])
    answer = () => ({ status: 201, body: { metadata: { name: 'web.abc' } } })
    events.add(news(), 'u1')
    await seen(2)
    expect(requests.map(({ method }) => method)).to.deep.equal(['POST', 'POST'])
  })

  it('after the end nothing is written any more', async () => {
    events.add(news(), 'u1')
    events.stop()
    await sleep(30)
    expect(requests).to.deep.equal([])
  })
})
