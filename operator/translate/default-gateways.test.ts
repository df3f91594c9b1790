import { expect } from 'chai'

import type { HTTPRoute, KubernetesObject } from '../model/kubernetes.ts'
import { snapshotFromObjects } from '../watch/files.ts'

import { gateway, gatewayClass, listener, route, service } from './testing/objects.ts'
import { createTranslator, type Translation } from './translate.ts'

const everywhere = [listener({ allowedRoutes: { namespaces: { from: 'All' } } })]

function translate(...objects: readonly KubernetesObject[]): Translation {
  return createTranslator(snapshotFromObjects([gatewayClass(), service('pay/service'), ...objects]))()
}
function defaulted(parentRefs: NonNullable<HTTPRoute['spec']['parentRefs']> = []): HTTPRoute {
  return route('pay/cart', parentRefs, { useDefaultGateways: 'All' })
}
function parents({ report }: Translation): readonly string[] {
  const found = report.routes.get('HTTPRoute pay/cart')?.parents ?? []
  return found.map(({ parentRef, findings }) =>
    [`${parentRef.namespace}/${parentRef.name}`, ...findings.map(({ reason }) => reason)].join(' '),
  )
}

describe('translate/default-gateways', () => {
  const first = gateway('infra/a', everywhere, { defaultScope: 'All' })
  const second = gateway('infra/b', everywhere, { defaultScope: 'All' })

  it('a route that asks for them attaches to every default Gateway, as if it named them', () => {
    const found = translate(second, first, gateway('infra/c', everywhere), defaulted())
    expect(parents(found)).to.eql(['infra/a', 'infra/b'])
    expect(found.report.gateways.get('infra/b')?.listeners[0]?.attachedRoutes).to.equal(1)
    expect(found.report.gateways.get('infra/c')?.listeners[0]?.attachedRoutes).to.equal(0)
  })

  it('a default Gateway that the route names is one parent, not two', () => {
    const found = translate(first, second, defaulted([{ name: 'b', namespace: 'infra' }]))
    expect(parents(found)).to.eql(['infra/b', 'infra/a'])
  })

  it('its listeners decide as ever', () => {
    const closed = gateway('infra/a', [listener()], { defaultScope: 'All' })
    expect(parents(translate(closed, defaulted()))).to.eql(['infra/a NotAllowedByListeners'])
  })

  it('nothing attaches without the word of both', () => {
    const none = gateway('infra/a', everywhere, { defaultScope: 'None' })
    expect(parents(translate(none, defaulted()))).to.eql([])
    expect(parents(translate(first, route('pay/cart', [])))).to.eql([])
    expect(parents(translate(first, route('pay/cart', [], { useDefaultGateways: 'None' })))).to.eql([])
  })

  it('the Gateway says that it is a default one', () => {
    const { report } = translate(first, gateway('infra/c', everywhere))
    const told = (key: string) => report.gateways.get(key)?.findings.map(({ type, status }) => `${type} ${status}`)
    expect(told('infra/a')).to.eql(['DefaultGateway True'])
    expect(told('infra/c')).to.eql([])
  })
})
