// A tenant who writes anything into every field that takes a text: nothing of it becomes configuration or a command, and the proxy of
// everybody else is computed all the same.

import { expect } from 'chai'
import fc from 'fast-check'
import { join } from 'node:path'

import type { KubernetesObject } from '../model/kubernetes.ts'
import type { RenderedConfig } from '../model/rendered.ts'
import { Secret } from '../model/secret.ts'
import { defaultDataPlane } from '../model/settings.ts'
import { change } from '../push/change.ts'
import { configFiles } from '../push/files.ts'
import { freshlyLoaded } from '../push/held.ts'
import type { PodApi } from '../push/pod-api.ts'
import { runStages } from '../push/runtime.ts'
import { loadRenderer } from '../render/render.ts'
import { createStatuses } from '../status/status.ts'
import { createTranslator, supportedFeatures } from '../translate/translate.ts'
import { parseManifests, snapshotFromObjects } from '../watch/files.ts'

import { checkFiles, findHaproxy, temporaryFolder, writeFiles } from './haproxy-files.ts'

const templates = join(import.meta.dirname, '../../templates')
const render = loadRenderer(templates, defaultDataPlane)
const haproxy = findHaproxy()

const usual = parseManifests(
  `
apiVersion: gateway.networking.k8s.io/v1
kind: GatewayClass
metadata: { name: haproxy }
spec: { controllerName: haproxy-gateway.dev/controller }
---
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: { name: web, namespace: shop }
spec: { gatewayClassName: haproxy, listeners: [{ name: http, port: 80, protocol: HTTP, allowedRoutes: { namespaces: { from: All } } }] }
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: { name: good, namespace: shop }
spec: { parentRefs: [{ name: web }], hostnames: [good.example.com], rules: [{ backendRefs: [{ name: cart, port: 80 }] }] }
---
apiVersion: v1
kind: Service
metadata: { name: cart, namespace: shop }
spec: { ports: [{ port: 80 }] }
---
apiVersion: v1
kind: Service
metadata: { name: own, namespace: evil }
spec: { ports: [{ port: 80 }] }
`,
  'usual',
)

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
const filters = fc.uniqueArray(
  fc.oneof(
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
const rule = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({ matches, filters, backendRefs: fc.array(backendRef, { maxLength: 2 }), timeouts }),
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
    protocol: mostly('HTTP', 'HTTPS'),
    hostname,
  },
  { requiredKeys: ['name', 'port', 'protocol'] },
)
const gateway = fc.array(listener, { maxLength: 3 }).map((listeners) => {
  const spec = { gatewayClassName: 'haproxy', listeners: [{ name: 'http', port: 80, protocol: 'HTTP' }, ...listeners] }
  return object('Gateway', { name: 'bad', namespace: 'evil' }, { spec })
})
const objects = fc.tuple(route, slice, gateway)

function object(kind: string, metadata: object, rest: object): KubernetesObject {
  const group = kind === 'EndpointSlice' ? 'discovery.k8s.io/v1' : 'gateway.networking.k8s.io/v1'
  return Object.assign({ apiVersion: group, kind, metadata }, rest)
}

function translated(more: readonly KubernetesObject[]) {
  const snapshot = snapshotFromObjects([...usual, ...more])
  return { snapshot, ...createTranslator(snapshot)() }
}

function configOf(more: readonly KubernetesObject[]): RenderedConfig {
  const proxy = translated(more).proxies.find(({ id }) => id === 'shop/web')
  if (proxy === undefined) throw new Error('the good Gateway has no proxy')
  return render(proxy)
}

