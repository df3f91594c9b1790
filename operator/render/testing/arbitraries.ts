// Random proxies and requests from small alphabets, so that rules collide and conditions hold and fail.

import fc from 'fast-check'

import type {
  Action,
  Cors,
  Filter,
  HeaderChange,
  Hostname,
  Match,
  Mirror,
  PathChange,
  Redirect,
  Rule,
  Target,
  ValueMatch,
  VirtualHost,
} from '../../model/proxy-model.ts'

import type { Request } from './oracle.ts'

export const backendIds = ['shop/cart:80', 'shop/cart:8080', 'other.team/web:80'] as const
const hostnames = [
  '',
  '*.example.com',
  '*.b.example.com',
  'a.example.com',
  'example.com',
  'a.b.example.com',
  'other.org',
]
const hosts = [...hostnames, 'x.example.com', 'y.z.example.com', 'q.b.example.com', 'nobody.net', 'b.example.com']
  .filter((name) => name !== '' && !name.startsWith('*'))
  .flatMap((name) => [name, name, name.toUpperCase(), `${name}:8080`, `${name}.`])
const segment = fc.constantFrom('a', 'b', 'ab', 'a;b', '$&*')
const headerValues = ['v1', 'two words', '%[path]', `it's "quoted"`, 'a|b;c#d', 'x'.repeat(300)]
const queryValues = ['v1', 'two words', 'grün', 'a|b;c#d&e=f']

const pathText = (end: fc.Arbitrary<string>) =>
  fc
    .tuple(fc.array(segment, { maxLength: 3 }), end)
    .map(([segments, last]) => `/${segments.join('/')}${segments.length > 0 ? last : ''}`)
const plainPath = (end: fc.Arbitrary<string>) => pathText(end).map((path) => path.replaceAll(';', ','))
const sometimesSlash = fc.constantFrom('', '', '/')

const pathMatch: fc.Arbitrary<Match['path']> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('prefix' as const), value: plainPath(sometimesSlash) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('exact' as const), value: plainPath(sometimesSlash) }) },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('regex' as const),
      value: fc.constantFrom('/a.*', '(?i)/A/b?', '/[^/]+/ab|/b', '/'),
    }),
  },
)

const regexes = ['v\\d', '(?i)TWO .*', '[^|]+']
const valueMatches = (names: readonly string[], values: readonly string[]): fc.Arbitrary<readonly ValueMatch[]> =>
  fc
    .subarray([...names], { maxLength: 2 })
    .chain((chosen) => fc.tuple(...chosen.map((name) => valueMatch(name, values))))
    .map((tests) => tests.toSorted((a, b) => (a.name < b.name ? -1 : 1)))
const valueMatch = (name: string, values: readonly string[]): fc.Arbitrary<ValueMatch> =>
  fc.oneof(
    {
      weight: 6,
      arbitrary: fc.record({
        name: fc.constant(name),
        kind: fc.constant('exact' as const),
        value: fc.constantFrom(...values),
      }),
    },
    {
      weight: 1,
      arbitrary: fc.record({
        name: fc.constant(name),
        kind: fc.constant('regex' as const),
        value: fc.constantFrom(...regexes),
      }),
    },
  )

// Names with signs that haproxy.cfg could misread are legal too.
const headerNames = ['x-one', 'x-two', `x-odd#'%$`]
const queryNames = ['q', 'version', "it's"]

const match: fc.Arbitrary<Match> = fc
  .record(
    {
      path: pathMatch,
      method: fc.constantFrom('GET', 'POST', 'DELETE'),
      headers: fc.oneof(fc.constant([]), valueMatches(headerNames, headerValues)),
      queries: fc.oneof(fc.constant([]), fc.constant([]), valueMatches(queryNames, queryValues)),
    },
    { requiredKeys: ['path', 'headers', 'queries'] },
  )
  .map((parts) => parts)

