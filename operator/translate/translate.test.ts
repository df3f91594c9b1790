import { expect } from 'chai'
import fc from 'fast-check'

import { httpFrontends } from '../model/frontends.ts'
import { recomputed } from '../lib/derive.ts'
import type { Kind, KubernetesObject } from '../model/kubernetes.ts'
import { kinds } from '../model/kinds.ts'
import { keyOf, type ObjectKey } from '../model/snapshot.ts'
import { snapshotFromObjects } from '../watch/files.ts'

import { supportedFeatures } from './supported-features.ts'
import {
  endpointSlice,
  gateway,
  gatewayApiDefinition,
  gatewayClass,
  grant,
  listener,
  namespace,
  route,
} from './testing/objects.ts'
import { service, tlsListener, tlsSecret } from './testing/objects.ts'
import { createTranslator } from './translate.ts'

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
    expect(createTranslator(snapshot, { apiPort: 9001, statusPort: 9000 })().proxies).to.deep.equal([])
  })

  it('what a caller holds does not change under it', () => {
    const snapshot = snapshotFromObjects([gatewayClass(), gateway('shop/web'), route('shop/r', [{ name: 'web' }])])
    const translator = createTranslator(snapshot)
    const before = translator()
    snapshot.remove('HTTPRoute', 'shop/r')
    const after = translator()
    expect([before.report.routes.size, after.report.routes.size]).to.deep.equal([1, 0])
    expect(httpFrontends(before.proxies[0] ?? none)[0]?.hosts.flat()[0]?.rules).to.have.length(1)
    expect(httpFrontends(after.proxies[0] ?? none)[0]?.hosts.flat()[0]?.rules).to.deep.equal([])
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
    expect(
      httpFrontends(proxies[0] ?? none)[0]
        ?.hosts.flat()[0]
        ?.rules.map(({ id }) => id),
    )
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
    expect(httpFrontends(translator().proxies[0] ?? none)[0]?.hosts.flat()[0]?.rules).to.have.length(2)
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
    const before = httpFrontends(first.proxies[0] ?? none)[0]?.hosts.flat() ?? []
    const reports = first.report.routes
    snapshot.put(routeTo(7, 'b'))
    const { proxies, report } = translator()
    const after = httpFrontends(proxies[0] ?? none)[0]?.hosts.flat() ?? []
    const changed = after.filter((host, index) => host !== before[index]).map(({ hostname }) => hostname)
    expect(changed).to.deep.equal(hostOf(7))
    expect(report.routes.get('HTTPRoute shop/r7'), 'a report that says the same').to.equal(
      reports.get('HTTPRoute shop/r7'),
    )
  })
})

