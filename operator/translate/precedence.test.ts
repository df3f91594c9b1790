import { expect } from 'chai'
import fc from 'fast-check'

import type { Match, Rule } from '../model/proxy-model.ts'

import { type RouteRules, sortRules } from './precedence.ts'

const header = (name: string) => ({ name, kind: 'exact', value: 'x' }) as const

function ruleOf(id: string, match: Partial<Match>): Rule {
  const whole: Match = { path: { kind: 'prefix', value: '/' }, headers: [], queries: [], ...match }
  return { id, match: whole, action: { kind: 'respond', status: 404 } }
}

function routeOf(routeKey: string, createdAt: string, ...rules: Rule[]): RouteRules {
  return { routeKey, createdAt, rules }
}

const young = '2025-01-02T00:00:00.000Z'
const old = '2025-01-01T00:00:00.000Z'
const one = [header('a')]
const two = [header('a'), header('b')]

describe('translate/precedence', () => {
  const winners: readonly (readonly [string, Partial<Match>, Partial<Match>])[] = [
    [
      'an exact path over a longer prefix',
      { path: { kind: 'exact', value: '/a' } },
      { path: { kind: 'prefix', value: '/abc' } },
    ],
    [
      'an exact path over a regular expression',
      { path: { kind: 'exact', value: '/a' } },
      { path: { kind: 'regex', value: '/a.*' } },
    ],
    [
      'a regular expression over a longer prefix',
      { path: { kind: 'regex', value: '/a' } },
      { path: { kind: 'prefix', value: '/abc' } },
    ],
    [
      'the longer regular expression',
      { path: { kind: 'regex', value: '/ab.*' } },
      { path: { kind: 'regex', value: '/a.*' } },
    ],
    ['the longer prefix', { path: { kind: 'prefix', value: '/ab' } }, { path: { kind: 'prefix', value: '/a' } }],
    [
      'the longer prefix over method and headers',
      { path: { kind: 'prefix', value: '/ab' } },
      { path: { kind: 'prefix', value: '/a' }, method: 'GET', headers: two },
    ],
    ['a method over headers', { method: 'GET' }, { headers: two }],
    ['more headers', { headers: two }, { headers: one }],
    ['a header over two query parameters', { headers: one }, { queries: two }],
    ['more query parameters', { queries: two }, { queries: one }],
    ['a condition over none', { queries: one }, {}],
  ]
  for (const [sentence, winner, loser] of winners)
    it(`prefers ${sentence}, even in a younger route`, () => {
      const sorted = sortRules([
        routeOf('a/a', old, ruleOf('loser', loser)),
        routeOf('b/b', young, ruleOf('winner', winner)),
      ])
      expect(sorted.map(({ id }) => id)).to.deep.equal(['winner', 'loser'])
    })

  const grpc = (service: number, method: number, kind: 'exact' | 'prefix' | 'regex' = 'exact') =>
    ({ path: { kind, value: '/' }, grpc: { service, method } }) as const
  const calls: readonly (readonly [string, Partial<Match>, Partial<Match>])[] = [
    ['the longer service over the longer method', grpc(5, 0, 'prefix'), grpc(4, 9)],
    ['a service over a method of any', grpc(1, 0, 'prefix'), grpc(0, 9, 'regex')],
    ['the longer service also when it is an expression', grpc(6, 0, 'regex'), grpc(5, 9)],
    ['the longer method', grpc(5, 2), grpc(5, 1)],
    ['a method over headers', grpc(5, 1), { ...grpc(5, 0, 'prefix'), headers: two }],
    ['exact names over as long an expression', grpc(5, 2), grpc(5, 2, 'regex')],
    ['more headers of a call', { ...grpc(5, 2), headers: one }, grpc(5, 2)],
    ['the longest names there can be', grpc(1024, 1023), grpc(1024, 1022)],
  ]
  for (const [sentence, winner, loser] of calls)
    it(`prefers ${sentence}, even in a younger GRPCRoute`, () => {
      const sorted = sortRules([
        routeOf('a/a', old, ruleOf('loser', loser)),
        routeOf('b/b', young, ruleOf('winner', winner)),
      ])
      expect(sorted.map(({ id }) => id)).to.deep.equal(['winner', 'loser'])
    })

  it('breaks ties by age, then by name, then by the order inside the route', () => {
    const sorted = sortRules([
      routeOf('b/a', young, ruleOf('b/a 0', {}), ruleOf('b/a 1', {})),
      routeOf('a/b', young, ruleOf('a/b', {})),
      routeOf('z/z', old, ruleOf('z/z', {})),
    ])
    expect(sorted.map(({ id }) => id)).to.deep.equal(['z/z', 'a/b', 'b/a 0', 'b/a 1'])
  })

  it('gives the same order whatever order the routes come in, and keeps every rule', () => {
    const values = fc.array(fc.constantFrom('a', 'b').map(header), { maxLength: 2 })
    const match = fc.record({
      path: fc.record({ kind: fc.constantFrom('exact', 'regex', 'prefix'), value: fc.constantFrom('/', '/a', '/ab') }),
      headers: values,
      queries: values,
    })
    const routes = fc
      .array(fc.record({ createdAt: fc.constantFrom(old, young), matches: fc.array(match, { maxLength: 3 }) }), {
        maxLength: 6,
      })
      .map((all) =>
        all.map(({ createdAt, matches }, index) =>
          routeOf(`n/r${index}`, createdAt, ...matches.map((each, position) => ruleOf(`${index}/${position}`, each))),
        ),
      )
    const shuffled = routes.chain((all) =>
      fc.tuple(fc.constant(all), fc.shuffledSubarray(all, { minLength: all.length, maxLength: all.length })),
    )
    fc.assert(
      fc.property(shuffled, ([before, after]) => {
        expect(sortRules(after)).to.deep.equal(sortRules(before))
        expect(sortRules(after)).to.have.lengthOf(before.flatMap(({ rules }) => rules).length)
      }),
    )
  })
})