describe('a hostile tenant', function () {
  this.timeout(60_000)

  it('costs nobody else anything: every proxy is computed, every text of a file and of a status is harmless', () => {
    const before = configOf([])
    const good = before.maps.get('paths-80.map')?.get('80/good.example.com')
    fc.assert(
      fc.property(objects, (bad) => {
        const { snapshot, proxies, report } = translated(bad)
        const configs = proxies.map(render)
        for (const config of configs)
          for (const { name: file, content } of configFiles(config, defaultDataPlane)) expectHarmless(file, content)
        const mine = configs[proxies.findIndex(({ id }) => id === 'shop/web')]
        const claimed = /good\.example\.com/i.test(JSON.stringify(bad[0]))
        if (!claimed) expect(mine?.maps.get('paths-80.map')?.get('80/good.example.com')).to.deep.equal(good)
        const input = { snapshot, report, outcomes: new Map(), features: supportedFeatures, now: new Date(0) }
        for (const { status } of createStatuses()(input))
          expect(JSON.stringify(status)).not.to.match(/could not be read/)
      }),
      { numRuns: 400 },
    )
  })

  it('is taken by HAProxy', function () {
    if (haproxy === undefined) this.skip()
    fc.assert(
      fc.property(objects, (bad) => {
        for (const proxy of translated(bad).proxies) {
          const { root, remove } = temporaryFolder()
          try {
            writeFiles(root, loadRenderer(templates, { ...defaultDataPlane, root })(proxy))
            expect(checkFiles(haproxy, root)).to.equal('')
          } finally {
            remove()
          }
        }
      }),
      { numRuns: 40 },
    )
  })

  it('sends no command that HAProxy could read as two', async () => {
    const before = configOf([])
    let commands = 0
    await fc.assert(
      fc.asyncProperty(objects, async (bad) => {
        const wanted = { ...configOf(bad), machine: before.machine }
        for (const [held, next] of [
          [before, wanted],
          [wanted, before],
        ] as const) {
          const plan = change(freshlyLoaded(held, defaultDataPlane), next)
          if (plan.kind === 'reload') continue
          const sent: string[] = []
          await runStages(recorder(sent), plan.stages)
          commands += sent.length
          for (const text of sent) expect(text).to.match(/^[\x21-\x3a\x3c-\x7f]+$/)
        }
      }),
      { numRuns: 300 },
    )
    expect(commands).to.be.greaterThan(1000)
  })
})

// Lines of maps are a key, a space and a value; lines of backends begin a section or a server.
function expectHarmless(file: string, content: string | Secret): void {
  if (content instanceof Secret) return
  for (const line of content.split('\n')) {
    if (line === '' || line === '# nothing') continue
    if (file.startsWith('maps/')) expect(line, file).to.match(/^[\x21-\x3a\x3c-\x7f]+ [\x21-\x3a\x3c-\x7e]+$/)
    if (file === 'general/backends.cfg')
      expect(line, file).to.match(/^backend [\w.-]+ from (plain|filtered|tcp)$|^ {4}server [\w-]+ [\w.:[\]]+:\d+$/)
  }
}

/** A pod that takes every call and keeps every text in it. */
function recorder(sent: string[]): PodApi {
  const keep = (given: unknown): void => {
    if (typeof given === 'string') sent.push(given)
    else if (typeof given === 'object' && given !== null && !(given instanceof Secret))
      Object.values(given).forEach(keep)
  }
  const call = (...given: readonly unknown[]): Promise<void> => {
    given.forEach(keep)
    return Promise.resolve()
  }
  const nothing = () => Promise.resolve(undefined)
  const none = () => Promise.resolve([])
  return {
    readEntry: nothing,
    listMap: nothing,
    listServers: nothing,
    readFile: nothing,
    listListEntries: none,
    listCertificateFiles: none,
    addEntry: call,
    replaceEntry: call,
    deleteEntry: call,
    putMap: call,
    addServer: call,
    readyServer: call,
    deleteServer: call,
    moveServer: call,
    newCertificate: call,
    putCertificate: call,
    deleteCertificate: call,
    addListEntry: call,
    deleteListEntry: call,
    putFile: call,
    deleteCertificateFile: call,
    reload: call,
    isRunning: () => Promise.resolve(true),
    dropFailedTransactions: nothing,
    close: nothing,
  }
}
