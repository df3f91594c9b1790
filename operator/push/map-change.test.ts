import { expect } from 'chai'

import type { MapSection } from '../model/rendered.ts'
import { atOnce } from '../lib/steps.ts'

import { freshlyLoaded } from './held.ts'
import { comparingMaps } from './map-change.ts'
import { configOf, testSettings } from './testing/configs.ts'

const map = 'paths-80.map'

describe('push/map-change', () => {
  const config = configOf({ hosts: {}, backends: {} })
  const sectionsOf = (count: number, changed: ReadonlySet<number>) =>
    new Map<string, MapSection>(
      Array.from({ length: count }, (_, n) => {
        const entry = { key: `h${n}.example/`, value: changed.has(n) ? 'other' : 'same' }
        return [`h${n}.example`, { entries: [entry], hash: [n, 0] }]
      }),
    )
  // Sections that did not change are the same objects.
  const changedIn = (before: ReadonlyMap<string, MapSection>, count: number) =>
    new Map([...before, ...[...sectionsOf(before.size, new Set(Array(before.size).keys()))].slice(0, count)])
  const compare = (
    before: ReadonlyMap<string, MapSection>,
    after: ReadonlyMap<string, MapSection>,
    hasLines = true,
  ) => {
    const held = { ...freshlyLoaded(config, testSettings), maps: new Map([[map, before]]) }
    const wanted = { ...config, maps: new Map([[map, after]]) }
    const [found] = atOnce(comparingMaps(held, wanted, { layout: held.layout, hasLines }))
    return found
  }

  it('looks at few entries to tell whether few changes travel as a whole map', () => {
    const before = sectionsOf(10_000, new Set())
    const after = changedIn(before, 5)
    let read = 0
    const counted = Object.assign(after, {
      values: function* () {
        for (const [, section] of after) {
          read += 1
          yield section
        }
      },
    })
    const found = compare(before, counted)
    expect(found?.set).to.have.length(5)
    expect(found?.whole).to.equal(undefined)
    expect(read).to.be.lessThan(100)
  })

  it('a map of which nearly everything is another travels whole', () => {
    const before = sectionsOf(1_000, new Set())
    expect(compare(before, changedIn(before, 1_000))?.whole?.final).to.have.length(1_000)
    expect(compare(before, changedIn(before, 300))?.whole).to.equal(undefined)
    expect(compare(before, changedIn(before, 300), false)?.whole?.final).to.have.length(1_000)
    expect(compare(before, changedIn(before, 5), false)?.whole).to.equal(undefined)
  })
})
