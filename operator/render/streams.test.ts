import { expect } from 'chai'
import fc from 'fast-check'
import { join } from 'node:path'

import type { Backend, FrontendTls, Frontend, ProxyModel, Rule, Target, TlsHost } from '../model/proxy-model.ts'
import { Secret } from '../model/secret.ts'
import { defaultDataPlane } from '../model/settings.ts'
import { allCommands, change } from '../push/change.ts'
import { freshlyLoaded } from '../push/held.ts'
import { mostSpecific } from '../translate/hostnames.ts'

import { loadRenderer } from './render.ts'
import { renderTlsHost } from './streams.ts'
import { leafOfItems, noParts } from '../lib/parts.ts'

const render = loadRenderer(join(import.meta.dirname, '../../templates'), defaultDataPlane)

const certificates: FrontendTls = {
  certificates: leafOfItems([
    {
      certificate: { id: 'shop/tls', pem: new Secret('pem'), fingerprint: 'f'.repeat(64) },
      hostnames: ['b.org'],
      precedence: '',
    },
  ]),
}

describe('render: hostnames of TLS ports', () => {
  const rows: readonly (readonly [host: TlsHost, entries: readonly string[]])[] = [
    [tlsHost('a.org', 'passthrough', [rule('db')]), ['sni-443.map org.a/ shop_db_1.tcp']],
    [tlsHost('*.a.org', 'passthrough', [rule('db'), rule('other')]), ['sni-443.map org.a. shop_db_1.tcp']],
    [tlsHost('', 'passthrough', []), ['sni-443.map @ close', 'terminated-443.map @ close']],
    [tlsHost('a.org', 'passthrough', [rule()]), ['sni-443.map org.a/ close']],
    [tlsHost('', 'http', []), ['sni-443.map @ to-https-443']],
    [
      tlsHost('a.org', 'terminate', [rule('db')]),
      ['sni-443.map org.a/ to-terminate-443', 'terminated-443.map org.a/ shop_db_1.tcp'],
    ],
  ]
  for (const [host, expected] of rows)
    it(expected.join(', '), () => {
      const entries = renderTlsHost(host).sections.flatMap(({ map, section }) =>
        section.entries.map(({ key, value }) => `${map} ${key} ${value}`),
      )
      expect(entries).to.deep.equal(expected)
    })

  it('an SNI finds the most specific hostname', () => {
    const name = fc
      .array(fc.constantFrom('a', 'b', 'ab'), { minLength: 1, maxLength: 4 })
      .map((labels) => labels.join('.'))
    const pattern = fc.oneof(
      name,
      name.map((text) => `*.${text}`),
    )
    fc.assert(
      fc.property(fc.uniqueArray(pattern, { maxLength: 6 }), name, (hostnames, sni) => {
        const keys = new Map(
          hostnames.flatMap((hostname) =>
            renderTlsHost(tlsHost(hostname, 'passthrough', [])).sections.flatMap(({ section }) =>
              section.entries.map(({ key }) => [key, hostname] as const),
            ),
          ),
        )
        const asked = `${sni.split('.').toReversed().join('.')}/`
        const [longest] = [...keys.keys()]
          .filter((key) => asked.startsWith(key))
          .toSorted((a, b) => b.length - a.length)
        expect(longest === undefined ? undefined : keys.get(longest)).to.equal(mostSpecific(new Set(hostnames), sni))
      }),
    )
  })
})

