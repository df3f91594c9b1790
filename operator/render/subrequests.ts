// Requests that HAProxy makes itself beside one that it forwards: entries of subrequests.map, which subrequests.lua reads.

import { backendName } from '../model/names.ts'
import type { BackendId, ExternalAuth, Filter, Mirror } from '../model/proxy-model.ts'
import { shortHash } from '../lib/hash.ts'

import { pathText, percentEncode } from './escape.ts'

/** `id` stands in records; `value` begins with the name of `backend`. */
export type Subrequest = { readonly id: string; readonly value: string; readonly backend: string }

/** All that a target's filters ask for. `scope` is the virtual host, so that no two of them share a key. */
export function subrequestsOf(filters: readonly Filter[], scope: string): readonly Subrequest[] {
  return filters.flatMap((filter) => {
    if (filter.kind === 'mirror') return filter.mirrors.map((mirror) => mirrorRequest(mirror, scope))
    return filter.kind === 'external-auth' ? filter.auths.map((auth) => authRequest(auth, scope)) : []
  })
}

/** `@x.HASH` → `backend|numerator|denominator`. */
export function mirrorRequest({ backend, numerator, denominator }: Mirror, scope: string): Subrequest {
  return subrequest({ letter: 'x', backend, fields: [String(numerator), String(denominator)] }, scope)
}

/** `@a.HASH` → `backend|path prefix|request headers|response headers|bytes of the body`. */
export function authRequest(auth: ExternalAuth, scope: string): Subrequest {
  const { backend, pathPrefix, requestHeaders, responseHeaders, bodySize } = auth
  const fields = [pathText(pathPrefix), nameList(requestHeaders), nameList(responseHeaders), String(bodySize)]
  return subrequest({ letter: 'a', backend, fields }, scope)
}

type Parts = { readonly letter: 'x' | 'a'; readonly backend: BackendId; readonly fields: readonly string[] }

function subrequest({ letter, backend, fields }: Parts, scope: string): Subrequest {
  const name = backendName(backend, 'plain')
  const value = [name, ...fields].join('|')
  return { id: `@${letter}.${shortHash(`${scope}\n${value}`)}`, value, backend: name }
}

function nameList(names: readonly string[]): string {
  return names.map(percentEncode).join(',')
}
