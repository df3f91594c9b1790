import { expect } from 'chai'

import { recomputed } from '../lib/derive.ts'
import { itemsOf } from '../lib/parts.ts'
import { httpFrontends } from '../model/frontends.ts'
import type { Gateway, KubernetesObject, ListenerSet } from '../model/kubernetes.ts'
import { snapshotFromObjects } from '../watch/files.ts'

import { web, told, toldOf, listenersOf, hosts, refused } from './testing/listener-sets.ts'
import {
  gateway,
  gatewayClass,
  grant,
  listener,
  listenerSet,
  namespace,
  route,
  service,
  tlsListener,
  tlsSecret,
} from './testing/objects.ts'
import { pem } from './testing/certificates.ts'
import { shownBy } from './testing/shown-certificates.ts'
import { createTranslator, type Translation } from './translate.ts'

function translate(...objects: readonly KubernetesObject[]): Translation {
  return createTranslator(
    snapshotFromObjects([gatewayClass(), service('shop/service'), service('pay/service'), ...objects]),
  )()
}

describe('translate/listener-sets: which are let in', () => {
  type Row = {
    readonly what: string
    readonly allowed?: Gateway['spec']['allowedListeners']
    readonly key?: string
    readonly told: readonly string[] | undefined
  }
  const selector = { matchLabels: { team: 'x' } }
  const rows: readonly Row[] = [
    { what: 'nothing is said of it', told: refused('NotAllowed') },
    { what: 'no namespaces are named', allowed: {}, told: refused('NotAllowed') },
    { what: 'None', allowed: { namespaces: { from: 'None' } }, told: refused('NotAllowed') },
    { what: 'Same, and it is', allowed: { namespaces: { from: 'Same' } }, told: [] },
    {
      what: 'Same, and it is not',
      allowed: { namespaces: { from: 'Same' } },
      key: 'pay/more',
      told: refused('NotAllowed'),
    },
    { what: 'All', allowed: { namespaces: { from: 'All' } }, key: 'pay/more', told: [] },
    {
      what: 'a selector that fits',
      allowed: { namespaces: { from: 'Selector', selector } },
      key: 'pay/more',
      told: [],
    },
    {
      what: 'a selector that does not',
      allowed: { namespaces: { from: 'Selector', selector } },
      told: refused('NotAllowed'),
    },
    { what: 'a selector that is missing', allowed: { namespaces: { from: 'Selector' } }, told: refused('NotAllowed') },
  ]
  for (const { what, allowed, key = 'shop/more', told: expected } of rows)
    it(`${what}: ${expected?.join(', ') || 'attached'}`, () => {
      const result = translate(
        namespace('shop'),
        namespace('pay', { team: 'x' }),
        gateway('shop/web', [listener()], allowed === undefined ? {} : { allowedListeners: allowed }),
        listenerSet(key, 'shop/web', [listener({ hostname: 'more.com' })]),
      )
      expect(toldOf(result, key)).to.deep.equal(expected)
      const isIn = expected?.length === 0
      expect(result.report.gateways.get('shop/web')?.attachedListenerSets).to.equal(isIn ? 1 : 0)
      expect(hosts(result)).to.deep.equal(isIn ? ['80 *: 0', '80 more.com: 0'] : ['80 *: 0'])
    })

  it('a set of a Gateway of somebody else, or of no Gateway at all, is none of our business', () => {
    const foreign = gateway('shop/foreign', [listener()], { gatewayClassName: 'other' })
    const service80 = {
      ...listenerSet('shop/c', 'web'),
      spec: { parentRef: { kind: 'Service', name: 'web' }, listeners: [] },
    }
    const { report } = translate(web(), foreign, listenerSet('shop/a', 'foreign'), service80)
    expect([...report.listenerSets.keys()]).to.deep.equal([])
  })

  it('a set whose Gateway does not exist is told so, if it was ever told something else', () => {
    const { report } = translate(
      listenerSet('shop/more', 'gone'),
      route('shop/r', [{ kind: 'ListenerSet', name: 'more' }]),
    )
    expect(report.listenerSets.get('shop/more')?.orphaned).to.equal(true)
    expect(report.routes.get('HTTPRoute shop/r')).to.equal(undefined)
  })

  it('a set of a Gateway that is refused is refused, and its routes with it', () => {
    const broken = gateway('shop/web', [listener()], {
      allowedListeners: { namespaces: { from: 'All' } },
      addresses: [{ type: 'Hostname', value: 'a.com' }],
    })
    const result = translate(
      broken,
      listenerSet('shop/more', 'web'),
      route('shop/r', [{ kind: 'ListenerSet', name: 'more' }]),
    )
    expect(toldOf(result, 'shop/more')).to.deep.equal(refused('ParentNotAccepted', 'ParentNotProgrammed'))
    expect(told(result.report.routes.get('HTTPRoute shop/r')?.parents[0]?.findings)).to.deep.equal([
      'Accepted=False/NoMatchingParent',
    ])
  })

  it('a set that does not say when it was created is let in like others', () => {
    const found = translate(web(), listenerSet('shop/more', 'web', [listener({ hostname: 'more.com' })], 'some day'))
    expect(toldOf(found, 'shop/more')).to.eql([])
    expect(hosts(found)).to.include('80 more.com: 0')
  })

  it('a set that cannot be read costs itself only', () => {
    const broken: ListenerSet = Object.assign(listenerSet('shop/broken', 'web'), {
      spec: { parentRef: { name: 'web' }, listeners: 5 },
    })
    const result = translate(web(), broken, listenerSet('shop/more', 'web', [listener({ hostname: 'more.com' })]))
    expect(toldOf(result, 'shop/broken')).to.deep.equal(refused('Invalid'))
    expect(toldOf(result, 'shop/more')).to.deep.equal([])
  })
})