describe('render: ports of connections', () => {
  const passing: Frontend = tls(443, { passthrough: true, hosts: [tlsHost('a.org', 'passthrough', [rule('db')])] })
  const ending: Frontend = tls(443, { tls: certificates, hosts: [tlsHost('b.org', 'terminate', [rule('db')])] })
  const https: Frontend = { kind: 'http', port: 443, tls: certificates, hosts: noParts }
  const tcp: Frontend = { kind: 'tcp', port: 5432, rules: [] }
  const udp: Frontend = { kind: 'udp', port: 53, rules: [] }
  const rows: readonly (readonly [reason: string, frontends: readonly Frontend[]])[] = [
    ['port 443 by SNI with passthrough', [passing]],
    ['port 443 by SNI with termination', [ending]],
    ['port 443 by SNI with passthrough, port 443 with TLS', [passing, https]],
    ['port 443 by SNI with termination, port 443 with TLS', [ending, https]],
    ['port 5432 for TCP', [tcp]],
    ['', [udp]],
  ]
  for (const [reason, frontends] of rows)
    it(`has the maps and lists that it reads: ${reason || 'none'}`, () => {
      const { machine, maps, certificateLists } = render(proxy(frontends))
      const read = (pattern: RegExp): readonly string[] =>
        [...new Set([...machine.text.matchAll(pattern)].map(([, file = '']) => file))].toSorted()
      const shared = ['actions.map', 'alt-names.map', 'candidates.map', 'meta.map', 'tree.map']
      const own = read(/maps\/([\w-]+\.map)/g).filter((map) => !shared.includes(map))
      expect([...maps.keys()].filter((map) => !shared.includes(map)).toSorted()).to.deep.equal(own)
      expect([...certificateLists.keys()].toSorted()).to.deep.equal(read(/ssl\/([\w-]+\.txt)/g))
      expect(machine.reasons.filter((text) => text.includes('port')).join(', ')).to.equal(reason)
      const hops = (pattern: RegExp): readonly string[] =>
        [...machine.text.matchAll(pattern)].map(([, socket = '']) => socket).toSorted()
      expect(hops(/server hop unix@(\S+)/g)).to.deep.equal(hops(/bind unix@(\S+-\d+.sock)/g))
    })

  it('routes, weights and hostnames come at run time; ports do not', () => {
    const before = [tls(443, { passthrough: true, hosts: [] }), tcp]
    const known = ['db', 'other']
    const after: readonly Frontend[] = [passing, { ...tcp, rules: [rule('db', 'other')] }]
    const plan = change(freshlyLoaded(render(proxy(before, known)), defaultDataPlane), render(proxy(after, known)))
    const commands = plan.kind === 'reload' ? [] : allCommands(plan.stages)
    const maps = commands.flatMap((command) => ('map' in command ? [command.map] : []))
    expect([...new Set(maps)]).to.deep.equal(['tree.map', 'tcp.map', 'sni-443.map'])

    const more = render(proxy([...before, { ...tcp, port: 5433 }], known))
    const other = change(freshlyLoaded(render(proxy(before, known)), defaultDataPlane), more)
    expect(other).to.deep.equal({ kind: 'reload', cause: 'machine', reasons: ['port 5433 for TCP'] })
  })
})

function tlsHost(hostname: string, end: TlsHost['end'], rules: readonly Rule[]): TlsHost {
  return { port: 443, hostname, end, rules }
}

function tls(
  port: number,
  {
    hosts,
    ...more
  }: { readonly hosts: readonly TlsHost[]; readonly passthrough?: boolean; readonly tls?: FrontendTls },
): Frontend {
  return { kind: 'tls', port, passthrough: false, hosts: leafOfItems(hosts), ...more }
}

// Forwards to these Services in equal shares; without any, nowhere.
function rule(...services: readonly string[]): Rule {
  const targets = services.map((service): Target => {
    return { kind: 'backend', weight: 1, backend: `shop/${service}:1`, profile: 'tcp', filters: [], timeouts: {} }
  })
  const match = { path: { kind: 'prefix' as const, value: '/' }, headers: [], queries: [] }
  const action =
    targets.length === 0 ? { kind: 'respond' as const, status: 500 as const } : { kind: 'forward' as const, targets }
  return { id: services.join(), match, action }
}

function proxy(frontends: readonly Frontend[], services: readonly string[] = []): ProxyModel {
  const backends = services.map((name): Backend => ({ id: `shop/${name}:1`, profile: 'tcp', servers: [] }))
  const workload = {
    name: 'web-haproxy',
    namespace: 'shop',
    uid: 'uid',
    className: 'haproxy',
    labels: {},
    annotations: {},
    addresses: [],
    ports: [],
  }
  return {
    id: 'shop/web',
    workload,
    frontends,
    backends: leafOfItems(backends),
    certificates: noParts,
    conditionNames: { headers: [], queries: [] },
  }
}
