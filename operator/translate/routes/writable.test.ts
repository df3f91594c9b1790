import { expect } from 'chai'
import fc from 'fast-check'

import {
  comparedHeaderFault,
  expressionFault,
  hostnameFault,
  nameFault,
  pathFault,
  quoted,
  routeHostnameFault,
  valueFault,
} from './writable.ts'

type Check = (text: string) => string | undefined

const good: readonly (readonly [string, Check, readonly string[]])[] = [
  ['path', pathFault, ['/', '/a/b/', "/-._~!$&'()*+,=:@%20", '/a.b/..c']],
  ['name', nameFault, ['X-A', "!#$%&'*+-.^_`|~"]],
  ['value', valueFault, ['a', 'ä; b\tc|"\'', ' ']],
  ['compared header', comparedHeaderFault, ['a b', 'a\tb']],
  ['hostname', hostnameFault, ['a', 'a-b.example.com', 'x'.repeat(253)]],
  ['route hostname', routeHostnameFault, ['*.example.com', 'example.com']],
  [
    'expression',
    expressionFault,
    [
      '/v[0-9]+/.*',
      '(?i)^/cart$',
      '[(?<=]',
      '(?<v>x)',
      '\\p{Lu}',
      '[[]',
      '\\[x\\]',
      '\\\\u',
      '[^/]+',
      '\\p{L}',
      'a{2,3};',
    ],
  ],
]

const bad: readonly (readonly [string, Check, readonly string[]])[] = [
  [
    'path',
    pathFault,
    [
      '',
      'a',
      '/a;b',
      '/a b',
      '/a\n',
      '/a\0',
      '/ä',
      '/a#b',
      '/a?b',
      '/a//b',
      '/./a',
      '/a/../b',
      '/%2f',
      '/%2F',
      '/a/.',
      '/a/..',
      '/%zz',
      '/"',
    ],
  ],
  ['name', nameFault, ['', 'a b', 'a:b', 'ä', 'a\r\nb', 'a\n']],
  ['value', valueFault, ['', 'a\nb', 'a\rb', '\0', '\u007f', '\u0085', '\ud800']],
  ['compared header', comparedHeaderFault, [' a', 'a ', '\t', '', 'a\n']],
  ['hostname', hostnameFault, ['', 'A', '*.a', 'a_b', 'a..b', '-a', 'a\n', 'x'.repeat(254)]],
  ['route hostname', routeHostnameFault, ['*', '*.', 'a.*.b', '*.*.a']],
  [
    'expression',
    expressionFault,
    [
      '',
      '(',
      '[',
      'a)',
      '*',
      '\\u0041',
      '[]',
      'a[^]',
      '[[:alpha:]]',
      'a\nb',
      'x(?i)y',
      '(?<=/)x',
      '(?<!/)x',
      '(?<$>x)',
      '\\p{Script=Greek}',
      'a{1,70000}',
      '[[:alpha:]',
      '[^a[.x]',
      '(?<a>x)|(?<a>y)',
      `${'('.repeat(101)}x${')'.repeat(101)}`,
      '((x{1,9}){1,99}){1,99}',
      '(?:[a-z]x){999}',
    ],
  ],
]

describe('translate/routes/writable', () => {
  for (const [kind, check, texts] of good)
    for (const text of texts)
      it(`passes the ${kind} ${quoted(text)}`, () => {
        expect(check(text)).to.equal(undefined)
      })
  for (const [kind, check, texts] of bad)
    for (const text of texts)
      it(`refuses the ${kind} ${quoted(text)}`, () => {
        expect(check(text))
          .to.be.a('string')
          .and.to.match(/; .+\.$/)
      })

  it('never passes a line break, NUL or another control character, nor throws', () => {
    const text = fc.string({ unit: 'grapheme', maxLength: 8 })
    const control = fc.constantFrom('\n', '\r', '\0', '\v', '\u001b', '\u007f', '\u0085')
    const checks = [pathFault, nameFault, valueFault, comparedHeaderFault, hostnameFault, expressionFault]
    fc.assert(
      fc.property(text, control, text, (before, character, after) => {
        for (const check of checks) expect(check(before + character + after)).to.be.a('string')
      }),
    )
  })

  it('names what is wrong with an expression', () => {
    expect(expressionFault('a(')).to.include('"a(" is not a regular expression (Unterminated group);')
  })

  it('keeps messages on one line and short', () => {
    expect(quoted('a\nb')).to.equal('"a\\nb"')
    expect(quoted('x'.repeat(200))).to.have.lengthOf(82)
  })
})
