import { expect } from 'chai'

import type { HTTPMatch } from '../../model/kubernetes.ts'
import type { Match } from '../../model/proxy-model.ts'

import { translateMatch } from './http-matches.ts'
import { createProblems } from './problems.ts'

function translated(match: HTTPMatch) {
  const { refuse, problems } = createProblems()
  return { match: translateMatch(match, 'm', refuse), faults: problems.map(({ message }) => message) }
}

const root: Match = { path: { kind: 'prefix', value: '/' }, headers: [], queries: [] }

describe('translate/routes/http-matches', () => {
  const rows: readonly (readonly [string, HTTPMatch, Partial<Match>])[] = [
    ['everything by default', {}, {}],
    ['a prefix by default', { path: { value: '/a' } }, { path: { kind: 'prefix', value: '/a' } }],
    ['a prefix without its last slash', { path: { value: '/a/' } }, { path: { kind: 'prefix', value: '/a' } }],
    [
      'an exact path with its last slash',
      { path: { type: 'Exact', value: '/a/' } },
      { path: { kind: 'exact', value: '/a/' } },
    ],
    [
      'a regular expression as it is',
      { path: { type: 'RegularExpression', value: '(?i)/a/' } },
      { path: { kind: 'regex', value: '(?i)/a/' } },
    ],
    ['a method', { method: 'PATCH' }, { method: 'PATCH' }],
    [
      'headers in lower case, sorted, the first of equal names',
      {
        headers: [
          { name: 'X-B', value: '1' },
          { name: 'X-A', value: '2', type: 'RegularExpression' },
          { name: 'x-b', value: 'ignored\n' },
        ],
      },
      {
        headers: [
          { name: 'x-a', kind: 'regex', value: '2' },
          { name: 'x-b', kind: 'exact', value: '1' },
        ],
      },
    ],
    [
      'query parameters by their exact names, sorted, the first of equal names',
      {
        queryParams: [
          { name: 'b', value: '1' },
          { name: 'B', value: ' 2' },
          { name: 'b', value: '3' },
        ],
      },
      {
        queries: [
          { name: 'B', kind: 'exact', value: ' 2' },
          { name: 'b', kind: 'exact', value: '1' },
        ],
      },
    ],
  ]
  for (const [sentence, match, part] of rows)
    it(`matches ${sentence}`, () => {
      expect(translated(match)).to.deep.equal({ match: { ...root, ...part }, faults: [] })
    })

  it('compares with as much as can be programmed, and refuses more', () => {
    const long = (length: number, value = 'x') => ({ name: 'a', value: value.repeat(length) })
    const sized = (...values: readonly { readonly name: string; readonly value: string }[]): HTTPMatch => ({
      headers: values.map((one, index) => ({ ...one, name: `h${index}` })),
    })
    expect(translated(sized(long(3998), long(1998))).faults).to.deep.equal([])
    const tooMuch: readonly (readonly [HTTPMatch, number])[] = [
      [sized(long(3998), long(1999)), 6001],
      [sized(long(1998, '/'), long(5)), 6003],
      [{ ...sized(long(3998)), queryParams: [long(2000)] }, 6001],
      [{ ...sized(long(3998)), path: { type: 'RegularExpression', value: `/${'a'.repeat(1998)}` } }, 6001],
    ]
    for (const [match, bytes] of tooMuch) {
      const { match: result, faults } = translated(match)
      expect(result).to.equal(undefined)
      expect(faults).to.have.lengthOf(1)
      expect(faults[0]).to.include(`m: the texts to compare with take ${bytes} bytes`)
    }
  })

  const refused: readonly (readonly [HTTPMatch, string])[] = [
    [{ path: { value: '/a;b' } }, 'm.path.value: "/a;b" has a ";"'],
    [{ path: { type: 'RegularExpression', value: '(' } }, 'm.path.value: "(" is not a regular expression'],
    [{ headers: [{ name: 'a b', value: '1' }] }, 'm.headers[0].name: "a b" is not a name'],
    [{ headers: [{ name: 'a', value: ' 1' }] }, 'm.headers[0].value: " 1" has white space'],
    [{ headers: [{ name: 'a', value: '[', type: 'RegularExpression' }] }, 'm.headers[0].value: "[" is not a regular'],
    [{ queryParams: [{ name: 'a', value: 'x\r\ny' }] }, 'm.queryParams[0].value: "x\\r\\ny" has a control'],
    [JSON.parse('{ "method": "BREW" }'), 'm.method: "BREW" is not supported; write one of GET,'],
    [JSON.parse('{ "path": { "type": "Glob", "value": "/" } }'), 'm.path.type: "Glob" is not supported; write Exact,'],
    [JSON.parse('{ "headers": [{ "type": "Glob", "name": "a", "value": "b" }] }'), 'm.headers[0].type: "Glob" is not'],
  ]
  for (const [match, text] of refused)
    it(`refuses ${JSON.stringify(match)}`, () => {
      const { match: result, faults } = translated(match)
      expect(result).to.equal(undefined)
      expect(faults).to.have.lengthOf(1)
      expect(faults[0]).to.include(text)
    })
})
