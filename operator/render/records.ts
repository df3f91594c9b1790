// Filters, timeouts and redirects → records of actions.map. templates/sections/profiles and answers read them.

import { backendName } from '../model/names.ts'
import type { Filter, HeaderChange, PathChange, Redirect, Target, Timeouts } from '../model/proxy-model.ts'

import { headerText, pathText, recordField } from './escape.ts'

/** A record without its id: the capital letters that tell which parts it has, and its fields. */
export type ActionRecord = { readonly letters: string; readonly text: string }

export type BackendTarget = Extract<Target, { kind: 'backend' }>

/** The record of a target, or undefined when there is nothing to do but forward. */
export function forwardRecord(target: BackendTarget): ActionRecord | undefined {
  const parts = [...target.filters.map(filterParts), timeoutParts(target.timeouts)]
  if (parts.every((part) => part.letters === '')) return undefined
  return recordOf(
    Object.assign({ backend: backendName(target.backend, target.profile) }, ...parts.map(fieldsOf)),
    parts,
  )
}

/** The record of a redirect. Only response headers have a meaning beside it. */
export function redirectRecord(redirect: Redirect, filters: readonly Filter[]): ActionRecord {
  const responses = filters.filter((filter) => filter.kind === 'response-headers').map(filterParts)
  const path = pathParts(redirect.path)
  const letters = `${redirect.scheme === undefined ? '' : 'C'}${redirect.hostname === undefined ? '' : 'H'}`
  const fields: Fields = {
    backend: 'redirect',
    remove: redirect.scheme === undefined ? '' : `${redirect.scheme}://`,
    set: redirect.hostname ?? '',
    add: redirect.port === undefined ? '' : `:${redirect.port}`,
    host: String(redirect.status),
  }
  const parts = [{ letters, fields }, path, ...responses]
  return recordOf(Object.assign({}, ...parts.map(fieldsOf)), parts)
}

/** In the order of a forwarding record. A redirect's own meanings of the first ones stand in templates/sections/answers. */
const fieldOrder = [
  'backend',
  'remove',
  'set',
  'add',
  'host',
  'path',
  'prefixLength',
  'timeout',
  'responseRemove',
  'responseSet',
  'responseAdd',
] as const

type Fields = { readonly [K in (typeof fieldOrder)[number]]?: string }
type Parts = { readonly letters: string; readonly fields: Fields }

const partsByKind = {
  'request-headers': ({ change }) => ({
    letters: `${change.remove.length > 0 ? 'D' : ''}${change.set.length > 0 ? 'S' : ''}${change.add.length > 0 ? 'A' : ''}`,
    fields: {
      remove: change.remove.length > 0 ? headerNames(change) : '',
      set: change.set.length > 0 ? headerPairs(change.set) : '',
      add: change.add.length > 0 ? headerPairs(change.add) : '',
    },
  }),
  'response-headers': ({ change }) => ({
    letters: 'R',
    // All three lines run when the letter is there, and an empty list is not an empty field.
    fields: {
      responseRemove: headerNames(change),
      responseSet: headerPairs(change.set),
      responseAdd: headerPairs(change.add),
    },
  }),
  'url-rewrite': ({ hostname, path }) => {
    const changed = pathParts(path)
    if (hostname === undefined) return changed
    return { letters: `${changed.letters}H`, fields: { ...changed.fields, host: hostname } }
  },
} satisfies { [K in Filter['kind']]: (filter: Extract<Filter, { kind: K }>) => Parts }

function filterParts(filter: Filter): Parts {
  if (filter.kind === 'request-headers') return partsByKind[filter.kind](filter)
  if (filter.kind === 'response-headers') return partsByKind[filter.kind](filter)
  return partsByKind[filter.kind](filter)
}

// HAProxy's server timeout is one of inactivity, so it stands for both: the shorter one. 0 is none; a day stands for it.
function timeoutParts(timeouts: Timeouts): Parts {
  const given = [timeouts.request, timeouts.backendRequest].filter((timeout) => timeout !== undefined)
  if (given.length === 0) return { letters: '', fields: {} }
  const shortest = Math.min(oneDay, ...given.filter((timeout) => timeout > 0))
  return { letters: 'T', fields: { timeout: String(shortest) } }
}
const oneDay = 24 * 60 * 60 * 1000

// An empty replacement must leave `/`, so it takes the slash after the prefix along and puts one back.
function pathParts(change: PathChange | undefined): Parts {
  if (change === undefined) return { letters: '', fields: {} }
  if (change.kind === 'full')
    return { letters: 'F', fields: { path: pathText(change.value === '' ? '/' : change.value) } }
  const prefix = withoutEndSlash(change.prefix)
  const replacement = withoutEndSlash(change.value)
  const path = replacement === '' ? '/' : pathText(replacement)
  const prefixLength = String(Buffer.byteLength(prefix) + (replacement === '' ? 1 : 0))
  return { letters: 'X', fields: { path, prefixLength } }
}

/** `/foo/` is the same prefix as `/foo`, and `/` as the empty one. */
export function withoutEndSlash(prefix: string): string {
  return prefix.replace(/\/+$/, '')
}

function recordOf(fields: Fields, parts: readonly Parts[]): ActionRecord {
  const texts = fieldOrder.map((name) => recordField(fields[name] ?? ''))
  return { letters: parts.map((part) => part.letters).join(''), text: texts.join('|').replace(/\|+$/, '') }
}

function fieldsOf(parts: Parts): Fields {
  return parts.fields
}

// HAProxy's binary list of headers: each string with its length in front, an empty pair at the end; base64 without padding.
function headerPairs(headers: HeaderChange['set']): string {
  return binary([...headers.flatMap(({ name, value }) => [name.toLowerCase(), value]), '', ''])
}

function headerNames(change: HeaderChange): string {
  return binary([...change.remove.map((name) => name.toLowerCase()), ''])
}

function binary(texts: readonly string[]): string {
  const parts = texts.flatMap((text) => {
    const bytes = Buffer.from(headerText(text))
    return [Buffer.from(lengthBytes(bytes.length)), bytes]
  })
  return Buffer.concat(parts).toString('base64url')
}

/** HAProxy's variable-length integer: one byte below 240, else four bits in the first and seven in each further byte. */
export function lengthBytes(length: number): readonly number[] {
  if (length < 240) return [length]
  const bytes = [(length & 15) | 240]
  let rest = (length - 240) >>> 4
  while (rest >= 128) {
    bytes.push((rest & 127) | 128)
    rest = (rest - 128) >>> 7
  }
  return [...bytes, rest]
}
