import { expect } from 'chai'
import fc from 'fast-check'

import { isPadding, paddedEntries } from './padded.ts'
import { splitLikeTheApi } from './testing/fake-pod.ts'

describe('padded map', () => {
  const size = fc.oneof(fc.nat(120), fc.constantFrom(0, 1, 200, 800))
  const entries = fc
    .tuple(size, fc.integer({ min: 1, max: 400 }))
    .map(([count, length]) =>
      Array.from({ length: count }, (_, n) => ({ key: `k${n}/é`, value: 'v'.repeat(1 + ((length * (n + 7)) % 300)) })),
    )

  it('the API replaces the map and holds each entry exactly once', () =>
    fc.assert(
      fc.property(entries, (wanted) => {
        const { replaces, lines } = splitLikeTheApi(paddedEntries(wanted))
        expect(replaces).to.equal(true)
        const kept = lines.filter((line) => !isPadding({ key: line, value: '' }))
        expect(kept).to.deep.equal(wanted.map(({ key, value }) => `${key} ${value}`))
      }),
      { numRuns: 300 },
    ))

  it('so it does with entries that nearly fill a piece of their own, wherever they stand', () => {
    const lengths = fc.array(fc.oneof(fc.integer({ min: 1, max: 300 }), fc.integer({ min: 3800, max: 8000 })), {
      maxLength: 60,
    })
    fc.assert(
      fc.property(lengths, (all) => {
        const wanted = all.map((length, n) => ({ key: `k${n}/é`, value: 'v'.repeat(length) }))
        const { replaces, lines } = splitLikeTheApi(paddedEntries(wanted))
        expect(replaces).to.equal(true)
        const kept = lines.filter((line) => !isPadding({ key: line, value: '' }))
        expect(kept).to.deep.equal(wanted.map(({ key, value }) => `${key} ${value}`))
      }),
      { numRuns: 300 },
    )
  })

  it('without padding the API would append, which is why there is padding', () => {
    expect(splitLikeTheApi([{ key: 'a', value: 'b' }]).replaces).to.equal(false)
  })
})
