import { expect } from 'chai'

import { apply, createNamespaces, deleteNamespaces, kubectl } from '../lib/cluster.ts'
import { selfSigned, tlsSecret } from '../lib/certificates.ts'
import { eventually } from '../lib/eventually.ts'
import { expectCondition, getGateway, getRoute, operatorRestarts, programmedAddress } from '../lib/gateway.ts'
import { documents, echo, forward, gateway, httpListener, route } from '../lib/manifests.ts'
import { ask, keepAsking, seenHeader, type WebAnswer } from '../lib/web.ts'

const namespace = 'e2e-bad-input'
const elsewhere = 'e2e-bad-input-elsewhere'

type Rule = Readonly<Record<string, unknown>>
type Verdict = { readonly type: string; readonly status: string; readonly reason: string }

const httpsListener = (name: string, port: number, certificate: Rule): Rule => ({
  name,
  port,
  protocol: 'HTTPS',
  tls: { certificateRefs: [certificate] },
})

const badListeners: readonly { readonly listener: Rule; readonly verdict: Verdict; readonly says: string }[] = [
  {
    listener: httpsListener('missing-certificate', 444, { name: 'nowhere' }),
    verdict: { type: 'ResolvedRefs', status: 'False', reason: 'InvalidCertificateRef' },
    says: 'nowhere',
  },
  {
    listener: httpsListener('malformed-certificate', 445, { name: 'malformed' }),
    verdict: { type: 'ResolvedRefs', status: 'False', reason: 'InvalidCertificateRef' },
    says: 'malformed',
  },
  {
    listener: httpsListener('foreign-certificate', 446, { name: 'good', namespace: elsewhere }),
    verdict: { type: 'ResolvedRefs', status: 'False', reason: 'RefNotPermitted' },
    says: 'ReferenceGrant',
  },
  {
    listener: { name: 'unknown-kind', port: 81, protocol: 'HTTP', allowedRoutes: { kinds: [{ kind: 'MagicRoute' }] } },
    verdict: { type: 'ResolvedRefs', status: 'False', reason: 'InvalidRouteKinds' },
    says: 'MagicRoute',
  },
  {
    listener: { name: 'unknown-protocol', port: 82, protocol: 'example.com/carrierpigeon' },
    verdict: { type: 'Accepted', status: 'False', reason: 'UnsupportedProtocol' },
    says: 'carrierpigeon',
  },
  {
    listener: { name: 'conflict-plain', port: 83, protocol: 'HTTP' },
    verdict: { type: 'Conflicted', status: 'True', reason: 'ProtocolConflict' },
    says: '83',
  },
  {
    listener: httpsListener('conflict-tls', 83, { name: 'good' }),
    verdict: { type: 'Conflicted', status: 'True', reason: 'ProtocolConflict' },
    says: '83',
  },
]

const refused: Verdict = { type: 'Accepted', status: 'False', reason: 'UnsupportedValue' }
const unresolved = (reason: string): Verdict => ({ type: 'ResolvedRefs', status: 'False', reason })
const badRoutes: readonly {
  readonly name: string
  readonly rule: Rule
  readonly verdict: Verdict
  readonly says: string
}[] = [
  { name: 'missing-service', rule: forward('nobody'), verdict: unresolved('BackendNotFound'), says: 'nobody' },
  {
    name: 'missing-port',
    rule: { backendRefs: [{ name: 'web', port: 9999 }] },
    verdict: unresolved('BackendNotFound'),
    says: '9999',
  },
  {
    name: 'unknown-backend-kind',
    rule: { backendRefs: [{ group: 'example.com', kind: 'Bucket', name: 'web', port: 8080 }] },
    verdict: unresolved('InvalidKind'),
    says: 'Bucket',
  },
  {
    name: 'missing-grant',
    rule: { backendRefs: [{ name: 'web', namespace: elsewhere, port: 8080 }] },
    verdict: unresolved('RefNotPermitted'),
    says: 'ReferenceGrant',
  },
  {
    name: 'bad-path-expression',
    rule: forward('web', '/', { matches: [{ path: { type: 'RegularExpression', value: '/[a' } }] }),
    verdict: refused,
    says: 'rules[0].matches[0].path',
  },
  {
    name: 'bad-header-expression',
    rule: forward('web', '/', { matches: [{ headers: [{ type: 'RegularExpression', name: 'x-id', value: '(' }] }] }),
    verdict: refused,
    says: 'rules[0].matches[0].headers[0]',
  },
]

