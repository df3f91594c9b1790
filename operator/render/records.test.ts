import { expect } from 'chai'

import type { Filter } from '../model/proxy-model.ts'
import { shortHash } from '../lib/hash.ts'

import { forwardRecord, lengthBytes, redirectRecord, type BackendTarget } from './records.ts'

describe('render/records', () => {
  it('has no record for a target that only forwards', () => {
    expect(forwardRecord(target([]), 'h')).to.equal(undefined)
  })

  const header = (name: string, value: string) => ({ name, value })
  const nothing = { remove: [], set: [], add: [] }
  const closed = { origins: [], credentials: false, methods: [], requestHeaders: [], responseHeaders: [], maxAge: 5 }
  const anything = { origins: ['*'], methods: ['*'], requestHeaders: ['*'], responseHeaders: ['*'] }
  // None of these texts is longer than one byte can say.
  const pairs = (...texts: readonly string[]) =>
    Buffer.from([...texts, '', ''].map((text) => String.fromCharCode(text.length) + text).join('')).toString(
      'base64url',
    )
  const cases: readonly {
    readonly name: string
    readonly target: BackendTarget
    readonly letters: string
    readonly fields: readonly string[]
  }[] = [
    {
      name: 'sets a request header',
      target: target([{ kind: 'request-headers', change: { ...nothing, set: [header('X-Set', '1')] } }]),
      letters: 'S',
      fields: ['shop_cart_80.f', '', 'BXgtc2V0ATEAAA'],
    },
    {
      name: 'removes and adds request headers',
      target: target([
        { kind: 'request-headers', change: { ...nothing, remove: ['X-Gone'], add: [header('x-add', '2')] } },
      ]),
      letters: 'DA',
      fields: ['shop_cart_80.f', 'BngtZ29uZQA', '', 'BXgtYWRkATIAAA'],
    },
    {
      name: 'changes response headers, with empty lists for the rest',
      target: target([{ kind: 'response-headers', change: { ...nothing, remove: ['x-up'] } }]),
      letters: 'R',
      fields: ['shop_cart_80.f', '', '', '', '', '', '', '', 'BHgtdXAA', 'AAA', 'AAA'],
    },
    {
      name: 'shares responses with some origins',
      target: target([
        { kind: 'cors', cors: { ...closed, origins: ['https://a:443', 'http://*:80'], methods: ['PUT'] } },
      ]),
      letters: 'O',
      fields: [
        'shop_cart_80.f',
        ...Array.from({ length: 10 }, () => ''),
        'https://a:443,http://*:80',
        pairs(),
        pairs('access-control-allow-methods', 'PUT', 'access-control-max-age', '5'),
      ],
    },
    {
      name: 'says what browsers ask for back to them where they may send credentials',
      target: target([{ kind: 'cors', cors: { ...closed, ...anything, credentials: true } }]),
      letters: 'OVN',
      fields: [
        'shop_cart_80.f',
        ...Array.from({ length: 10 }, () => ''),
        '=',
        pairs('access-control-allow-credentials', 'true'),
        pairs('access-control-max-age', '5'),
      ],
    },
    {
      name: 'mirrors to the keys of other entries',
      target: target([{ kind: 'mirror', mirrors: [{ backend: 'shop/canary:80', numerator: 1, denominator: 2 }] }]),
      letters: 'M',
      fields: ['shop_cart_80.f', ...Array.from({ length: 13 }, () => ''), `@x.${shortHash('h\nshop_canary_80|1|2')}`],
    },
    {
      name: 'asks before it forwards',
      target: target([
        {
          kind: 'external-auth',
          auths: [
            { backend: 'shop/auth:80', pathPrefix: '/a', requestHeaders: ["x'|"], responseHeaders: [], bodySize: 7 },
          ],
        },
      ]),
      letters: 'E',
      fields: [
        'shop_cart_80.f',
        ...Array.from({ length: 14 }, () => ''),
        `@a.${shortHash('h\nshop_auth_80|/a|x%27%7C||7')}`,
      ],
    },
    {
      name: 'replaces the prefix and the host',
      target: target([
        { kind: 'url-rewrite', hostname: 'up.internal', path: { kind: 'prefix', prefix: '/foo/', value: '/new/' } },
      ]),
      letters: 'XH',
      fields: ['shop_cart_80.f', '', '', '', 'up.internal', '/new', '4'],
    },
    {
      name: 'leaves a slash when the prefix is replaced by nothing',
      target: target([{ kind: 'url-rewrite', path: { kind: 'prefix', prefix: '/foo', value: '' } }]),
      letters: 'X',
      fields: ['shop_cart_80.f', '', '', '', '', '/', '5'],
    },
    {
      name: 'encodes what a full path may not hold',
      target: target([{ kind: 'url-rewrite', path: { kind: 'full', value: '/a b|c;d' } }]),
      letters: 'F',
      fields: ['shop_cart_80.f', '', '', '', '', '/a%20b%7Cc%3Bd'],
    },
    {
      name: 'takes the shorter timeout',
      target: target([], { request: 10_000, backendRequest: 2_000 }),
      letters: 'T',
      fields: ['shop_cart_80.f', '', '', '', '', '', '', '2000'],
    },
    {
      name: 'takes the other timeout where one is none',
      target: target([], { request: 10_000, backendRequest: 0 }),
      letters: 'T',
      fields: ['shop_cart_80.f', '', '', '', '', '', '', '10000'],
    },
    {
      name: 'shares the timeout of the request among all attempts',
      target: { ...target([], { request: 10_000, backendRequest: 4_000 }), profile: 'retry.3.500' },
      letters: 'T',
      fields: ['shop_cart_80.retry.3.500', '', '', '', '', '', '', '2500'],
    },
    {
      name: 'leaves time for the backoff',
      target: { ...target([], { request: 1_000 }), profile: 'retry.2.500.200ms' },
      letters: 'T',
      fields: ['shop_cart_80.retry.2.500.200ms', '', '', '', '', '', '', '200'],
    },
    {
      name: 'waits for a day where there is no timeout',
      target: target([], { request: 0 }),
      letters: 'T',
      fields: ['shop_cart_80.f', '', '', '', '', '', '', '86400000'],
    },
  ]
  for (const { name, target: given, letters, fields } of cases) {
    it(name, () => expect(forwardRecord(given, 'h')).to.deep.equal({ letters, text: fields.join('|') }))
  }

  it('writes a redirect with its scheme, host, port, status and path', () => {
    const path = { kind: 'prefix', prefix: '/old', value: '/new' } as const
    const record = redirectRecord({ scheme: 'https', hostname: 'x.org', port: 8443, status: 308, path }, [], 'h')
    expect(record).to.deep.equal({ letters: 'CHX', text: 'redirect|https://|x.org|:8443|308|/new|4' })
  })

  it('refuses a header value with a line break', () => {
    const change = { ...nothing, set: [header('x', 'a\r\nb: c')] }
    expect(() => forwardRecord(target([{ kind: 'request-headers', change }]), 'h')).to.throw(/cannot be written/)
  })

  const lengths = [
    { length: 0, bytes: [0] },
    { length: 239, bytes: [239] },
    { length: 240, bytes: [240, 0] },
    { length: 2287, bytes: [255, 127] },
    { length: 2288, bytes: [240, 128, 0] },
    { length: 4096, bytes: [240, 241, 0] },
  ]
  for (const { length, bytes } of lengths) {
    it(`writes the length ${length} as ${bytes.join(' ')}`, () => expect(lengthBytes(length)).to.deep.equal(bytes))
  }
})

function target(filters: readonly Filter[], timeouts = {}): BackendTarget {
  return { kind: 'backend', weight: 1, backend: 'shop/cart:80', profile: 'filtered', filters, timeouts }
}
