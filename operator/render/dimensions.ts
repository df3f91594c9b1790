// The dimensions of a decision, in the fixed order in which a frontend's lines test them.

import type { Match, ValueMatch } from '../model/proxy-model.ts'
import { shortHash } from '../lib/hash.ts'

import { isPlainName, percentEncode } from './escape.ts'

export type Dimension = {
  /** In node ids and variable names. A hash of the condition's name, never a number: adding a name must not rename others. */
  readonly id: string
  /** Sorts as the frontend's lines do: method, headers by name, query parameters by name. */
  readonly order: string
}

/** What a match asks of one dimension; `value` as it stands in edge keys. */
export type Test = { readonly dimension: Dimension; readonly value: string }

const method: Dimension = { id: 'm', order: '0' }

export function dimensionOf(kind: 'header' | 'query', name: string): Dimension {
  return kind === 'header'
    ? { id: `h${shortHash(name)}`, order: `1${name}` }
    : { id: `q${shortHash(name)}`, order: `2${name}` }
}

/** The tests of a match besides its path, in the order of dimensions; undefined when only Lua can decide it. */
export function testsOf(match: Match): readonly Test[] | undefined {
  if (match.path.kind === 'regex' || ![...match.headers, ...match.queries].every(fitsTree)) return undefined
  return [
    ...(match.method === undefined ? [] : [{ dimension: method, value: match.method }]),
    ...match.headers.map((header) => ({
      dimension: dimensionOf('header', header.name),
      value: percentEncode(header.value),
    })),
    ...match.queries.map((query) => ({
      dimension: dimensionOf('query', query.name),
      value: percentEncode(query.value),
    })),
  ].toSorted((a, b) => (a.dimension.order < b.dimension.order ? -1 : 1))
}

/** The tests of a match as candidates.lua reads them; a prefix or an exact path is already decided by the paths map. */
export function luaTests(match: Match): string {
  const tests = [
    ...(match.path.kind === 'regex' ? [['p', '', '~', match.path.value]] : []),
    ...(match.method === undefined ? [] : [['m', '', '=', match.method]]),
    ...match.headers.map((header) => luaTest('h', header)),
    ...match.queries.map((query) => luaTest('q', query)),
  ]
  return tests
    .map(
      ([kind, name = '', operator, value = '']) => `${kind}:${percentEncode(name)}:${operator}:${percentEncode(value)}`,
    )
    .join(',')
}

function luaTest(kind: 'h' | 'q', test: ValueMatch): readonly string[] {
  return [kind, test.name, test.kind === 'regex' ? '~' : '=', test.value]
}

function fitsTree(test: ValueMatch): boolean {
  return test.kind === 'exact' && isPlainName(test.name)
}
