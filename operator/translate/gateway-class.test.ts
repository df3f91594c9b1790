import { expect } from 'chai'

import type { KubernetesObject } from '../model/kubernetes.ts'
import { snapshotFromObjects } from '../watch/files.ts'

import { gateway, gatewayApiDefinition, gatewayClass } from './testing/objects.ts'
import { createTranslator } from './translate.ts'

const foreign = (name = 'haproxy') => gatewayClass(name, { controllerName: 'example.com/somebody-else' })
const refused = gatewayClass('haproxy', { parametersRef: { group: 'x', kind: 'X', name: 'x' } })

describe('translate/gateway-class: Gateways of a class that', () => {
  for (const { what, objects, proxies, suspended, isReported } of [
    { what: 'is accepted are served', objects: [gatewayClass()], proxies: 1, suspended: 0, isReported: true },
    { what: 'does not exist are suspended', objects: [], proxies: 0, suspended: 1, isReported: false },
    { what: 'is ours but not accepted are suspended', objects: [refused], proxies: 0, suspended: 1, isReported: false },
    {
      what: 'is of another controller are not ours',
      objects: [foreign()],
      proxies: 0,
      suspended: 0,
      isReported: false,
    },
  ])
    it(what, () => {
      const translation = createTranslator(snapshotFromObjects([...objects, gateway('shop/web')]))()
      expect(translation.proxies).to.have.length(proxies)
      expect(translation.suspended).to.deep.equal(suspended === 0 ? [] : ['shop/web'])
      expect(translation.report.gateways.has('shop/web')).to.equal(isReported)
    })

  it('comes back are served again, and one that goes suspends its Gateways', () => {
    const snapshot = snapshotFromObjects([gatewayClass(), gateway('shop/web')])
    const translator = createTranslator(snapshot)
    const seen = () => [translator().proxies.length, translator().suspended.length]
    expect(seen()).to.deep.equal([1, 0])
    snapshot.remove('GatewayClass', 'haproxy')
    expect(seen()).to.deep.equal([0, 1])
    snapshot.put(foreign())
    expect(seen()).to.deep.equal([0, 0])
    snapshot.put(gatewayClass())
    expect(seen()).to.deep.equal([1, 0])
    snapshot.remove('GatewayClass', 'haproxy')
    snapshot.remove('Gateway', 'shop/web')
    expect(seen()).to.deep.equal([0, 0])
  })
})

describe('translate/gateway-class: SupportedVersion is', () => {
  const findings = (...objects: readonly KubernetesObject[]) =>
    createTranslator(snapshotFromObjects([gatewayClass(), foreign('other'), gateway('shop/web'), ...objects]))()

  for (const { what, objects } of [
    { what: 'not doubted without the CustomResourceDefinition', objects: [] },
    { what: 'True for v1.6.1', objects: [gatewayApiDefinition('v1.6.1')] },
    { what: 'True for a later patch', objects: [gatewayApiDefinition('v1.6.12')] },
  ])
    it(what, () => expect(findings(...objects).report.classes.get('haproxy')?.findings).to.deep.equal([]))

  for (const { what, object, names } of [
    { what: 'False for an older version', object: gatewayApiDefinition('v1.5.0'), names: 'v1.5.0' },
    { what: 'False for a newer version', object: gatewayApiDefinition('v1.60.0'), names: 'v1.60.0' },
    { what: 'False for no version', object: gatewayApiDefinition('monthly-2026.01'), names: 'monthly-2026.01' },
    {
      what: 'False without the annotation',
      object: gatewayApiDefinition(),
      names: 'gateway.networking.k8s.io/bundle-version',
    },
  ])
    it(`${what}, and Gateways are served all the same`, () => {
      const { proxies, report } = findings(object)
      const [finding, ...others] = report.classes.get('haproxy')?.findings ?? []
      expect(others).to.deep.equal([])
      expect(finding).to.deep.include({ type: 'SupportedVersion', status: 'False', reason: 'UnsupportedVersion' })
      expect(finding?.message)
        .to.include(names)
        .and.to.include('v1.6')
        .and.to.match(/install/i)
      expect(proxies).to.have.length(1)
      expect(report.classes.has('other')).to.equal(false)
    })

  it('judged again when the version changes', () => {
    const snapshot = snapshotFromObjects([gatewayClass(), gatewayApiDefinition('v1.6.1')])
    const translator = createTranslator(snapshot)
    const count = () => translator().report.classes.get('haproxy')?.findings.length
    expect(count()).to.equal(0)
    snapshot.put(gatewayApiDefinition('v0.8.0'))
    expect(count()).to.equal(1)
  })
})

describe('translate/gateway-class: a class of ours', () => {
  it('is used while a Gateway names it, accepted or not', () => {
    const snapshot = snapshotFromObjects([gatewayClass(), foreign('other')])
    const translator = createTranslator(snapshot)
    const isUsed = () => translator().report.classes.get('haproxy')?.isUsed
    expect(isUsed()).to.equal(false)
    snapshot.put(gateway('shop/b', undefined, { gatewayClassName: 'other' }))
    expect(isUsed()).to.equal(false)
    snapshot.put(gateway('shop/web'))
    expect(isUsed()).to.equal(true)
    snapshot.put(refused)
    expect(isUsed()).to.equal(true)
    snapshot.remove('Gateway', 'shop/web')
    expect(isUsed()).to.equal(false)
  })
})
