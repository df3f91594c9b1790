import { expect } from 'chai'

import type { HTTPFilter } from '../../model/kubernetes.ts'
import type { Filter } from '../../model/proxy-model.ts'

import { createProblems } from '../routes/problems.ts'
import { translateFilters } from './filters.ts'

function translated(filters: readonly HTTPFilter[], prefix?: string) {
  const { refuse, problems } = createProblems()
  const steps = translateFilters(filters, { field: 'f', refuse, ...(prefix === undefined ? {} : { prefix }) })
  return { ...steps, faults: problems.map(({ reason, message }) => `${reason} ${message}`) }
}

function requestHeaders(requestHeaderModifier: NonNullable<HTTPFilter['requestHeaderModifier']>): HTTPFilter {
  return { type: 'RequestHeaderModifier', requestHeaderModifier }
}
function rewritePath(path: NonNullable<NonNullable<HTTPFilter['urlRewrite']>['path']>): HTTPFilter {
  return { type: 'URLRewrite', urlRewrite: { path } }
}
function redirect(requestRedirect: NonNullable<HTTPFilter['requestRedirect']>): HTTPFilter {
  return { type: 'RequestRedirect', requestRedirect }
}

describe('translate/filters', () => {
  it('changes headers in both directions', () => {
    const { filters, faults } = translated([
      requestHeaders({ set: [{ name: 'X-Set', value: '1' }], remove: ['X-Gone'] }),
      { type: 'ResponseHeaderModifier', responseHeaderModifier: { add: [{ name: 'X-Add', value: '2' }] } },
    ])
    const expected: readonly Filter[] = [
      { kind: 'request-headers', change: { remove: ['X-Gone'], set: [{ name: 'X-Set', value: '1' }], add: [] } },
      { kind: 'response-headers', change: { remove: [], set: [], add: [{ name: 'X-Add', value: '2' }] } },
    ]
    expect([filters, faults]).to.deep.equal([expected, []])
  })

  it('counts the first of equal names of one list, whatever their case', () => {
    const set = [
      { name: 'X-A', value: '1' },
      { name: 'x-a', value: '2' },
    ]
    const { filters, faults } = translated([requestHeaders({ set })])
    expect(filters).to.deep.equal([
      { kind: 'request-headers', change: { remove: [], set: [{ name: 'X-A', value: '1' }], add: [] } },
    ])
    expect(faults).to.deep.equal([])
  })

  it('is nothing when it changes nothing', () => {
    expect(translated([requestHeaders({}), { type: 'URLRewrite', urlRewrite: {} }])).to.deep.equal({
      filters: [],
      faults: [],
    })
  })

  const prefixes: readonly (readonly [prefix: string, replacement: string, value: string])[] = [
    ['/foo', '/xyz', '/xyz'],
    ['/foo', '/xyz/', '/xyz'],
    ['/foo', '', ''],
    ['/foo', '/', ''],
    ['/', '/xyz', '/xyz'],
  ]
  for (const [prefix, replacement, value] of prefixes)
    it(`replaces the prefix ${prefix} by ${JSON.stringify(replacement)}`, () => {
      const path = { type: 'ReplacePrefixMatch', replacePrefixMatch: replacement } as const
      const { filters, faults } = translated([rewritePath(path)], prefix)
      expect(filters).to.deep.equal([{ kind: 'url-rewrite', path: { kind: 'prefix', prefix, value } }])
      expect(faults).to.deep.equal([])
    })

  it('redirects, with the default status and only response headers beside it', () => {
    const steps = translated([
      redirect({ hostname: 'example.org', path: { type: 'ReplaceFullPath', replaceFullPath: '/new' } }),
      requestHeaders({ remove: ['X-A'] }),
      { type: 'ResponseHeaderModifier', responseHeaderModifier: { remove: ['X-B'] } },
    ])
    expect(steps).to.deep.equal({
      filters: [{ kind: 'response-headers', change: { remove: ['X-B'], set: [], add: [] } }],
      redirect: { hostname: 'example.org', path: { kind: 'full', value: '/new' }, status: 302 },
      faults: [],
    })
  })

  const backendRef = { name: 'x' }
  const refused: readonly (readonly [string, readonly HTTPFilter[], string])[] = [
    [
      'a mirror',
      [{ type: 'RequestMirror', requestMirror: { backendRef } }],
      'f[0].type: "RequestMirror" is not supported',
    ],
    ['CORS', [{ type: 'CORS', cors: {} }], 'f[0].type: "CORS" is not supported'],
    [
      'an extension',
      [{ type: 'ExtensionRef', extensionRef: { group: 'a', kind: 'B', name: 'c' } }],
      'f[0].type: "ExtensionRef" is not supported; use RequestHeaderModifier, ResponseHeaderModifier, RequestRedirect, URLRewrite, or',
    ],
    [
      'a line break in a value',
      [requestHeaders({ set: [{ name: 'A', value: 'x\ny' }] })],
      'f[0].requestHeaderModifier.set: the value of "A" "x\\ny" has a control',
    ],
    ['an empty value', [requestHeaders({ add: [{ name: 'A', value: '' }] })], 'the value of "A" is empty'],
    ['a name with a colon', [requestHeaders({ remove: [':path'] })], '":path" is not a name'],
    [
      'a name in two lists',
      [requestHeaders({ remove: ['A'], set: [{ name: 'a', value: '1' }] })],
      '"a" stands in more than one of',
    ],
    [
      'the length of the message',
      [requestHeaders({ remove: ['Content-Length'] })],
      '"Content-Length" frames the message',
    ],
    [
      'a rewrite of no prefix',
      [rewritePath({ type: 'ReplacePrefixMatch', replacePrefixMatch: '/a' })],
      'f[0].urlRewrite.path.type: ReplacePrefixMatch needs',
    ],
    [
      'a relative path',
      [rewritePath({ type: 'ReplaceFullPath', replaceFullPath: 'a' })],
      'f[0].urlRewrite.path.replaceFullPath: "a" does not begin',
    ],
    [
      'a path with a query',
      [rewritePath({ type: 'ReplaceFullPath', replaceFullPath: '/a?b=c' })],
      '"/a?b=c" has a character',
    ],
    ['a missing path', [rewritePath({ type: 'ReplaceFullPath' })], 'replaceFullPath: is missing'],
    [
      'a hostname that is none',
      [{ type: 'URLRewrite', urlRewrite: { hostname: 'a b' } }],
      'f[0].urlRewrite.hostname: "a b" is not a hostname',
    ],
    [
      'a redirect to a wildcard',
      [redirect({ hostname: '*.a' })],
      'f[0].requestRedirect.hostname: "*.a" is not a hostname',
    ],
    ['a redirect to port 0', [redirect({ port: 0 })], 'f[0].requestRedirect.port: 0 is not a port'],
    ['a filter without its body', [{ type: 'RequestRedirect' }], 'f[0].requestRedirect: is missing'],
    ['the same type twice', [redirect({}), redirect({})], 'f[1]: is a second RequestRedirect filter'],
  ]
  for (const [sentence, filters, text] of refused)
    it(`refuses ${sentence}`, () => {
      const { faults } = translated(filters)
      expect(faults).to.have.lengthOf(1)
      expect(faults[0])
        .to.match(/^UnsupportedValue /)
        .and.to.include(text)
    })

  it('refuses values that the schema has learnt since', () => {
    const unknown: HTTPFilter = JSON.parse('{ "type": "toString" }')
    const scheme: HTTPFilter = JSON.parse(
      '{ "type": "RequestRedirect", "requestRedirect": { "scheme": "ftp", "statusCode": 304 } }',
    )
    const path: HTTPFilter = JSON.parse('{ "type": "URLRewrite", "urlRewrite": { "path": { "type": "Replace" } } }')
    expect(translated([unknown]).faults[0]).to.include('"toString" is not supported')
    expect(translated([scheme]).faults.map((fault) => fault.slice(0, 60))).to.deep.equal([
      'UnsupportedValue f[0].requestRedirect.scheme: "ftp" is not s',
      'UnsupportedValue f[0].requestRedirect.statusCode: 304 is not',
    ])
    expect(translated([path]).faults[0]).to.include('"Replace" is not supported')
  })

  it('does not combine a redirect with a rewrite', () => {
    const { faults } = translated([redirect({}), { type: 'URLRewrite', urlRewrite: { hostname: 'a' } }])
    expect(faults).to.deep.equal([
      'IncompatibleFilters f: RequestRedirect and URLRewrite exclude each other; keep one of them.',
    ])
  })
})
