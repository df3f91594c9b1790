import { expect } from 'chai'

import { httpFrontends } from '../model/frontends.ts'
import type { Gateway, GatewayListener, KubernetesObject } from '../model/kubernetes.ts'
import type { ProxyModel } from '../model/proxy-model.ts'
import type { Finding, GatewayReport } from '../model/report.ts'
import { snapshotFromObjects } from '../watch/files.ts'

import { pem } from './testing/certificates.ts'
import { gateway, gatewayClass, grant, listener, tlsListener, tlsSecret } from './testing/objects.ts'
import { shownBy } from './testing/shown-certificates.ts'
import { createTranslator } from './translate.ts'
import { itemsOf } from '../lib/parts.ts'

type Result = { readonly proxy: ProxyModel | undefined; readonly report: GatewayReport | undefined }

function translate(web: Gateway, ...others: readonly KubernetesObject[]): Result {
  const translation = createTranslator(snapshotFromObjects([gatewayClass(), web, ...others]))()
  return { proxy: translation.proxies[0], report: translation.report.gateways.get('shop/web') }
}
function withListeners(listeners: readonly GatewayListener[], ...others: readonly KubernetesObject[]): Result {
  return translate(gateway('shop/web', listeners), ...others)
}
function summary(findings: readonly Finding[] | undefined): readonly string[] {
  return (findings ?? []).map(({ type, status, reason }) => `${type}=${status}/${reason}`)
}
const notProgrammed = 'Programmed=False/Invalid'

const none = { frontends: [] }