const headerChange: fc.Arbitrary<HeaderChange> = fc
  .subarray(['X-One', 'x-two', 'X-New'], { minLength: 1 })
  .chain((names) =>
    fc.tuple(
      ...names.map((name) =>
        fc.record({ name: fc.constant(name), value: fc.constantFrom(...headerValues), how: fc.nat(2) }),
      ),
    ),
  )
  .map((changes) => ({
    remove: changes.filter(({ how }) => how === 0).map(({ name }) => name),
    set: changes.filter(({ how }) => how === 1).map(({ name, value }) => ({ name, value })),
    add: changes.filter(({ how }) => how === 2).map(({ name, value }) => ({ name, value })),
  }))

const pathChange = ({ kind, value }: Match['path']): fc.Arbitrary<PathChange> => {
  const full = fc.record({
    kind: fc.constant('full' as const),
    value: pathText(sometimesSlash).map((path) => path.replaceAll(';', '')),
  })
  if (kind !== 'prefix') return full
  const replacement = fc.constantFrom('', '/', '/new', '/new/', '/a/$&*')
  return fc.oneof(
    full,
    fc.record({ kind: fc.constant('prefix' as const), prefix: fc.constant(value), value: replacement }),
  )
}

const responseHeaders: fc.Arbitrary<Filter> = headerChange.map((change) => ({ kind: 'response-headers', change }))

const origins = ['https://shop.example.com:443', 'http://*.example.com:8080', 'https://*:443', 'http://localhost:3000']
const orAny = (names: readonly string[]) => fc.oneof(fc.constant(['*']), fc.subarray([...names]))
const cors: fc.Arbitrary<Cors> = fc.record({
  origins: orAny(origins),
  credentials: fc.boolean(),
  methods: orAny(['GET', 'PUT', 'OPTIONS']),
  requestHeaders: orAny(['x-one', "x-odd#'%$"]),
  responseHeaders: orAny(['x-one', 'x-two']),
  maxAge: fc.constantFrom(5, 2 ** 31 - 1),
})
const corsFilter = cors.map((all): Filter => ({ kind: 'cors', cors: all }))
const mirror: fc.Arbitrary<Mirror> = fc.record({
  backend: fc.constantFrom(...backendIds),
  numerator: fc.constantFrom(0, 1, 1),
  denominator: fc.constant(1),
})
const mirrorFilter = fc
  .array(mirror, { minLength: 1, maxLength: 3 })
  .map((mirrors): Filter => ({ kind: 'mirror', mirrors }))
const sometimes = (filter: fc.Arbitrary<Filter>) => fc.option(filter, { freq: 2 })

const filters = (path: Match['path']): fc.Arbitrary<readonly Filter[]> =>
  fc
    .tuple(
      fc.option(headerChange.map((change): Filter => ({ kind: 'request-headers', change }))),
      fc.option(responseHeaders),
      fc.option(
        fc
          .record({ hostname: fc.constant('up.internal'), path: pathChange(path) }, { requiredKeys: [] })
          .map((rewrite): Filter => ({ kind: 'url-rewrite', ...rewrite })),
      ),
      sometimes(corsFilter),
      sometimes(mirrorFilter),
    )
    .map((all) => all.filter((filter) => filter !== null))

const responseFilters = fc
  .tuple(fc.option(responseHeaders), sometimes(corsFilter))
  .map((all) => all.filter((filter) => filter !== null))

const target = (path: Match['path']): fc.Arbitrary<Target> =>
  fc.oneof(
    {
      weight: 1,
      arbitrary: fc.record({
        kind: fc.constant('respond' as const),
        weight: fc.nat(9).map((n) => n + 1),
        status: fc.constantFrom(500 as const, 503 as const),
      }),
    },
    {
      weight: 1,
      arbitrary: fc.record({
        kind: fc.constant('redirect' as const),
        weight: fc.nat(9).map((n) => n + 1),
        redirect: redirect(path),
        filters: responseFilters,
      }),
    },
    {
      weight: 6,
      arbitrary: fc
        .tuple(
          fc.constantFrom(...backendIds),
          fc.nat(99),
          fc.oneof(fc.constant([]), filters(path)),
          fc.oneof(
            fc.constant({}),
            fc.record({ request: fc.constantFrom(0, 5000) }),
            fc.constant({ stream: true as const }),
          ),
          fc.integer({ max: 3, min: 0 }).map((n) => n === 0),
        )
        .map(
          ([backend, weight, filterList, timeouts, retries]): Target => ({
            kind: 'backend' as const,
            weight: weight + 1,
            backend,
            profile: retries
              ? 'retry.1.503'
              : filterList.length > 0 || Object.keys(timeouts).length > 0
                ? 'filtered'
                : 'plain',
            filters: filterList,
            timeouts,
          }),
        ),
    },
  )

