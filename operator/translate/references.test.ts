import { expect } from 'chai'

import type { KubernetesObject, ReferenceGrant } from '../model/kubernetes.ts'
import { derive, recomputed, settle } from '../lib/derive.ts'
import { snapshotFromObjects } from '../watch/files.ts'

import { createReferences, type Reference, type Referrer } from './references.ts'
import { grant, service } from './testing/objects.ts'

const route: Referrer = { group: 'gateway.networking.k8s.io', kind: 'HTTPRoute', namespace: 'shop' }
const cart: Reference = { group: '', kind: 'Service', namespace: 'pay', name: 'cart' }

function answer(objects: readonly KubernetesObject[], to: Reference = cart): string {
  const references = createReferences(snapshotFromObjects(objects))
  settle()
  const resolution = references.resolve(route, to, 'Service')
  return resolution.kind === 'found' ? 'found' : resolution.reason
}

describe('translate/references', () => {
  const from = [route]
  const to = [{ group: '', kind: 'Service' }]
  type Row = readonly [what: string, spec: ReferenceGrant['spec'] | undefined, place: string, expected: string]
  const rows: readonly Row[] = [
    ['no grant', undefined, 'pay/g', 'RefNotPermitted'],
    ['a grant for all Services', { from, to }, 'pay/g', 'found'],
    ['a grant for this Service', { from, to: [{ group: '', kind: 'Service', name: 'cart' }] }, 'pay/g', 'found'],
    ['a grant with an empty name', { from, to: [{ group: '', kind: 'Service', name: '' }] }, 'pay/g', 'found'],
    [
      'a grant for another Service',
      { from, to: [{ group: '', kind: 'Service', name: 'x' }] },
      'pay/g',
      'RefNotPermitted',
    ],
    ['a grant for another kind', { from, to: [{ group: '', kind: 'Secret' }] }, 'pay/g', 'RefNotPermitted'],
    ['a grant for another group', { from, to: [{ group: 'x.io', kind: 'Service' }] }, 'pay/g', 'RefNotPermitted'],
    ['a grant to another namespace', { from: [{ ...route, namespace: 'x' }], to }, 'pay/g', 'RefNotPermitted'],
    ['a grant to Gateways', { from: [{ ...route, kind: 'Gateway' }], to }, 'pay/g', 'RefNotPermitted'],
    ['a grant to another group', { from: [{ ...route, group: '' }], to }, 'pay/g', 'RefNotPermitted'],
    ['a grant in the referrer’s namespace', { from, to }, 'shop/g', 'RefNotPermitted'],
    [
      'a grant with the right pair among others',
      { from: [{ ...route, namespace: 'x' }, route], to: [{ group: '', kind: 'Secret' }, ...to] },
      'pay/g',
      'found',
    ],
  ]
  for (const [what, spec, place, expected] of rows)
    it(`across namespaces, ${what}: ${expected}`, () => {
      const grants = spec === undefined ? [] : [grant(place, spec)]
      expect(answer([service('pay/cart'), ...grants])).to.equal(expected)
    })

  it('inside a namespace needs no grant', () => {
    expect(answer([service('shop/cart')], { ...cart, namespace: 'shop' })).to.equal('found')
    expect(answer([], { ...cart, namespace: 'shop' })).to.equal('NotFound')
  })

  it('does not reveal whether a foreign object exists before it may be referred to', () => {
    expect(answer([])).to.equal('RefNotPermitted')
    expect(answer([grant('pay/g', { from, to })])).to.equal('NotFound')
  })

  it('refuses other kinds and groups', () => {
    expect(answer([service('pay/cart')], { ...cart, kind: 'Pod' })).to.equal('InvalidKind')
    expect(answer([service('pay/cart')], { ...cart, group: 'x.io' })).to.equal('InvalidKind')
  })

  it('a grant that cannot be read permits nothing, and takes nothing from others', () => {
    const broken = { ...grant('pay/broken', { from, to }), spec: JSON.parse('{ "from": 5 }') }
    expect(answer([service('pay/cart'), broken])).to.equal('RefNotPermitted')
    expect(answer([service('pay/cart'), broken, grant('pay/g', { from, to })])).to.equal('found')
  })

  it('a grant that changes no answer disturbs nobody', () => {
    const snapshot = snapshotFromObjects([service('pay/cart'), grant('pay/g', { from, to })])
    const references = createReferences(snapshot)
    let runs = 0
    const kind = derive(() => {
      runs += 1
      return references.resolve(route, cart, 'Service').kind
    })
    settle()
    expect(kind()).to.equal('found')
    const before = runs
    snapshot.put(grant('pay/other', { from, to }))
    settle()
    expect([kind(), runs]).to.deep.equal(['found', before])
    snapshot.remove('ReferenceGrant', 'pay/other')
    snapshot.remove('ReferenceGrant', 'pay/g')
    settle()
    expect(kind()).to.equal('refused')
    expect(recomputed()).to.be.greaterThan(0)
  })
})
