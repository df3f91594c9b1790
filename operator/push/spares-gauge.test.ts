import { expect } from 'chai'
import { Registry } from 'prom-client'

import type { Layout } from './held.ts'
import { createSparesGauge } from './spares-gauge.ts'

describe('metric of free spares', () => {
  const registry = new Registry()
  const gauge = createSparesGauge(registry)
  const shown = async (): Promise<readonly string[]> =>
    (await registry.metrics()).split('\n').filter((line) => line.startsWith('haproxy_gateway_spares_free{'))

  it('is that of the pod with the fewest, while it is there', async () => {
    let first: Layout['free'] | undefined = new Map([['plain', ['spare0001', 'spare0002']]])
    const second: Layout['free'] = new Map([
      ['plain', ['spare0001']],
      ['retry.2.500', []],
    ])
    gauge.watch(() => first)
    const forget = gauge.watch(() => second)
    const both = [
      'haproxy_gateway_spares_free{profile="plain"} 1',
      'haproxy_gateway_spares_free{profile="retry.2.500"} 0',
    ]
    expect(await shown()).to.deep.equal(both)
    forget()
    expect(await shown()).to.deep.equal(['haproxy_gateway_spares_free{profile="plain"} 2'])
    first = undefined
    expect(await shown(), 'while it is changed').to.deep.equal(['haproxy_gateway_spares_free{profile="plain"} 2'])
    first = new Map([['plain', []]])
    expect(await shown()).to.deep.equal(['haproxy_gateway_spares_free{profile="plain"} 0'])
  })
})