describe('translate: the law', () => {
  const namespaces = ['shop', 'pay']
  const key = fc.constantFrom('shop/a', 'shop/b', 'pay/a')
  const hostname = fc.constantFrom(undefined, 'a.com', '*.com', 'x.a.com', '*.a.com')
  const optional = <V>(name: string, value: V | undefined) => (value === undefined ? {} : { [name]: value })
  const routeNamespaces = fc.constantFrom(
    { from: 'All' as const },
    { from: 'Same' as const },
    { from: 'Selector' as const, selector: { matchLabels: { team: 'x' } } },
  )
  const someListener = fc
    .record({
      port: fc.constantFrom(80, 443),
      protocol: fc.constantFrom('HTTP', 'HTTPS', 'TCP'),
      hostname,
      routeNamespaces,
      secret: key,
    })
    .map(({ port, protocol, hostname: name, routeNamespaces: allowed, secret }) => {
      const more = { port, protocol, ...optional('hostname', name), allowedRoutes: { namespaces: allowed } }
      return protocol === 'HTTPS' ? tlsListener([secret], more) : listener(more)
    })
  const someGateway = fc
    .tuple(key, fc.array(someListener, { minLength: 1, maxLength: 3 }), fc.constantFrom('haproxy', 'other'))
    .map(([name, listeners, gatewayClassName]) =>
      gateway(
        name,
        listeners.map((one, index) => ({ ...one, name: `l${index}` })),
        { gatewayClassName },
      ),
    )
  const parentRef = fc
    .tuple(fc.constantFrom('a', 'b'), fc.constantFrom(...namespaces), fc.constantFrom(undefined, 'l0', 'l1'))
    .map(([name, space, sectionName]) => ({ name, namespace: space, ...optional('sectionName', sectionName) }))
  const backendRef = fc
    .tuple(fc.constantFrom('a', 'b'), fc.constantFrom(...namespaces))
    .map(([name, space]) => ({ name, namespace: space, port: 8080 }))
  const rule = fc
    .tuple(
      fc.constantFrom('/', '/x'),
      fc.array(fc.constantFrom('h', 'k'), { maxLength: 1 }),
      fc.array(backendRef, { maxLength: 2 }),
    )
    .map(([value, headers, backendRefs]) => ({
      matches: [
        { path: { type: 'PathPrefix' as const, value }, headers: headers.map((name) => ({ name, value: '1' })) },
      ],
      backendRefs,
    }))
  const someRoute = fc
    .tuple(
      key,
      fc.array(parentRef, { maxLength: 2 }),
      fc.array(hostname, { maxLength: 2 }),
      fc.array(rule, { minLength: 1, maxLength: 2 }),
    )
    .map(([name, refs, hostnames, rules]) =>
      route(name, refs, { hostnames: hostnames.filter((one) => one !== undefined), rules }),
    )
  const someGrant = fc.constantFrom('HTTPRoute', 'Gateway').chain((kind) =>
    fc.constantFrom('Service', 'Secret').map((target) =>
      grant('pay/a', {
        from: [{ group: 'gateway.networking.k8s.io', kind, namespace: 'shop' }],
        to: [{ group: '', kind: target }],
      }),
    ),
  )
  const object: fc.Arbitrary<KubernetesObject> = fc.oneof(
    fc
      .constantFrom('haproxy.gateway', 'haproxy-gateway.dev/controller')
      .map((controllerName) => gatewayClass('haproxy', { controllerName })),
    { weight: 3, arbitrary: someGateway },
    { weight: 5, arbitrary: someRoute },
    key.map(service),
    fc.tuple(key, fc.subarray(['10.0.0.1', '10.0.0.2'])).map(([name, addresses]) => endpointSlice(name, addresses)),
    someGrant,
    fc
      .tuple(key, fc.constantFrom('good', 'Hello world'))
      .map(([name, text]) => (text === 'good' ? tlsSecret(name) : tlsSecret(name, text))),
    fc
      .tuple(fc.constantFrom(...namespaces), fc.constantFrom('x', 'y'))
      .map(([name, team]) => namespace(name, { team })),
    fc.constantFrom('v1.6.1', 'v1.5.0').map(gatewayApiDefinition),
  )
  type Edit = { readonly object: KubernetesObject; readonly remove: boolean }
  const edit: fc.Arbitrary<Edit> = fc.record({ object, remove: fc.boolean() })
  const isKnown = (kind: string | undefined): kind is Kind => kind !== undefined && Object.hasOwn(kinds, kind)
  const start = [gatewayClass(), gateway('shop/a'), service('shop/a'), route('shop/a', [{ name: 'a' }])]

  it('after any edits the result equals that of a new translator over the same objects', () => {
    let frontends = 0
    fc.assert(
      fc.property(fc.array(fc.array(edit, { maxLength: 4 }), { maxLength: 8 }), (rounds) => {
        const objects = new Map<ObjectKey, KubernetesObject>()
        const id = (one: KubernetesObject): string => `${one.kind} ${keyOf(one)}`
        for (const one of start) objects.set(id(one), one)
        const snapshot = snapshotFromObjects(start)
        const live = createTranslator(snapshot)
        for (const round of rounds) {
          for (const { object: one, remove } of round) {
            if (remove) objects.delete(id(one))
            else objects.set(id(one), one)
            if (remove && isKnown(one.kind)) snapshot.remove(one.kind, keyOf(one))
            else snapshot.put(one)
          }
          const { proxies, suspended, report } = live()
          frontends += proxies.flatMap((proxy) => httpFrontends(proxy).flatMap(({ hosts }) => hosts.flat())).length
          const fresh = createTranslator(snapshotFromObjects([...objects.values()]))()
          expect(proxies).to.deep.equal(fresh.proxies)
          expect(suspended).to.deep.equal(fresh.suspended)
          expect(report).to.deep.equal(fresh.report)
        }
      }),
      { numRuns: 150 },
    )
    expect(frontends, 'virtual hosts seen').to.be.greaterThan(100)
  }).timeout(60_000)

  it('covers every kind that translation reads', () => {
    const seen = new Set(fc.sample(object, 500).map(({ kind }) => kind))
    const others = Object.keys(kinds).filter((kind) => !seen.has(kind))
    expect(others).to.have.members(['ConfigMap', 'Deployment', 'Pod'])
  })
})
