import { expect } from 'chai'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Registry } from 'prom-client'

import { derive } from '../lib/derive.ts'
import { silentLog } from '../lib/log.ts'
import { kinds } from '../model/kinds.ts'

import { FakeApi, status } from './testing/fake-api.ts'
import { openWatch, type WatchDoor } from './watch.ts'

const routes = '/apis/gateway.networking.k8s.io/v1/httproutes'

describe('watch', () => {
  let api: FakeApi
  let folder: string
  let door: WatchDoor
  let registry: Registry

  beforeEach(async () => {
    api = new FakeApi()
    await api.open()
    folder = mkdtempSync(join(tmpdir(), 'kubeconfig-'))
    registry = new Registry()
  })

  afterEach(async () => {
    await door.stop()
    await api.close()
    rmSync(folder, { recursive: true })
  })

  function open(namespaces: readonly string[] = []): void {
    const file = join(folder, 'config')
    writeFileSync(file, api.kubeconfig())
    door = openWatch({ kubeconfig: file, namespaces, registry, logger: silentLog() })
    door.onChange(() => setImmediate(api.notice))
  }

  it('brings every kind into the snapshot and keeps it up to date', async () => {
    api.put(routes, 'cart', { spec: { rules: [] } })
    open()
    await door.synced
    expect(door.snapshot.HTTPRoute.get('shop/cart')?.kind).to.equal('HTTPRoute')
    await api.until(() => api.watching === Object.keys(kinds).length)
    api.put(routes, 'cart', { spec: { rules: [{}] } })
    await api.until(() => door.snapshot.HTTPRoute.get('shop/cart')?.spec.rules?.length === 1)
    api.remove(routes, 'cart')
    await api.until(() => door.snapshot.HTTPRoute.size === 0)
    expect(await registry.metrics()).to.match(/haproxy_gateway_watch_events_total\{kind="HTTPRoute"\} 2/)
  })

  it('tells a change of nothing but a status from all others, where it is ours to write', async () => {
    const services = '/api/v1/services'
    api.put(routes, 'cart', { spec: { rules: [] } })
    api.put(services, 'cart', { spec: { type: 'LoadBalancer' } })
    open()
    const told: string[] = []
    await door.synced
    door.onChange((change) => told.push(change))
    await api.until(() => api.watching === Object.keys(kinds).length)
    const next = async (count: number) => api.until(() => told.length >= count)
    api.put(routes, 'cart', { spec: { rules: [] }, status: { parents: [] } })
    await next(1)
    api.put(routes, 'cart', { spec: { rules: [{}] }, status: { parents: [] } })
    await next(2)
    api.put(services, 'cart', { spec: { type: 'LoadBalancer' }, status: { loadBalancer: {} } })
    await next(3)
    api.put(routes, 'cart', { metadata: { generation: 2 }, spec: { rules: [{}] } })
    await next(4)
    api.remove(routes, 'cart')
    await next(5)
    expect(told).to.deep.equal(['status', 'anything', 'anything', 'anything', 'anything'])
  })

  it('is synced although a kind is missing, and not before the others are there', async () => {
    api.missing.add(routes)
    open()
    await door.synced
    const asked = new Set(api.requests.map(({ pathname }) => pathname))
    for (const { plural } of Object.values(kinds))
      expect([...asked].some((path) => path.endsWith(`/${plural}`))).to.equal(true)
  })

  it('fetches a Secret when a derivation reads it, not before, and never lists contents', async () => {
    api.put('/api/v1/secrets', 'tls', { data: { 'tls.crt': 'listed' } })
    api.put('/api/v1/namespaces/shop/secrets', 'tls', { data: { 'tls.crt': 'fetched' } })
    open()
    await door.synced
    expect(door.snapshot.Secret.size).to.equal(0)
    const fetchesOf = () =>
      api.requests.filter(({ pathname }) => pathname === '/api/v1/namespaces/shop/secrets/tls').length
    expect(fetchesOf()).to.equal(0)
    const read = derive(() => door.snapshot.Secret.get('shop/tls')?.data?.['tls.crt'])
    expect(read()).to.equal(undefined)
    expect(door.pendingDemands(1000)).to.equal(1)
    await api.until(() => door.pendingDemands(1000) === 0)
    expect([read(), fetchesOf()]).to.deep.equal(['fetched', 1])
    const listAt = api.requests.findIndex(({ pathname }) => pathname === '/api/v1/secrets')
    expect(api.accepted[listAt]).to.match(/as=PartialObjectMetadataList/)
  })

  it('fetches an object without namespace when a derivation reads it, also when namespaces are given', async () => {
    const definitions = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions'
    const annotations = { version: 'v1' }
    api.put(definitions, 'a.example.com', { metadata: { namespace: undefined, annotations }, spec: { group: 'x' } })
    open(['shop'])
    await door.synced
    expect(door.snapshot.CustomResourceDefinition.size).to.equal(0)
    const read = derive(() => door.snapshot.CustomResourceDefinition.get('a.example.com'))
    expect(read()).to.equal(undefined)
    await api.until(() => door.pendingDemands(1000) === 0)
    expect(read()?.metadata?.annotations).to.deep.equal(annotations)
    expect(read()).to.not.have.property('spec')
    const listAt = api.requests.findIndex(({ pathname }) => pathname === definitions)
    expect(api.accepted[listAt]).to.match(/as=PartialObjectMetadataList/)
  })

  it('looks at the given namespaces only, and at objects without namespace everywhere', async () => {
    open(['shop', 'blog'])
    await door.synced
    const asked = new Set(api.requests.map(({ pathname }) => pathname))
    expect([...asked].filter((path) => path.endsWith('/httproutes'))).to.deep.equal([
      '/apis/gateway.networking.k8s.io/v1/namespaces/shop/httproutes',
      '/apis/gateway.networking.k8s.io/v1/namespaces/blog/httproutes',
    ])
    expect([...asked].filter((path) => path.endsWith('/gatewayclasses'))).to.have.length(1)
    const elsewhere = derive(() => door.snapshot.Secret.get('other/tls'))
    expect(elsewhere()).to.equal(undefined)
    await api.until(() => door.pendingDemands(1000) === 0)
    expect([...asked].filter((path) => path.includes('/other/'))).to.deep.equal([])
  })

  it('hands every HTTP status to callers, with Retry-After in milliseconds', async () => {
    open()
    api.script(({ pathname }) => pathname === '/version', status(429, 'slow down', { 'retry-after': '2' }))
    expect(await door.call({ method: 'GET', path: '/version' })).to.deep.include({ status: 429, retryAfter: 2000 })
  })
})
