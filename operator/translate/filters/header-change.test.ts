import { expect } from 'chai'
import fc from 'fast-check'

import type { Header, HeaderChange } from '../../model/proxy-model.ts'

import { composeHeaderChanges } from './header-change.ts'

// What a change means, said as plainly as possible: a list of headers in, a list of headers out.
function apply(headers: readonly Header[], change: HeaderChange): readonly Header[] {
  const without = (list: readonly Header[], name: string) =>
    list.filter((header) => header.name.toLowerCase() !== name.toLowerCase())
  let result = headers
  for (const name of change.remove) result = without(result, name)
  for (const header of change.set) result = [...without(result, header.name), header]
  for (const header of change.add) result = [...result, header]
  return result
}

// The order of headers of different names has no meaning (RFC 9110, 5.3).
function byName(headers: readonly Header[]): Readonly<Record<string, readonly string[] | undefined>> {
  const groups: Record<string, string[]> = {}
  for (const { name, value } of headers) (groups[name.toLowerCase()] ??= []).push(value)
  return groups
}

const name = fc.constantFrom('X-A', 'x-a', 'X-B', 'x-b', 'X-C')
const header = fc.record({ name, value: fc.constantFrom('1', '2', '3') })
const few = { maxLength: 3 }
const change: fc.Arbitrary<HeaderChange> = fc.record({
  remove: fc.array(name, few),
  set: fc.array(header, few),
  add: fc.array(header, few),
})

describe('translate/filters/header-change', () => {
  it('does in one change what the changes do one after the other', () => {
    fc.assert(
      fc.property(fc.array(header), fc.array(change, { maxLength: 4 }), (headers, changes) => {
        const inTurn = changes.reduce(apply, headers)
        expect(byName(apply(headers, composeHeaderChanges(changes)))).to.deep.equal(byName(inTurn))
      }),
      { numRuns: 500 },
    )
  })

  it('removes and sets each name at most once, so the order of remove, set, add is enough', () => {
    fc.assert(
      fc.property(fc.array(change, { maxLength: 4 }), (changes) => {
        const { remove, set } = composeHeaderChanges(changes)
        const names = [...remove, ...set.map((each) => each.name)].map((each) => each.toLowerCase())
        expect(names).to.have.lengthOf(new Set(names).size)
      }),
    )
  })

  it('keeps the spelling of names', () => {
    const composed = composeHeaderChanges([
      { remove: ['X-Old'], set: [{ name: 'X-Set', value: '1' }], add: [{ name: 'X-Add', value: '2' }] },
      { remove: ['x-set'], set: [], add: [{ name: 'x-OLD', value: '3' }] },
    ])
    expect(composed).to.deep.equal({
      remove: ['x-set'],
      set: [{ name: 'x-OLD', value: '3' }],
      add: [{ name: 'X-Add', value: '2' }],
    })
  })
})
