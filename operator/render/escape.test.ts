import { expect } from 'chai'
import fc from 'fast-check'

import * as escape from './escape.ts'

const { argument, bareWord, formatted, headerText, mapKey, mapValue, pathText, percentEncode, quoted, recordField } =
  escape

describe('render/escape', () => {
  const hostile = ['a\nb', 'a\rb', 'a\0b', '\n']

  for (const [name, escaper] of Object.entries(escape)) {
    if (name === 'isPlainName') continue
    it(`${name} never lets a line break or a NUL through`, () => {
      fc.assert(
        fc.property(fc.oneof(fc.string({ unit: 'binary' }), fc.constantFrom(...hostile)), (text) => {
          expect(attempt(() => String(escaper(text)))).not.to.match(/[\r\n\0]/)
        }),
      )
    })
  }

  const refused = [
    {
      way: bareWord,
      name: 'bareWord',
      texts: ['', 'a b', '%[path]', 'a;b', 'a#b', "a'b", '"', 'a\\', 'ä', '{', '$HOME'],
    },
    { way: argument, name: 'argument', texts: ['', 'a)', 'a,b', 'a b', "'", '"', '#', '$', '%', '\\'] },
    { way: mapKey, name: 'mapKey', texts: ['', 'a b', '#comment', 'a;b', 'ä', '\t'] },
    { way: mapValue, name: 'mapValue', texts: ['', 'a b', 'a;b', 'ä', '\x7f'] },
    { way: recordField, name: 'recordField', texts: ['a|b', 'a b', 'a;b'] },
    { way: quoted, name: 'quoted', texts: hostile },
    { way: headerText, name: 'headerText', texts: hostile },
  ]
  for (const { way, name, texts } of refused) {
    for (const text of texts) {
      it(`${name} refuses ${JSON.stringify(text)}`, () => expect(() => way(text)).to.throw(/cannot be written/))
    }
  }

  const written = [
    { way: bareWord, from: '/gw/maps/paths-80.map', to: '/gw/maps/paths-80.map' },
    { way: bareWord, from: '[fd00::1]', to: '[fd00::1]' },
    { way: quoted, from: `it's "x" \\ %[path] $HOME #`, to: `'it'\\''s "x" \\ %[path] $HOME #'` },
    { way: formatted, from: '100%', to: `'100%%'` },
    { way: argument, from: 'x-canary', to: 'x-canary' },
    { way: mapKey, from: '@.example.com/a/\x7f', to: '@.example.com/a/\x7f' },
    { way: percentEncode, from: `a b|c;d#e'f(*)!~ü`, to: 'a%20b%7Cc%3Bd%23e%27f%28%2A%29%21~%C3%BC' },
    { way: pathText, from: '/a b?c;d|e#f%20$&', to: '/a%20b%3Fc%3Bd%7Ce%23f%20$&' },
  ]
  for (const { way, from, to } of written) {
    it(`${way.name} writes ${from} as ${to}`, () => expect(way(from)).to.equal(to))
  }
})

function attempt(work: () => string): string {
  try {
    return work()
  } catch {
    return ''
  }
}
