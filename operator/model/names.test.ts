import { expect } from 'chai'
import fc from 'fast-check'

import { shortHash } from '../lib/hash.ts'

import { backendName, certificateFile, serverName, spareName, workloadName } from './names.ts'

describe('model/names', () => {
  const label = fc.stringMatching(/^[a-z0-9]([-a-z0-9]{0,4}[a-z0-9])?$/)
  const subdomain = fc.array(label, { minLength: 1, maxLength: 3 }).map((labels) => labels.join('.'))

  it('calls the workload of a Gateway after it and its class', () => {
    expect(workloadName('web', 'haproxy')).to.equal('web-haproxy')
    expect(workloadName('a-b', 'haproxy')).to.equal('a-b-haproxy')
  })

  it('gives two Gateways of a namespace two workloads', () => {
    const names = [
      workloadName('a-b', 'c'),
      workloadName('a', 'b-c'),
      workloadName('a.b', 'c'),
      workloadName('a', 'b.c'),
      workloadName('x'.repeat(70), 'c'),
      workloadName('x'.repeat(71), 'c'),
    ]
    expect(new Set(names).size).to.equal(names.length)
    const pair = fc.record({ gateway: subdomain, className: subdomain })
    fc.assert(
      fc.property(pair, pair, (a, b) => {
        const same = workloadName(a.gateway, a.className) === workloadName(b.gateway, b.className)
        if (same) expect(a).to.deep.equal(b)
      }),
      { numRuns: 2000 },
    )
  })

  it('gives workloads names that a Service can have: they begin with a letter', () => {
    expect(workloadName('1a', 'haproxy')).to.match(/^gw-1a-haproxy-[0-9a-f]+$/)
    fc.assert(
      fc.property(subdomain, subdomain, fc.nat(200), (gateway, className, length) => {
        expect(workloadName(gateway + 'x'.repeat(length), className)).to.match(/^[a-z]([-a-z0-9]{0,61}[a-z0-9])?$/)
      }),
    )
  })

  // Whoever may create Gateways in a namespace chooses their names after those of others.
  it('gives no Gateway a workload that another one of its namespace can be given', () => {
    type Pair = readonly [gateway: string, className: string]
    const split: fc.Arbitrary<readonly [Pair, Pair]> = fc
      .tuple(fc.stringMatching(/^[a-z0-9]{1,3}([.-][a-z0-9]{1,3}){1,4}$/), fc.nat(4), fc.nat(4))
      .map(([text, a, b]) => [cut(text, a), cut(text, b)] as const)
    const copied: typeof split = fc.tuple(subdomain, subdomain).map((one) => [one, cut(workloadName(...one), 99)])
    const prefixed: typeof split = fc.tuple(subdomain, label).map(([gateway, className]) => [
      [gateway, className],
      [`gw-${gateway}`, className],
    ])
    fc.assert(
      fc.property(fc.oneof(split, copied, prefixed), ([a, b]) => {
        if (workloadName(...a) === workloadName(...b)) expect(a).to.deep.equal(b)
      }),
      { numRuns: 5000 },
    )
    const hash = shortHash('a b-c')
    expect(workloadName('a-b-c', hash)).to.not.equal(workloadName('a', 'b-c'))
  })

  it('gives two Service ports two backends, none of them called like a spare one', () => {
    const id = fc.tuple(label, label, fc.integer({ min: 1, max: 65_535 }))
    const text = ([namespace, service, port]: readonly [string, string, number]) => `${namespace}/${service}:${port}`
    fc.assert(
      fc.property(id, id, fc.nat(999), (a, b, n) => {
        if (backendName(text(a), 'plain') === backendName(text(b), 'plain')) expect(a).to.deep.equal(b)
        expect([spareName('plain', n), spareName('filtered', n)]).not.to.include(backendName(text(a), 'filtered'))
        expect([spareName('plain', n), spareName('filtered', n)]).not.to.include(backendName(text(a), 'plain'))
      }),
    )
  })

  it('gives Secrets of two namespaces two files', () => {
    const key = fc.tuple(label, subdomain)
    fc.assert(
      fc.property(key, key, (a, b) => {
        const [one, other] = [certificateFile(a.join('/')), certificateFile(b.join('/'))]
        if (one === other) expect(a).to.deep.equal(b)
        expect(one).to.match(/^[\w-]+\.pem$/)
      }),
    )
  })

  it('names servers by address and port', () => {
    expect(serverName({ address: '2001:db8::1', port: 80 })).to.equal('2001-db8--1_80')
  })

  it('names servers with other options differently', () => {
    const server = { address: '10.0.0.7', port: 80 }
    const ssl = { caFile: '@system-ca', sni: 'cart.example.com' }
    expect(serverName(server, { proto: 'h2' })).to.equal('10-0-0-7_80.h2')
    const names = [
      serverName(server),
      serverName(server, { ssl }),
      serverName(server, { ssl, proto: 'h2' }),
      serverName(server, { ssl: { ...ssl, caFile: 'ca-1.pem' } }),
      serverName(server, { ssl: { ...ssl, sni: 'other.example.com' } }),
      serverName(server, { ssl: { ...ssl, certificate: '/gw/ssl/shop_client.pem' } }),
    ]
    expect(new Set(names)).to.have.lengthOf(names.length)
  })
})

// A Gateway and a class that read like the text when they are joined: cut at the n-th place that allows it, or at the last one.
function cut(text: string, n: number): readonly [gateway: string, className: string] {
  const places = [...text.matchAll(/[.-]/g)].map(({ index }) => index)
  const at = places[n] ?? places.at(-1) ?? text.length
  return [text.slice(0, at), text.slice(at + 1)]
}
