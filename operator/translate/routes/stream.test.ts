import { expect } from 'chai'

import type { GatewayListener, KubernetesObject } from '../../model/kubernetes.ts'
import type { Frontend, Rule } from '../../model/proxy-model.ts'
import { type RouteKind, routeId } from '../../model/report.ts'
import { snapshotFromObjects } from '../../watch/files.ts'

import { endpointSlice, gateway, gatewayClass, grant, listener, service, streamRoute } from '../testing/objects.ts'
import { createTranslator } from '../translate.ts'
import { itemsOf } from '../../lib/parts.ts'

type StreamKind = Exclude<RouteKind, 'HTTPRoute' | 'GRPCRoute'>

const listeners: readonly GatewayListener[] = [
  listener({ name: 'tls', port: 443, protocol: 'TLS', hostname: '*.example.com', tls: { mode: 'Passthrough' } }),
  listener({ name: 'own', port: 443, protocol: 'TLS', hostname: 'own.example.com', tls: { mode: 'Passthrough' } }),
  listener({ name: 'tcp', port: 53, protocol: 'TCP' }),
  listener({ name: 'udp', port: 53, protocol: 'UDP' }),
]
// Port 8080 is TCP's, and port 53 both TCP's and UDP's.
const cart: KubernetesObject = Object.assign(service('shop/cart'), {
  spec: {
    ports: [
      { name: 'web', port: 8080 },
      { name: 'dns', port: 53, protocol: 'UDP' },
      { name: 'dns-tcp', port: 53, protocol: 'TCP' },
    ],
  },
})
const slice: KubernetesObject = Object.assign(endpointSlice('shop/cart', ['10.0.0.1']), {
  ports: [
    { name: 'web', port: 80 },
    { name: 'dns', port: 1053, protocol: 'UDP' },
    { name: 'dns-tcp', port: 2053, protocol: 'TCP' },
  ],
})
const objects = [gatewayClass(), gateway('shop/web', listeners), cart, slice, service('pay/card')]
const parents = [{ name: 'web' }]
type Spec = Parameters<typeof streamRoute>[3]
type Ref = NonNullable<NonNullable<Spec>['rules']>[number]['backendRefs'][number]

function translate(...more: readonly KubernetesObject[]) {
  const { proxies, report } = createTranslator(snapshotFromObjects([...objects, ...more]))()
  const [proxy] = proxies
  const findingsOf = (kind: RouteKind, key: string): readonly string[] =>
    (report.routes.get(routeId(kind, key))?.parents[0]?.findings ?? []).map(
      ({ type, status, reason, message }) => `${type}=${status}/${reason} ${message}`,
    )
  const attached = report.gateways.get('shop/web')?.listeners.map(({ attachedRoutes }) => attachedRoutes)
  return { frontends: proxy?.frontends ?? [], backends: itemsOf(proxy?.backends), findingsOf, attached }
}

function told(frontends: readonly Frontend[]): readonly string[] {
  return frontends
    .flatMap((frontend) => {
      if (frontend.kind === 'http') return []
      const hosts = frontend.kind === 'tls' ? itemsOf(frontend.hosts) : [{ ...frontend, hostname: '' }]
      return hosts.map(({ hostname, rules }) => `${frontend.kind} ${hostname}: ${rules.map(targets).join(' ')}`)
    })
    .toSorted()
}
function targets({ action }: Rule): string {
  if (action.kind !== 'forward') return 'closed'
  return action.targets
    .map((one) => (one.kind === 'backend' ? `${one.backend}*${one.weight}` : `closed*${one.weight}`))
    .join('+')
}

