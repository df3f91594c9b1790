// Filters, timeouts and redirects → records of actions.map. templates/sections/profiles and answers read them.

import { backendName } from '../model/names.ts'
import type { Cors, Filter, HeaderChange, PathChange, Redirect, Target } from '../model/proxy-model.ts'
import { retryPolicyOf } from '../model/retry.ts'

import { headerText, pathText, recordField } from './escape.ts'
import { authRequest, mirrorRequest } from './subrequests.ts'

/** A record without its id: the capital letters that tell which parts it has, and its fields. */
export type ActionRecord = { readonly letters: string; readonly text: string }

export type BackendTarget = Extract<Target, { kind: 'backend' }>

/** The record of a target, or undefined when there is nothing to do but forward. `scope` is the virtual host that it is for. */
export function forwardRecord(target: BackendTarget, scope: string): ActionRecord | undefined {
  const parts = [
    ...target.filters.map((filter) => filterParts(filter, scope)),
    timeoutParts(target),
    streamParts(target),
  ]
  if (parts.every((part) => part.letters === '')) return undefined
  return recordOf(
    Object.assign({ backend: backendName(target.backend, target.profile) }, ...parts.map(fieldsOf)),
    parts,
  )
}

/** The record of a redirect. Response headers, CORS and authorization have a meaning beside it. */
export function redirectRecord(redirect: Redirect, filters: readonly Filter[], scope: string): ActionRecord {
  const responses = filters.flatMap((filter) => {
    if (filter.kind === 'response-headers') return [partsByKind[filter.kind](filter)]
    if (filter.kind === 'external-auth') return [partsByKind[filter.kind](filter, scope)]
    return filter.kind === 'cors' ? [partsByKind[filter.kind](filter)] : []
  })
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
  'origins',
  'shared',
  'preflight',
  'mirrors',
  'auths',
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
  cors: ({ cors }) => corsParts(cors),
  mirror: ({ mirrors }, scope: string) => ({
    letters: 'M',
    fields: { mirrors: mirrors.map((mirror) => mirrorRequest(mirror, scope).id).join(',') },
  }),
  'external-auth': ({ auths }, scope: string) => ({
    letters: 'E',
    fields: { auths: auths.map((auth) => authRequest(auth, scope).id).join(',') },
  }),
} satisfies { [K in Filter['kind']]: (filter: Extract<Filter, { kind: K }>, scope: string) => Parts }

function filterParts(filter: Filter, scope: string): Parts {
  if (filter.kind === 'mirror') return partsByKind[filter.kind](filter, scope)
  if (filter.kind === 'external-auth') return partsByKind[filter.kind](filter, scope)
  if (filter.kind === 'cors') return partsByKind[filter.kind](filter)
  if (filter.kind === 'request-headers') return partsByKind[filter.kind](filter)
  if (filter.kind === 'response-headers') return partsByKind[filter.kind](filter)
  return partsByKind[filter.kind](filter)
}

// With credentials a browser takes `*` for a name, so what it asks for is said back to it: V the method, N the header names.
// https://fetch.spec.whatwg.org/#cors-protocol-and-credentials
function corsParts(cors: Cors): Parts {
  const { credentials, origins, methods, requestHeaders, responseHeaders } = cors
  const said = (names: readonly string[]) => names.length > 0 && !(credentials && isAny(names))
  const echoed = (names: readonly string[]) => credentials && isAny(names)
  const list = (name: string, names: readonly string[]) => (said(names) ? [{ name, value: names.join(', ') }] : [])
  return {
    letters: `O${echoed(methods) ? 'V' : ''}${echoed(requestHeaders) ? 'N' : ''}`,
    fields: {
      origins: isAny(origins) && credentials ? '=' : origins.join(','),
      shared: headerPairs([
        ...(credentials ? [{ name: 'access-control-allow-credentials', value: 'true' }] : []),
        ...list('access-control-expose-headers', responseHeaders),
      ]),
      preflight: headerPairs([
        ...list('access-control-allow-methods', methods),
        ...list('access-control-allow-headers', requestHeaders),
        { name: 'access-control-max-age', value: String(cors.maxAge) },
      ]),
    },
  }
}

function isAny(names: readonly string[]): boolean {
  return names[0] === '*'
}

// HAProxy's server timeout is one of inactivity and of one attempt, so it stands for both: the shorter one, where all attempts together
// must not take longer than the request may. 0 is none; a day stands for it.
function timeoutParts({ timeouts: { request, backendRequest }, profile }: BackendTarget): Parts {
  if (request === undefined && backendRequest === undefined) return { letters: '', fields: {} }
  const { attempts, backoff } = retryPolicyOf(profile) ?? { attempts: 0, backoff: 0 }
  const share = Math.floor(((request ?? 0) - attempts * backoff) / (attempts + 1))
  const ofRequest = request === undefined || request === 0 ? oneDay : Math.max(1, share)
  const ofAttempt = backendRequest === undefined || backendRequest === 0 ? oneDay : backendRequest
  const shortest = Math.min(oneDay, ofRequest, ofAttempt)
  return { letters: 'T', fields: { timeout: String(shortest) } }
}
// How long is said by the lines that act on the letter.
function streamParts({ timeouts: { stream } }: BackendTarget): Parts {
  return { letters: stream === true ? 'G' : '', fields: {} }
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
