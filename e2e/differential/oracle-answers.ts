// What filters make of requests and responses, after the texts of HTTPHeaderFilter, HTTPPathModifier and HTTPRequestRedirectFilter.

import type { GatewayListener, HTTPFilter, HTTPRequestRedirect } from '../../operator/model/kubernetes.ts'

export type Request = {
  readonly port: number
  /** The name in the TLS handshake; absent: clear text. */
  readonly sni?: string
  readonly method: string
  /** As in the Host header. */
  readonly host: string
  readonly path: string
  /** Without the question mark; may be empty. */
  readonly query: string
  readonly headers: Headers
}
export type Headers = Readonly<Record<string, string>>

/** As much of an answer as is compared; absent: nothing is said about it. */
export type Answer = {
  readonly status: number
  readonly location?: string
  readonly responseHeaders?: Headers
  /** Who answered, and what reached it. */
  readonly backend?: string
  readonly target?: string
  readonly host?: string
  readonly requestHeaders?: Headers
}

/** What every backend answers with. */
export const backendHeaders: Headers = { 'x-one': 'from the backend', 'x-backend': 'yes' }
/** Those that filters change. */
export const comparedHeaders = ['x-one', 'x-two', 'x_three', 'x-new', 'x-backend']

export function respond(status: number): Answer {
  return { status }
}

type Change = {
  readonly request: Request
  /** Those of the rule, then those of the backendRef. */
  readonly filters: readonly HTTPFilter[]
  /** The path of the match. */
  readonly prefix: string
}

/** The answers that a request leads to under these filters. */
export function changed({ request, filters, prefix }: Change): {
  readonly redirected: (redirect: HTTPRequestRedirect, listener: GatewayListener) => Answer
  readonly forwarded: (backend: string) => Answer
} {
  const query = request.query === '' ? '' : `?${request.query}`
  return {
    redirected({ scheme, hostname, port: asked, path, statusCode = 302 }, listener) {
      const wanted = scheme ?? (listener.protocol === 'HTTPS' ? 'https' : 'http')
      const wellKnown = wanted === 'https' ? 443 : 80
      const port = asked ?? (scheme === undefined ? listener.port : wellKnown)
      const host = hostname ?? request.host.replace(/:\d+$/, '').toLowerCase()
      const authority = port === wellKnown ? host : `${host}:${port}`
      return {
        status: statusCode,
        location: `${wanted}://${authority}${changePath(path, prefix, request.path)}${query}`,
      }
    },
    forwarded(backend) {
      const rewrite = filters.find(({ type }) => type === 'URLRewrite')?.urlRewrite
      return {
        status: 200,
        backend,
        target: `${changePath(rewrite?.path, prefix, request.path)}${query}`,
        host: rewrite?.hostname ?? request.host,
        requestHeaders: changeHeaders(
          filters.map(({ requestHeaderModifier }) => requestHeaderModifier),
          lowerCase(request.headers),
        ),
        responseHeaders: changeHeaders(
          filters.map(({ responseHeaderModifier }) => responseHeaderModifier),
          backendHeaders,
        ),
      }
    },
  }
}

function lowerCase(headers: Headers): Headers {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]))
}

function changeHeaders(changes: readonly HTTPFilter['requestHeaderModifier'][], before: Headers): Headers {
  const headers = new Map(Object.entries(before))
  for (const change of changes) {
    for (const { name, value } of change?.set ?? []) headers.set(name.toLowerCase(), value)
    for (const { name, value } of change?.add ?? []) {
      const known = headers.get(name.toLowerCase())
      headers.set(name.toLowerCase(), known === undefined ? value : `${known}, ${value}`)
    }
    for (const name of change?.remove ?? []) headers.delete(name.toLowerCase())
  }
  return Object.fromEntries(headers)
}

type PathChange = NonNullable<HTTPFilter['urlRewrite']>['path']

// The prefix is whole elements of the path; a slash at the end of it or of its replacement is ignored.
function changePath(change: PathChange, prefix: string, path: string): string {
  if (change === undefined) return path
  if (change.type === 'ReplaceFullPath') return change.replaceFullPath ?? ''
  const replaced = prefix.split('/').filter((element) => element !== '').length
  const rest = path.split('/').slice(1 + replaced)
  const start = (change.replacePrefixMatch ?? '').replace(/\/$/, '')
  const result = [start, ...rest].join('/')
  return result === '' ? '/' : result
}
