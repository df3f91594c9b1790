import { expect } from 'chai'
import { setTimeout as delay } from 'node:timers/promises'
import { Registry } from 'prom-client'

import { watchEventLoop } from './event-loop.ts'

describe('event loop', () => {
  it('tells the longest block since it was last asked, on the clock and in processor time', async () => {
    const registry = new Registry()
    const end = watchEventLoop(registry)
    const read = async (name: string): Promise<number> => {
      const metric = await registry.getSingleMetric(`haproxy_gateway_event_loop_longest_block_${name}`)?.get()
      return metric?.values[0]?.value ?? Number.NaN
    }
    try {
      await delay(20)
      for (const until = performance.now() + 60; performance.now() < until; ) continue
      await delay(20)
      expect(await read('seconds')).to.be.within(0.06, 5)
      const cpu = await read('cpu_seconds')
      expect(cpu).to.be.greaterThan(0)
      await delay(20)
      expect(await read('seconds'), 'the block was told already').to.be.greaterThan(0)
      expect(await read('cpu_seconds')).to.be.lessThan(cpu)
    } finally {
      end()
    }
  })
})
