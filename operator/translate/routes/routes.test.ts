import { expect } from 'chai'

import { derive, recomputed, settle } from '../../lib/derive.ts'

import { parseManifests, snapshotFromObjects } from '../../watch/files.ts'
import { createReferences } from '../references.ts'
import { createRouteTranslator } from './routes.ts'

const services = `
apiVersion: v1
kind: Service
metadata: { name: cart, namespace: shop }
spec:
  ports:
  - { port: 80 }
  - { port: 81, appProtocol: kubernetes.io/ws }
  - { port: 82, appProtocol: kubernetes.io/h2c }
  - { port: 83, appProtocol: example.com/own }
  - { port: 84, appProtocol: kubernetes.io/wss }
  - { port: 53, protocol: UDP }
---
apiVersion: v1
kind: Service
metadata: { name: outside, namespace: shop }
spec: { type: ExternalName, externalName: example.com, ports: [{ port: 80 }] }
---
apiVersion: v1
kind: Service
metadata: { name: far, namespace: stock }
spec: { ports: [{ port: 80 }] }
`

function routeOf(spec: string): string {
  return `
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: { name: web, namespace: shop, creationTimestamp: "2025-01-01T00:00:00Z" }
spec: ${spec}
`
}

function open(...manifests: readonly string[]) {
  const snapshot = snapshotFromObjects(parseManifests([services, ...manifests].join('\n---\n'), 'test'))
  const references = { ...createReferences(snapshot), encrypts: () => false }
  const routes = createRouteTranslator(snapshot, references)
  const translated = derive(() => routes.translate('HTTPRoute shop/web'))
  settle()
  return { snapshot, translated }
}

function translate(spec: string, ...more: readonly string[]) {
  return open(routeOf(spec), ...more).translated()
}

const rule = (ref: string) => `{ rules: [{ backendRefs: [${ref}] }] }`
const header = (name: string, value: string) =>
  `{ type: RequestHeaderModifier, requestHeaderModifier: { add: [{ name: ${name}, value: "${value}" }] } }`

