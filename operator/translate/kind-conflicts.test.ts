import { expect } from 'chai'
import fc from 'fast-check'

import { type Claim, defeats } from './kind-conflicts.ts'
import { intersectHostnames } from './hostnames.ts'

const listener = 'shop/web|http'
const claim = (route: string, age: number, ...hostnames: readonly string[]): Claim => ({
  route,
  listener,
  hostnames,
  createdAt: `2025-01-0${age}T00:00:00.000Z`,
})
const losers = (...claims: readonly Claim[]) =>
  Object.fromEntries(defeats(claims).map(({ loser, winner }) => [loser, winner]))

describe('translate/kind-conflicts', () => {
  const cases: readonly (readonly [string, readonly Claim[], Record<string, string>])[] = [
    [
      'the older route',
      [claim('HTTPRoute a/x', 2, 'a.org'), claim('GRPCRoute a/y', 1, 'a.org')],
      { 'HTTPRoute a/x': 'GRPCRoute a/y' },
    ],
    [
      'of two of one age the first by namespace and name',
      [claim('HTTPRoute b/a', 1, 'a.org'), claim('GRPCRoute a/b', 1, 'a.org')],
      { 'HTTPRoute b/a': 'GRPCRoute a/b' },
    ],
    [
      'of two of one age and name the HTTPRoute',
      [claim('GRPCRoute a/a', 1, 'a.org'), claim('HTTPRoute a/a', 1, 'a.org')],
      { 'GRPCRoute a/a': 'HTTPRoute a/a' },
    ],
    ['routes of one kind', [claim('HTTPRoute a/x', 1, 'a.org'), claim('HTTPRoute a/y', 2, 'a.org')], {}],
    ['routes of other hostnames', [claim('HTTPRoute a/x', 1, 'a.org'), claim('GRPCRoute a/y', 2, 'b.org')], {}],
    ['a wildcard and its own parent', [claim('HTTPRoute a/x', 1, 'a.org'), claim('GRPCRoute a/y', 2, '*.a.org')], {}],
    [
      'the older one below a wildcard',
      [claim('HTTPRoute a/x', 1, 'b.c.a.org'), claim('GRPCRoute a/y', 2, 'x.org', '*.a.org')],
      { 'GRPCRoute a/y': 'HTTPRoute a/x' },
    ],
    [
      'the older wildcard',
      [claim('HTTPRoute a/x', 1, '*.org'), claim('GRPCRoute a/y', 2, '*.a.org')],
      { 'GRPCRoute a/y': 'HTTPRoute a/x' },
    ],
    [
      'the older one of any host',
      [claim('HTTPRoute a/x', 1, ''), claim('GRPCRoute a/y', 2, 'a.org')],
      { 'GRPCRoute a/y': 'HTTPRoute a/x' },
    ],
    [
      'what only a route that failed would be in the way of',
      [
        claim('HTTPRoute a/x', 1, 'a.org'),
        claim('GRPCRoute a/y', 2, 'a.org', 'b.org'),
        claim('HTTPRoute a/z', 3, 'b.org'),
      ],
      { 'GRPCRoute a/y': 'HTTPRoute a/x' },
    ],
  ]
  for (const [sentence, claims, expected] of cases)
    it(`keeps ${sentence}`, () => {
      expect(losers(...claims)).to.deep.equal(expected)
      expect(losers(...claims.toReversed())).to.deep.equal(expected)
    })

  it('law: no two routes of different kinds that stand share a hostname, and whoever fails has a reason that stands', () => {
    const hostname = fc.constantFrom('', '*.org', 'a.org', '*.a.org', 'b.a.org', '*.b.a.org', 'c.b.a.org', 'b.org')
    const claims = fc.uniqueArray(
      fc
        .tuple(
          fc.constantFrom('HTTPRoute', 'GRPCRoute'),
          fc.nat(9),
          fc.integer({ min: 1, max: 9 }),
          fc.uniqueArray(hostname, { minLength: 1, maxLength: 3 }),
        )
        .map(([kind, name, age, hostnames]) => claim(`${kind} a/${name}`, age, ...hostnames)),
      { selector: ({ route }) => route, maxLength: 12 },
    )
    const meet = (a: Claim, b: Claim) =>
      a.hostnames.some((name) => b.hostnames.some((other) => intersectHostnames(name, [other]).length > 0))
    const kindOf = ({ route }: Claim) => route.slice(0, 4)
    fc.assert(
      fc.property(claims, (all) => {
        const failed = new Map(defeats(all).map(({ loser, winner }) => [loser, winner]))
        const standing = all.filter(({ route }) => !failed.has(route))
        for (const a of standing)
          for (const b of standing) if (kindOf(a) !== kindOf(b)) expect(meet(a, b)).to.equal(false)
        for (const one of all.filter(({ route }) => failed.has(route))) {
          const winner = standing.find(({ route }) => route === failed.get(one.route))
          expect(
            winner !== undefined &&
              kindOf(winner) !== kindOf(one) &&
              winner.createdAt <= one.createdAt &&
              meet(winner, one),
          ).to.equal(true)
        }
      }),
      { numRuns: 1000 },
    )
  })
})