describe('translate/listener-sets: routes', () => {
  const more = listenerSet('pay/more', 'shop/web', [
    listener({ name: 'http', hostname: 'more.com' }),
    listener({ name: 'two', hostname: 'two.com', port: 81 }),
  ])
  const toSet = { kind: 'ListenerSet', name: 'more', namespace: 'pay' }
  const toGateway = { name: 'web', namespace: 'shop' }
  type Row = {
    readonly what: string
    readonly key?: string
    readonly refs: Parameters<typeof route>[1]
    readonly told: readonly (readonly string[])[]
    readonly hosts: readonly string[]
  }
  const rows: readonly Row[] = [
    { what: 'the whole set', refs: [toSet], told: [[]], hosts: ['80 more.com: 1', '80 web.com: 0', '81 two.com: 1'] },
    {
      what: 'a section',
      refs: [{ ...toSet, sectionName: 'two' }],
      told: [[]],
      hosts: ['80 more.com: 0', '80 web.com: 0', '81 two.com: 1'],
    },
    {
      what: 'a port',
      refs: [{ ...toSet, port: 80 }],
      told: [[]],
      hosts: ['80 more.com: 1', '80 web.com: 0', '81 two.com: 0'],
    },
    {
      what: 'a section that is the Gateway’s',
      refs: [{ ...toSet, sectionName: 'own' }],
      told: [['Accepted=False/NoMatchingParent']],
      hosts: ['80 more.com: 0', '80 web.com: 0', '81 two.com: 0'],
    },
    {
      what: 'a section of the set, at the Gateway',
      refs: [{ ...toGateway, sectionName: 'two' }],
      told: [['Accepted=False/NoMatchingParent']],
      hosts: ['80 more.com: 0', '80 web.com: 0', '81 two.com: 0'],
    },
    {
      what: 'both',
      refs: [toGateway, toSet],
      told: [[], []],
      hosts: ['80 more.com: 1', '80 web.com: 1', '81 two.com: 1'],
    },
    {
      what: "a namespace that is not the set's",
      key: 'shop/r',
      refs: [toSet],
      told: [['Accepted=False/NotAllowedByListeners']],
      hosts: ['80 more.com: 0', '80 web.com: 0', '81 two.com: 0'],
    },
  ]
  for (const { what, key = 'pay/r', refs, told: expected, hosts: found } of rows)
    it(what, () => {
      const own = listener({ name: 'own', hostname: 'web.com', allowedRoutes: { namespaces: { from: 'All' } } })
      const result = translate(web([own]), more, route(key, refs))
      const parents = result.report.routes.get(`HTTPRoute ${key}`)?.parents ?? []
      expect(parents.map(({ findings }) => told(findings))).to.deep.equal(expected)
      expect(parents.map(({ gateway: to }) => to)).to.deep.equal(parents.map(() => 'shop/web'))
      expect(parents.map(({ parentRef }) => parentRef)).to.deep.equal(refs)
      expect(hosts(result)).to.deep.equal(found)
    })

  it('are counted at the listeners of their parents', () => {
    const result = translate(
      web([listener({ hostname: 'web.com' })]),
      more,
      route('pay/r', [toSet]),
      route('shop/s', [toGateway]),
    )
    expect(listenersOf(result, 'pay/more').map(({ attachedRoutes }) => attachedRoutes)).to.deep.equal([1, 1])
    expect(result.report.gateways.get('shop/web')?.listeners[0]?.attachedRoutes).to.equal(1)
  })

  it('of a wide listener leave alone what a set has for itself', () => {
    const wide = listener({ allowedRoutes: { namespaces: { from: 'All' } } })
    const result = translate(web([wide]), more, route('pay/r', [toGateway], { hostnames: ['more.com', 'a.com'] }))
    expect(hosts(result)).to.deep.equal(['80 *: 0', '80 a.com: 1', '80 more.com: 0', '81 two.com: 0'])
  })
})