describe('translate/listeners', () => {
  type Row = readonly [what: string, listeners: readonly GatewayListener[], ...expected: readonly (readonly string[])[]]
  const kinds = (...names: readonly string[]): Partial<GatewayListener> => ({
    allowedRoutes: { kinds: names.map((kind) => ({ kind })) },
  })
  const unsupported = ['Accepted=False/UnsupportedProtocol', notProgrammed]
  const passthrough = (more: Partial<GatewayListener> = {}): GatewayListener =>
    listener({ name: 'tls', protocol: 'TLS', port: 443, tls: { mode: 'Passthrough' }, ...more })
  const twice = (reason: string): readonly (readonly string[])[] => {
    const conflict = [`Conflicted=True/${reason}`, `Accepted=False/${reason}`, notProgrammed]
    return [conflict, conflict]
  }
  const rows: readonly Row[] = [
    ['one of HTTP', [listener()], []],
    ['one of TCP', [listener({ protocol: 'TCP' })], []],
    ['one of UDP, on a port of the data plane for TCP', [listener({ protocol: 'UDP', port: 8404 })], []],
    ['one of an unknown protocol', [listener({ protocol: 'SCTP' })], unsupported],
    ['TLS passthrough without a certificate', [passthrough()], []],
    [
      'TLS without a certificate',
      [listener({ protocol: 'TLS' })],
      ['ResolvedRefs=False/InvalidCertificateRef', notProgrammed],
    ],
    ['TLS with a certificate', [tlsListener(['tls'], { protocol: 'TLS' })], []],
    [
      'TLS and HTTPS on a port',
      [
        passthrough({ hostname: 'a.com' }),
        tlsListener(['tls'], { name: 'b', hostname: 'b.com' }),
        tlsListener(['tls'], { name: 'c', protocol: 'TLS', hostname: 'c.com' }),
      ],
      [],
      [],
      [],
    ],
    [
      'TLS and HTTPS on a port, for the same hostname',
      [passthrough({ hostname: 'a.com' }), tlsListener(['tls'], { hostname: 'a.com' })],
      ...twice('HostnameConflict'),
    ],
    ['HTTP and TLS on a port', [listener(), passthrough({ port: 80 })], ...twice('ProtocolConflict')],
    [
      'TCP twice on a port, whatever the hostname',
      [listener({ protocol: 'TCP', hostname: 'a.com' }), listener({ name: 'two', protocol: 'TCP' })],
      ...twice('ProtocolConflict'),
    ],
    ['TCP and UDP on a port', [listener({ protocol: 'TCP' }), listener({ name: 'udp', protocol: 'UDP' })], [], []],
    [
      'protocol with the name of an inherited property',
      [listener({ protocol: 'constructor' })],
      ['Accepted=False/UnsupportedProtocol', notProgrammed],
    ],
    [
      'the same port and hostname twice',
      [listener({ hostname: 'a.com' }), listener({ name: 'two', hostname: 'A.com' })],
      ...Array.from({ length: 2 }, () => [
        'Conflicted=True/HostnameConflict',
        'Accepted=False/HostnameConflict',
        notProgrammed,
      ]),
    ],
    [
      'no hostname twice, and one with',
      [listener(), listener({ name: 'two' }), listener({ name: 'three', hostname: 'a.com' })],
      ...Array.from({ length: 2 }, () => [
        'Conflicted=True/HostnameConflict',
        'Accepted=False/HostnameConflict',
        notProgrammed,
      ]),
      [],
    ],
    [
      'HTTP and HTTPS on a port',
      [listener(), tlsListener(['tls'], { port: 80 })],
      ...Array.from({ length: 2 }, () => [
        'Conflicted=True/ProtocolConflict',
        'Accepted=False/ProtocolConflict',
        notProgrammed,
      ]),
    ],
    ['HTTP and TCP on a port', [listener(), listener({ name: 'tcp', protocol: 'TCP' })], ...twice('ProtocolConflict')],
    [
      'other ports',
      [listener(), listener({ name: 'two', port: 81 }), listener({ name: 'three', hostname: 'a.com' })],
      [],
      [],
      [],
    ],
    ['a port of the data plane', [listener({ port: 8404 })], ['Accepted=False/PortUnavailable', notProgrammed]],
    ['a bad hostname', [listener({ hostname: 'a b' })], ['Accepted=False/UnsupportedValue', notProgrammed]],
    [
      'an unknown route kind',
      [listener(kinds('InvalidRoute'))],
      ['ResolvedRefs=False/InvalidRouteKinds', notProgrammed],
    ],
    [
      'an unknown route kind beside a known',
      [listener(kinds('InvalidRoute', 'HTTPRoute'))],
      ['ResolvedRefs=False/InvalidRouteKinds'],
    ],
    [
      'a known kind of another group',
      [listener({ allowedRoutes: { kinds: [{ group: 'x.io', kind: 'HTTPRoute' }] } })],
      ['ResolvedRefs=False/InvalidRouteKinds', notProgrammed],
    ],
    [
      'a selector that is missing',
      [listener({ allowedRoutes: { namespaces: { from: 'Selector' } } })],
      ['Accepted=False/UnsupportedValue', notProgrammed],
    ],
    [
      'an operator that does not exist',
      [
        listener({
          allowedRoutes: {
            namespaces: {
              from: 'Selector',
              selector: { matchExpressions: [{ key: 'a', operator: 'Gt', values: ['1'] }] },
            },
          },
        }),
      ],
      ['Accepted=False/UnsupportedValue', notProgrammed],
    ],
    ['a usable certificate', [tlsListener(['tls'])], []],
    ['a missing Secret', [tlsListener(['none'])], ['ResolvedRefs=False/InvalidCertificateRef', notProgrammed]],
    ['a broken certificate', [tlsListener(['broken'])], ['ResolvedRefs=False/InvalidCertificateRef', notProgrammed]],
    [
      'a broken certificate beside a usable one',
      [tlsListener(['broken', 'tls'])],
      ['ResolvedRefs=False/InvalidCertificateRef'],
    ],
    ['no certificateRefs', [tlsListener([])], ['ResolvedRefs=False/InvalidCertificateRef', notProgrammed]],
    [
      'a Secret elsewhere without a grant',
      [tlsListener(['pay/tls'])],
      ['ResolvedRefs=False/RefNotPermitted', notProgrammed],
    ],
    ['a Secret elsewhere with a grant', [tlsListener(['vault/tls'])], []],
    [
      'a certificateRef of another kind',
      [tlsListener([], { tls: { certificateRefs: [{ kind: 'ConfigMap', name: 'tls' }] } })],
      ['ResolvedRefs=False/InvalidCertificateRef', notProgrammed],
    ],
    [
      'HTTPS that passes through',
      [tlsListener(['tls'], { tls: { mode: 'Passthrough', certificateRefs: [{ name: 'tls' }] } })],
      ['Accepted=False/UnsupportedValue', notProgrammed],
    ],
    [
      'TLS options',
      [tlsListener(['tls'], { tls: { options: { 'x.io/a': 'b' }, certificateRefs: [{ name: 'tls' }] } })],
      ['Accepted=False/UnsupportedValue', notProgrammed],
    ],
  ]
  const secrets = [
    tlsSecret('shop/tls'),
    tlsSecret('shop/broken', 'Hello world'),
    tlsSecret('pay/tls'),
    tlsSecret('vault/tls'),
    grant('vault/g', {
      from: [{ group: 'gateway.networking.k8s.io', kind: 'Gateway', namespace: 'shop' }],
      to: [{ group: '', kind: 'Secret' }],
    }),
  ]
  for (const [what, listeners, ...expected] of rows)
    it(what, () => {
      // One more listener, so that it is not the Gateway's fate that shows.
      const spare = listener({ name: 'spare', port: 9999 })
      const { report } = withListeners([...listeners, spare], ...secrets)
      expect(report?.listeners.slice(0, -1).map(({ findings }) => summary(findings))).to.deep.equal(expected)
    })

  it('tells listeners with TLS on one port of hostnames that they have in common', () => {
    const onPort = (port: number, protocol: string, name: string, hostname?: string): GatewayListener => ({
      ...(protocol === 'HTTP' ? listener() : tlsListener(['tls'])),
      name,
      port,
      ...(hostname === undefined ? {} : { hostname }),
    })
    const overlapping = (...listeners: readonly GatewayListener[]): readonly string[] => {
      const { report } = withListeners(listeners, ...secrets)
      const told = report?.listeners.filter(({ findings }) =>
        summary(findings).includes('OverlappingTLSConfig=True/OverlappingHostnames'),
      )
      return (told ?? []).map(({ name }) => name)
    }
    const some = [
      onPort(443, 'HTTPS', 'a', 'foo.example.com'),
      onPort(443, 'HTTPS', 'b', 'foo.example.org'),
      onPort(443, 'HTTPS', 'c', '*.example.com'),
      onPort(8443, 'HTTPS', 'other-port', 'foo.example.org'),
      onPort(80, 'HTTP', 'plain', 'foo.example.com'),
      onPort(80, 'HTTP', 'plain-any'),
    ]
    expect(overlapping(...some)).to.deep.equal(['a', 'c'])
    expect(overlapping(...some, onPort(443, 'HTTPS', 'any'))).to.deep.equal(['a', 'b', 'c', 'any'])
    const twins = ['x', 'y'].map((name) => onPort(443, 'HTTPS', name, 'x.com'))
    expect(overlapping(...some.slice(1, 2), ...twins)).to.deep.equal([])
  })

  it('gives a hostname that can be none no virtual host', () => {
    for (const hostname of ['a b', '10.0.0.1', '*.*.com']) {
      const { proxy, report } = withListeners([listener(), listener({ name: 'bad', hostname })])
      expect(itemsOf(httpFrontends(proxy ?? none)[0]?.hosts).map((host) => host.hostname)).to.deep.equal([''])
      expect(summary(report?.listeners[1]?.findings)).to.deep.equal(['Accepted=False/UnsupportedValue', notProgrammed])
    }
  })

  it('lists the kinds that it supports of those asked for', () => {
    const listeners = [
      listener(kinds('TLSRoute')),
      listener({ ...kinds('X', 'HTTPRoute'), port: 81 }),
      listener({ port: 82 }),
    ]
    const { report } = withListeners([...listeners, listener({ port: 83, protocol: 'SCTP' })])
    const found = report?.listeners.map(({ supportedKinds }) => supportedKinds.map(({ kind }) => kind))
    expect(found).to.deep.equal([[], ['HTTPRoute'], ['HTTPRoute', 'GRPCRoute'], []])
  })

  it('serves the good listeners of a port beside one without a usable certificate, whose hostname stays its own', () => {
    const { proxy } = withListeners(
      [
        tlsListener(['tls'], { hostname: '*.example.com' }),
        tlsListener(['none'], { name: 'bad', hostname: 'a.example.com' }),
      ],
      ...secrets,
    )
    expect(
      httpFrontends(proxy ?? none).map(({ port, hosts }) => [
        port,
        new Set(itemsOf(hosts).map(({ hostname }) => hostname)),
      ]),
    ).to.deep.equal([[443, new Set(['*.example.com', 'a.example.com'])]])
    expect(
      shownBy(httpFrontends(proxy ?? none)[0]).map(({ certificate, hostnames }) => [certificate.id, hostnames]),
    ).to.deep.equal([['shop/tls', ['*.example.com']]])
  })

  it('serves a certificate once, for the hostnames of all listeners that name it', () => {
    const listeners = ['b.com', 'a.com', undefined].map((hostname, index) =>
      tlsListener(['tls', ...(index === 1 ? ['two'] : [])], {
        name: `l${index}`,
        ...(hostname === undefined ? {} : { hostname }),
      }),
    )
    const certificates = (some: readonly GatewayListener[]) =>
      shownBy(httpFrontends(withListeners(some, ...secrets, tlsSecret('shop/two')).proxy ?? none)[0]).map(
        ({ certificate, hostnames }) => `${certificate.id}: ${hostnames.join(' ')}`,
      )
    expect(certificates(listeners.slice(0, 2))).to.deep.equal(['shop/tls: b.com a.com', 'shop/two: a.com'])
    expect(certificates(listeners)).to.deep.equal(['shop/tls: ', 'shop/two: a.com'])
    expect(certificates(listeners.toReversed())).to.deep.equal(['shop/tls: ', 'shop/two: a.com'])
  })

  it('follows a Secret that is renewed', () => {
    const snapshot = snapshotFromObjects([
      gatewayClass(),
      gateway('shop/web', [tlsListener(['tls'])]),
      tlsSecret('shop/tls'),
    ])
    const translator = createTranslator(snapshot)
    const certificate = () => shownBy(httpFrontends(translator().proxies[0] ?? none)[0])[0]?.certificate
    const before = certificate()
    snapshot.put(tlsSecret('shop/tls', pem.server + pem.issuer))
    expect(certificate()?.fingerprint).to.be.a('string').and.not.equal(before?.fingerprint)
    snapshot.remove('Secret', 'shop/tls')
    expect(translator().proxies[0]?.frontends).to.deep.equal([])
  })
})

