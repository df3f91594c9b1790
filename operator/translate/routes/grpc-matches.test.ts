import { expect } from 'chai'

import type { GRPCMatch } from '../../model/kubernetes.ts'
import type { PathMatch } from '../../model/proxy-model.ts'

import { translateGrpcMatch } from './grpc-matches.ts'
import { createProblems } from './problems.ts'

type Method = NonNullable<GRPCMatch['method']>

function translated(match: GRPCMatch) {
  const { refuse, problems } = createProblems()
  return { match: translateGrpcMatch(match, 'm', refuse), faults: problems.map(({ message }) => message) }
}

describe('translate/routes/grpc-matches', () => {
  const paths: readonly (readonly [string, Method | undefined, PathMatch])[] = [
    ['every call by default', undefined, { kind: 'prefix', value: '/' }],
    ['a service and a method', { service: 'shop.Cart', method: 'Get' }, { kind: 'exact', value: '/shop.Cart/Get' }],
    ['a service', { service: 'shop.Cart' }, { kind: 'prefix', value: '/shop.Cart' }],
    ['a service with an empty method', { service: '.shop.v_1', method: '' }, { kind: 'prefix', value: '/.shop.v_1' }],
    ['a method of any service', { type: 'Exact', method: 'Get' }, { kind: 'regex', value: '/[^/]+/Get' }],
    [
      'two expressions',
      { type: 'RegularExpression', service: 'a|b', method: 'G.*' },
      { kind: 'regex', value: '/(?:a|b)/(?:G.*)' },
    ],
    [
      'one expression without case',
      { type: 'RegularExpression', service: '(?i)a' },
      { kind: 'regex', value: '(?i)/(?:a)/[^/]+' },
    ],
    [
      'two expressions without case',
      { type: 'RegularExpression', service: '(?i)a', method: '(?i)b' },
      { kind: 'regex', value: '(?i)/(?:a)/(?:b)' },
    ],
  ]
  for (const [sentence, method, path] of paths)
    it(`matches ${sentence}`, () => {
      const { match, faults } = translated(method === undefined ? {} : { method })
      expect([match?.path, faults]).to.deep.equal([path, []])
      const { service = '', method: name = '' } = method ?? {}
      expect(match?.grpc).to.deep.equal({ service: service.length, method: name.length })
    })

  it('compares headers without the case of their names', () => {
    const { match } = translated({ headers: [{ name: 'Lane', value: 'fast' }] })
    expect(match?.headers).to.deep.equal([{ name: 'lane', kind: 'exact', value: 'fast' }])
  })

  const refused: readonly (readonly [string, GRPCMatch, string])[] = [
    ['a method match of nothing', { method: {} }, 'm.method: names neither a service nor a method'],
    ['a service with a slash', { method: { service: 'a/b' } }, 'm.method.service: "a/b" is not the name of a service'],
    ['a method with a dot', { method: { method: 'a.b' } }, 'm.method.method: "a.b" is not the name of a method'],
    ['an unfinished expression', { method: { type: 'RegularExpression', service: '(' } }, 'm.method.service: "("'],
    [
      'half an expression without case',
      { method: { type: 'RegularExpression', service: '(?i)a', method: 'b' } },
      'm.method: has (?i) in front of one expression only',
    ],
    [
      'a reference to a group',
      { method: { type: 'RegularExpression', method: '(a)\\1' } },
      'm.method.method: "(a)\\\\1" refers back to one of its groups',
    ],
    [
      'one name for two groups',
      { method: { type: 'RegularExpression', service: '(?<x>a)', method: '(?<x>b)' } },
      'm.method: "/(?:(?<x>a))/(?:(?<x>b))" ',
    ],
    ['a header without a value', { headers: [{ name: 'a', value: '' }] }, 'm.headers[0].value: is empty'],
    [
      'a type that the schema has learnt since',
      { method: JSON.parse('{ "type": "Prefix", "service": "a" }') },
      'm.method.type: "Prefix" is not supported',
    ],
  ]
  for (const [sentence, match, text] of refused)
    it(`refuses ${sentence}`, () => {
      const { match: none, faults } = translated(match)
      expect(none).to.equal(undefined)
      expect(faults).to.have.lengthOf(1)
      expect(faults[0]).to.include(text)
    })

  it('refuses texts that are too long together', () => {
    const long = 'a'.repeat(1024)
    const headers = ['a', 'b', 'c', 'd', 'e'].map((name) => ({ name, value: long }))
    const { faults } = translated({ method: { type: 'RegularExpression', service: long }, headers })
    expect(faults.map((fault) => fault.slice(0, 30))).to.deep.equal(['m: the texts to compare with t'])
  })
})
