import { expect } from 'chai'

import type { HTTPFilter } from '../../model/kubernetes.ts'
import type { Filter } from '../../model/proxy-model.ts'

import { createProblems } from '../routes/problems.ts'
import type { FilterPlace } from './filter-place.ts'
import { translateFilters } from './filters.ts'

function translated(filters: readonly HTTPFilter[], prefix?: string) {
  const { refuse, problems } = createProblems()
  const resolve: FilterPlace['resolve'] = ({ name }) => (name === 'missing' ? undefined : `shop/${name}:80`)
  const steps = translateFilters(filters, { field: 'f', refuse, resolve, ...(prefix === undefined ? {} : { prefix }) })
  return { ...steps, faults: problems.map(({ reason, message }) => `${reason} ${message}`) }
}

function requestHeaders(requestHeaderModifier: NonNullable<HTTPFilter['requestHeaderModifier']>): HTTPFilter {
  return { type: 'RequestHeaderModifier', requestHeaderModifier }
}
function rewritePath(path: NonNullable<NonNullable<HTTPFilter['urlRewrite']>['path']>): HTTPFilter {
  return { type: 'URLRewrite', urlRewrite: { path } }
}
function cors(rules: NonNullable<HTTPFilter['cors']>): HTTPFilter {
  return { type: 'CORS', cors: rules }
}
function auth(
  rules: Omit<NonNullable<HTTPFilter['externalAuth']>, 'backendRef' | 'protocol'>,
  name = 'auth',
): HTTPFilter {
  return { type: 'ExternalAuth', externalAuth: { protocol: 'HTTP', backendRef: { name }, ...rules } }
}
function mirror(share: Omit<NonNullable<HTTPFilter['requestMirror']>, 'backendRef'>, name = 'canary'): HTTPFilter {
  return { type: 'RequestMirror', requestMirror: { backendRef: { name }, ...share } }
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

  it('writes origins with their port and in lower case, and any as *', () => {
    const allowOrigins = [
      'https://A.example.com',
      'https://a.example.com:443',
      'HTTP://*.example.com',
      'https://*:8443',
    ]
    const { filters, faults } = translated([cors({ allowOrigins, allowMethods: ['PUT'], exposeHeaders: ['x', '*'] })])
    const expected: readonly Filter[] = [
      {
        kind: 'cors',
        cors: {
          origins: ['https://a.example.com:443', 'http://*.example.com:80', 'https://*:8443'],
          credentials: false,
          methods: ['PUT'],
          requestHeaders: [],
          responseHeaders: ['*'],
          maxAge: 5,
        },
      },
    ]
    expect([filters, faults]).to.deep.equal([expected, []])
  })

  it('mirrors to several backends, each with its share; none of nothing and none to nowhere', () => {
    const { filters, faults } = translated([
      mirror({}),
      mirror({ percent: 0 }),
      mirror({ fraction: { numerator: 1 } }, 'other'),
      mirror({ percent: 7 }, 'missing'),
    ])
    const mirrors = [
      { backend: 'shop/canary:80', numerator: 100, denominator: 100 },
      { backend: 'shop/other:80', numerator: 1, denominator: 100 },
    ]
    expect([filters, faults]).to.deep.equal([[{ kind: 'mirror', mirrors }], []])
  })

  it('asks others, also before a redirect; one that is not there lets nothing through', () => {
    const http = { path: '/check/', allowedHeaders: ['Cookie', 'cookie'], allowedResponseHeaders: ['X-User'] }
    const asked: Filter = {
      kind: 'external-auth',
      auths: [
        {
          backend: 'shop/auth:80',
          pathPrefix: '/check',
          requestHeaders: ['cookie'],
          responseHeaders: ['x-user'],
          bodySize: 9,
        },
      ],
    }
    const filter = auth({ http, forwardBody: { maxSize: 9 } })
    expect(translated([filter])).to.deep.equal({ filters: [asked], faults: [] })
    expect(translated([filter, redirect({})]).filters).to.deep.equal([asked])
    expect(translated([auth({}, 'missing')])).to.deep.equal({ filters: [], closed: true, faults: [] })
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
    ['authorization without its body', [{ type: 'ExternalAuth' }], 'f[0].externalAuth: is missing'],
    [
      'authorization by gRPC',
      [{ type: 'ExternalAuth', externalAuth: { backendRef, protocol: 'GRPC', grpc: {} } }],
      'f[0].externalAuth.protocol: GRPC is not supported; write HTTP.',
    ],
    [
      'a relative path to ask for',
      [auth({ http: { path: 'check' } })],
      'f[0].externalAuth.http.path: "check" does not',
    ],
    [
      'a header to show that is none',
      [auth({ http: { allowedHeaders: ['a b'] } })],
      'http.allowedHeaders: "a b" is not a name',
    ],
    [
      'a header to take over that is none',
      [auth({ http: { allowedResponseHeaders: [''] } })],
      'http.allowedResponseHeaders: "" is not a name',
    ],
    [
      'a body that does not fit into a buffer',
      [auth({ forwardBody: { maxSize: 12_001 } })],
      'f[0].externalAuth.forwardBody.maxSize: 12001 bytes of a body cannot be forwarded',
    ],
    ['a mirror without its body', [{ type: 'RequestMirror' }], 'f[0].requestMirror: is missing'],
    ['a mirror of 101 percent', [mirror({ percent: 101 })], 'f[0].requestMirror.percent: 101 is not a percentage'],
    ['half a percent', [mirror({ percent: 0.5 })], 'f[0].requestMirror.percent: 0.5 is not a percentage'],
    [
      'a mirror of more than all',
      [mirror({ fraction: { numerator: 3, denominator: 2 } })],
      'f[0].requestMirror.fraction: 3/2 is not a share',
    ],
    [
      'a mirror of nothing of nothing',
      [mirror({ fraction: { numerator: 0, denominator: 0 } })],
      'f[0].requestMirror.fraction: 0/0 is not a share',
    ],
    [
      'percent beside a fraction',
      [mirror({ percent: 1, fraction: { numerator: 1 } })],
      'f[0].requestMirror.percent: stands beside a fraction',
    ],
    ['CORS without its body', [{ type: 'CORS' }], 'f[0].cors: is missing'],
    ['CORS for no time', [cors({ maxAge: 0 })], 'f[0].cors.maxAge: 0 is not a number of seconds'],
    [
      'a header that CORS cannot name',
      [cors({ allowHeaders: ['a,b'] })],
      'f[0].cors.allowHeaders: "a,b" is not a name',
    ],
    [
      'a line break in an exposed header',
      [cors({ exposeHeaders: ['a\nb'] })],
      'f[0].cors.exposeHeaders: "a\\nb" is not a name',
    ],
    ...[
      'example.com',
      'ftp://example.com',
      'https://example.com/',
      'https://*example.com',
      'https://a.*.com',
      'https://a b',
      'https://a:0',
      'https://a:65536',
      'https://a,b',
      'https://user@a',
      'null',
      '',
      'https://a\nb',
    ].map(
      (origin) =>
        [
          `the origin ${JSON.stringify(origin)}`,
          [cors({ allowOrigins: [origin] })],
          `f[0].cors.allowOrigins[0]: ${JSON.stringify(origin)} is not an origin`,
        ] as const,
    ),
    [
      'an extension',
      [{ type: 'ExtensionRef', extensionRef: { group: 'a', kind: 'B', name: 'c' } }],
      'f[0].type: "ExtensionRef" is not supported; use RequestHeaderModifier, ResponseHeaderModifier, RequestRedirect, URLRewrite, RequestMirror, CORS, ExternalAuth, or',
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