describe('translate/listener-sets: certificates', () => {
  const permit = (kind: string) =>
    grant('keys/permit', {
      from: [{ group: 'gateway.networking.k8s.io', kind, namespace: 'shop' }],
      to: [{ group: '', kind: 'Secret' }],
    })
  const set = listenerSet('shop/more', 'web', [tlsListener(['keys/tls'], { hostname: 'more.com' })])
  it('need a grant to ListenerSets; one to Gateways is none', () => {
    const without = translate(web(), set, tlsSecret('keys/tls'), permit('Gateway'))
    expect(told(listenersOf(without, 'shop/more')[0]?.findings)).to.deep.equal([
      'ResolvedRefs=False/RefNotPermitted',
      'Programmed=False/Invalid',
    ])
    expect(toldOf(without, 'shop/more')).to.deep.equal(refused('ListenersNotValid'))
    const permitted = translate(web(), set, tlsSecret('keys/tls'), permit('ListenerSet'))
    expect(toldOf(permitted, 'shop/more')).to.deep.equal([])
    const [, https] = permitted.proxies.flatMap(httpFrontends)
    expect(shownBy(https).map(({ certificate, hostnames }) => [certificate.id, hostnames])).to.deep.equal([
      ['keys/tls', ['more.com']],
    ])
  })

  it('stand in order of precedence', () => {
    const [secretA, secretB, secretC] = ['a', 'b', 'c'].map((name) => tlsSecret(`shop/${name}`))
    const at = (name: string) => [tlsListener([name], { hostname: `${name}.com` })]
    const result = translate(
      web(at('c')),
      listenerSet('shop/a', 'web', at('a'), '2026-02-01T00:00:00Z'),
      listenerSet('shop/b', 'web', at('b'), '2026-01-01T00:00:00Z'),
      ...[secretA, secretB, secretC].filter((secret) => secret !== undefined),
    )
    const [https] = result.proxies.flatMap(httpFrontends)
    expect(shownBy(https).map(({ certificate }) => certificate.id)).to.deep.equal(['shop/c', 'shop/b', 'shop/a'])
  })
})

describe('translate/listener-sets: what a change costs', () => {
  const setOf = (n: number, ...more: readonly string[]) =>
    listenerSet(
      `shop/s${n}`,
      'web',
      [`h${n}.com`, ...more].map((hostname, at) => tlsListener([`c${n}`], { name: `l${at}`, hostname })),
    )
  const routeOf = (n: number, to = 'service') =>
    route(`shop/r${n}`, [{ kind: 'ListenerSet', name: `s${n}` }], {
      rules: [{ backendRefs: [{ name: to, port: 8080 }] }],
    })

  // How many recomputations some changes take among so many sets.
  function costs(sets: number): readonly number[] {
    const all = Array.from({ length: sets }, (_, n) => [setOf(n), routeOf(n), tlsSecret(`shop/c${n}`)])
    const snapshot = snapshotFromObjects([gatewayClass(), web(), service('shop/service'), ...all.flat()])
    const translator = createTranslator(snapshot)
    translator()
    const changes = [
      () => snapshot.put(setOf(7, 'other.com')),
      () => snapshot.put(tlsSecret('shop/c7', pem.server + pem.issuer)),
      () => snapshot.put(routeOf(7, 'nobody')),
      () => snapshot.remove('ListenerSet', 'shop/s8'),
      () => snapshot.put(setOf(8)),
      () => snapshot.put(Object.assign({}, web(), { status: { addresses: [] } })),
    ]
    return changes.map((change) => {
      const before = recomputed()
      change()
      translator()
      return recomputed() - before
    })
  }

  it('a set that comes leaves the workload as it is, identically', () => {
    const snapshot = snapshotFromObjects([gatewayClass(), web(), setOf(1), tlsSecret('shop/c1'), tlsSecret('shop/c2')])
    const translator = createTranslator(snapshot)
    const [before] = translator().proxies
    snapshot.put(setOf(2))
    const [after] = translator().proxies
    expect(itemsOf(after?.certificates)).to.have.length(2)
    expect(after?.workload).to.equal(before?.workload).and.not.equal(undefined)
  })

  it('one set among 1500 costs what it costs among 300', () => {
    const few = costs(300)
    costs(1500).forEach((cost, at) => expect(cost).to.be.closeTo(few[at] ?? 0, 5))
    for (const cost of few) expect(cost).to.be.within(1, 100)
  }).timeout(30_000)
})
