import { expect } from 'chai'

import { derive } from '../lib/derive.ts'
import type { KubernetesObject } from '../model/kubernetes.ts'

import { Store } from './store.ts'

function route(version: string, more: object = {}): KubernetesObject {
  const metadata = { name: 'cart', namespace: 'shop', resourceVersion: version, generation: 1 }
  return {
    apiVersion: 'gateway.networking.k8s.io/v1',
    kind: 'HTTPRoute',
    metadata,
    ...Object.assign({ spec: { rules: [] } }, more),
  }
}

describe('watch/store', () => {
  it('keeps objects by kind and key, frozen to the last leaf', () => {
    const store = new Store()
    store.put('HTTPRoute', route('1', { spec: { rules: [{ name: 'a' }] } }))
    const kept = store.snapshot.HTTPRoute.get('shop/cart')
    expect(kept?.spec.rules?.[0]?.name).to.equal('a')
    expect(Object.isFrozen(kept?.spec.rules?.[0])).to.equal(true)
    expect(() => Object.assign(kept?.metadata ?? {}, { name: 'other' })).to.throw(TypeError)
  })

  it('keeps the identity of an object when nothing that can be read has changed', () => {
    const store = new Store()
    store.put('HTTPRoute', route('1'))
    const before = store.snapshot.HTTPRoute.get('shop/cart')
    expect(store.put('HTTPRoute', route('1'))).to.equal(undefined)
    expect(store.put('HTTPRoute', route('2'))).to.equal(undefined)
    expect(store.snapshot.HTTPRoute.get('shop/cart')).to.equal(before)
    expect(store.put('HTTPRoute', route('3', { status: { parents: [] } }))).to.not.equal(undefined)
    expect(store.snapshot.HTTPRoute.get('shop/cart')).to.not.equal(before)
  })

  it('wakes derivations only for a change', () => {
    const store = new Store()
    let runs = 0
    const rules = derive(() => {
      runs += 1
      return store.snapshot.HTTPRoute.get('shop/cart')?.spec.rules?.length
    })
    store.put('HTTPRoute', route('1'))
    store.put('HTTPRoute', route('2'))
    expect([rules(), runs]).to.deep.equal([0, 1])
    store.put('HTTPRoute', route('3'))
    expect([rules(), runs]).to.deep.equal([0, 1])
    expect(store.remove('HTTPRoute', 'shop/cart')).to.equal(true)
    expect([rules(), runs]).to.deep.equal([undefined, 2])
    expect(store.remove('HTTPRoute', 'shop/cart')).to.equal(false)
  })

  it('strips what no rule reads', () => {
    const store = new Store()
    const annotations = { 'kubectl.kubernetes.io/last-applied-configuration': '{}', mine: 'yes' }
    const metadata = {
      name: 'a',
      namespace: 'n',
      managedFields: [{}],
      selfLink: '/x',
      finalizers: ['f'],
      annotations,
      labels: { l: 'v' },
    }
    const service = { kind: 'Service', metadata, spec: { ports: [] } }
    store.put('Service', service)
    expect(store.snapshot.Service.get('n/a')).to.deep.equal({
      kind: 'Service',
      metadata: { name: 'a', namespace: 'n', annotations: { mine: 'yes' }, labels: { l: 'v' } },
      spec: { ports: [] },
    })
  })

  it('takes an endpoint slice that only got another timestamp, zone or target for unchanged', () => {
    const store = new Store()
    const slice = (time: string, zone: string) => ({
      kind: 'EndpointSlice',
      metadata: {
        name: 'a',
        namespace: 'n',
        annotations: { 'endpoints.kubernetes.io/last-change-trigger-time': time },
      },
      addressType: 'IPv4',
      endpoints: [{ addresses: ['10.0.0.1'], conditions: { ready: true }, zone, targetRef: {} }],
    })
    expect(store.put('EndpointSlice', slice('1', 'a'))).to.not.equal(undefined)
    expect(store.put('EndpointSlice', slice('2', 'b'))).to.equal(undefined)
    expect(store.snapshot.EndpointSlice.get('n/a')?.endpoints).to.deep.equal([
      { addresses: ['10.0.0.1'], conditions: { ready: true } },
    ])
  })

  it('refuses an object of another kind', () => {
    expect(() => new Store().put('Gateway', route('1'))).to.throw(/HTTPRoute/)
  })
})
