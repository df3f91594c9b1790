import { expect } from 'chai'

import { ComeBack, Queues } from './queues.ts'
import { eventually } from './testing/eventually.ts'

describe('queues', () => {
  let done: string[]
  let failures: string[]
  let news: boolean[]
  let queues: Queues
  beforeEach(() => {
    done = []
    failures = []
    news = []
    queues = new Queues({
      limit: 2,
      longestPause: 5,
      onFailure: (key, { message }, _attempt, isNews) => {
        failures.push(`${key}: ${message}`)
        news.push(isNews)
      },
    })
  })
  afterEach(() => queues.stop())
  const job = (name: string, wait?: Promise<void>) => async () => {
    await wait
    done.push(name)
  }

  it('of the jobs that did not begin, only the newest of a key is done', async () => {
    const gate = Promise.withResolvers<void>()
    queues.put('a', job('first', gate.promise))
    queues.put('a', job('second'))
    queues.put('a', job('third'))
    gate.resolve()
    await queues.idle()
    expect(done).to.deep.equal(['first', 'third'])
  })

  it('a key that waits holds up no other, and the limit holds', async () => {
    const gate = Promise.withResolvers<void>()
    queues.put('a', job('a', gate.promise))
    queues.put('b', job('b'))
    queues.put('c', job('c'))
    await eventually('others', () => done.length === 2)
    gate.resolve()
    await queues.idle()
    expect(done).to.deep.equal(['b', 'c', 'a'])
  })

  it('the same words are news once, and again after a success', async () => {
    const words = ['no', 'no', 'never', 'no']
    const failing = async () => {
      const next = words.shift()
      if (next !== undefined) throw new Error(next)
    }
    queues.put('a', failing)
    await queues.idle()
    expect(news).to.deep.equal([true, false, true, false])
    words.push('no')
    queues.put('a', failing)
    await queues.idle()
    expect(news.at(-1)).to.equal(true)
  })

  it('what fails is tried again, unless something newer came', async () => {
    let left = 3
    queues.put('a', async () => {
      left -= 1
      if (left > 0) throw new Error('not yet')
      done.push('a')
    })
    queues.put('b', async () => {
      queues.put('b', job('newer'))
      throw new Error('old')
    })
    await queues.idle()
    expect(done).to.have.members(['a', 'newer'])
    expect(failures.filter((line) => line === 'a: not yet')).to.have.length(2)
    expect(failures.filter((line) => line === 'b: old')).to.have.length(1)
  })

  it('a pause that the server asked for holds for newer jobs too', async () => {
    const began = performance.now()
    queues.put('a', async () => {
      throw new ComeBack(30, 'too many')
    })
    await eventually('failed', () => failures.length === 1)
    queues.put('a', job('newer'))
    await queues.idle()
    expect(performance.now() - began).to.be.greaterThan(25)
    expect(done).to.deep.equal(['newer'])
  })

  it('stopping ends all pauses, and nothing begins afterwards', async () => {
    queues.put('a', async () => {
      throw new ComeBack(60_000, 'too many')
    })
    await eventually('failed', () => failures.length === 1)
    await queues.stop()
    queues.put('a', job('late'))
    await queues.idle()
    expect(done).to.deep.equal([])
  })
})
