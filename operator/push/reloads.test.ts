import { expect } from 'chai'
import { Registry } from 'prom-client'

import { Users } from '../model/users.ts'
import { silentLog } from '../lib/log.ts'

import type { Reload } from './change.ts'
import { createPushMetrics } from './push-metrics.ts'
import { Reloads, type ReloadNews } from './reloads.ts'
import { configOf } from './testing/configs.ts'

const users = new Users(() => ['HTTPRoute shop/cart'])
const wantedWith = (...headers: readonly string[]) => ({
  ...configOf({ hosts: {}, backends: {}, reasons: headers.map((name) => `header ${name}`) }),
  users,
})
const reloadFor = (...headers: readonly string[]): Reload => ({
  kind: 'reload',
  cause: 'machine',
  reasons: headers.map((name) => `header ${name}`),
})

describe('reloads of a proxy', () => {
  let news: ReloadNews[]
  let lines: string[]
  let registry: Registry
  let reloads: Reloads

  beforeEach(() => {
    news = []
    lines = []
    registry = new Registry()
    reloads = new Reloads({
      log: silentLog((_, message, fields) => lines.push(`${message} ${JSON.stringify(fields)}`)),
      metrics: createPushMetrics(registry),
      onNews: (one) => news.push(one),
    })
  })
  const add = (pod: string, header: string, wasReady = true) =>
    reloads.add({ pod, wasReady, reload: reloadFor(header), wanted: wantedWith(header), milliseconds: 70 })

  it('name the object in the log and count the pod under one word', async () => {
    add('gw-1', 'x-a')
    expect(lines).to.have.length(1)
    expect(lines[0]).to.include('HAProxy reloaded').and.include('header x-a (HTTPRoute shop/cart)')
    expect(await registry.metrics()).to.include('haproxy_gateway_reloads_total{reason="header"} 1')
    expect(reloads.last).to.equal('header x-a (HTTPRoute shop/cart)')
  })

  it('of several pods for the same are one', () => {
    add('gw-1', 'x-a')
    add('gw-2', 'x-a')
    add('gw-1', 'x-b')
    add('gw-2', 'x-b')
    expect(news.map(({ pod, isAnother }) => [pod, isAnother])).to.deep.equal([
      ['gw-1', true],
      ['gw-2', false],
      ['gw-1', true],
      ['gw-2', false],
    ])
  })

  it('a pod that comes late does not bring back what was said before', () => {
    add('gw-1', 'x-a')
    add('gw-1', 'x-b')
    add('gw-2', 'x-a')
    expect(reloads.last).to.include('x-b')
  })

  it('the same pod again is another', () => {
    add('gw-1', 'x-a')
    add('gw-1', 'x-a')
    expect(news.map(({ isAnother }) => isAnother)).to.deep.equal([true, true])
  })

  it('what a pod loads before it is ready is none, and counted apart', async () => {
    add('gw-1', 'x-a', false)
    expect(news).to.deep.equal([])
    expect(reloads.last).to.equal(undefined)
    const counted = await registry.metrics()
    expect(counted).to.include('haproxy_gateway_first_loads_total 1')
    expect(counted).to.not.include('haproxy_gateway_reloads_total{')
  })
})