// Values that would be commands, variables, comments or ends of words if anything forgot to escape them.
const hostileValues: readonly string[] = [
  'plain',
  'two words',
  `"double" and 'single'`,
  String.raw`back\slash \n \x00`,
  '%[src] %[env(HOME)] %ci %%',
  'a;b # c',
  '${HOME} $HOME `id`',
  '; shutdown sessions server x/y;',
  '{a} (b) [c] <d> |e| ,f,',
  'ünïcödé ☃',
  'x'.repeat(3_000),
]
const lineBreaks = ['one\nshow info', 'one\r\nx-injected: yes', 'tab\tinside\u0000']

describe('bad input', () => {
  let address: string
  let restartsBefore: number
  let steady: ReturnType<typeof keepAsking>

  const at = (host: string, path = '/', headers: Readonly<Record<string, string>> = {}): Promise<WebAnswer> =>
    ask({ address, host, path, headers })
  const applyRoute = (name: string, ...rules: readonly Rule[]): Promise<string> =>
    apply(documents(route(namespace, name, { gateway: 'web', hostnames: [`${name}.example.com`], rules })))

  before(async function () {
    this.timeout(240_000)
    await createNamespaces([namespace, elsewhere])
    restartsBefore = await operatorRestarts()
    const pair = await selfSigned(['web.example.com'])
    await apply(tlsSecret(namespace, 'good', pair))
    await apply(tlsSecret(elsewhere, 'good', pair))
    await apply(tlsSecret(namespace, 'malformed', { certificate: 'not a certificate', key: pair.key }))
    await apply(documents(...echo(namespace, 'web'), ...echo(elsewhere, 'web')))
    await apply(documents(gateway(namespace, 'web', [httpListener])))
    await applyRoute(
      'steady',
      forward('web', '/', {
        filters: [{ type: 'RequestHeaderModifier', requestHeaderModifier: { remove: ['x-none'] } }],
      }),
    )
    address = await programmedAddress(namespace, 'web')
    await kubectl(['-n', namespace, 'rollout', 'status', 'deployment', '--timeout=90s'])
    await eventually('first request', async () => expect((await at('steady.example.com')).status).to.equal(200))
    steady = keepAsking({ address, host: 'steady.example.com' })
  })
  after(async function () {
    this.timeout(120_000)
    await steady.stop()
    await deleteNamespaces([namespace, elsewhere])
  })

  describe('in routes', () => {
    for (const { name, rule, verdict, says } of badRoutes) {
      it(`${name}: ${verdict.type} is ${verdict.status} with ${verdict.reason}, the rule answers 500, the others serve`, async () => {
        const good = forward('web', '/good')
        await applyRoute(name, rule, good)
        await applyRoute(`${name}-alone`, rule)
        await eventually('the condition', async () => {
          const { metadata, status } = await getRoute(namespace, `${name}-alone`)
          const found = expectCondition(status.parents[0]?.conditions ?? [], verdict, metadata.generation)
          expect(found.message).to.contain(says)
        })
        await eventually('the good rule', async () =>
          expect((await at(`${name}.example.com`, '/good')).status).to.equal(200),
        )
        if (verdict !== refused) expect((await at(`${name}.example.com`)).status).to.equal(500)
      })
    }
  })

  describe('in values', () => {
    for (const [index, value] of hostileValues.entries()) {
      it(`${JSON.stringify(value.slice(0, 40))} arrives as it is, or is refused by name`, async () => {
        const name = `value-${index}`
        const set = [{ name: 'x-hostile', value }]
        const filters = [
          { type: 'RequestHeaderModifier', requestHeaderModifier: { set } },
          { type: 'ResponseHeaderModifier', responseHeaderModifier: { set } },
        ]
        // The experimental channel's API takes visible ASCII only.
        const refusal = await applyRoute(name, forward('web', '/', { filters })).then(() => '', String)
        if (refusal !== '') {
          expect(refusal).to.match(/filters\[0\]\.requestHeaderModifier\.set\[0\]\.value.*\n?.*should match/)
          return
        }
        await eventually('served or refused', async () => {
          const answer = await at(`${name}.example.com`)
          if (answer.status === 200) {
            const bytes = Buffer.from(value, 'utf8')
            expect(seenHeader(answer, 'x-hostile')).to.deep.equal([value])
            expect(Buffer.from(String(answer.headers['x-hostile']), 'latin1').equals(bytes)).to.equal(true)
            return
          }
          const { metadata, status } = await getRoute(namespace, name)
          const found = expectCondition(status.parents[0]?.conditions ?? [], refused, metadata.generation)
          expect(found.message).to.contain('rules[0]')
        })
      })
      it(`${JSON.stringify(value.slice(0, 40))} as the value a header must have`, async function () {
        if (/[^\u0020-\u007e]/.test(value)) this.skip()
        const name = `match-${index}`
        const headers = [{ name: 'x-hostile', value }]
        await applyRoute(name, forward('web', '/', { matches: [{ headers }] }))
        await eventually('matched or refused', async () => {
          const answer = await at(`${name}.example.com`, '/', { 'x-hostile': value })
          if (answer.status === 200) return
          const { metadata, status } = await getRoute(namespace, name)
          expectCondition(status.parents[0]?.conditions ?? [], refused, metadata.generation)
        })
        expect((await at(`${name}.example.com`, '/', { 'x-hostile': `${value}!` })).status).to.not.equal(200)
      })
    }

    for (const [index, value] of lineBreaks.entries()) {
      it(`${JSON.stringify(value)} is refused, by the API or by a condition, and injects nothing`, async () => {
        const name = `break-${index}`
        const set = [{ name: 'x-hostile', value }]
        const filters = [{ type: 'RequestHeaderModifier', requestHeaderModifier: { set } }]
        const accepted = await applyRoute(name, forward('web', '/', { filters }), forward('web', '/good')).then(
          () => true,
          () => false,
        )
        if (!accepted) return
        await eventually('the condition', async () => {
          const { metadata, status } = await getRoute(namespace, name)
          const said = status.parents[0]?.conditions ?? []
          const type = said.some((condition) => condition.type === 'PartiallyInvalid') ? 'PartiallyInvalid' : 'Accepted'
          const wanted = { type, status: type === 'Accepted' ? 'False' : 'True', reason: 'UnsupportedValue' }
          expect(expectCondition(said, wanted, metadata.generation).message).to.contain('rules[0].filters[0]')
        })
        const answer = await at(`${name}.example.com`)
        expect(answer.status).to.not.equal(200)
        expect(answer.headers['x-injected']).to.equal(undefined)
      })
    }

    it('signs that mean something to HAProxy are only characters in paths', async () => {
      const paths = ["/apo'strophe", '/dollar$(x)', '/a,b=c@d!e*f+g', '/per%20cent']
      await applyRoute('paths', ...paths.map((path) => forward('web', path)))
      for (const path of paths) {
        await eventually(path, async () =>
          expect((await at('paths.example.com', `${path}/below`)).status).to.equal(200),
        )
      }
      expect((await at('paths.example.com', '/dollar')).status).to.equal(404)
    })
  })

  describe('in listeners', () => {
    it('each bad listener says what is wrong, the good one goes on', async function () {
      this.timeout(60_000)
      await apply(documents(gateway(namespace, 'web', [httpListener, ...badListeners.map(({ listener }) => listener)])))
      await eventually('all verdicts', async () => {
        const { metadata, status } = await getGateway(namespace, 'web')
        for (const { listener, verdict, says } of badListeners) {
          const found = status.listeners.find(({ name }) => name === listener['name'])
          const condition = expectCondition(found?.conditions ?? [], verdict, metadata.generation)
          expect(condition.message, String(listener['name'])).to.contain(says)
        }
        const good = status.listeners.find(({ name }) => name === 'http')
        expectCondition(good?.conditions ?? [], { type: 'Programmed', status: 'True' }, metadata.generation)
      })
      expect((await at('steady.example.com')).status).to.equal(200)
      await apply(documents(gateway(namespace, 'web', [httpListener])))
    })
  })

  describe('all of it', () => {
    it('cost the good route no request, and the operator no restart', async () => {
      expect((await steady.stop()).failures).to.deep.equal([])
      expect(await operatorRestarts()).to.equal(restartsBefore)
    })
  })
})
