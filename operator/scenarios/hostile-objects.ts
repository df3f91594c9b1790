// For tests only: what a tenant could write who writes anything into every field that takes a text.

import fc from 'fast-check'

import type { KubernetesObject } from '../model/kubernetes.ts'
import { pem } from '../translate/testing/certificates.ts'
import { configMap } from '../translate/testing/objects.ts'

/** What other parsers take for syntax, alone and inside of a text. */
const characters = '\n|\r|\0|\t| |;|#|"|\'|\\|$|%|{|}|[|]|<|>|&|,|=|:|@|-|\u007f|\u0085|\u2028|é|\ud800'
  .split('|')
  .concat('|')
const words =
  '%[env(HOME)]~${HOME}~$(id)~{{x}}~\nbackend x\n~;show info~<<\n~../..~http://~%0a~__proto__~constructor~toString~@gen~@pad0~@l.0~-----BEGIN~*.~/~a'.split(
    '~',
  )
const long = ['é'.repeat(4096), 'a'.repeat(8192), '/'.repeat(1024), '/a'.repeat(512), '('.repeat(1024)]
const hostile = fc.oneof(
  fc.constantFrom(...characters, ...words, ...long),
  fc.array(fc.constantFrom(...characters, ...words), { minLength: 2, maxLength: 6 }).map((parts) => parts.join('')),
  fc.string({ unit: 'binary', maxLength: 20 }),
)
// Mostly what is right: one wrong word refuses a whole rule, and what is refused tests nothing behind it.
function mostly<T>(...right: readonly T[]): fc.Arbitrary<T | string> {
  return fc.oneof({ weight: 60, arbitrary: fc.constantFrom(...right) }, { weight: 1, arbitrary: hostile })
}

const name = mostly('x-a', 'X-B', 'host', 'x_c', 'constructor', '__proto__', "x-!#$%&'*+-.^_`|~")
const value = mostly('1', 'a b', 'a;b', `it's "x" # \\\\ $x | %0a,=`, 'é'.repeat(99), '%[env(HOME)]', '{{x}}', '@gen')
const path = mostly('/', '/a', '/a/', "/a'b$c&d=e,f", '/*(x)!~@:+', '/%0a', `/${'a'.repeat(1023)}`)
const hostname = mostly('other.example.com', 'evil.example.com')
const port = fc.oneof(
  { weight: 60, arbitrary: fc.constant(80) },
  { weight: 1, arbitrary: fc.constantFrom(0, -1, 65_536, 1.5, Number.NaN) },
)