describe('translate/routes', () => {
  it('makes one rule of each match, with ids of their position', () => {
    const route = translate(`
  hostnames: [Shop.example.com, "*.example.com", shop.example.com]
  rules:
  - matches: [{ path: { value: /a } }, { headers: [{ name: X-A, value: "1" }], queryParams: [{ name: q, value: "2" }] }]
    backendRefs: [{ name: cart, port: 80 }, { name: cart, port: 81, weight: 3 }, { name: cart, port: 83, weight: 0 }]
  - {}`)
    expect(route.findings).to.deep.equal([])
    expect(route.hostnames).to.deep.equal(['shop.example.com', '*.example.com'])
    expect(route.rules.map(({ id }) => id)).to.deep.equal([
      'HTTPRoute/shop/web/0/0',
      'HTTPRoute/shop/web/0/1',
      'HTTPRoute/shop/web/1/0',
    ])
    const target = { kind: 'backend', profile: 'plain', filters: [], timeouts: {} }
    expect(route.rules[1]?.action).to.deep.equal({
      kind: 'forward',
      targets: [
        { ...target, weight: 1, backend: 'shop/cart:80' },
        { ...target, weight: 3, backend: 'shop/cart:81' },
      ],
    })
    expect(route.rules[2]?.action).to.deep.equal({ kind: 'respond', status: 500 })
    expect(route.backends).to.deep.equal([
      { id: 'shop/cart:80', profile: 'plain' },
      { id: 'shop/cart:81', profile: 'plain' },
    ])
    expect(route.conditionNames).to.deep.equal({ headers: ['x-a'], queries: ['q'] })
    expect([route.rejected, route.createdAt]).to.deep.equal([false, '2025-01-01T00:00:00.000Z'])
  })

  it('answers every request with 500 when there are no rules written', () => {
    expect(translate('{}').rules.map(({ action }) => action)).to.deep.equal([{ kind: 'respond', status: 500 }])
  })

  it('merges the filters of the rule and of the backendRef', () => {
    const route = translate(`
  rules:
  - filters: [${header('X-A', '1')}]
    backendRefs: [{ name: cart, port: 80, filters: [${header('X-A', '2')}] }, { name: cart, port: 80 }]
  - timeouts: { request: 0s }
    backendRefs: [{ name: cart, port: 81 }]`)
    expect(route.findings).to.deep.equal([])
    const [filtered, timed] = route.rules.map(({ action }) => (action.kind === 'forward' ? action.targets : []))
    const added = (...values: string[]) => [
      {
        kind: 'request-headers',
        change: { remove: [], set: [], add: values.map((value) => ({ name: 'X-A', value })) },
      },
    ]
    expect(filtered?.map((target) => target.kind === 'backend' && target.filters)).to.deep.equal([
      added('1', '2'),
      added('1'),
    ])
    expect(timed?.[0])
      .to.include({ profile: 'filtered' })
      .and.to.deep.include({ timeouts: { request: 0 } })
    expect(route.backends.map(({ profile }) => profile)).to.deep.equal(['filtered', 'filtered'])
  })

  const redirecting = '{ name: cart, port: 80, filters: [{ type: RequestRedirect, requestRedirect: { port: 81 } }] }'

  it('redirects the share of one backendRef, which needs no backend', () => {
    const route = translate(rule(`${redirecting}, { name: cart, port: 80 }`))
    const [action] = route.rules.map((each) => each.action)
    if (action?.kind !== 'forward') throw new Error('no targets')
    expect(action.targets.map(({ kind }) => kind)).to.deep.equal(['redirect', 'backend'])
    expect(action.targets[0]).to.deep.include({ weight: 1, redirect: { port: 81, status: 302 } })
    expect(route.backends).to.deep.equal([{ id: 'shop/cart:80', profile: 'plain' }])
    expect(translate(rule(redirecting)).backends).to.deep.equal([])
  })

  it('does not combine the redirect of a backendRef with a rewrite of the rule', () => {
    const route = translate(
      `{ rules: [{ filters: [{ type: URLRewrite, urlRewrite: { hostname: a } }], backendRefs: [${redirecting}] }] }`,
    )
    expect(route.findings.map(({ reason }) => reason)).to.deep.equal(['IncompatibleFilters'])
  })

  it('needs the backends of mirrors, and leaves out those that lead nowhere', () => {
    const to = (ref: string) => `{ type: RequestMirror, requestMirror: { backendRef: ${ref} } }`
    const route = translate(
      `{ rules: [{ filters: [${to('{ name: cart, port: 80 }')}, ${to('{ name: none, port: 80 }')}], backendRefs: [{ name: cart, port: 80 }] }] }`,
    )
    expect(route.backends).to.deep.equal([
      { id: 'shop/cart:80', profile: 'filtered' },
      { id: 'shop/cart:80', profile: 'plain' },
    ])
    expect(route.findings.map(({ reason, message }) => `${reason} ${message}`)).to.deep.equal([
      'BackendNotFound spec.rules[0].filters[1].requestMirror.backendRef: Service shop/none does not exist; create it or correct the reference.',
    ])
    expect(route.rules).to.have.lengthOf(1)
  })

  it('lets nothing through when there is nobody to ask', () => {
    const auth = '{ type: ExternalAuth, externalAuth: { protocol: HTTP, backendRef: { name: none, port: 80 } } }'
    const cart = '{ name: cart, port: 80 }'
    const all = translate(`{ rules: [{ filters: [${auth}], backendRefs: [${cart}] }] }`)
    expect(all.rules.map(({ action }) => action)).to.deep.equal([{ kind: 'respond', status: 500 }])
    expect(all.findings.map(({ reason }) => reason)).to.deep.equal(['BackendNotFound'])
    const share = translate(rule(`{ name: cart, port: 80, filters: [${auth}] }, ${cart}`)).rules[0]?.action
    expect(share?.kind === 'forward' && share.targets.map(({ kind }) => kind)).to.deep.equal(['respond', 'backend'])
  })

  it('redirects', () => {
    const route = translate('{ rules: [{ filters: [{ type: RequestRedirect, requestRedirect: { scheme: https } }] }] }')
    const action = { kind: 'redirect', redirect: { scheme: 'https', status: 302 }, filters: [] }
    expect(route.rules.map((each) => each.action)).to.deep.equal([action])
  })

  const broken: readonly (readonly [string, string, string])[] = [
    ['{ name: none, port: 80 }', 'BackendNotFound', 'spec.rules[0].backendRefs[0]: Service shop/none does not exist;'],
    [
      '{ name: cart, port: 99 }',
      'BackendNotFound',
      'spec.rules[0].backendRefs[0].port: Service shop/cart has no port 99;',
    ],
    ['{ name: cart }', 'BackendNotFound', 'spec.rules[0].backendRefs[0].port: is missing;'],
    ['{ name: cart, kind: Pod, port: 80 }', 'InvalidKind', 'spec.rules[0].backendRefs[0]: Pod shop/cart is of a kind'],
    ['{ name: cart, group: example.com, port: 80 }', 'InvalidKind', 'Service.example.com shop/cart'],
    ['{ name: far, namespace: stock, port: 80 }', 'RefNotPermitted', 'Service stock/far is in another namespace'],
    ['{ name: outside, port: 80 }', 'InvalidKind', 'Service shop/outside is of type ExternalName'],
    [
      '{ name: cart, port: 84 }',
      'UnsupportedProtocol',
      'port 84 of Service shop/cart has the appProtocol "kubernetes.io/wss"',
    ],
    ['{ name: cart, port: 53 }', 'UnsupportedProtocol', 'port 53 of Service shop/cart is not TCP'],
  ]
  for (const [ref, reason, text] of broken)
    it(`answers 500 for the backendRef ${ref}: ${reason}`, () => {
      const { findings, rules, rejected, backends } = translate(rule(ref))
      expect(findings).to.have.lengthOf(1)
      expect(findings[0]).to.include({ type: 'ResolvedRefs', status: 'False', reason })
      expect(findings[0]?.message).to.include(text)
      expect(rules.map(({ action }) => action)).to.deep.equal([{ kind: 'respond', status: 500 }])
      expect([rejected, backends]).to.deep.equal([false, []])
    })

  it('leaves a broken reference its share of the requests', () => {
    const { rules } = translate(rule('{ name: cart, port: 80, weight: 9 }, { name: none, port: 80 }'))
    const action = rules[0]?.action
    expect(action?.kind === 'forward' && action.targets[1]).to.deep.equal({ kind: 'respond', weight: 1, status: 500 })
  })

  it('answers 500 when all weights are 0, and still checks the references', () => {
    const { rules, findings } = translate(
      rule('{ name: cart, port: 80, weight: 0 }, { name: none, port: 80, weight: 0 }'),
    )
    expect(rules.map(({ action }) => action)).to.deep.equal([{ kind: 'respond', status: 500 }])
    expect(findings.map(({ reason }) => reason)).to.deep.equal(['BackendNotFound'])
  })

  it('follows a reference into another namespace with a grant', () => {
    const grant = `
apiVersion: gateway.networking.k8s.io/v1
kind: ReferenceGrant
metadata: { name: g, namespace: stock }
spec:
  from: [{ group: gateway.networking.k8s.io, kind: HTTPRoute, namespace: shop }]
  to: [{ group: "", kind: Service }]`
    const { findings, backends } = translate(rule('{ name: far, namespace: stock, port: 80 }'), grant)
    expect([findings, backends]).to.deep.equal([[], [{ id: 'stock/far:80', profile: 'plain' }]])
  })

  it('drops a rule it cannot program, aloud, and answers its requests with 500', () => {
    const route = translate(`
  rules:
  - backendRefs: [{ name: cart, port: 80 }]
  - matches: [{ path: { value: /mirrored } }, { path: { value: "/a;b" } }]
    filters: [{ type: ExtensionRef, extensionRef: { group: a, kind: B, name: c } }]
    backendRefs: [{ name: cart, port: 80 }]`)
    expect(route.findings).to.have.lengthOf(1)
    expect(route.findings[0]).to.include({ type: 'PartiallyInvalid', status: 'True', reason: 'UnsupportedValue' })
    expect(route.findings[0]?.message)
      .to.match(
        /^Dropped Rule 1\. Requests for Rule 1 are answered with 500\. Requests that only a faulty match of Rule 1 would select go to other rules\. /,
      )
      .and.to.include('spec.rules[1].matches[1].path.value: "/a;b" has')
      .and.to.include('spec.rules[1].filters[0].type: "ExtensionRef" is not supported')
    expect(route.rules.map(({ id, action }) => `${id} ${action.kind}`)).to.deep.equal([
      'HTTPRoute/shop/web/0/0 forward',
      'HTTPRoute/shop/web/1/0 respond',
    ])
    expect(route.rejected).to.equal(false)
  })

  it('says of a rule without a match that it can program that its requests go elsewhere', () => {
    const { findings, rules } = translate(`
  rules:
  - backendRefs: [{ name: cart, port: 80 }]
  - { matches: [{ path: { type: RegularExpression, value: "(" } }], backendRefs: [{ name: cart, port: 80 }] }
  - { filters: [{ type: CORS }], backendRefs: [{ name: cart, port: 80 }] }`)
    expect(findings[0]?.message).to.match(
      /^Dropped Rules 1, 2\. Requests for Rule 2 are answered with 500\. Requests that only a faulty match of Rule 1 would select go/,
    )
    expect(rules.map(({ id }) => id)).to.deep.equal(['HTTPRoute/shop/web/0/0', 'HTTPRoute/shop/web/2/0'])
  })

  const rejected: readonly (readonly [string, string])[] = [
    ['{ hostnames: ["10.0.0.1"] }', 'spec.hostnames[0]: "10.0.0.1" is not a hostname'],
    ['{ hostnames: ["*.*.com"] }', 'spec.hostnames[0]: "*.*.com" is not a hostname'],
    [
      '{ rules: [{ matches: [{ path: { type: RegularExpression, value: "(" } }] }] }',
      'spec.rules[0].matches[0].path.value: "("',
    ],
    ['{ rules: [{ sessionPersistence: {} }] }', 'spec.rules[0].sessionPersistence: is not supported'],
    ['{ rules: [{ retry: { backoff: soon } }] }', 'spec.rules[0].retry.backoff: "soon" is not a duration'],
    [
      '{ rules: [{ retry: { attempts: 2, backoff: 1s }, timeouts: { request: 2s } }] }',
      'spec.rules[0].retry.backoff: before 2 retries it takes longer than timeouts.request ("2s")',
    ],
    ['{ rules: [{ retry: { codes: [500, 505] } }] }', 'spec.rules[0].retry.codes[1]: HAProxy cannot retry after "505"'],
    ['{ rules: [{ retry: { attempts: -1 } }] }', 'spec.rules[0].retry.attempts: "-1" is not a number of attempts'],
    ['{ rules: [{ timeouts: { request: soon } }] }', 'spec.rules[0].timeouts.request: "soon" is not a duration'],
    ['{ hostnames: ["a b"], rules: [] }', 'spec.hostnames[0]: "a b" is not a hostname'],
    [
      '{ rules: [{ backendRefs: [{ name: cart, port: 80, weight: -1 }] }] }',
      'spec.rules[0].backendRefs[0].weight: "-1" is not a weight',
    ],
    [
      `{ rules: [{ filters: [{ type: CORS, cors: { allowOrigins: [${Array.from({ length: 64 }, (_, n) => `"https://${'a'.repeat(90)}${n}"`).join(', ')}] } }], backendRefs: [{ name: cart, port: 80 }] }] }`,
      'and at most 4500 can be programmed',
    ],
    [
      `{ rules: [{ filters: [${header('X-A', 'x'.repeat(4000))}], backendRefs: [{ name: cart, port: 80, filters: [${header('X-B', 'x'.repeat(4000))}] }] }] }`,
      'take 8018 bytes, and at most 4500',
    ],
    ['{ rules: [null] }', 'The object could not be read ('],
  ]
  for (const [spec, text] of rejected)
    it(`rejects a route of ${spec.slice(0, 100)}`, () => {
      const route = translate(spec)
      expect(route.findings).to.have.lengthOf(1)
      expect(route.findings[0]).to.include({ type: 'Accepted', status: 'False', reason: 'UnsupportedValue' })
      expect(route.findings[0]?.message).to.include(text)
      expect([route.rejected, route.rules, route.backends]).to.deep.equal([true, [], []])
    })

  it('rejects a redirect beside backendRefs as incompatible', () => {
    const route = translate(`
  rules:
  - filters: [{ type: RequestRedirect, requestRedirect: {} }]
    backendRefs: [{ name: cart, port: 80 }]`)
    expect(route.findings.map(({ reason }) => reason)).to.deep.equal(['IncompatibleFilters'])
  })

  it('keeps messages bounded', () => {
    const refs = Array.from({ length: 16 }, (_, index) => `{ name: none${index}, port: 80 }`).join(', ')
    const [finding] = translate(rule(refs)).findings
    expect(finding?.message).to.include('none7').and.to.not.include('none8')
    expect(finding?.message).to.match(/And 8 more\.$/)
  })

  it('means nothing when the route is gone', () => {
    const { snapshot, translated } = open(routeOf(rule('{ name: cart, port: 80 }')))
    expect(translated().rules).to.have.lengthOf(1)
    snapshot.remove('HTTPRoute', 'shop/web')
    expect(translated()).to.deep.include({ rules: [], findings: [], rejected: true })
  })

  it('is translated again only when something it read has changed, and keeps its identity when nothing did', () => {
    const { snapshot, translated } = open(routeOf(rule('{ name: cart, port: 99 }')))
    const first = translated()
    const cart = (port: number, label: string) => `
apiVersion: v1
kind: Service
metadata: { name: cart, namespace: shop, labels: { app: "${label}" } }
spec: { ports: [{ port: ${port} }] }`
    const put = (text: string) => {
      for (const object of parseManifests(text, 'test')) snapshot.put(object)
      settle()
    }
    put(cart(80, 'new'))
    expect(translated()).to.equal(first)
    put(cart(99, 'new'))
    expect(translated().findings).to.deep.equal([])
    const before = recomputed()
    put(cart(99, 'new').replace('name: cart', 'name: other'))
    translated()
    expect(recomputed()).to.equal(before)
  })
})
