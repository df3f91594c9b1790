import { expect } from 'chai'

import { httpFrontends } from '../model/frontends.ts'
import { recomputed } from '../lib/derive.ts'
import type { KubernetesObject } from '../model/kubernetes.ts'
import { defaultDataPlane } from '../model/settings.ts'
import { snapshotFromObjects } from '../watch/files.ts'

import { supportedFeatures } from './supported-features.ts'
import { endpointSlice, gateway, gatewayClass, grpcRoute, listener, namespace, route } from './testing/objects.ts'
import { service, tlsListener, tlsSecret } from './testing/objects.ts'
import { createTranslator } from './translate.ts'
import { itemsOf } from '../lib/parts.ts'

const none = { frontends: [] }

describe('translate', () => {
  it('gives the same result, by identity, when nothing changed', () => {
    const snapshot = snapshotFromObjects([gatewayClass(), gateway('shop/web'), route('shop/r', [{ name: 'web' }])])
    const translator = createTranslator(snapshot)
    const before = translator()
    const after = translator()
    expect(after.proxies[0]).to.equal(before.proxies[0]).and.not.equal(undefined)
    expect(after.report.routes).to.equal(before.report.routes)
    snapshot.put(namespace('other'))
    expect(translator().proxies[0]).to.equal(before.proxies[0])
  })

  it('keeps the ports that the data plane it is told of has for itself', () => {
    const snapshot = snapshotFromObjects([gatewayClass(), gateway('shop/web', [listener({ port: 9000 })])])
    expect(createTranslator(snapshot)().proxies).to.have.length(1)
    for (const own of ['apiPort', 'runtimePort', 'statusPort'])
      expect(createTranslator(snapshot, { ...defaultDataPlane, [own]: 9000 })().proxies, own).to.deep.equal([])
  })

  it('what a caller holds does not change under it', () => {
    const snapshot = snapshotFromObjects([gatewayClass(), gateway('shop/web'), route('shop/r', [{ name: 'web' }])])
    const translator = createTranslator(snapshot)
    const before = translator()
    snapshot.remove('HTTPRoute', 'shop/r')
    const after = translator()
    expect([before.report.routes.size, after.report.routes.size]).to.deep.equal([1, 0])
    expect(itemsOf(httpFrontends(before.proxies[0] ?? none)[0]?.hosts)[0]?.rules).to.have.length(1)
    expect(itemsOf(httpFrontends(after.proxies[0] ?? none)[0]?.hosts)[0]?.rules).to.deep.equal([])
  })

  it('an object that cannot be read costs itself only', () => {
    const broken = (good: KubernetesObject, name: string, spec: unknown): KubernetesObject =>
      Object.assign(structuredClone(good), { metadata: Object.assign({}, good.metadata, { name }), spec })
    const objects = [
      gatewayClass(),
      broken(gatewayClass(), 'broken', null),
      gateway('shop/web'),
      broken(gateway('shop/web'), 'broken', { gatewayClassName: 'haproxy' }),
      broken(gateway('shop/web'), 'none', null),
      route('shop/good', [{ name: 'web' }]),
      broken(route('shop/x', []), 'rules', { parentRefs: [{ name: 'web' }], rules: 5 }),
      broken(route('shop/x', []), 'spec', null),
      broken(route('shop/x', []), 'parents', { parentRefs: 'web' }),
    ]
    const snapshot = snapshotFromObjects(objects)
    const translator = createTranslator(snapshot)
    const { proxies, report } = translator()
    expect(proxies.map(({ id }) => id)).to.deep.equal(['shop/web'])
    expect(itemsOf(httpFrontends(proxies[0] ?? none)[0]?.hosts)[0]?.rules.map(({ id }) => id))
      .to.match(/good/)
      .and.to.have.length(1)
    const [accepted] = report.gateways.get('shop/broken')?.findings ?? []
    expect([accepted?.type, accepted?.status]).to.deep.equal(['Accepted', 'False'])
    expect(report.gateways.has('shop/none')).to.equal(false)
    const [parent] = report.routes.get('HTTPRoute shop/rules')?.parents ?? []
    expect(parent?.findings.map(({ type, status }) => [type, status])).to.deep.equal([['Accepted', 'False']])

    snapshot.put(route('shop/rules', [{ name: 'web' }]))
    expect(translator().report.routes.get('HTTPRoute shop/rules')?.parents[0]?.findings[0]?.type).to.equal(
      'ResolvedRefs',
    )
    expect(itemsOf(httpFrontends(translator().proxies[0] ?? none)[0]?.hosts)[0]?.rules).to.have.length(2)
  })

  it('knows features by their names, sorted', () => {
    expect(supportedFeatures).to.deep.equal([...new Set(supportedFeatures)].toSorted())
  })
})

describe('translate: what a change costs', () => {
  const size = 5000
  const hostOf = (n: number): readonly string[] => [`h${n}.example.com`]
  const routeTo = (n: number, to: string) =>
    route(`shop/r${n}`, [{ name: 'web' }], {
      hostnames: hostOf(n),
      rules: [{ backendRefs: [{ name: to, port: 8080 }] }],
    })
  const world = (routes: number) =>
    snapshotFromObjects([
      gatewayClass(),
      gateway('shop/web', [listener(), tlsListener(['tls'])]),
      tlsSecret('shop/tls'),
      service('shop/a'),
      service('shop/b'),
      endpointSlice('shop/b', ['10.0.0.1']),
      // With a route of another kind, hostnames have to be compared.
      grpcRoute('shop/calls', [{ name: 'web' }], { hostnames: ['calls.example.com'], rules: [] }),
      ...Array.from({ length: routes }, (_, n) => routeTo(n, n === 0 ? 'b' : 'a')),
    ])
  // How many recomputations some changes take among so many routes.
  function costs(routes: number): readonly number[] {
    const snapshot = world(routes)
    const translator = createTranslator(snapshot)
    translator()
    const changes = [
      () => snapshot.put(routeTo(7, 'b')),
      () => snapshot.put(route('shop/new', [{ name: 'web' }], { hostnames: ['new.example.com'] })),
      () => snapshot.remove('HTTPRoute', 'shop/new'),
      () => snapshot.put(endpointSlice('shop/b', ['10.0.0.1', '10.0.0.2'])),
    ]
    return changes.map((change) => {
      const before = recomputed()
      change()
      translator()
      return recomputed() - before
    })
  }

  it(`one route among ${size} costs what it costs among a thousand`, () => {
    const few = costs(1000)
    expect(costs(size)).to.deep.equal(few)
    for (const cost of few) expect(cost).to.be.within(1, 60)
  }).timeout(30_000)

  it('a change keeps the identity of all other virtual hosts', () => {
    const snapshot = world(10)
    const translator = createTranslator(snapshot)
    const first = translator()
    const before = itemsOf(httpFrontends(first.proxies[0] ?? none)[0]?.hosts)
    const reports = first.report.routes
    snapshot.put(routeTo(7, 'b'))
    const { proxies, report } = translator()
    const after = itemsOf(httpFrontends(proxies[0] ?? none)[0]?.hosts)
    const changed = after.filter((host, index) => host !== before[index]).map(({ hostname }) => hostname)
    expect(changed).to.deep.equal(hostOf(7))
    expect(report.routes.get('HTTPRoute shop/r7'), 'a report that says the same').to.equal(
      reports.get('HTTPRoute shop/r7'),
    )
  })
})
