import { expect } from 'chai'

import type { HTTPRoute, KubernetesObject } from '../model/kubernetes.ts'
import type { Subject } from '../model/users.ts'
import { recomputed } from '../lib/derive.ts'
import { snapshotFromObjects } from '../watch/files.ts'

import { gateway, gatewayClass, listener, listenerSet, route, service, streamRoute } from './testing/objects.ts'
import { createTranslator } from './translate.ts'

type Rule = NonNullable<HTTPRoute['spec']['rules']>[number]

const backendRefs = [{ name: 'service', port: 8080 }]
const withRule = (key: string, rule: Rule, to = 'shop'): HTTPRoute =>
  route(key, [{ name: 'web', namespace: to }], { rules: [{ backendRefs, ...rule }] })
const comparing = (key: string, ...names: readonly string[]) =>
  withRule(key, { matches: [{ headers: names.map((name) => ({ name, value: 'x' })) }] })
const everybody = { allowedRoutes: { namespaces: { from: 'All' as const } } }

describe('translate: who asks for what takes a reload', () => {
  const start: readonly KubernetesObject[] = [
    gatewayClass(),
    gateway('shop/web', [listener(everybody), listener({ name: 'pg', port: 5432, protocol: 'TCP' })], {
      allowedListeners: { namespaces: { from: 'Same' } },
    }),
    gateway('pay/web', [listener(everybody)]),
    listenerSet('shop/more', 'web', [listener({ port: 8443 }), listener({ name: 'other', port: 81 })]),
    service('shop/service'),
    comparing('shop/b', 'X-Release-Channel', 'x-other'),
    comparing('shop/a', 'x-release-channel'),
    withRule('pay/z', { matches: [{ headers: [{ name: 'x-release-channel', value: 'y' }] }] }, 'pay'),
    withRule('shop/q', { matches: [{ queryParams: [{ name: 'version', value: '2' }] }] }),
    withRule('shop/r', { retry: { attempts: 3, codes: [503, 500] } }),
    streamRoute('TCPRoute', 'shop/db', [{ name: 'web', sectionName: 'pg' }]),
  ]
  const cases: readonly (readonly [what: string, Subject, users: readonly string[]])[] = [
    [
      'a header by the routes of this Gateway',
      { kind: 'header', name: 'x-release-channel' },
      ['HTTPRoute shop/a', 'HTTPRoute shop/b'],
    ],
    ['a query parameter', { kind: 'query', name: 'version' }, ['HTTPRoute shop/q']],
    ['a retry policy', { kind: 'profile', profile: 'retry.3.500-503' }, ['HTTPRoute shop/r']],
    [
      'a backend',
      { kind: 'backend', name: 'shop_service_8080' },
      ['HTTPRoute shop/a', 'HTTPRoute shop/b', 'HTTPRoute shop/q'],
    ],
    ['a backend of one profile', { kind: 'backend', name: 'shop_service_8080.tcp' }, ['TCPRoute shop/db']],
    ['a port of the Gateway', { kind: 'port', port: 80 }, ['Gateway shop/web']],
    ['a port of a ListenerSet', { kind: 'port', port: 8443 }, ['ListenerSet shop/more']],
    ['what nobody asks for', { kind: 'header', name: 'x-nothing' }, []],
  ]
  for (const [what, subject, users] of cases)
    it(`tells of ${what}`, () => {
      const proxy = createTranslator(snapshotFromObjects(start))().proxies.find(({ id }) => id === 'shop/web')
      expect(proxy?.users?.of(subject)).to.deep.equal(users)
    })

  it('follows every change, and costs a change nothing', () => {
    const snapshot = snapshotFromObjects(start)
    const translator = createTranslator(snapshot)
    const usersOf = () => translator().proxies.find(({ id }) => id === 'shop/web')?.users
    const users = usersOf()
    const header: Subject = { kind: 'header', name: 'x-release-channel' }
    expect(users?.of(header)).to.have.length(2)
    snapshot.remove('HTTPRoute', 'shop/a')
    expect(usersOf()).to.equal(users)
    const before = recomputed()
    expect(users?.of(header)).to.deep.equal(['HTTPRoute shop/b'])
    expect(recomputed()).to.equal(before)
  })
})
