import { expect } from 'chai'

import { endOfSlice, inSlices, nextTurn, slice } from './turns.ts'

describe('lib/turns', () => {
  it('lets one caller go on in each turn, in order', async () => {
    let turns = 0
    let counting = true
    const count = () => {
      turns += 1
      if (counting) setImmediate(count)
    }
    setImmediate(count)
    const seen: (readonly [name: string, turn: number])[] = []
    const caller = async (name: string) => {
      await nextTurn()
      seen.push([name, turns])
    }
    await Promise.all([caller('a'), caller('b'), caller('c')])
    counting = false
    expect(seen.map(([name]) => name)).to.deep.equal(['a', 'b', 'c'])
    expect(new Set(seen.map(([, turn]) => turn)).size).to.equal(3)
  })

  it('goes on in the turn of a caller that comes while another one is admitted', async () => {
    const order: string[] = []
    const first = nextTurn().then(async () => {
      order.push('first')
      await nextTurn()
      order.push('first again')
    })
    const second = nextTurn().then(() => order.push('second'))
    await Promise.all([first, second])
    expect(order).to.deep.equal(['first', 'second', 'first again'])
  })

  it('visits all that is short at once', () => {
    const visited: number[] = []
    void inSlices([1, 2, 3], (value) => visited.push(value))
    expect(visited).to.deep.equal([1, 2, 3])
  })

  it('leaves turns to others in the middle of what is long', async () => {
    const order: string[] = []
    const other = setImmediate(() => order.push('other'))
    await inSlices([1, 2], () => {
      order.push('visit')
      workForASlice()
    })
    clearImmediate(other)
    expect(order).to.deep.equal(['visit', 'other', 'visit'])
  })

  it('those that begin in one turn have one slice together', async () => {
    const order: string[] = []
    const other = setImmediate(() => order.push('other'))
    await Promise.all([
      inSlices(['long'], (name) => {
        order.push(name)
        workForASlice()
      }),
      inSlices(['short 1', 'short 2'], (name) => order.push(name)),
    ])
    clearImmediate(other)
    expect(order).to.deep.equal(['long', 'short 1', 'other', 'short 2'])
  })

  it('whoever waited has a slice to itself', async () => {
    const left: number[] = []
    const caller = async () => {
      await nextTurn()
      left.push(endOfSlice() - performance.now())
      workForASlice()
    }
    await Promise.all([caller(), caller(), caller()])
    expect(left.filter((milliseconds) => milliseconds > 0)).to.have.length(3)
  })
})

function workForASlice(): void {
  for (const end = performance.now() + slice + 1; performance.now() < end; ) continue
}
