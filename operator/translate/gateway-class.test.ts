import { expect } from 'chai'

import { snapshotFromObjects } from '../watch/files.ts'

import { gateway, gatewayClass } from './testing/objects.ts'
import { createTranslator } from './translate.ts'

const foreign = gatewayClass('haproxy', { controllerName: 'example.com/somebody-else' })
const refused = gatewayClass('haproxy', { parametersRef: { group: 'x', kind: 'X', name: 'x' } })

describe('translate/gateway-class: Gateways of a class that', () => {
  for (const { what, objects, proxies, suspended, isReported } of [
    { what: 'is accepted are served', objects: [gatewayClass()], proxies: 1, suspended: 0, isReported: true },
    { what: 'does not exist are suspended', objects: [], proxies: 0, suspended: 1, isReported: false },
    { what: 'is ours but not accepted are suspended', objects: [refused], proxies: 0, suspended: 1, isReported: false },
    { what: 'is of another controller are not ours', objects: [foreign], proxies: 0, suspended: 0, isReported: false },
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
    snapshot.put(foreign)
    expect(seen()).to.deep.equal([0, 0])
    snapshot.put(gatewayClass())
    expect(seen()).to.deep.equal([1, 0])
    snapshot.remove('GatewayClass', 'haproxy')
    snapshot.remove('Gateway', 'shop/web')
    expect(seen()).to.deep.equal([0, 0])
  })
})
