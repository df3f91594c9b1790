import { expect } from 'chai'
import fc from 'fast-check'
import { queryObjects } from 'node:v8'
import { derive, family, Gathering, Grove, memo, recomputed, settle, settled, Table } from './derive.ts'
import { itemsOf } from './parts.ts'

describe('lib/derive', () => {
  it('computes a derivation once for the same inputs and again after one was replaced', () => {
    const table = new Table<number>()
    table.set('a', 1)
    let runs = 0
    const doubled = derive(() => {
      runs += 1
      return (table.get('a') ?? 0) * 2
    })
    expect([doubled(), doubled(), runs]).to.deep.equal([2, 2, 1])
    table.set('b', 5)
    expect([doubled(), runs]).to.deep.equal([2, 1])
    table.set('a', 4)
    expect([doubled(), runs]).to.deep.equal([8, 2])
  })

  it('an equal result keeps its identity and stops the wave', () => {
    const table = new Table<number>()
    table.set('a', 1)
    const parity = derive(() => ({ odd: (table.get('a') ?? 0) % 2 === 1 }))
    let runs = 0
    const text = derive(() => {
      runs += 1
      return String(parity().odd)
    })
    const first = parity()
    expect(text()).to.equal('true')
    table.set('a', 3)
    expect([text(), runs, parity() === first]).to.deep.equal(['true', 1, true])
  })

  it('asks for absent keys when they are first read and lets go after the last reader', () => {
    const asked: [string, boolean][] = []
    const table = new Table<string>((key, wanted) => asked.push([key, wanted]))
    const which = new Table<string>()
    which.set('name', 'x')
    const found = derive(() => table.get(which.get('name') ?? ''))
    expect(found()).to.equal(undefined)
    table.set('x', 'here')
    expect(found()).to.equal('here')
    which.set('name', 'y')
    expect(found()).to.equal(undefined)
    expect(asked).to.deep.equal([
      ['x', true],
      ['y', true],
      ['x', false],
    ])
  })

  it('a gathering touches only the buckets of the member that changed', () => {
    const words = new Table<string>()
    const byLength = new Gathering(words, (key) => [[String(words.get(key)?.length), words.get(key) ?? '']])
    for (const word of ['one', 'two', 'three']) words.set(word, word)
    settle()
    const three = derive(() => byLength.bucket('3').map((entry) => entry.value))
    const five = derive(() => byLength.bucket('5').map((entry) => entry.value))
    expect([three(), five()]).to.deep.equal([['one', 'two'], ['three']])
    const before = five()
    words.set('one', 'won')
    settle()
    expect(three()).to.deep.equal(['won', 'two'])
    expect(five()).to.equal(before)
    words.delete('three')
    settle()
    expect(five()).to.deep.equal([])
    expect([...byLength.names()]).to.deep.equal(['3'])
  })

  it('what a bucket was read as does not change under its reader', () => {
    const numbers = new Table<number>()
    const all = new Gathering(numbers, (key) => [['all', numbers.get(key) ?? 0]])
    const read = (): readonly unknown[] => [all.values('all'), all.bucket('all'), all.size('all')]
    expect(read()).to.deep.equal([[], [], 0])
    numbers.set('b', 2)
    numbers.set('a', 1)
    settle()
    const before = read()
    const text = JSON.stringify(before)
    expect(before).to.deep.equal([
      [1, 2],
      [
        { member: 'a', value: 1 },
        { member: 'b', value: 2 },
      ],
      2,
    ])
    expect(all.values('all')).to.equal(before[0])
    numbers.set('a', 3)
    numbers.delete('b')
    settle()
    expect(JSON.stringify(before)).to.equal(text)
    expect(read()).to.deep.equal([[3], [{ member: 'a', value: 3 }], 1])
  })

  it('a grove keeps nothing of a bucket that everybody has left, though nobody reads it any more', () => {
    class Thing {
      readonly name = 'thing'
    }
    const count = () => queryObjects(Thing, { format: 'count' })
    const things = new Table<Thing>()
    const all = new Grove(things, (key) => [['all', things.get(key) ?? {}]])
    const fill = () => ['a', 'b', 'c'].forEach((key) => things.set(key, new Thing()))
    fill()
    settle()
    expect([all.tree('all').size, count()]).to.deep.equal([3, 3])
    for (const key of ['a', 'b', 'c']) things.delete(key)
    settle()
    expect(count()).to.equal(0)
    things.set('d', new Thing())
    settle()
    expect(all.tree('all').size).to.equal(1)
  })

  it('readers of a settled value are computed again when it became another one, and only then', () => {
    const numbers = new Table<number>()
    const names = new Table<string>()
    numbers.set('n', 1)
    const parity = settled(numbers, (key) => ((numbers.get(key) ?? 0) % 2 === 1 ? { odd: true } : undefined))
    const told = new Gathering(names, (key) => [['all', `${key} ${String(parity('n')?.odd)}`]])
    for (const key of ['a', 'b', 'c']) names.set(key, key)
    settle()
    expect(told.values('all')).to.deep.equal(['a true', 'b true', 'c true'])
    const before = recomputed()
    numbers.set('n', 3)
    settle()
    expect(recomputed() - before, 'the value itself').to.equal(1)
    numbers.set('n', 4)
    settle()
    expect(told.values('all')).to.deep.equal(['a undefined', 'b undefined', 'c undefined'])
  })

  it('one change among many costs a constant number of recomputations', () => {
    const numbers = new Table<number>()
    const tens = new Gathering(numbers, (key) => [
      [String(Math.floor((numbers.get(key) ?? 0) / 10)), numbers.get(key) ?? 0],
    ])
    const sums = new Gathering(tens, (bucket) => [['all', sum(bucket)]])
    const sum = family((bucket) => tens.bucket(bucket).reduce((total, entry) => total + entry.value, 0))
    for (let i = 0; i < 1000; i++) numbers.set(String(i), i)
    settle()
    const before = recomputed()
    numbers.set('500', 509)
    settle()
    expect(recomputed() - before).to.equal(3)
    expect(sums.bucket('all')).to.have.length(100)
  })

  it('law: a bucket of any size reads like the members that are in it', () => {
    const keys = fc.nat({ max: 200 }).map(String)
    const edit = fc.tuple(keys, fc.option(fc.nat({ max: 5 }), { nil: undefined }))
    fc.assert(
      fc.property(fc.array(fc.array(edit, { maxLength: 60, size: 'max' }), { maxLength: 6 }), (rounds) => {
        const numbers = new Table<number>()
        const all = new Gathering(numbers, (key) => [['all', numbers.get(key) ?? -1]])
        const read = derive(() => [all.bucket('all'), all.values('all'), all.size('all'), all.first('all')] as const)
        for (const [key, value] of rounds.flat()) {
          if (value === undefined) numbers.delete(key)
          else numbers.set(key, value)
          if (key.endsWith('7')) settle()
        }
        settle()
        const members = [...numbers.keys()].toSorted().map((member) => ({ member, value: numbers.get(member) ?? -1 }))
        const [bucket, values, size, first] = read()
        expect(bucket).to.deep.equal(members)
        expect(values).to.deep.equal(members.map(({ value }) => value))
        expect(size).to.equal(members.length)
        const again = new Table<number>()
        for (const { member, value } of members.toReversed()) again.set(member, value)
        const fresh = new Gathering(again, (key) => [['all', again.get(key) ?? -1]])
        settle()
        expect(first, 'whatever its history').to.equal(fresh.first('all'))
        if (members.length <= 32) expect(first).to.equal(members[0]?.value)
      }),
    )
  })

  it('law: after any edits the result equals one computed from scratch', () => {
    type Edit = readonly [key: string, value: number | undefined]
    const edit: fc.Arbitrary<Edit> = fc.tuple(
      fc.constantFrom('a', 'b', 'c', 'd'),
      fc.option(fc.nat(30), { nil: undefined }),
    )
    const build = (table: Table<number>) => {
      const groups = new Gathering(table, (key) => [[String((table.get(key) ?? 0) % 3), key]])
      const size = family((group) => groups.bucket(group).length)
      const all = new Gathering(groups, (group) => [['sizes', `${group}:${size(group)}`]])
      const trees = new Grove(table, (key) => [[String((table.get(key) ?? 0) % 3), key]])
      const first = derive(() => itemsOf(trees.tree('0')))
      return () => {
        settle()
        return [...all.bucket('sizes').map((entry) => entry.value), ...first(), '', ...itemsOf(trees.tree('1'))]
      }
    }
    fc.assert(
      fc.property(fc.array(fc.array(edit, { maxLength: 4 }), { maxLength: 8 }), (rounds) => {
        const live = new Table<number>()
        const incremental = build(live)
        for (const round of rounds) {
          for (const [key, value] of round) {
            if (value === undefined) live.delete(key)
            else live.set(key, value)
          }
          const fresh = new Table<number>()
          for (const key of live.keys()) fresh.set(key, live.get(key) ?? -1)
          expect(incremental()).to.deep.equal(build(fresh)())
        }
      }),
    )
  })

  it('a reader that caught the failure of a derivation is computed again when its inputs change', () => {
    const table = new Table<number>()
    table.set('a', -1)
    const root = family((key) => {
      const value = table.get(key) ?? 0
      if (value < 0) throw new Error('negative')
      return Math.sqrt(value)
    })
    const text = derive(() => {
      try {
        return String(root('a'))
      } catch {
        return 'none'
      }
    })
    expect(text()).to.equal('none')
    table.set('a', 4)
    expect(text()).to.equal('2')
    table.set('a', -4)
    expect([text(), text()]).to.deep.equal(['none', 'none'])
    table.set('a', 4)
    expect(text()).to.equal('2')
  })

  it('memo computes once per identity', () => {
    let runs = 0
    const size = memo((list: readonly number[]) => {
      runs += 1
      return list.length
    })
    const list = [1, 2]
    expect([size(list), size(list), size([1, 2]), runs]).to.deep.equal([2, 2, 2, 2])
  })

  it('memo leaves nothing that anybody sees, and takes what is frozen', () => {
    const [sum, count] = [
      memo((list: readonly number[]) => list.reduce((a, b) => a + b, 0)),
      memo((list: readonly number[]) => [list.length]),
    ]
    for (const list of [[1, 2], Object.freeze([1, 2])]) {
      expect([count.knows(list), sum(list), count.knows(list)]).to.deep.equal([false, 3, false])
      expect([count(list) === count(list), count.knows(list), count(list)]).to.deep.equal([true, true, [2]])
      expect(Reflect.ownKeys(list)).to.deep.equal(['0', '1', 'length'])
    }
  })
})
