// Random rules of HTTPRoutes.

import type { HTTPBackendRef, HTTPFilter, HTTPMatch, HTTPRouteRule } from '../../operator/model/kubernetes.ts'

import type { Random } from './random.ts'

/** What requests are made of, too. */
export const alphabet = {
  segments: ['a', 'b', 'ab', 'A', 'a.b', '$&*', 'c%20d', '%61'],
  methods: ['GET', 'POST', 'PUT', 'DELETE', 'OPTIONS'],
  headers: ['x-one', 'X-Two', 'x_three'],
  queries: ['q', 'Q', 'version'],
  values: ['v1', 'v2', 'two words', `it's "x" %[path]`],
} as const

export const pathRegexes = ['/a/.*', '/[ab]+', '/(a|b)/?', '.*b'] as const
export const valueRegexes = ['v[0-9]', '.*words', '[a-z ]+'] as const

export function randomRules(random: Random): readonly HTTPRouteRule[] {
  return random.list(1, 4, () => randomRule(random))
}

function randomRule(random: Random): HTTPRouteRule {
  const matches = random.list(0, 3, () => randomMatch(random))
  const redirects = random.chance(0.15)
  const canReplacePrefix = matches.length === 1 && isPrefix(matches[0])
  const filters = redirects ? redirectFilters(random, canReplacePrefix) : forwardFilters(random, canReplacePrefix)
  return {
    ...(matches.length === 0 ? {} : { matches }),
    ...(filters.length === 0 ? {} : { filters }),
    ...(redirects || random.chance(0.05) ? {} : { backendRefs: randomBackendRefs(random) }),
  }
}

function isPrefix(match: HTTPMatch | undefined): boolean {
  return match?.path?.type === 'PathPrefix'
}

// ---- matches ------------------------------------------------------------------------------------------------------------------------

function randomMatch(random: Random): HTTPMatch {
  const compared = random.some(alphabet.headers, 0.15)
  // Of names that differ in case only, the first one counts.
  const repeated = random.chance(0.1) ? compared.map((name) => name.toUpperCase()) : []
  const headers = [...compared, ...repeated].map((name) => randomComparison(random, name))
  const queryParams = random.some(alphabet.queries, 0.1).map((name) => randomComparison(random, name))
  return {
    ...(random.chance(0.85) ? { path: randomPathMatch(random) } : {}),
    ...(random.chance(0.2) ? { method: random.pick(alphabet.methods) } : {}),
    ...(headers.length === 0 ? {} : { headers }),
    ...(queryParams.length === 0 ? {} : { queryParams }),
  }
}

function randomPathMatch(random: Random): NonNullable<HTTPMatch['path']> {
  const value = randomPath(random)
  const kind = random.number(10)
  if (kind === 0) return { type: 'RegularExpression', value: random.pick(pathRegexes) }
  if (kind <= 3) return { type: 'Exact', value }
  return kind === 4 ? { value } : { type: 'PathPrefix', value }
}

function randomPath(random: Random): string {
  const segments = random.list(0, 3, () => random.pick(alphabet.segments))
  return `/${segments.join('/')}${segments.length > 0 && random.chance(0.2) ? '/' : ''}`
}

type Comparison = { readonly name: string; readonly type?: 'Exact' | 'RegularExpression'; readonly value: string }

function randomComparison(random: Random, name: string): Comparison {
  const written = random.chance(0.2) && name.startsWith('x') ? name.toUpperCase() : name
  if (random.chance(0.15)) return { name: written, type: 'RegularExpression', value: random.pick(valueRegexes) }
  return { name: written, value: random.pick(alphabet.values), ...(random.chance(0.5) ? { type: 'Exact' } : {}) }
}

// ---- filters ------------------------------------------------------------------------------------------------------------------------

function redirectFilters(random: Random, canReplacePrefix: boolean): readonly HTTPFilter[] {
  return [
    {
      type: 'RequestRedirect',
      requestRedirect: {
        ...(random.chance(0.4) ? { scheme: random.pick(['http', 'https']) } : {}),
        ...(random.chance(0.4) ? { hostname: 'new.example.org' } : {}),
        ...(random.chance(0.3) ? { port: random.pick([80, 443, 8443]) } : {}),
        ...(random.chance(0.5) ? { path: randomPathChange(random, canReplacePrefix) } : {}),
        ...(random.chance(0.5) ? { statusCode: random.pick([301, 302, 303, 307, 308]) } : {}),
      },
    },
  ]
}

