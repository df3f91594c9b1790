import { expect } from 'chai'
import fc from 'fast-check'
import {
  entriesNotIn,
  itemsOf,
  keysApart,
  leafOf,
  leavesOf,
  noParts,
  PartedMap,
  type Parts,
  partsOf,
  sameEntries,
  together,
  withChanges,
} from './parts.ts'

describe('lib/parts', () => {
  const entry = (member: string, value: number) => ({ member, value })
  const grown = (pairs: Iterable<readonly [string, number]>, before: Parts<number> = noParts): Parts<number> =>
    withChanges(
      before,
      [...new Map(pairs)].map(([member, value]) => ({ member, entry: entry(member, value) })),
    )
  const keys = fc.integer({ min: 0, max: 400 }).map(String)
  const pairs = fc.array(fc.tuple(keys, fc.nat({ max: 2 })), { maxLength: 300, size: 'max' })
  const edits = fc.array(fc.array(fc.tuple(keys, fc.option(fc.nat({ max: 2 }))), { maxLength: 60, size: 'max' }), {
    maxLength: 6,
  })

  it('law: a map over a tree reads like the whole', () => {
    fc.assert(
      fc.property(pairs, keys, (all, asked) => {
        const whole = new Map(all)
        const renamed = new PartedMap(together([leafOf([...whole].map(([key, value]) => entry(key, value))), noParts]))
        for (const parted of [new PartedMap(grown(all)), renamed]) {
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
        }
      }),
    )
  })

  it('law: a tree that was edited is the one that is built at once, and nodes that did not change stay', () => {
    fc.assert(
      fc.property(pairs, edits, (first, rounds) => {
        let tree = grown(first)
        const whole = new Map(first)
        for (const round of rounds) {
          const changes = new Map(round)
          const before = new Set(leavesOf(tree))
          tree = withChanges(
            tree,
            [...changes].map(([member, value]) => ({
              member,
              entry: value === null ? undefined : entry(member, value),
            })),
          )
          for (const [key, value] of changes) {
            if (value === null) whole.delete(key)
            else whole.set(key, value)
          }
          for (const leaf of leavesOf(tree))
            if (!leaf.entries.some(({ member }) => changes.has(member)) && leaf.size > 31)
              expect(before.has(leaf) || before.size < 2).to.equal(true)
        }
        expect(tree).to.deep.equal(grown(whole))
      }),
    )
  })

  it('law: entries that differ are found, whichever of the two maps is a tree and whatever they share', () => {
    fc.assert(
      fc.property(pairs, edits, fc.boolean(), fc.boolean(), (first, rounds, isTreeOne, isTreeTwo) => {
        const one = new Map(first)
        const two = new Map(first)
        const before = grown(first)
        let after = before
        for (const [key, value] of rounds.flat()) {
          if (value === null) two.delete(key)
          else two.set(key, value)
          after = withChanges(after, [{ member: key, entry: value === null ? undefined : entry(key, value) }])
        }
        const mapOne = isTreeOne ? new PartedMap(before) : one
        const mapTwo = isTreeTwo ? new PartedMap(after) : two
        const expected = [...two].filter(([key, value]) => one.get(key) !== value)
        const found = [...entriesNotIn(mapTwo, mapOne)]
        expect(new Map(found.map(([key, value]) => [key, value]))).to.deep.equal(new Map(expected))
        for (const [key, , other] of found) expect(other).to.equal(one.get(key))
        expect(sameEntries(mapOne, mapTwo)).to.equal(one.size === two.size && expected.length === 0)
        const apart = [...one.keys(), ...two.keys()].filter((key) => one.get(key) !== two.get(key))
        expect([...keysApart(mapTwo, mapOne)]).to.have.members([...new Set(apart)])
      }),
    )
  })

  it('law: entries that differ are found in collections that were put together, whichever of them changed', () => {
    const small = fc.array(fc.tuple(keys, fc.nat({ max: 2 })), { maxLength: 80 })
    fc.assert(
      fc.property(fc.array(fc.tuple(pairs, small, small), { maxLength: 4 }), (collections) => {
        const named = (at: number, all: readonly (readonly [string, number])[]) =>
          all.map(([key, value]) => [`${at}|${key}`, value] as const)
        const befores = collections.map(([first], at) => grown(named(at, first)))
        const whole = (changed: 1 | 2) =>
          new PartedMap(together(collections.map((each, at) => grown(named(at, each[changed]), befores[at]))))
        const [one, two] = [whole(1), whole(2)]
        const plain = new Map(one)
        const expected = [...two].filter(([key, value]) => plain.get(key) !== value)
        const found = [...entriesNotIn(two, one)]
        expect(found.map(([key, value]) => [key, value])).to.have.deep.members(expected)
        for (const [key, , other] of found) expect(other).to.equal(plain.get(key))
      }),
    )
  })

  it('looks no further ahead among entries that differ than it is asked to', () => {
    const names = Array.from({ length: 40_000 }, (_, n) => `h${n}.example.com`)
    const [one, two] = [1, 2].map((value) => new PartedMap(grown(names.map((key) => [key, value]))))
    if (one === undefined || two === undefined) throw new Error('no maps')
    let read = 0
    for (const { parts } of [one, two])
      for (const node of leavesOf(parts))
        Object.defineProperty(node, 'entries', {
          get: ((entries) => () => {
            read += 1
            return entries
          })(node.entries),
        })
    const [difference] = entriesNotIn(two, one)
    expect(difference?.slice(1)).to.deep.equal([2, 1])
    expect(read).to.be.lessThan(10)
  })

  it('law: what two trees do not share is found wherever trees come and go beside others', () => {
    const many = fc.array(pairs, { maxLength: 3 })
    fc.assert(
      fc.property(many, many, fc.array(fc.nat({ max: 2 }), { maxLength: 2 }), (some, others, kept) => {
        // Each collection has keys of its own; those of `kept` stand in both.
        const collection = (at: number, all: readonly (readonly [string, number])[]) =>
          grown(all.map(([key, value]) => [`${at}/${key}`, value]))
        const one = some.map((all, at) => collection(at, all))
        const two = others.map((all, at) => (kept.includes(at) ? (one[at] ?? noParts) : collection(at, all)))
        const [before, after] = [new PartedMap(together(one)), new PartedMap(together(two))]
        const expected = [...new Map(after)].filter(([key, value]) => new Map(before).get(key) !== value)
        expect(new Map([...entriesNotIn(after, before)].map(([key, value]) => [key, value]))).to.deep.equal(
          new Map(expected),
        )
      }),
    )
  })

  it('one change among 40,000 makes few new nodes', () => {
    for (const name of ['h$.example.com', 'HTTPRoute shop/route-$', 'shop/web|backend|shop/s$:8080|plain']) {
      const names = Array.from({ length: 40_000 }, (_, n) => name.replace('$', String(n)))
      const tree = grown(names.map((key) => [key, 1]))
      const nodes = (parts: Parts<number>): readonly Parts<number>[] => [parts, ...parts.branches.flatMap(nodes)]
      const before = new Set(nodes(tree))
      expect(Math.max(...[...leavesOf(tree)].map(({ size }) => size)), name).to.be.at.most(32)
      const fresh = nodes(grown([[names[7] ?? '', 2]], tree)).filter((node) => !before.has(node))
      expect(fresh.length, name).to.be.at.most(5)
      expect(fresh.reduce((sum, { branches, entries }) => sum + branches.length + entries.length, 0)).to.be.below(90)
    }
  })

  it('keys of one fingerprint share a leaf', () => {
    // Of 300,000 keys some have the same 32 bits.
    const tree = grown(Array.from({ length: 300_000 }, (_, n) => [`k${n}`, n]))
    expect([tree.size, new PartedMap(tree).get('k299999')]).to.deep.equal([300_000, 299_999])
  }).timeout(10_000)

  it('takes a plain map for a tree of one leaf', () => {
    expect(partsOf(new Map([['a', 1]])).flatMap(itemsOf)).to.deep.equal([1])
  })
})
