import { expect } from 'chai'

import type { Match, Rule } from '../model/proxy-model.ts'

import { hostFault } from './host-size.ts'

describe('translate/host-size', () => {
  const many = (count: number, match: (i: number) => Partial<Match>): readonly Rule[] =>
    Array.from({ length: count }, (_, i) => rule(match(i)))
  const canary = [{ name: 'x-canary', kind: 'exact', value: 'always' }] as const

  it('has no fault with many paths, many conditions on one path, or many regular expressions', () => {
    const paths = many(40_000, (i) => ({ path: { kind: 'prefix', value: `/shop/${i}` } }))
    const root = many(3000, () => ({ path: { kind: 'prefix', value: '/' }, headers: canary }))
    const regexes = many(3000, (i) => ({ path: { kind: 'regex', value: `/x${i}` } }))
    for (const rules of [[], paths, root, regexes, [...paths, ...root]]) expect(hostFault(rules)).to.equal(undefined)
  })

  it('finds paths that repeat many regular expressions', () => {
    const regexes = many(1000, (i) => ({ path: { kind: 'regex', value: `/x${i}` } }))
    for (const kind of ['exact', 'prefix'] as const) {
      const paths = many(1000, (i) => ({ path: { kind, value: `/${i}` }, headers: canary }))
      expect(hostFault([...regexes, ...paths])).to.match(/too many .*; use fewer/)
      expect(hostFault([...regexes, ...paths.slice(0, 100)])).to.equal(undefined)
    }
  })

  it('finds paths that repeat the conditions of nested prefixes, and stops at a certain one', () => {
    const nested = many(500, (i) => ({ path: { kind: 'prefix', value: '/a'.repeat(i + 1) }, headers: canary }))
    const all = [...nested, ...nested, ...nested, ...nested]
    expect(hostFault(all)).to.match(/conditions on prefixes/)
    const certain = many(500, (i) => ({ path: { kind: 'prefix', value: '/a'.repeat(i + 1) } }))
    expect(hostFault([...all, ...certain])).to.equal(undefined)
  })
})

function rule(match: Partial<Match>): Rule {
  const path = { kind: 'prefix', value: '/' } as const
  return { id: 'r', match: { path, headers: [], queries: [], ...match }, action: { kind: 'respond', status: 500 } }
}