function forwardFilters(random: Random, canReplacePrefix: boolean): readonly HTTPFilter[] {
  return [
    ...randomHeaderFilters(random, 0.15),
    ...(random.chance(0.2)
      ? [
          {
            type: 'URLRewrite' as const,
            urlRewrite: {
              ...(random.chance(0.5) ? { hostname: 'up.internal' } : {}),
              path: randomPathChange(random, canReplacePrefix),
            },
          },
        ]
      : []),
  ]
}

function randomHeaderFilters(random: Random, probability: number): readonly HTTPFilter[] {
  return [
    ...(random.chance(probability)
      ? [{ type: 'RequestHeaderModifier' as const, requestHeaderModifier: randomHeaderChange(random) }]
      : []),
    ...(random.chance(probability)
      ? [{ type: 'ResponseHeaderModifier' as const, responseHeaderModifier: randomHeaderChange(random) }]
      : []),
  ]
}

// A name in one list only: the specification does not say in which order the lists apply.
function randomHeaderChange(random: Random): NonNullable<HTTPFilter['requestHeaderModifier']> {
  const names = random.some(['X-One', 'x-two', 'X-New', 'x-backend'], 0.6)
  const kinds = names.map(() => random.number(3))
  const named = (kind: number) => names.filter((_, index) => kinds[index] === kind)
  const pairs = (kind: number) => named(kind).map((name) => ({ name, value: random.pick(alphabet.values) }))
  const [set, add, remove] = [pairs(0), pairs(1), named(2)]
  return {
    ...(set.length === 0 ? {} : { set }),
    ...(add.length === 0 ? {} : { add }),
    ...(remove.length === 0 ? {} : { remove }),
  }
}

type PathChange = NonNullable<NonNullable<HTTPFilter['urlRewrite']>['path']>

function randomPathChange(random: Random, canReplacePrefix: boolean): PathChange {
  if (canReplacePrefix && random.chance(0.7))
    return { type: 'ReplacePrefixMatch', replacePrefixMatch: random.pick(['', '/', '/new', '/new/', '/a/$&*']) }
  return { type: 'ReplaceFullPath', replaceFullPath: random.pick(['/', '/full', '/full/path/']) }
}

// ---- backends -----------------------------------------------------------------------------------------------------------------------

/** Backends with weights, and nothing else. */
export function randomTargets(random: Random): readonly Omit<HTTPBackendRef, 'filters'>[] {
  return random.list(1, 3, () => randomTarget(random))
}

function randomBackendRefs(random: Random): readonly HTTPBackendRef[] {
  return random.list(1, 3, () => {
    const filters = random.chance(0.1) ? randomHeaderFilters(random, 0.5) : []
    return { ...randomTarget(random), ...(filters.length === 0 ? {} : { filters }) }
  })
}

function randomTarget(random: Random): HTTPBackendRef {
  const weight = random.pick([undefined, undefined, 0, 1, 1, 3, 10])
  return { ...random.pick(targets), ...(weight === undefined ? {} : { weight }) }
}

/** Some exist everywhere, some in some namespaces, some need a grant, some lead nowhere. */
const targets: readonly [HTTPBackendRef, ...HTTPBackendRef[]] = [
  { name: 'one', port: 80 },
  { name: 'one', port: 80 },
  { name: 'one', port: 80 },
  { name: 'one', namespace: 'shop', port: 80 },
  { name: 'one', namespace: 'shop', port: 8080 },
  { name: 'two', namespace: 'shop', port: 80 },
  { name: 'one', port: 80 },
  { name: 'one', port: 80, kind: 'Service', group: '' },
  { name: 'one', namespace: 'team', port: 80 },
  { name: 'four', namespace: 'other', port: 80 },
  { name: 'empty', namespace: 'shop', port: 80 },
  { name: 'one', namespace: 'shop', port: 81 },
  { name: 'nothing', port: 80 },
  { name: 'one', kind: 'Deployment', group: 'apps', port: 80 },
]