describe('translate/gateway', () => {
  type Row = readonly [what: string, web: Gateway, findings: readonly string[], programmed: boolean]
  const rows: readonly Row[] = [
    ['a healthy one', gateway('shop/web'), [], true],
    [
      'no valid listener',
      gateway('shop/web', [listener({ protocol: 'SCTP' })]),
      ['Accepted=False/ListenersNotValid', notProgrammed],
      false,
    ],
    [
      'some valid listeners',
      gateway('shop/web', [listener(), listener({ name: 'x', protocol: 'SCTP' })]),
      ['Accepted=True/ListenersNotValid'],
      true,
    ],
    ['a listener without certificate only', gateway('shop/web', [tlsListener(['none'])]), [notProgrammed], true],
    [
      'an address of an unknown type',
      gateway('shop/web', [listener()], { addresses: [{ type: 'test/fake', value: 'x' }] }),
      ['Accepted=False/UnsupportedAddress', notProgrammed],
      false,
    ],
    ['an address without value', gateway('shop/web', [listener()], { addresses: [{ type: 'IPAddress' }] }), [], true],
    [
      'parameters',
      gateway('shop/web', [listener()], { infrastructure: { parametersRef: { group: 'x.io', kind: 'X', name: 'x' } } }),
      ['Accepted=False/InvalidParameters', notProgrammed],
      false,
    ],
  ]
  for (const [what, web, findings, programmed] of rows)
    it(`${what}: ${findings.join(', ') || 'no findings'}`, () => {
      const { proxy, report } = translate(web)
      expect(summary(report?.findings)).to.deep.equal(findings)
      expect(proxy !== undefined).to.equal(programmed)
      if (programmed) return
      for (const one of report?.listeners ?? []) expect(summary(one.findings)).to.include(notProgrammed)
    })

  it('tells the provisioner what it needs to know', () => {
    const infrastructure = { labels: { a: 'b' }, annotations: { c: 'd' } }
    const addresses = [{ value: '10.0.0.1' }, { type: 'IPAddress', value: '' }]
    const { proxy } = translate(gateway('shop/web', [listener()], { infrastructure, addresses }))
    expect(proxy?.workload).to.deep.equal({
      name: 'web-haproxy',
      namespace: 'shop',
      uid: 'uid-shop/web',
      className: 'haproxy',
      labels: { a: 'b' },
      annotations: { c: 'd' },
      addresses: ['10.0.0.1'],
      ports: [{ port: 80, tls: false, transport: 'TCP', kind: 'http' }],
    })
  })

  it('of another or an unaccepted class is none of our business', () => {
    const foreign = gatewayClass('foreign', { controllerName: 'x.io/y' })
    const parametersRef = { group: 'x.io', kind: 'X', name: 'x' }
    for (const className of [foreign, gatewayClass('foreign', { parametersRef })]) {
      const web = gateway('shop/web', [listener()], { gatewayClassName: 'foreign' })
      const { proxy, report } = translate(web, className)
      expect([proxy, report]).to.deep.equal([undefined, undefined])
    }
  })

  it('a class that asks for parameters is refused, one of another controller is not mentioned', () => {
    const parametersRef = { group: 'x.io', kind: 'X', name: 'x' }
    const objects = [
      gatewayClass(),
      gatewayClass('bad', { parametersRef }),
      gatewayClass('foreign', { controllerName: 'x.io/y' }),
    ]
    const { classes } = createTranslator(snapshotFromObjects(objects))().report
    expect([...classes].map(([name, { findings }]) => [name, ...summary(findings)])).to.have.deep.members([
      ['haproxy'],
      ['bad', 'Accepted=False/InvalidParameters'],
    ])
  })
})