describe('translate: routes of connections', () => {
  const unserved = ['tcp : ', 'tls *.example.com: ', 'tls own.example.com: ', 'udp : ']
  const to = (...backendRefs: readonly Ref[]): Spec => ({ rules: [{ backendRefs: [...backendRefs] }] })
  const named = (...hostnames: readonly string[]): Spec => ({ hostnames, ...to({ name: 'cart', port: 8080 }) })
  const rows: readonly (readonly [kind: StreamKind, spec: Spec, served: string, finding?: RegExp])[] = [
    ['TCPRoute', to({ name: 'cart', port: 8080 }), 'tcp : shop/cart:8080*1'],
    ['TCPRoute', to({ name: 'cart', port: 53 }), 'tcp : shop/cart:53*1'],
    ['UDPRoute', to({ name: 'cart', port: 53 }), 'udp : shop/cart:53*1'],
    [
      'TCPRoute',
      to({ name: 'cart', port: 8080, weight: 3 }, { name: 'cart', port: 53, weight: 0 }),
      'tcp : shop/cart:8080*3',
    ],
    [
      'UDPRoute',
      to({ name: 'cart', port: 8080 }),
      'udp : closed',
      /^ResolvedRefs=False\/UnsupportedProtocol .*is not UDP/,
    ],
    ['TCPRoute', to(), 'tcp : closed'],
    ['TCPRoute', to({ name: 'cart', port: 8080, weight: 0 }), 'tcp : closed'],
    ['TCPRoute', to({ name: 'x', port: 1 }), 'tcp : closed', /^ResolvedRefs=False\/BackendNotFound /],
    [
      'TCPRoute',
      to({ name: 'cart', port: 8080 }, { name: 'x', port: 1, weight: 2 }),
      'tcp : shop/cart:8080*1+closed*2',
      /BackendNotFound/,
    ],
    [
      'TCPRoute',
      to({ name: 'card', namespace: 'pay', port: 8080 }),
      'tcp : closed',
      /^ResolvedRefs=False\/RefNotPermitted /,
    ],
    [
      'TCPRoute',
      to({ name: 'cart', kind: 'Bucket', group: 'x.io', port: 1 }),
      'tcp : closed',
      /^ResolvedRefs=False\/InvalidKind /,
    ],
    [
      'TCPRoute',
      to({ name: 'cart', port: 8080, weight: -1 }),
      'tcp : ',
      /^Accepted=False\/UnsupportedValue spec.rules\[0\].backendRefs\[0\].weight/,
    ],
    ['TLSRoute', named('a.example.com'), 'tls a.example.com: shop/cart:8080*1'],
    ['TLSRoute', named('A.Example.com', '*.example.org'), 'tls a.example.com: shop/cart:8080*1'],
    ['TLSRoute', named('*.com'), 'tls *.example.com: shop/cart:8080*1'],
    ['TLSRoute', named('a b'), 'tls *.example.com: ', /Accepted=False\/UnsupportedValue spec.hostnames\[0\]/],
    ['TLSRoute', named('a.example.org'), 'tls *.example.com: ', /^Accepted=False\/NoMatchingListenerHostname /],
  ]
  for (const [kind, spec, served, finding] of rows)
    it(`${kind} ${JSON.stringify(spec)}`, () => {
      const { frontends, findingsOf } = translate(streamRoute(kind, 'shop/r', parents, spec))
      expect(told(frontends)).to.include(served)
      const findings = findingsOf(kind, 'shop/r')
      if (finding === undefined) expect(findings).to.deep.equal([])
      else expect(findings.join('\n')).to.match(finding)
    })

  it('without routes every port and every hostname is closed', () => {
    expect(told(translate().frontends)).to.deep.equal(unserved)
  })

  it('a second rule is refused, aloud, and the first one serves', () => {
    const rules = [{ backendRefs: [{ name: 'cart', port: 8080 }] }, { backendRefs: [{ name: 'cart', port: 53 }] }]
    const { frontends, findingsOf } = translate(streamRoute('TCPRoute', 'shop/r', parents, { rules }))
    expect(told(frontends)).to.include('tcp : shop/cart:8080*1')
    expect(findingsOf('TCPRoute', 'shop/r')[0]).to.match(
      /^PartiallyInvalid=True\/UnsupportedValue Dropped Rule 1\. spec\.rules\[1\]: a TCPRoute has one rule/,
    )
  })

  it('the endpoints of a port are those of its protocol', () => {
    const route = (kind: StreamKind) => streamRoute(kind, 'shop/r', parents, to({ name: 'cart', port: 53 }))
    const { backends } = translate(route('TCPRoute'), route('UDPRoute'))
    const servers = backends.map(
      ({ id, profile, servers: all }) => `${id} ${profile} ${all.map(({ port }) => port).join()}`,
    )
    expect(servers).to.have.members(['shop/cart:53 tcp 2053', 'shop/cart:53 udp 1053'])
  })

  it('a hostname of its own is not that of the wildcard beside it, and each kind attaches to its listeners', () => {
    const at = (sectionName: string, name: string) =>
      streamRoute('TLSRoute', `shop/${name}`, [{ name: 'web', sectionName }], named('*.example.com', 'own.example.com'))
    const { frontends, attached } = translate(
      at('tls', 'wild'),
      at('own', 'own'),
      streamRoute('TCPRoute', 'shop/r', parents),
    )
    expect(told(frontends)).to.include.members([
      'tls *.example.com: shop/cart:8080*1',
      'tls own.example.com: shop/cart:8080*1',
    ])
    expect(attached).to.deep.equal([1, 1, 1, 0])
  })

  it('a grant for its kind permits a Service elsewhere', () => {
    const permission = (kind: string) =>
      grant('pay/g', {
        from: [{ group: 'gateway.networking.k8s.io', kind, namespace: 'shop' }],
        to: [{ group: '', kind: 'Service' }],
      })
    const route = streamRoute('TCPRoute', 'shop/r', parents, to({ name: 'card', namespace: 'pay', port: 8080 }))
    expect(told(translate(route, permission('TCPRoute')).frontends)).to.include('tcp : pay/card:8080*1')
    expect(told(translate(route, permission('HTTPRoute')).frontends)).to.include('tcp : closed')
  })
})
