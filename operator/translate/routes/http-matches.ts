import type { HTTPMatch } from '../../model/kubernetes.ts'
import type { Match, PathMatch, ValueMatch } from '../../model/proxy-model.ts'

import { compareTexts } from '../../lib/compare-texts.ts'

import { httpDefaults } from './http-defaults.ts'
import type { Refuse } from './problems.ts'
import { comparedHeaderFault, expressionFault, nameFault, pathFault, quoted, valueFault } from './writable.ts'

type Comparison = { readonly name: string; readonly type?: string; readonly value: string }

/** The record of a match, values percent-encoded, must fit into one call of the Data Plane API, and the request into HAProxy's buffer. */
const mostComparedBytes = 6000

const methods = ['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'CONNECT', 'OPTIONS', 'TRACE', 'PATCH']

/**
 * One match of a rule, or undefined when a part of it cannot be programmed; `refuse` has been told which.
 * https://gateway-api.sigs.k8s.io/reference/spec/#httproutematch
 */
export function translateMatch(match: HTTPMatch, field: string, refuse: Refuse): Match | undefined {
  const faults: string[] = []
  const note: Refuse = (at, fault) => {
    faults.push(at)
    refuse(at, fault)
  }
  const path = translatePath(match.path ?? {}, `${field}.path`, note)
  const { method } = match
  if (method !== undefined && !methods.includes(method))
    note(`${field}.method`, `${quoted(method)} is not supported; write one of ${methods.join(', ')}.`)
  const headers = translateHeaders(match.headers ?? [], `${field}.headers`, note)
  // Query names are compared with case.
  const queries = translateValues(match.queryParams ?? [], {
    field: `${field}.queryParams`,
    refuse: note,
    exactFault: valueFault,
  })
  if (path === undefined) return undefined
  const translated: Match = { path, ...(method === undefined ? {} : { method }), headers, queries }
  checkComparedBytes(translated, field, note)
  return faults.length > 0 ? undefined : translated
}

/** Conditions on headers. Their names are compared without case; of equal names the first counts. */
export function translateHeaders(headers: readonly Comparison[], field: string, refuse: Refuse): readonly ValueMatch[] {
  const lowered = headers.map((header) => ({ ...header, name: header.name.toLowerCase() }))
  return translateValues(lowered, { field, refuse, exactFault: comparedHeaderFault })
}

/** Refuses a match whose texts are too long together. */
export function checkComparedBytes({ path, headers, queries }: Match, field: string, refuse: Refuse): void {
  const bytes = [...headers, ...queries].reduce((sum, { name, value }) => sum + encodedBytes(name + value), 0)
  const total = bytes + (path.kind === 'regex' ? encodedBytes(path.value) : 0)
  if (total > mostComparedBytes)
    refuse(
      field,
      `the texts to compare with take ${total} bytes, percent-encoded, and at most ${mostComparedBytes} can be programmed; compare with fewer or shorter ones.`,
    )
}

function encodedBytes(text: string): number {
  const unreserved = text.replaceAll(/[^\w.~-]/g, '').length
  return 3 * Buffer.byteLength(text) - 2 * unreserved
}

function translatePath(
  path: { readonly type?: string; readonly value?: string },
  field: string,
  refuse: Refuse,
): PathMatch | undefined {
  const { type = httpDefaults.pathType, value = httpDefaults.pathValue } = path
  const kind = pathKinds.get(type)
  if (kind === undefined) {
    refuse(`${field}.type`, `${quoted(type)} is not supported; write ${[...pathKinds.keys()].join(', ')}.`)
    return undefined
  }
  const fault = kind === 'regex' ? expressionFault(value) : pathFault(value)
  if (fault !== undefined) refuse(`${field}.value`, fault)
  // A trailing slash of a prefix is ignored: it matches whole path elements either way.
  return { kind, value: kind === 'prefix' && value !== '/' ? value.replace(/\/$/, '') : value }
}

const pathKinds = new Map<string, PathMatch['kind']>([
  ['Exact', 'exact'],
  ['PathPrefix', 'prefix'],
  ['RegularExpression', 'regex'],
])

const comparisonKinds = new Map<string, ValueMatch['kind']>([
  ['Exact', 'exact'],
  ['RegularExpression', 'regex'],
])

type ValuesPlace = {
  readonly field: string
  readonly refuse: Refuse
  readonly exactFault: (value: string) => string | undefined
}

function translateValues(comparisons: readonly Comparison[], place: ValuesPlace): readonly ValueMatch[] {
  return comparisons
    .flatMap((comparison, index) => {
      if (comparisons.findIndex(({ name }) => name === comparison.name) !== index) return []
      return translateValue(comparison, { ...place, field: `${place.field}[${index}]` }) ?? []
    })
    .toSorted((a, b) => compareTexts(a.name, b.name))
}

function translateValue(comparison: Comparison, { field, refuse, exactFault }: ValuesPlace): ValueMatch | undefined {
  const { name, type = httpDefaults.comparison, value } = comparison
  const kind = comparisonKinds.get(type)
  if (kind === undefined) {
    refuse(`${field}.type`, `${quoted(type)} is not supported; write ${[...comparisonKinds.keys()].join(', ')}.`)
    return undefined
  }
  const misnamed = nameFault(name)
  if (misnamed !== undefined) refuse(`${field}.name`, misnamed)
  const fault = kind === 'regex' ? expressionFault(value) : exactFault(value)
  if (fault !== undefined) refuse(`${field}.value`, fault)
  return { name, kind, value }
}
