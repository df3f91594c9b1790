import { expect } from 'chai'
import fc from 'fast-check'

import { isRetryProfile, retryPolicyOf, retryProfile } from './retry.ts'

describe('model/retry', () => {
  it('gives the same policy the same name', () => {
    expect(retryProfile({ attempts: 3, codes: [503, 500, 503], backoff: 0 })).to.equal('retry.3.500-503')
    expect(retryProfile({ attempts: 3, codes: [500], backoff: 100 })).to.equal('retry.3.500.100ms')
    expect(retryProfile({ attempts: 2, codes: [], backoff: 0 })).to.equal('retry.2')
    expect(retryProfile({ attempts: 0, codes: [500], backoff: 5 })).to.equal('retry.0')
  })

  it('reads back every policy from its name', () => {
    const codes = fc.uniqueArray(fc.integer({ min: 400, max: 599 }), { maxLength: 12 })
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 100 }), codes, fc.nat(), (attempts, list, backoff) => {
        const sorted = list.toSorted((a, b) => a - b)
        const read = retryPolicyOf(retryProfile({ attempts, codes: list, backoff }))
        expect(read).to.deep.equal({ attempts, codes: sorted, backoff })
      }),
    )
  })

  for (const text of ['plain', 'filtered', 'tcp', 'retry.', 'retry.x', 'retry.1.', 'retry.1.5000', 'retry.1.500\n'])
    it(`sees no policy in ${JSON.stringify(text)}`, () => expect(isRetryProfile(text)).to.equal(false))
})
