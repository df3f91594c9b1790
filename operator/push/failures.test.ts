import { expect } from 'chai'

import { Failures } from './failures.ts'
import { usualTiming } from './timing.ts'

describe('failures', () => {
  it('a pod starts until it was ready once', () => {
    const failures = new Failures(usualTiming)
    expect(failures.isStarting(false)).to.equal(true)
    expect(failures.isStarting(true)).to.equal(false)
    expect(failures.isStarting(false)).to.equal(false)
  })

  it('a pod that had all that was wanted has started', () => {
    const failures = new Failures(usualTiming)
    failures.clear()
    expect(failures.isStarting(false)).to.equal(false)
  })

  it('a pod that was never ready starts no longer when its time is over', () => {
    expect(new Failures({ ...usualTiming, starting: 0 }).isStarting(false)).to.equal(false)
  })
})
