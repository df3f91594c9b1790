import { expect } from 'chai'
import fc from 'fast-check'
import { join } from 'node:path'

import type { Backend, Frontend, ProxyModel } from '../model/proxy-model.ts'
import type { Machine } from '../model/rendered.ts'
import { Secret } from '../model/secret.ts'
import { defaultDataPlane } from '../model/settings.ts'
import { leafOfItems, noParts } from '../lib/parts.ts'

import { machineRenderer } from './machine.ts'
import { loadTemplates } from './templates.ts'
import { shopWeb } from './testing/shop-web.ts'

const render = machineRenderer(loadTemplates(join(import.meta.dirname, '../../templates')), defaultDataPlane)

const certificates = {
  certificates: leafOfItems([
    { certificate: { id: 'n/c', pem: new Secret(''), fingerprint: '' }, hostnames: [], precedence: '' },
  ]),
}
const frontends: readonly Frontend[] = [
  { kind: 'http', port: 80, hosts: noParts },
  { kind: 'http', port: 8080, hosts: noParts },
  { kind: 'http', port: 443, tls: certificates, hosts: noParts },
  { kind: 'tls', port: 443, passthrough: true, hosts: noParts },
  { kind: 'tls', port: 8443, passthrough: false, tls: certificates, hosts: noParts },
  { kind: 'tcp', port: 5432, rules: [] },
  { kind: 'udp', port: 53, rules: [] },
]
const headers = ['host', 'x-a', 'x-b', "x-odd'name"]
const queries = ['q', 'version', 'x-a']
const profiles = ['plain', 'filtered', 'retry.2.500', 'retry.3', 'retry.0', 'retry.1.503.100ms'] as const

type Parts = {
  readonly frontends: readonly Frontend[]
  readonly headers: readonly string[]
  readonly queries: readonly string[]
  readonly profiles: readonly (typeof profiles)[number][]
}
const parts: fc.Arbitrary<Parts> = fc.record({
  frontends: fc.subarray([...frontends], { minLength: 1 }),
  headers: fc.subarray(headers),
  queries: fc.subarray(queries),
  profiles: fc.subarray([...profiles]),
})

function machineOf({ frontends: some, headers: asked, queries: wanted, profiles: kept }: Parts): Machine {
  const backends = kept.map((profile): Backend => ({ id: 'shop/cart:80', profile, servers: [] }))
  return render(proxyOf(some, backends, { headers: asked, queries: wanted }))
}

function proxyOf(
  those: readonly Frontend[],
  backends: readonly Backend[],
  conditionNames: ProxyModel['conditionNames'],
): ProxyModel {
  return {
    ...shopWeb,
    frontends: those,
    backends: leafOfItems(backends),
    certificates: noParts,
    conditionNames,
  }
}

const linesOf = ({ text }: Machine): readonly string[] => text.split('\n').filter((line) => line !== '')

describe('render: what the machine is made for', () => {
  it('law: frame and reasons tell the text', () =>
    fc.assert(
      fc.property(parts, parts, fc.constantFrom('headers', 'queries', 'profiles', 'all'), (first, second, same) => {
        const [one, two] = [machineOf(first), machineOf(same === 'all' ? first : { ...first, [same]: second[same] })]
        const isTold = one.frame === two.frame && one.reasons.join() === two.reasons.join()
        if (isTold) expect(one.hash).to.equal(two.hash)
      }),
      { numRuns: 300 },
    ))

  it('law: within one frame fewer reasons are fewer lines, and all others stay in their order', () =>
    fc.assert(
      fc.property(parts, (some) => {
        const less = machineOf(some)
        const all = machineOf({ ...some, headers, queries, profiles })
        expect(less.frame).to.equal(all.frame)
        expect(new Set(less.reasons).isSubsetOf(new Set(all.reasons))).to.equal(true)
        const left = linesOf(all).values()
        const missing = linesOf(less).filter((line) => !left.some((other) => other === line))
        expect(missing).to.deep.equal([])
      }),
    ))

  it('other ports are another frame', () =>
    fc.assert(
      fc.property(parts, parts, (one, two) => {
        if (portsOf(one) !== portsOf(two)) expect(machineOf(one).frame).to.not.equal(machineOf(two).frame)
      }),
    ))

  it('reasons hold nothing that a key of a map cannot, spaces put aside', () =>
    fc.assert(
      fc.property(parts, (some) => {
        for (const reason of machineOf(some).reasons) expect(reason).to.match(/^[\w.: -]+$/)
      }),
    ))
})

// UDP is not HAProxy's.
function portsOf({ frontends: some }: Parts): string {
  return some
    .filter(({ kind }) => kind !== 'udp')
    .map(({ kind, port }) => `${kind} ${port}`)
    .join()
}
