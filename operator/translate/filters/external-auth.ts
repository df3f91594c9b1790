import type { HTTPFilter } from '../../model/kubernetes.ts'
import type { Filter } from '../../model/proxy-model.ts'

import { nameFault, pathFault } from '../routes/writable.ts'
import type { FilterPlace } from './filter-place.ts'

type Auth = NonNullable<HTTPFilter['externalAuth']>

/** Bytes of a body that fit into HAProxy's buffer beside the head of the request. */
const largestBody = 12_000

/**
 * ExternalAuth over HTTP: another backend decides whether a request goes on. One that cannot be asked lets nothing through: closed.
 * https://gateway-api.sigs.k8s.io/geps/gep-1494/
 */
export function translateExternalAuth(
  auth: Auth | undefined,
  place: FilterPlace,
): Filter | { readonly kind: 'closed' } | undefined {
  const field = `${place.field}.externalAuth`
  if (auth === undefined) {
    place.refuse(field, 'is missing; write a backendRef to ask.')
    return undefined
  }
  if (auth.protocol !== 'HTTP') {
    place.refuse(`${field}.protocol`, `${auth.protocol} is not supported; write HTTP.`)
    return undefined
  }
  const { path = '', allowedHeaders = [], allowedResponseHeaders = [] } = auth.http ?? {}
  checkHttp({ path, allowedHeaders, allowedResponseHeaders }, { ...place, field: `${field}.http` })
  const bodySize = auth.forwardBody?.maxSize ?? 0
  if (!Number.isInteger(bodySize) || bodySize < 0 || bodySize > largestBody)
    place.refuse(
      `${field}.forwardBody.maxSize`,
      `${bodySize} bytes of a body cannot be forwarded; write a whole number from 0 to ${largestBody}.`,
    )
  const backend = place.resolve(auth.backendRef, `${field}.backendRef`)
  if (backend === undefined) return { kind: 'closed' }
  const asked = {
    backend,
    pathPrefix: path.replace(/\/+$/, ''),
    requestHeaders: lowerCase(allowedHeaders),
    responseHeaders: lowerCase(allowedResponseHeaders),
    bodySize,
  }
  return { kind: 'external-auth', auths: [asked] }
}

function checkHttp(http: Required<NonNullable<Auth['http']>>, { field, refuse }: FilterPlace): void {
  const fault = http.path === '' ? undefined : pathFault(http.path)
  if (fault !== undefined) refuse(`${field}.path`, fault)
  for (const list of ['allowedHeaders', 'allowedResponseHeaders'] as const)
    for (const name of http[list]) {
      const wrong = nameFault(name)
      if (wrong !== undefined) refuse(`${field}.${list}`, wrong)
    }
}

function lowerCase(names: readonly string[]): readonly string[] {
  return [...new Set(names.map((name) => name.toLowerCase()))]
}
