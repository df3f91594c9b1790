import { expect } from 'chai'
import fc from 'fast-check'

import { mapPayload, type MapEntry } from './map-payload.ts'

const limit = 64
const lines = (entries: readonly MapEntry[]): string => entries.map(({ key, value }) => `${key} ${value}\n`).join('')
/** An entry whose line has `size` bytes. */
const entry = (size: number): MapEntry => ({ key: 'k', value: 'v'.repeat(size - 3) })

describe('how a whole-map PUT is cut', () => {
  const cases: readonly (readonly [string, readonly number[], boolean, readonly number[]])[] = [
    ['a short list is added in one payload', [10, 20], false, [30]],
    ['exactly the limit is added', [32, 32], false, [64]],
    ['what follows exactly the limit is lost', [32, 32, 10], false, [64]],
    ['above the limit the map is replaced', [40, 40, 10], true, [40, 50]],
    ['a last entry that overflows is lost', [40, 40], true, [40]],
    ['an entry above the limit replaces by itself', [100], true, [100]],
    ['an entry above the limit between others is lost', [10, 100, 10], true, [10, 10]],
    ['an empty list has no payload', [], false, []],
  ]
  for (const [name, sizes, replaces, payloads] of cases)
    it(name, () => {
      const cut = mapPayload(sizes.map(entry), limit)
      expect([cut.replaces, cut.payloads.map((payload) => payload.length)]).to.deep.equal([replaces, payloads])
    })

  it('a list below the limit arrives whole and in order', () => {
    const some = fc.array(
      fc.record({ key: fc.string({ minLength: 1, maxLength: 4 }), value: fc.string({ maxLength: 4 }) }),
    )
    fc.assert(
      fc.property(some, (entries) => {
        fc.pre(entries.length > 0 && Buffer.byteLength(lines(entries)) < limit)
        expect(mapPayload(entries, limit)).to.deep.equal({ replaces: false, payloads: [lines(entries)] })
      }),
    )
  })

  it('no payload invents a line', () => {
    const sizes = fc.array(fc.integer({ min: 4, max: 80 }), { maxLength: 30 })
    fc.assert(
      fc.property(sizes, (all) => {
        const known = new Set(all.map(entry).map((each) => lines([each])))
        for (const payload of mapPayload(all.map(entry), limit).payloads)
          for (const line of payload.split(/(?<=\n)/)) expect(known.has(line)).to.equal(true)
      }),
    )
  })
})
