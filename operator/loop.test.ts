import { expect } from 'chai'
import { setTimeout as delay } from 'node:timers/promises'
import { Registry } from 'prom-client'

import { type Fields, silentLog } from './lib/log.ts'
import { countRecomputed } from './lib/reactive.ts'

import { Loop, type LoopOptions } from './loop.ts'
import type { StatusPatch } from './model/rendered.ts'
import type { Built, RunResult } from './reconcile.ts'

const nothing: RunResult = { kind: 'done', built: new Map(), patches: [] }
const failed: Built = {
  kind: 'failed',
  error: new Error('impossible state'),
  outcome: { kind: 'rejected', message: '', addresses: [] },
}

describe('loop', () => {
  let results: (() => RunResult)[]
  let seen: { runs: number }
  let logged: { readonly level: string; readonly message: string; readonly fields: Fields }[]
  let synced: PromiseWithResolvers<void>
  let loop: Loop
  let registry: Registry
  let wake: PromiseWithResolvers<void>
  let steps: () => Iterable<undefined>

  beforeEach(() => {
    results = []
    steps = () => []
    seen = { runs: 0 }
    logged = []
    synced = Promise.withResolvers()
    wake = Promise.withResolvers()
    registry = new Registry()
    loop = make()
  })

  function make(more: Partial<LoopOptions> = {}): Loop {
    return new Loop({
      prepare: () => steps()[Symbol.iterator](),
      run: () => {
        seen.runs += 1
        wake.resolve()
        wake = Promise.withResolvers()
        return (results.shift() ?? (() => nothing))()
      },
      synced: synced.promise,
      registry,
      logger: silentLog((level, message, fields) => logged.push({ level, message, fields: fields ?? {} })),
      backoffLimits: { first: 1, most: 2 },
      ...more,
    })
  }

  afterEach(() => loop.stop())

  async function ran(count: number): Promise<void> {
    while (seen.runs < count) await wake.promise
    await turn()
  }

  it('does not run before the first full sync, and then at once', async () => {
    loop.changed()
    await turn()
    await turn()
    expect([seen.runs, loop.published]).to.deep.equal([0, false])
    synced.resolve()
    await ran(1)
    expect(loop.published).to.equal(true)
  })

  it('makes one run of many changes, and another for a change that a run causes', async () => {
    synced.resolve()
    await ran(1)
    results.push(() => {
      loop.changed()
      return nothing
    })
    for (let i = 0; i < 10; i++) loop.changed()
    await ran(3)
    await turn()
    expect(seen.runs).to.equal(3)
  })

  it('changes of statuses wait for each other, or for a run that something else brings', async () => {
    loop.stop()
    loop = make({ statusPause: 50, registry: new Registry() })
    synced.resolve()
    await ran(1)
    for (let n = 0; n < 5; n += 1) {
      loop.changedStatus()
      await turn()
    }
    expect(seen.runs, 'at once').to.equal(1)
    await ran(2)
    loop.changedStatus()
    loop.changed()
    await ran(3)
    await delay(120)
    expect(seen.runs, 'another one behind it').to.equal(3)
  })

  it('runs at once: before anything else that waits for input', async () => {
    synced.resolve()
    await ran(1)
    loop.changed()
    await turn()
    expect(seen.runs).to.equal(2)
  })

  it('logs a run that throws with its number, and tries again', async () => {
    results.push(() => {
      throw new Error('boom')
    })
    synced.resolve()
    await ran(2)
    expect(logged.map(({ level, message, fields }) => [level, message, fields['run']])).to.deep.equal([
      ['error', 'a run failed; trying again', 1],
      ['debug', 'run changed nothing', 2],
    ])
  })

  it('looks again after a held run, though nothing tells it to', async () => {
    results.push(() => ({ kind: 'held', pending: 1 }))
    synced.resolve()
    await ran(1)
    expect(loop.published).to.equal(false)
    await ran(2)
    expect(loop.published).to.equal(true)
  })

  it('keeps quiet, but at debug level, about runs that changed nothing', async () => {
    const built = new Map([['shop/web', failed]])
    const same = (): RunResult => ({ kind: 'done', built, patches: [] })
    results.push(same, same)
    synced.resolve()
    await ran(1)
    loop.changed()
    await ran(2)
    expect(logged.map(({ level, message }) => [level, message])).to.deep.equal([
      ['error', 'a proxy could not be computed; it keeps what it has'],
      ['info', 'run'],
      ['debug', 'run changed nothing'],
    ])
  })

  it('names what a run changed, up to five proxies', async () => {
    const ids = [1, 2, 3, 4, 5, 6].map((n) => `shop/g${n}`)
    const of = (some: readonly string[], ...patches: readonly StatusPatch[]): RunResult => ({
      kind: 'done',
      built: new Map(some.map((id) => [id, failed])),
      patches,
    })
    const patch: StatusPatch = { kind: 'Gateway', key: 'shop/g1', status: {} }
    const rounds = [of(ids), of(['shop/g1', 'shop/g2']), of(['shop/g1', 'shop/g2'], patch), of(['shop/g1', 'shop/g2'])]
    results.push(...rounds.map((result) => () => result))
    synced.resolve()
    for (const count of [1, 2, 3, 4]) {
      await ran(count)
      loop.changed()
    }
    const lines = logged.filter(({ message }) => message.startsWith('run')).slice(0, 4)
    expect(
      lines.map(({ level, fields }) => [level, fields['changed'], fields['gone'], fields['statuses']]),
    ).to.deep.equal([
      ['info', ids.slice(0, 5), [], 0],
      ['info', [], ids.slice(2), 0],
      ['info', [], [], 1],
      ['debug', [], [], 0],
    ])
    expect(lines.map(({ fields }) => [fields['proxies'], fields['proxiesChanged']])).to.deep.equal([
      [6, 6],
      [2, 4],
      [2, 0],
      [2, 0],
    ])
  })

  it('counts runs by result', async () => {
    results.push(() => {
      throw new Error('boom')
    })
    synced.resolve()
    await ran(2)
    const metrics = await registry.metrics()
    expect(metrics).to.match(/haproxy_gateway_runs_total\{result="failed"\} 1/)
    expect(metrics).to.match(/haproxy_gateway_runs_total\{result="done"\} 1/)
    expect(metrics).to.match(/haproxy_gateway_run_seconds_count 2/)
  })

  describe('prepares a run', () => {
    // What was done, a letter each: a step, a look at what else the event loop has to do, a run.
    let order: string[]
    let watching: boolean

    beforeEach(() => {
      order = []
      watching = true
      const look = () => {
        order.push('other')
        if (watching) setImmediate(look)
      }
      setImmediate(look)
      results.push(() => {
        order.push('run')
        return nothing
      })
    })

    afterEach(() => {
      watching = false
    })

    // A step takes a slice.
    function* long(count: number): Generator<undefined, undefined> {
      for (let at = 0; at < count; at += 1) {
        order.push('step')
        busy(9)
        yield
      }
    }

    it('a short one in the turn of the run itself', async () => {
      steps = function* few() {
        for (let at = 0; at < 3; at += 1) {
          order.push('step')
          yield
        }
      }
      synced.resolve()
      await ran(1)
      expect(order.slice(order.indexOf('step'), order.indexOf('run') + 1)).to.deep.equal([
        'step',
        'step',
        'step',
        'run',
      ])
    })

    it('a long one in slices, between which others get their turn', async () => {
      steps = () => long(5)
      synced.resolve()
      await ran(1)
      const until = order.slice(order.indexOf('step'), order.indexOf('run'))
      expect(until.filter((what) => what === 'step').length).to.equal(5)
      expect(until.join(' ')).not.to.contain('step step')
    })

    it('a change in between is prepared as well, and needs no run of its own', async () => {
      const walks: string[] = []
      const passes = [60, 55, 0]
      steps = function* noted() {
        walks.push('walk')
        for (let left = passes.shift() ?? 0; left > 0; left -= 1) {
          if (left % 20 === 0) busy(9)
          countRecomputed()
          yield
        }
        if (walks.length === 1) loop.changed()
      }
      synced.resolve()
      await ran(1)
      await turn()
      expect([walks.length, seen.runs]).to.deep.equal([3, 1])
    })

    it('once, when its many steps found nothing to compute, however long they took', async () => {
      let walks = 0
      steps = function* idle() {
        walks += 1
        for (let left = 60; left > 0; left -= 1) {
          if (left % 20 === 0) busy(9)
          yield
        }
      }
      synced.resolve()
      await ran(1)
      expect(walks).to.equal(1)
    })

    it('and runs even when preparing never ends', async () => {
      loop.stop()
      registry = new Registry()
      loop = make({ longestPreparation: 30 })
      steps = () => long(Infinity)
      synced.resolve()
      await ran(1)
      expect(loop.published).to.equal(true)
    })

    it('again when a step fails', async () => {
      let fails = 1
      steps = () => {
        if (fails-- > 0) throw new Error('boom')
        return []
      }
      synced.resolve()
      await ran(1)
      expect(logged[0]?.message).to.equal('a run failed; trying again')
      expect(await registry.metrics()).to.match(/haproxy_gateway_runs_total\{result="failed"\} 1/)
    })

    it('and stops in its middle', async () => {
      steps = () => long(Infinity)
      synced.resolve()
      while (!order.includes('step')) await turn()
      loop.stop()
      const before = order.filter((what) => what === 'step').length
      for (let at = 0; at < 5; at += 1) await turn()
      expect(order.filter((what) => what === 'step').length).to.equal(before)
      expect(seen.runs).to.equal(0)
    })
  })

  it('does nothing after it was stopped', async () => {
    synced.resolve()
    await ran(1)
    loop.changed()
    loop.stop()
    loop.changed()
    await turn()
    await turn()
    expect(seen.runs).to.equal(1)
  })
})

async function turn(): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  setImmediate(resolve)
  await promise
}

function busy(milliseconds: number): void {
  for (const end = performance.now() + milliseconds; performance.now() < end; ) continue
}
