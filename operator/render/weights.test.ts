import { expect } from 'chai'
import fc from 'fast-check'

import { sharesOf, splitEdges } from './weights.ts'

describe('render/weights', () => {
  const cases = [
    { weights: [90, 10], shares: [9000, 1000] },
    { weights: [1, 2], shares: [3333, 6667] },
    { weights: [1, 1, 1], shares: [3333, 3334, 3333] },
    { weights: [7], shares: [10000] },
    { weights: [1_000_000, 1], shares: [9999, 1] },
  ]
  for (const { weights, shares } of cases) {
    it(`shares 10,000 as ${shares.join('/')} for weights ${weights.join('/')}`, () => {
      expect(sharesOf(weights)).to.deep.equal(shares)
    })
  }

  it('writes 90/10 as two edges', () => {
    const edges = splitEdges([90, 10])
    expect(edges).to.deep.equal([
      { prefix: '', target: 0 },
      { prefix: '19', target: 1 },
    ])
  })

  it('law: looking up every number by its longest prefix gives each target its share', () => {
    const weights = fc.array(fc.integer({ min: 1, max: 1_000_000 }), { minLength: 1, maxLength: 16 })
    fc.assert(
      fc.property(weights, (given) => {
        const edges = new Map(splitEdges(given).map(({ prefix, target }) => [prefix, target]))
        const counts = given.map(() => 0)
        for (let number = 10_000; number < 20_000; number += 1) {
          const target = lookUp(edges, String(number))
          counts[target] = (counts[target] ?? 0) + 1
        }
        expect(counts).to.deep.equal(sharesOf(given))
        expect(Math.min(...counts)).to.be.greaterThan(0)
      }),
      { numRuns: 30 },
    )
  })
})

function lookUp(edges: ReadonlyMap<string, number>, number: string): number {
  for (let length = number.length; length >= 0; length -= 1) {
    const target = edges.get(number.slice(0, length))
    if (target !== undefined) return target
  }
  throw new Error('no edge')
}