const header = fc.record({ name, value })
const comparison = fc.record({ name, value, type: mostly('Exact', 'RegularExpression', undefined) })
const modifier = fc.record(
  {
    set: fc.array(header, { maxLength: 2 }),
    add: fc.array(header, { maxLength: 2 }),
    remove: fc.array(name, { maxLength: 2 }),
  },
  { requiredKeys: [] },
)
const pathModifier = fc.oneof(
  { weight: 5, arbitrary: fc.record({ type: fc.constant('ReplaceFullPath'), replaceFullPath: path }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('ReplacePrefixMatch'), replacePrefixMatch: path }) },
)
const rewrite = fc.record({ hostname, path: pathModifier }, { requiredKeys: [] })
const location = { scheme: mostly('https'), hostname, port, path: pathModifier, statusCode: mostly(301, 308) }
const names = fc.array(name, { maxLength: 2 })
const origin = mostly('*', 'https://a.example.com', 'http://*.example.com:8080', 'https://*')
const cors = fc.record(
  {
    allowOrigins: fc.array(origin, { maxLength: 2 }),
    allowMethods: fc.array(mostly('GET', '*'), { maxLength: 2 }),
    allowHeaders: names,
    exposeHeaders: names,
    allowCredentials: fc.boolean(),
    maxAge: fc.oneof(fc.constant(5), port),
  },
  { requiredKeys: [] },
)
const mirror = fc.record(
  {
    backendRef: fc.record({ name: mostly('own'), namespace: mostly('evil', 'shop'), port }),
    percent: fc.oneof(fc.constant(50), port),
    fraction: fc.record({ numerator: port, denominator: port }),
  },
  { requiredKeys: ['backendRef'] },
)
const externalAuth = fc.record(
  {
    protocol: mostly('HTTP'),
    backendRef: fc.record({ name: mostly('own'), port }),
    http: fc.record({ path, allowedHeaders: names, allowedResponseHeaders: names }, { requiredKeys: [] }),
    forwardBody: fc.record({ maxSize: port }),
  },
  { requiredKeys: ['protocol', 'backendRef'] },
)
const filters = fc.uniqueArray(
  fc.oneof(
    fc.record({ type: fc.constant('ExternalAuth'), externalAuth }),
    fc.record({ type: fc.constant('CORS'), cors }),
    fc.record({ type: fc.constant('RequestMirror'), requestMirror: mirror }),
    fc.record({ type: fc.constant('RequestHeaderModifier'), requestHeaderModifier: modifier }),
    fc.record({ type: fc.constant('ResponseHeaderModifier'), responseHeaderModifier: modifier }),
    fc.record({ type: fc.constant('URLRewrite'), urlRewrite: rewrite }),
  ),
  { maxLength: 2, selector: ({ type }) => type },
)
const redirect = fc.record({
  type: mostly('RequestRedirect'),
  requestRedirect: fc.record(location, { requiredKeys: [] }),
})
const match = fc.record(
  {
    path: fc.record({ type: mostly('Exact', 'PathPrefix', 'RegularExpression'), value: path }, { requiredKeys: [] }),
    method: mostly('GET', 'POST'),
    headers: fc.array(comparison, { maxLength: 3 }),
    queryParams: fc.array(comparison, { maxLength: 3 }),
  },
  { requiredKeys: [] },
)
const backendRef = fc.record(
  {
    name: mostly('own'),
    namespace: mostly('evil'),
    port: port,
    weight: fc.oneof(port, fc.constant(0)),
    filters,
  },
  { requiredKeys: ['name', 'port'] },
)
const matches = fc.array(match, { maxLength: 3 })
const timeouts = fc.record({ request: mostly('1s', '30s'), backendRequest: mostly('500ms') }, { requiredKeys: [] })
const retry = fc.record(
  {
    attempts: fc.oneof(fc.constantFrom(0, 3), port),
    codes: fc.array(fc.oneof(fc.constantFrom(500, 503), port), { maxLength: 3 }),
    backoff: mostly('0s'),
  },
  { requiredKeys: [] },
)
const rule = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({ matches, filters, backendRefs: fc.array(backendRef, { maxLength: 2 }), timeouts, retry }),
  },
  { weight: 1, arbitrary: fc.record({ matches, filters: redirect.map((one) => [one]) }) },
)
const route = fc
  .record({
    hostnames: fc.oneof(fc.constant([]), fc.array(hostname, { maxLength: 2 })),
    rules: fc.array(rule, { minLength: 1, maxLength: 3 }),
    sectionName: mostly(undefined),
  })
  .map(({ hostnames, rules, sectionName }) => {
    const parentRef = { name: 'web', namespace: 'shop', ...(sectionName === undefined ? {} : { sectionName }) }
    const spec = { parentRefs: [parentRef], hostnames, rules }
    return object('HTTPRoute', { name: 'bad', namespace: 'evil' }, { spec })
  })
const grpcMethod = fc.record(
  {
    type: mostly('Exact', 'RegularExpression'),
    service: mostly('a.B', '', '(?i)a', '.*'),
    method: mostly('Get', '', 'a|b'),
  },
  { requiredKeys: [] },
)
const grpcRule = fc.record({
  matches: fc.array(
    fc.record({ method: grpcMethod, headers: fc.array(comparison, { maxLength: 2 }) }, { requiredKeys: [] }),
    { maxLength: 3 },
  ),
  filters,
  backendRefs: fc.array(backendRef, { maxLength: 2 }),
})
const grpcRoute = fc
  .record({ hostnames: fc.array(hostname, { maxLength: 2 }), rules: fc.array(grpcRule, { maxLength: 2 }) })
  .map((spec) => {
    const parentRefs = [{ name: 'web', namespace: 'shop' }]
    // Younger than the good route, whose hostname it would otherwise have for itself.
    const metadata = { name: 'bad', namespace: 'evil', creationTimestamp: '2025-01-02T00:00:00Z' }
    return object('GRPCRoute', metadata, { spec: { parentRefs, ...spec } })
  })
