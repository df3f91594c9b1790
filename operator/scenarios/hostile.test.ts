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
import { runStages } from '../push/runtime.ts'
import { loadRenderer } from '../render/render.ts'
import { createStatuses } from '../status/status.ts'
import { createTranslator, supportedFeatures } from '../translate/translate.ts'
import { parseManifests, snapshotFromObjects } from '../watch/files.ts'

import { checkFiles, findHaproxy, settingsAt, temporaryFolder, writeFiles } from './haproxy-files.ts'
import { recorder } from './recorder.ts'
import { hostileObjects } from './hostile-objects.ts'

const templates = join(import.meta.dirname, '../../templates')
const render = loadRenderer(templates, defaultDataPlane)
const haproxy = findHaproxy()
/** As many words as the command has, and nothing that separates or quotes. */
const lineOfRuntimeApi = new RegExp(
  String.raw`^(?:(?:set|add) map W W W|del map W W|add server W [\w.:]+(?: proto h2)?(?: ssl .* sni str\([\w.-]+\).*)?|set server W state \w+|del server W)$`.replaceAll(
    'W',
    String.raw`[^\s;\\"'<>#]+`,
  ),
)

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
spec: { gatewayClassName: haproxy, allowedListeners: { namespaces: { from: All } }, listeners: [{ name: http, port: 80, protocol: HTTP, allowedRoutes: { namespaces: { from: All } } },
  { name: tls, port: 443, protocol: TLS, tls: { mode: Passthrough }, allowedRoutes: { namespaces: { from: All } } },
  { name: tcp, port: 5432, protocol: TCP, allowedRoutes: { namespaces: { from: All } } }] }
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: { name: good, namespace: shop, creationTimestamp: "2025-01-01T00:00:00Z" }
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
      fc.property(hostileObjects, (bad) => {
        const { snapshot, proxies, report } = translated(bad)
        const configs = proxies.map(render)
        for (const config of configs)
          for (const { name: file, content } of configFiles(config, defaultDataPlane)) expectHarmless(file, content)
        const mine = configs[proxies.findIndex(({ id }) => id === 'shop/web')]
        const claimed = /good\.example\.com/i.test(JSON.stringify(bad))
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
      fc.property(hostileObjects, (bad) => {
        for (const proxy of translated(bad).proxies) {
          const { root, remove } = temporaryFolder()
          try {
            writeFiles(root, loadRenderer(templates, settingsAt(root))(proxy))
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
      fc.asyncProperty(hostileObjects, async (bad) => {
        const wanted = { ...configOf(bad), machine: before.machine }
        for (const [held, next] of [
          [before, wanted],
          [wanted, before],
        ] as const) {
          const plan = change(freshlyLoaded(held, defaultDataPlane), next)
          if (plan.kind === 'reload') continue
          const sent: string[] = []
          const lines: string[] = []
          // nginx's file goes as a file, through no command.
          const stages = plan.stages.map((stage) => ({
            chains: stage.chains.map((chain) => chain.filter(({ kind }) => kind !== 'put-udp')),
          }))
          await runStages(recorder(sent, lines), stages)
          commands += sent.length
          for (const text of sent) expect(text).to.match(/^[\x21-\x3a\x3c-\x7f]+$/)
          for (const line of lines) expect(line).to.match(lineOfRuntimeApi)
        }
      }),
      { numRuns: 300 },
    )
    expect(commands).to.be.greaterThan(1000)
  })
})

const serverLine =
  /^ {4}server [\w.-]+ [\w.:[\]]+:\d+( proto h2)?( ssl verify required ca-file (@system-ca|ca-[0-9a-f]+\.pem) sni str\([\w.-]+\)( alpn h2)?)?$/
const tlsLines = [
  /^defaults authorities$/,
  /^ {4}default-server ca-file ca-[0-9a-f]+\.pem$/,
  /^ {4}tcp-response inspect-delay 10s$/,
  /^ {4}tcp-response content set-var\(txn\.named\) bool\(false\) if \{ srv_name -m sub \.n \}$/,
  /^ {4}tcp-response content lua\.names if \{ srv_name -m sub \.n \} \{ ssl_s_der -m found \}$/,
  /^ {4}tcp-response content reject if \{ srv_name -m sub \.n \} !\{ var\(txn\.named\) -m bool \}$/,
]
const backoffLines = [
  /^ {4}tcp-response inspect-delay 1d$/,
  /^ {4}tcp-response content accept if \{ txn\.conn_retries ge \d+ \}$/,
  /^ {4}tcp-response content lua\.backoff \d+ if \{ status( \d{3})+ \}$/,
]
const backendLine = new RegExp(
  [
    /^backend [\w.-]+ from (plain|filtered|named|tcp|named-tcp|retry\.\d+(\.\d[\d-]*)?(\.\d+ms)?)$/,
    serverLine,
    ...tlsLines,
    ...backoffLines,
  ]
    .map(({ source }) => source)
    .join('|'),
)

// Lines of maps are a key, a space and a value; lines of backends begin a section or a server.
function expectHarmless(file: string, content: string | Secret): void {
  if (content instanceof Secret) return
  for (const line of content.split('\n')) {
    if (line === '' || line === '# nothing') continue
    if (file.startsWith('maps/')) expect(line, file).to.match(/^[\x21-\x3a\x3c-\x7f]+ [\x21-\x3a\x3c-\x7e]+$/)
    if (file === 'general/backends.cfg') expect(line, file).to.match(backendLine)
  }
}
