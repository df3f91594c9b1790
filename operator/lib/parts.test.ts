import { expect } from 'chai'
import fc from 'fast-check'
import { entriesNotIn, PartedMap, partNamed, partOf, partsOf } from './parts.ts'

describe('lib/parts', () => {
  const cut = (entries: Iterable<readonly [string, number]>) =>
    new PartedMap([...Map.groupBy(entries, ([key]) => partOf(key))].map(([name, part]) => [name, new Map(part)]))

  it('law: a map in parts reads like the whole', () => {
    const keys = fc.string({ maxLength: 3 })
    fc.assert(
      fc.property(fc.array(fc.tuple(keys, fc.nat())), keys, (pairs, asked) => {
        const whole = new Map(pairs)
        const parted = cut(whole)
        expect(new Map(parted)).to.deep.equal(whole)
        expect([parted.size, parted.get(asked), parted.has(asked)]).to.deep.equal([
          whole.size,
          whole.get(asked),
          whole.has(asked),
        ])
        expect(new Set(parted.keys())).to.deep.equal(new Set(whole.keys()))
        expect([...parted.values()]).to.have.members([...whole.values()])
        const visited = new Map<string, number>()
        parted.forEach((value, key) => visited.set(key, value))
        expect(visited).to.deep.equal(whole)
        expect(partNamed(parted, partOf(asked))?.get(asked)).to.equal(whole.get(asked))
      }),
    )
  })

  it('law: entries that differ are found, however the two maps are cut and whatever they share', () => {
    const pairs = fc.uniqueArray(fc.tuple(fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f', 'g'), fc.nat({ max: 2 })), {
      selector: ([key]) => key,
    })
    fc.assert(
      fc.property(pairs, pairs, fc.boolean(), fc.boolean(), (one, two, cutOne, cutTwo) => {
        const before = cutOne ? cut(one) : new Map(one)
        // Parts that are the same keep their identity, as those of a changed collection do.
        const kept = [...cut(two).parts].map(([name, part]) => {
          const same = partNamed(cut(one), name)
          const isSame = same !== undefined && JSON.stringify([...same]) === JSON.stringify([...part])
          return [name, isSame && before instanceof PartedMap ? (partNamed(before, name) ?? part) : part] as const
        })
        const after = cutTwo ? new PartedMap(kept) : new Map(two)
        const expected = two.filter(([key, value]) => new Map(one).get(key) !== value)
        expect(new Map(entriesNotIn(after, before))).to.deep.equal(new Map(expected))
      }),
    )
  })

  it('spreads names evenly: a part of 20,000 stays small', () => {
    for (const name of ['h$.example.com', 'shop/route-$', 'shop/web|backend|shop/s$:8080|plain']) {
      const names = Array.from({ length: 20_000 }, (_, n) => name.replace('$', String(n)))
      const sizes = [...Map.groupBy(names, partOf).values()].map(({ length }) => length)
      expect(Math.max(...sizes), name).to.be.lessThan(400)
      expect(sizes.length, name).to.be.greaterThan(100)
    }
  })

  it('leaves empty parts out, and takes a plain map for its own only part', () => {
    expect(new PartedMap([['x', new Map<string, number>()]]).parts.size).to.equal(0)
    const plain = new Map([['a', 1]])
    expect([partsOf(plain), partNamed(plain, 'any')]).to.deep.equal([[plain], plain])
  })
})