const slice = fc
  .record({
    addresses: fc.array(fc.oneof(fc.ipV4(), fc.ipV6(), hostile), { maxLength: 5 }),
    ports: fc.array(fc.record({ name: fc.constantFrom('', 'x'), port }), { maxLength: 2 }),
  })
  .map(({ addresses, ports }) => {
    const metadata = { name: 'own-1', namespace: 'evil', labels: { 'kubernetes.io/service-name': 'own' } }
    return object('EndpointSlice', metadata, { addressType: 'IPv4', endpoints: [{ addresses }], ports })
  })
const listener = fc.record(
  {
    name: hostile,
    port: fc.oneof(port, fc.constant(8081)),
    protocol: mostly('HTTP', 'HTTPS', 'TLS', 'TCP', 'UDP'),
    tls: fc.record({ mode: mostly('Passthrough', 'Terminate') }),
    hostname,
  },
  { requiredKeys: ['name', 'port', 'protocol'] },
)
const gateway = fc.array(listener, { maxLength: 3 }).map((listeners) => {
  const spec = { gatewayClassName: 'haproxy', listeners: [{ name: 'http', port: 80, protocol: 'HTTP' }, ...listeners] }
  return object('Gateway', { name: 'bad', namespace: 'evil' }, { spec })
})
// Listeners at everybody's Gateway, and a route to them.
const listenerSet = fc.array(listener, { minLength: 1, maxLength: 3 }).map((listeners) => {
  const metadata = { name: 'more', namespace: 'evil' }
  const parentRefs = [{ kind: 'ListenerSet', name: 'more' }]
  const rules = [{ backendRefs: [{ name: 'own', port: 80 }] }]
  return [
    object('ListenerSet', metadata, { spec: { parentRef: { name: 'web', namespace: 'shop' }, listeners } }),
    object('HTTPRoute', metadata, { spec: { parentRefs, rules } }),
  ]
})
const streamRoute = fc
  .record({
    kind: fc.constantFrom('TLSRoute', 'TCPRoute', 'UDPRoute'),
    hostnames: fc.array(hostname, { maxLength: 2 }),
    backendRefs: fc.array(fc.record({ name: mostly('own'), port, weight: fc.oneof(port, fc.constant(0)) }), {
      maxLength: 3,
    }),
  })
  .map(({ kind, hostnames, backendRefs }) => {
    const spec = { parentRefs: [{ name: 'web', namespace: 'shop' }], hostnames, rules: [{ backendRefs }] }
    return object(kind, { name: 'bad', namespace: 'evil' }, { spec })
  })
const altName = fc.oneof(
  fc.record({ type: fc.constant('Hostname'), hostname: mostly('a.example.com', '*.example.com') }),
  fc.record({ type: fc.constant('URI'), uri: mostly('spiffe://a/b', "urn:x-y:(a)'b;c:d") }),
)
const policy = fc
  .record({
    hostname: mostly('own.example.com'),
    sectionName: mostly(undefined),
    subjectAltNames: fc.array(altName, { maxLength: 5 }),
    ca: fc.oneof({ weight: 10, arbitrary: fc.constantFrom(pem.root, pem.weak, pem.expired) }, hostile),
  })
  .map(({ hostname: asked, sectionName, subjectAltNames, ca }) => {
    const target = { group: '', kind: 'Service', name: 'own', ...(sectionName === undefined ? {} : { sectionName }) }
    const caCertificateRefs = [{ group: '', kind: 'ConfigMap', name: 'ca' }]
    const validation = { hostname: asked, subjectAltNames, caCertificateRefs }
    return [
      object('BackendTLSPolicy', { name: 'bad', namespace: 'evil' }, { spec: { targetRefs: [target], validation } }),
      configMap('evil/ca', { 'ca.crt': ca }),
    ]
  })
/** Objects of namespace `evil`, which has a Service `own`. */
export const hostileObjects: fc.Arbitrary<readonly KubernetesObject[]> = fc
  .tuple(route, slice, gateway, listenerSet, streamRoute, grpcRoute, fc.oneof(fc.constant([]), policy))
  .map(([...all]) => all.flat())

function object(kind: string, metadata: object, rest: object): KubernetesObject {
  const group = kind === 'EndpointSlice' ? 'discovery.k8s.io/v1' : 'gateway.networking.k8s.io/v1'
  return Object.assign({ apiVersion: group, kind, metadata }, rest)
}