const redirect = (path: Match['path']): fc.Arbitrary<Redirect> =>
  fc.record(
    {
      scheme: fc.constantFrom('http' as const, 'https' as const),
      hostname: fc.constant('new.example.org'),
      port: fc.constantFrom(80, 8443),
      path: pathChange(path),
      status: fc.constantFrom(301 as const, 302 as const, 303 as const, 307 as const, 308 as const),
    },
    { requiredKeys: ['status'] },
  )

const action = (path: Match['path']): fc.Arbitrary<Action> =>
  fc.oneof(
    {
      weight: 6,
      arbitrary: fc
        .array(target(path), { minLength: 1, maxLength: 3 })
        .map((targets) => ({ kind: 'forward' as const, targets })),
    },
    {
      weight: 2,
      arbitrary: fc
        .tuple(redirect(path), responseFilters)
        .map(([change, list]) => ({ kind: 'redirect' as const, redirect: change, filters: list })),
    },
    {
      weight: 1,
      arbitrary: fc.record({
        kind: fc.constant('respond' as const),
        status: fc.constantFrom(404 as const, 500 as const, 503 as const),
      }),
    },
  )

const rule: fc.Arbitrary<Rule> = match.chain((chosen) =>
  action(chosen.path).map((then) => ({ id: 'rule', match: chosen, action: then })),
)

/** Virtual hosts of one port. The order of rules is arbitrary: whoever renders must take it as given. */
export const virtualHosts = (port: number): fc.Arbitrary<readonly VirtualHost[]> =>
  fc
    .subarray<Hostname>(hostnames, { minLength: 1 })
    .chain((chosen) =>
      fc.tuple(
        ...chosen.map((hostname) => fc.array(rule, { maxLength: 8 }).map((rules) => ({ port, hostname, rules }))),
      ),
    )

const headers = (names: readonly string[]): fc.Arbitrary<Record<string, string>> =>
  fc
    .subarray([...names])
    .chain((chosen) =>
      fc.tuple(...chosen.map((name) => fc.constantFrom(...headerValues).map((value) => [name, value] as const))),
    )
    .map((pairs) => Object.fromEntries(pairs))

const query = fc
  .array(fc.tuple(fc.constantFrom(...queryNames, 'other'), fc.constantFrom(...queryValues)), { maxLength: 3 })
  .map((pairs) => pairs.map(([name, value]) => `${name}=${encodeURIComponent(value).replaceAll('%20', '+')}`).join('&'))

// What browsers send, and what only others do.
const askingOrigins = [
  'https://shop.example.com',
  'https://other.org:443',
  'http://a.b.example.com:8080',
  'http://example.com:8080',
  'http://localhost:3000',
  'http://localhost',
  'null',
]
const crossOrigin: fc.Arbitrary<Record<string, string>> = fc.oneof(
  fc.constant({}),
  fc
    .record(
      {
        origin: fc.constantFrom(...askingOrigins),
        'access-control-request-method': fc.constantFrom('PUT', 'GET'),
        'access-control-request-headers': fc.constantFrom('x-one', 'x-one,x-two'),
      },
      { requiredKeys: [] },
    )
    .map((asked) => asked),
)

export const request: fc.Arbitrary<Request> = fc.record({
  method: fc.constantFrom('GET', 'GET', 'POST', 'DELETE', 'OPTIONS'),
  body: fc.constantFrom('', '', 'a body'),
  host: fc.constantFrom(...hosts),
  path: plainPath(sometimesSlash),
  query,
  headers: fc.tuple(headers(headerNames), crossOrigin).map(([own, asked]) => ({ ...own, ...asked })),
})
