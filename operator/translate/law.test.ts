import { expect } from 'chai'
import fc from 'fast-check'

import { httpFrontends } from '../model/frontends.ts'
import { settling } from '../lib/derive.ts'
import type { Gateway, HTTPFilter, Kind, KubernetesObject } from '../model/kubernetes.ts'
import type { Frontend, Rule } from '../model/proxy-model.ts'
import { kinds } from '../model/kinds.ts'
import { keyOf, type ObjectKey, splitKey } from '../model/snapshot.ts'
import { snapshotFromObjects } from '../watch/files.ts'

import { pem } from './testing/certificates.ts'
import {
  backendTlsPolicy,
  configMap,
  endpointSlice,
  gateway,
  gatewayApiDefinition,
  gatewayClass,
  grant,
  grpcRoute,
  listener,
  listenerSet,
  namespace,
  route,
} from './testing/objects.ts'
import { service, streamRoute, tlsListener, tlsSecret } from './testing/objects.ts'
import { createTranslator } from './translate.ts'
import { itemsOf } from '../lib/parts.ts'

function streamRules(frontend: Frontend): readonly Rule[] {
  if (frontend.kind === 'http') return []
  return frontend.kind === 'tls'
    ? itemsOf<{ readonly rules: readonly Rule[] }>(frontend.hosts).flatMap(({ rules }) => rules)
    : frontend.rules
}

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
      port: fc.constantFrom(80, 443, 8443),
      protocol: fc.constantFrom('HTTP', 'HTTPS', 'TLS', 'Passthrough', 'TCP', 'UDP'),
      hostname,
      routeNamespaces,
      secret: key,
    })
    .map(({ port, protocol, hostname: name, routeNamespaces: allowed, secret }) => {
      const more = { port, protocol, ...optional('hostname', name), allowedRoutes: { namespaces: allowed } }
      if (protocol === 'HTTPS' || protocol === 'TLS') return tlsListener([secret], more)
      return listener(protocol === 'Passthrough' ? { ...more, protocol: 'TLS', tls: { mode: 'Passthrough' } } : more)
    })
  // What is asked of clients of all ports but 8443.
  const someValidation = fc.tuple(key, fc.constantFrom('AllowValidOnly' as const, 'AllowInsecureFallback' as const))
  const shownToBackends = fc.option(key, { nil: undefined })
  const someTls = fc.tuple(fc.option(someValidation, { nil: undefined }), shownToBackends).map(([asked, shown]) => {
    const backend = shown === undefined ? {} : { backend: { clientCertificateRef: splitKey(shown) } }
    if (asked === undefined) return { tls: backend }
    const [ca, mode] = asked
    const validation = { caCertificateRefs: [{ group: '', kind: 'ConfigMap', ...splitKey(ca) }], mode }
    return { tls: { ...backend, frontend: { default: { validation }, perPort: [{ port: 8443, tls: {} }] } } }
  })
  const someAllowedListeners: fc.Arbitrary<Gateway['spec']['allowedListeners']> = fc.constantFrom(
    undefined,
    { namespaces: { from: 'All' } },
    { namespaces: { from: 'All' } },
    { namespaces: { from: 'Same' } },
    { namespaces: { from: 'Selector', selector: { matchLabels: { team: 'x' } } } },
  )
  const someGateway = fc
    .tuple(
      key,
      fc.array(someListener, { minLength: 1, maxLength: 3 }),
      fc.constantFrom('haproxy', 'haproxy', 'haproxy', 'other'),
      someTls,
      someAllowedListeners,
      fc.constantFrom(undefined, 'All' as const),
    )
    .map(([name, listeners, gatewayClassName, tls, allowedListeners, scope]) =>
      gateway(
        name,
        listeners.map((one, index) => ({ ...one, name: `l${index}` })),
        {
          gatewayClassName,
          ...tls,
          ...optional('allowedListeners', allowedListeners),
          ...optional('defaultScope', scope),
        },
      ),
    )
  const someSet = fc
    .tuple(
      key,
      key,
      fc.array(someListener, { minLength: 1, maxLength: 3 }),
      fc.constantFrom('2025-01-01T00:00:00Z', '2026-01-01T00:00:00Z', undefined),
    )
    .map(([name, to, listeners, createdAt]) =>
      listenerSet(
        name,
        to,
        listeners.map((one, index) => ({ ...one, name: `l${index}` })),
        createdAt,
      ),
    )
  const parentRef = fc
    .tuple(
      fc.constantFrom(undefined, undefined, undefined, 'ListenerSet'),
      fc.constantFrom('a', 'b'),
      fc.constantFrom(...namespaces),
      fc.constantFrom(undefined, 'l0', 'l1'),
    )
    .map(([kind, name, space, sectionName]) => ({
      name,
      namespace: space,
      ...optional('kind', kind),
      ...optional('sectionName', sectionName),
    }))
  const backendRef = fc
    .tuple(fc.constantFrom('a', 'b'), fc.constantFrom(...namespaces))
    .map(([name, space]) => ({ name, namespace: space, port: 8080 }))
  const filter: fc.Arbitrary<HTTPFilter> = fc.oneof(
    backendRef.map((mirrored) => ({ type: 'RequestMirror' as const, requestMirror: { backendRef: mirrored } })),
    backendRef.map((asked) => ({
      type: 'ExternalAuth' as const,
      externalAuth: { protocol: 'HTTP' as const, backendRef: asked },
    })),
    fc.constant({ type: 'CORS' as const, cors: { allowOrigins: ['*'] } }),
  )
  const rule = fc
    .tuple(
      fc.constantFrom('/', '/x'),
      fc.array(fc.constantFrom('h', 'k'), { maxLength: 1 }),
      fc.array(backendRef, { maxLength: 2 }),
      fc.array(filter, { maxLength: 2 }),
      fc.constantFrom({}, {}, { retry: { attempts: 1, codes: [503, 500] } }, { retry: { codes: [500, 503] } }),
    )
    .map(([value, headers, backendRefs, filters, policy]) => ({
      ...policy,
      matches: [
        { path: { type: 'PathPrefix' as const, value }, headers: headers.map((name) => ({ name, value: '1' })) },
      ],
      backendRefs,
      filters,
    }))
  const someRoute = fc
    .tuple(
      key,
      fc.array(parentRef, { maxLength: 2 }),
      fc.array(hostname, { maxLength: 2 }),
      fc.array(rule, { minLength: 1, maxLength: 2 }),
      fc.constantFrom({}, {}, { useDefaultGateways: 'All' as const }),
    )
    .map(([name, refs, hostnames, rules, defaults]) =>
      route(name, refs, { hostnames: hostnames.filter((one) => one !== undefined), rules, ...defaults }),
    )
  const call = fc.constantFrom({ service: 'a.B' }, { method: 'Get' }, { service: 'a.B', method: 'Get' })
  const someGrpcRoute = fc
    .tuple(
      key,
      fc.array(parentRef, { maxLength: 2 }),
      fc.array(hostname, { maxLength: 2 }),
      fc.array(fc.tuple(call, fc.array(backendRef, { maxLength: 2 })), { minLength: 1, maxLength: 2 }),
      fc.constantFrom('2025-01-01T00:00:00Z', '2026-01-01T00:00:00Z', undefined),
    )
    .map(([name, refs, hostnames, rules, createdAt]) =>
      grpcRoute(name, refs, {
        hostnames: hostnames.filter((one) => one !== undefined),
        rules: rules.map(([method, backendRefs]) => ({ matches: [{ method }], backendRefs })),
        createdAt,
      }),
    )
  const someStreamRoute = fc
    .tuple(
      fc.constantFrom('TLSRoute' as const, 'TCPRoute' as const, 'UDPRoute' as const),
      key,
      fc.array(parentRef, { maxLength: 2 }),
      fc.array(hostname, { maxLength: 2 }),
      fc.array(fc.array(backendRef, { maxLength: 2 }), { minLength: 1, maxLength: 2 }),
    )
    .map(([kind, name, refs, hostnames, rules]) =>
      streamRoute(kind, name, refs, {
        hostnames: hostnames.filter((one) => one !== undefined),
        rules: rules.map((backendRefs) => ({ backendRefs })),
      }),
    )
  const someGrant = fc
    .constantFrom('HTTPRoute', 'GRPCRoute', 'TLSRoute', 'TCPRoute', 'Gateway', 'ListenerSet')
    .chain((kind) =>
      fc.constantFrom('Service', 'Secret', 'ConfigMap').map((target) =>
        grant('pay/a', {
          from: [{ group: 'gateway.networking.k8s.io', kind, namespace: 'shop' }],
          to: [{ group: '', kind: target }],
        }),
      ),
    )
  const somePolicy = fc
    .tuple(
      key,
      fc.array(fc.tuple(fc.constantFrom('a', 'b'), fc.constantFrom(undefined, 'none')), { minLength: 1, maxLength: 2 }),
      fc.constantFrom('a', 'b', undefined),
      fc.constantFrom('2025-01-01T00:00:00Z', '2026-01-01T00:00:00Z'),
    )
    .map(([name, targets, ca, createdAt]) =>
      backendTlsPolicy(name, {
        createdAt,
        targetRefs: targets.map(([target, port]) => ({
          group: '',
          kind: 'Service',
          name: target,
          ...optional('sectionName', port),
        })),
        validation: {
          hostname: 'a.com',
          ...(ca === undefined
            ? { wellKnownCACertificates: 'System' }
            : { caCertificateRefs: [{ group: '', kind: 'ConfigMap', name: ca }] }),
        },
      }),
    )
  const object: fc.Arbitrary<KubernetesObject> = fc.oneof(
    { weight: 2, arbitrary: somePolicy },
    fc
      .constantFrom('haproxy.gateway', 'haproxy-gateway.dev/controller')
      .map((controllerName) => gatewayClass('haproxy', { controllerName })),
    { weight: 3, arbitrary: someGateway },
    { weight: 3, arbitrary: someSet },
    { weight: 5, arbitrary: someRoute },
    { weight: 5, arbitrary: someStreamRoute },
    { weight: 5, arbitrary: someGrpcRoute },
    key.map(service),
    fc.tuple(key, fc.subarray(['10.0.0.1', '10.0.0.2'])).map(([name, addresses]) => endpointSlice(name, addresses)),
    someGrant,
    fc
      .tuple(key, fc.constantFrom('good', 'Hello world'))
      .map(([name, text]) => (text === 'good' ? tlsSecret(name) : tlsSecret(name, text))),
    fc
      .tuple(key, fc.constantFrom(pem.root, pem.issuer, 'none'))
      .map(([name, text]) => configMap(name, { 'ca.crt': text })),
    fc
      .tuple(fc.constantFrom(...namespaces), fc.constantFrom('x', 'y'))
      .map(([name, team]) => namespace(name, { team })),
    fc.constantFrom('v1.6.1', 'v1.5.0').map(gatewayApiDefinition),
  )
  /** `steps` of bringing derivations up to date follow the edit before the next one comes. */
  type Edit = { readonly object: KubernetesObject; readonly remove: boolean; readonly steps: number }
  const edit: fc.Arbitrary<Edit> = fc.record({
    object,
    remove: fc.boolean(),
    steps: fc.oneof(fc.constant(0), fc.nat(60)),
  })
  const isKnown = (kind: string | undefined): kind is Kind => kind !== undefined && Object.hasOwn(kinds, kind)
  const forConnections = [
    listener({ name: 'l0', protocol: 'TLS', port: 443, tls: { mode: 'Passthrough' } }),
    listener({ name: 'l1', protocol: 'TCP', port: 80 }),
    listener({ name: 'l2', protocol: 'UDP', port: 80 }),
  ]
  const start = [
    gatewayClass(),
    gateway('shop/a', [listener({ name: 'l0' }), tlsListener(['shop/a'], { name: 'l1' })], {
      allowedListeners: { namespaces: { from: 'All' } },
    }),
    listenerSet('shop/b', 'a', [
      listener({ name: 'l0', hostname: 'a.com' }),
      listener({ name: 'l1', port: 8443 }),
      tlsListener(['shop/a', 'shop/b'], { name: 'l2', hostname: 'a.com' }),
    ]),
    ...['shop/a', 'shop/b', 'pay/a'].map((secret) => tlsSecret(secret)),
    gateway('shop/b', forConnections),
    service('shop/a'),
    route('shop/a', [{ name: 'a' }, { kind: 'ListenerSet', name: 'b' }], {
      rules: [{ backendRefs: [{ name: 'a', port: 8080 }] }],
    }),
    backendTlsPolicy('shop/b', { targetRefs: [{ group: '', kind: 'Service', name: 'a' }] }),
    configMap('shop/ca', { 'ca.crt': pem.root }),
    grpcRoute('shop/c', [{ name: 'a' }], { rules: [{ backendRefs: [{ name: 'a', port: 8080 }] }] }),
    streamRoute('TCPRoute', 'shop/b', [{ name: 'b' }], { rules: [{ backendRefs: [{ name: 'a', port: 8080 }] }] }),
  ]

  it('after any edits the result equals that of a new translator over the same objects', () => {
    let interrupted = 0
    let frontends = 0
    let streams = 0
    let sets = 0
    let encrypted = 0
    let defeated = 0
    let shown = 0
    fc.assert(
      fc.property(fc.array(fc.array(edit, { maxLength: 4 }), { maxLength: 8 }), (rounds) => {
        const objects = new Map<ObjectKey, KubernetesObject>()
        const id = (one: KubernetesObject): string => `${one.kind} ${keyOf(one)}`
        for (const one of start) objects.set(id(one), one)
        const snapshot = snapshotFromObjects(start)
        const live = createTranslator(snapshot)
        for (const round of rounds) {
          for (const { object: one, remove, steps } of round) {
            if (remove) objects.delete(id(one))
            else objects.set(id(one), one)
            if (remove && isKnown(one.kind)) snapshot.remove(one.kind, keyOf(one))
            else snapshot.put(one)
            for (const _ of settling().take(steps)) interrupted += 1
          }
          const { proxies, suspended, report } = live()
          frontends += proxies.flatMap((proxy) => httpFrontends(proxy).flatMap(({ hosts }) => itemsOf(hosts))).length
          sets += [...report.gateways.values()].reduce((sum, { attachedListenerSets }) => sum + attachedListenerSets, 0)
          streams += proxies.flatMap((proxy) => proxy.frontends.flatMap(streamRules)).length
          encrypted += proxies
            .flatMap(({ backends }) => itemsOf(backends))
            .filter(({ tls }) => tls !== undefined).length
          const findings = [...report.routes.values()].flatMap(({ parents }) => parents.flatMap((one) => one.findings))
          defeated += findings.filter(({ reason }) => reason === 'HostnameConflict').length
          for (const proxy of proxies) {
            const all = proxy.frontends.flatMap((frontend) =>
              itemsOf('tls' in frontend ? frontend.tls?.certificates : undefined).map(({ certificate }) => certificate),
            )
            const needed = [...all, ...(proxy.clientCertificate === undefined ? [] : [proxy.clientCertificate])]
            const listed = itemsOf(proxy.certificates).map(({ id: secret }) => secret)
            expect(listed).to.have.members([...new Set(needed.map(({ id: secret }) => secret))])
            shown += listed.length
          }
          const fresh = createTranslator(snapshotFromObjects([...objects.values()]))()
          expect(proxies).to.deep.equal(fresh.proxies)
          expect(suspended).to.deep.equal(fresh.suspended)
          expect(report).to.deep.equal(fresh.report)
        }
      }),
      { numRuns: 200 },
    )
    expect(interrupted, 'steps between edits').to.be.greaterThan(1000)
    expect(frontends, 'virtual hosts seen').to.be.greaterThan(100)
    expect(sets, 'attached ListenerSets seen').to.be.greaterThan(30)
    expect(streams, 'rules of connections seen').to.be.greaterThan(30)
    expect(encrypted, 'backends with TLS seen').to.be.greaterThan(10)
    expect(shown, 'certificates seen').to.be.greaterThan(30)
    expect(defeated, 'routes that give way to one of another kind').to.be.greaterThan(30)
  }).timeout(60_000)

  it('covers every kind that translation reads', () => {
    const seen = new Set(fc.sample(object, 500).map(({ kind }) => kind))
    const others = Object.keys(kinds).filter((kind) => !seen.has(kind))
    expect(others).to.have.members(['Deployment', 'Pod'])
  })
})
