// The longest things that are accepted: every entry that comes of them has to fit into one call to the Data Plane API.

import { expect } from 'chai'
import { join } from 'node:path'

import type { KubernetesObject } from '../model/kubernetes.ts'
import type { Report } from '../model/report.ts'
import { defaultDataPlane } from '../model/settings.ts'
import { paddedEntries } from '../push/padded.ts'
import { loadRenderer } from '../render/render.ts'
import { createTranslator } from '../translate/translate.ts'
import { parseManifests, snapshotFromObjects } from '../watch/files.ts'

const render = loadRenderer(join(import.meta.dirname, '../../templates'), defaultDataPlane)
/** Bytes of an entry: a whole map is sent in pieces of 8,192, each of whole lines. A single entry may have nearly twice as many. */
const longest = 8000

const long = (length: number, letter = 'a') => letter.repeat(length)
const label = long(63)
const host = `${long(61)}.${label}.${label}.${label}`
const path = (letter: string) => `/${long(1023, letter)}`
const codes = [401, 403, 404, 408, 421, 425, 429, 500, 501, 502, 503, 504]
const retry = { attempts: 100, codes, backoff: '35999ms' }
const backendRefs = [{ name: label, port: 65_535 }]
const timeouts = { backendRequest: '99999ms' }

/** A rule whose size is that of a text. */
const rules: Readonly<Record<string, (text: string) => object>> = {
  'one header': (text) => ({
    filters: [rewrite, headers('RequestHeaderModifier', [['x', text]])],
    backendRefs,
    retry,
    timeouts,
  }),
  'many short headers': (text) => ({
    filters: [
      rewrite,
      ...(['RequestHeaderModifier', 'ResponseHeaderModifier'] as const).map((type) => headers(type, pairs(text))),
    ],
    backendRefs,
    retry,
    timeouts,
  }),
  'origins and an authorization': (text) => ({
    filters: [
      rewrite,
      {
        type: 'CORS',
        cors: {
          allowOrigins: [`https://${long(3, 'o')}.com`],
          exposeHeaders: [`x${text}`],
          allowHeaders: ['*'],
          allowMethods: ['*'],
          allowCredentials: true,
        },
      },
      {
        type: 'ExternalAuth',
        externalAuth: { protocol: 'HTTP', backendRef: backendRefs[0], http: { path: path('e') } },
      },
    ],
    backendRefs,
    retry,
  }),
  'a redirect': (text) => ({
    filters: [
      {
        type: 'RequestRedirect',
        requestRedirect: {
          hostname: host,
          port: 65_535,
          path: { type: 'ReplaceFullPath', replaceFullPath: path('r') },
          statusCode: 308,
        },
      },
      headers('ResponseHeaderModifier', [['x', text]]),
    ],
  }),
  'a header to compare with': (text) => ({
    matches: [{ path: { value: path('p') }, headers: [{ name: 'x', value: text }] }],
    backendRefs,
    retry,
    timeouts,
  }),
  'a header to compare with, percent-encoded': (text) => ({
    matches: [{ path: { value: path('p') }, headers: [{ name: 'x', value: text.replaceAll('a', '%') }] }],
    backendRefs,
    retry,
  }),
  'a regular expression': (text) => ({
    matches: [
      {
        path: { type: 'RegularExpression', value: `/${text}` },
        headers: [{ name: 'x', value: 'y', type: 'RegularExpression' }],
      },
    ],
    backendRefs,
    retry,
  }),
  'a path': (text) => ({ matches: [{ path: { value: `/${text}` } }], backendRefs, retry }),
  'a path to rewrite to': (text) => ({
    filters: [{ type: 'URLRewrite', urlRewrite: { path: { type: 'ReplaceFullPath', replaceFullPath: `/${text}` } } }],
    backendRefs,
    retry,
  }),
}

const rewrite = {
  type: 'URLRewrite',
  urlRewrite: { hostname: host, path: { type: 'ReplaceFullPath', replaceFullPath: path('r') } },
}

type Pair = readonly [string, string]

function headers(type: 'RequestHeaderModifier' | 'ResponseHeaderModifier', set: readonly Pair[]): object {
  const change = { set: set.map(([name, value]) => ({ name, value })) }
  return type === 'RequestHeaderModifier'
    ? { type, requestHeaderModifier: change }
    : { type, responseHeaderModifier: change }
}

// As many names and values of a few letters as have about this size together.
function pairs(text: string): readonly Pair[] {
  return Array.from(
    { length: Math.floor(text.length / 12) },
    (_, n) => [`x${String(n).padStart(4, '0')}`, 'y'] as const,
  )
}

describe('limits', function () {
  this.timeout(60_000)
  for (const [name, ruleOf] of Object.entries(rules))
    it(`the longest ${name} that is accepted fits into a call, and a longer one is refused with a reason`, () => {
      const accepted = longestAccepted((length) => outcomeOf(ruleOf(long(length))).problems.length === 0)
      expect(accepted).to.be.greaterThan(100)
      for (const { key, value } of outcomeOf(ruleOf(long(accepted))).entries) {
        expect(Buffer.byteLength(`${key} ${value}\n`), `${key.slice(0, 20)} ${value.slice(0, 20)}`).to.be.at.most(
          longest,
        )
        expect(() =>
          paddedEntries([
            { key, value },
            { key: 'other', value },
          ]),
        ).to.not.throw()
      }
      const { problems, entries } = outcomeOf(ruleOf(long(accepted + 20)))
      expect(problems).to.not.deep.equal([])
      expect(Math.max(...entries.map(({ key, value }) => key.length + value.length))).to.be.below(3000)
    })
})

/** By halves: what is accepted of one length is accepted when it is shorter. */
function longestAccepted(isAccepted: (length: number) => boolean): number {
  let [accepted, refused] = [1, 40_000]
  while (refused - accepted > 1) {
    const middle = Math.floor((accepted + refused) / 2)
    if (isAccepted(middle)) accepted = middle
    else refused = middle
  }
  return accepted
}

type Entry = { readonly key: string; readonly value: string }

function outcomeOf(rule: object): { readonly problems: readonly string[]; readonly entries: readonly Entry[] } {
  const { proxies, report } = createTranslator(snapshotFromObjects(objects(rule)))()
  const [proxy] = proxies
  if (proxy === undefined) throw new Error('the Gateway is not served')
  const entries = [...render(proxy).maps.values()].flatMap((sections) =>
    [...sections.values()].flatMap((section) => section.entries),
  )
  return { problems: problemsIn(report), entries }
}

function problemsIn({ routes }: Report): readonly string[] {
  return [...routes.values()].flatMap(({ parents }) =>
    parents.flatMap(({ findings }) => findings.map(({ message }) => message)),
  )
}

function objects(rule: object): readonly KubernetesObject[] {
  const parentRefs = [{ name: 'web' }]
  return parseManifests(
    `
apiVersion: gateway.networking.k8s.io/v1
kind: GatewayClass
metadata: { name: haproxy }
spec: { controllerName: haproxy-gateway.dev/controller }
---
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: { namespace: ${label}, name: web }
spec: { gatewayClassName: haproxy, listeners: [{ name: http, protocol: HTTP, port: 80 }] }
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: { namespace: ${label}, name: main }
spec: ${JSON.stringify({ parentRefs, hostnames: [host], rules: [rule] })}
---
apiVersion: v1
kind: Service
metadata: { namespace: ${label}, name: ${label} }
spec: { ports: [{ port: 65535 }] }`,
    'limits',
  )
}
