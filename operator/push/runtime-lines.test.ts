import { expect } from 'chai'
import fc from 'fast-check'

import type { Command } from './change.ts'
import { linesOf } from './runtime-lines.ts'

const entry = {
  kind: 'set-entry',
  map: 'paths-80.map',
  key: 'shop.example.com/cart/',
  value: 'shop_cart_80',
  known: true,
} as const
const server = {
  kind: 'put-server',
  backend: 'shop_cart_80',
  server: 'a',
  line: { address: '10.0.0.2', port: 80 },
} as const

describe('lines of the Runtime API', () => {
  const of = (command: Command) => linesOf(command, '/gw/maps')
  const cases: readonly (readonly [string, Command, readonly string[] | undefined])[] = [
    ['an entry that is there', entry, ['set map /gw/maps/paths-80.map shop.example.com/cart/ shop_cart_80']],
    [
      'an entry that is not: never a second time',
      { ...entry, known: false },
      [
        'del map /gw/maps/paths-80.map shop.example.com/cart/',
        'add map /gw/maps/paths-80.map shop.example.com/cart/ shop_cart_80',
      ],
    ],
    [
      'an entry that goes',
      { kind: 'delete-entry', map: 'tree.map', key: '@m.1|\x7f' },
      ['del map /gw/maps/tree.map @m.1|\x7f'],
    ],
    ['a server', server, ['add server shop_cart_80/a 10.0.0.2:80', 'set server shop_cart_80/a state ready']],
    [
      'a server with TLS, HTTP/2 and a certificate',
      {
        ...server,
        line: {
          ...server.line,
          address: 'fd00::2',
          options: {
            proto: 'h2',
            ssl: { caFile: 'ca-1a.pem', sni: 'cart.example.com', certificate: '/gw/ssl/own.pem' },
          },
        },
      },
      [
        'add server shop_cart_80/a fd00::2:80 proto h2 ssl verify required ca-file ca-1a.pem sni str(cart.example.com) alpn h2 crt /gw/ssl/own.pem',
        'set server shop_cart_80/a state ready',
      ],
    ],
    [
      'a server that goes',
      { kind: 'delete-server', backend: 'b', server: 'a' },
      ['set server b/a state maint', 'del server b/a'],
    ],
    ['a whole map', { kind: 'put-map', map: 'tree.map', entries: [] }, undefined],
    ['a key that HAProxy would take for a reference', { ...entry, key: '#0x7f' }, undefined],
    ['an empty value', { ...entry, value: '' }, undefined],
    ['a value that does not fit a line', { ...entry, value: 'x'.repeat(5_000) }, undefined],
    [
      'a name that ends the function around it',
      { ...server, line: { ...server.line, options: { ssl: { caFile: 'ca.pem', sni: 'a) ssl-min-ver' } } } },
      undefined,
    ],
  ]
  for (const [what, command, expected] of cases)
    it(`${what}: ${expected === undefined ? 'takes the Data Plane API' : 'is a line'}`, () => {
      expect(of(command)?.lines).to.deep.equal(expected)
    })

  const verdicts: readonly (readonly [string, Command, readonly string[], string])[] = [
    ['no words', entry, [''], 'done'],
    ['an entry that is not there after all', entry, ['entry not found.'], 'refused'],
    ['nothing to delete before', { ...entry, known: false }, ['Key not found.', ''], 'done'],
    [
      'no such map',
      { ...entry, known: false },
      ['x', 'Unknown map identifier. Please use #<id> or <file>.'],
      'refused',
    ],
    ['an entry that was gone', { kind: 'delete-entry', map: 'm', key: 'k' }, ['Key not found.'], 'done'],
    ['a new server', server, ['New server registered.', ''], 'done'],
    ['a name that is taken', server, ['Already exists a server with the same name in backend.', ''], 'refused'],
    ['a server that did not become ready', server, ['New server registered.', 'No such server.'], 'refused'],
    [
      'a server that is gone',
      { kind: 'delete-server', backend: 'b', server: 'a' },
      ['No such server.', 'No such server.'],
      'done',
    ],
    [
      'a server in use',
      { kind: 'delete-server', backend: 'b', server: 'a' },
      ['', 'Server still has connections attached to it, cannot remove it.'],
      'busy',
    ],
    ['no answer', entry, [], 'refused'],
  ]
  for (const [what, command, answers, verdict] of verdicts)
    it(`${what}: ${verdict}`, () => {
      expect(of(command)?.judge(answers)).to.equal(verdict)
    })

  it('never has more words than its command, whatever the texts', () => {
    const text = fc.string({
      unit: fc.constantFrom('a', 'b', ';', '\n', '\\', '"', "'", ' ', '<', '#', '\0', 'é', '\x7f', '|', '='),
      maxLength: 6,
    })
    fc.assert(
      fc.property(text, text, fc.boolean(), (key, value, known) => {
        for (const line of of({ ...entry, key, value, known })?.lines ?? [])
          expect(line)
            .to.match(/^(?:(?:set|add) map \S+ \S+ \S+|del map \S+ \S+)$/)
            .and.not.match(/[;\n\\"'<#\0]/)
      }),
    )
  })
})
