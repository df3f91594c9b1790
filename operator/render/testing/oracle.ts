// What a request should meet, decided naively from the model alone: hosts by specificity, rules one after the other.
// Shares nothing with the renderer, so that the two can disagree.

import type {
  Action,
  Cors,
  Filter,
  HeaderChange,
  Match,
  Mirror,
  PathChange,
  Redirect,
  Target,
  VirtualHost,
} from '../../model/proxy-model.ts'

export type Request = {
  readonly method: string
  readonly host: string
  readonly path: string
  /** Raw, without the question mark; may be empty. */
  readonly query: string
  readonly headers: Readonly<Record<string, string>>
  readonly body?: string
}

export type Answer =
  | { readonly status: number; readonly location?: string; readonly responseHeaders: Readonly<Record<string, string>> }
  | Forwarded
export type Forwarded = {
  readonly status: 200
  readonly backend: string
  readonly path: string
  readonly host: string
  readonly requestHeaders: Readonly<Record<string, string>>
  /** Backends that get a copy. */
  readonly mirrors: readonly string[]
  readonly responseHeaders: Readonly<Record<string, string>>
}

/** Every answer that would be right: one, or one per target of a split. */
export function rightAnswers(hosts: readonly VirtualHost[], request: Request): readonly Answer[] {
  const host = chooseHost(hosts, request.host)
  const rule = host?.rules.find(({ match }) => matches(match, request))
  return rule === undefined ? [{ status: 404, responseHeaders: {} }] : answersOf(rule.action, request)
}

function chooseHost(hosts: readonly VirtualHost[], raw: string): VirtualHost | undefined {
  const name = raw.toLowerCase().replace(/:\d+$/, '').replace(/\.$/, '')
  const covering = hosts.filter(({ hostname }) => hostname === name || hostname === '' || covers(hostname, name))
  return covering.toSorted((a, b) => specificity(b.hostname) - specificity(a.hostname))[0]
}

function covers(pattern: string, name: string): boolean {
  return pattern.startsWith('*.') && name.endsWith(pattern.slice(1)) && name.length > pattern.length - 1
}

function specificity(hostname: string): number {
  return hostname.startsWith('*') ? hostname.length : hostname.length * 1000
}

function matches(match: Match, { method, path, query, headers }: Request): boolean {
  const parameters = query.split('&').map((pair) => pair.split('='))
  const parameter = (name: string) => {
    const pair = parameters.find(([key]) => key === name)
    return pair?.[1] === undefined ? undefined : decodeURIComponent(pair[1].replaceAll('+', ' '))
  }
  return (
    matchesPath(match.path, path) &&
    (match.method === undefined || match.method === method) &&
    match.headers.every((test) => holds(test, headers[test.name])) &&
    match.queries.every((test) => holds(test, parameter(test.name)))
  )
}

function matchesPath({ kind, value }: Match['path'], path: string): boolean {
  if (kind === 'exact') return path === value
  if (kind === 'regex') return fully(value, path)
  const prefix = value.split('/').filter((segment) => segment !== '')
  const segments = path.split('/').slice(1)
  return prefix.every((segment, i) => segments[i] === segment)
}

function holds(test: Match['headers'][number], value: string | undefined): boolean {
  if (value === undefined) return false
  return test.kind === 'exact' ? value === test.value : fully(test.value, value)
}

function fully(pattern: string, text: string): boolean {
  const folded = pattern.startsWith('(?i)')
  return new RegExp(`^(?:${folded ? pattern.slice(4) : pattern})$`, folded ? 'i' : '').test(text)
}

function answersOf(action: Action, request: Request): readonly Answer[] {
  if (action.kind === 'respond') return [{ status: action.status, responseHeaders: {} }]
  if (action.kind === 'redirect') return [redirected(action.redirect, action.filters, request)]
  return action.targets.map((target) => forwarded(target, request))
}

function forwarded(target: Target, request: Request): Answer {
  if (target.kind === 'respond') return { status: target.status, responseHeaders: {} }
  if (target.kind === 'redirect') return redirected(target.redirect, target.filters, request)
  const cors = target.filters.find((filter) => filter.kind === 'cors')?.cors
  if (cors !== undefined && isPreflight(request)) return preflight(cors, request)
  const rewrite = target.filters.find((filter) => filter.kind === 'url-rewrite')
  const change = target.filters.find((filter) => filter.kind === 'request-headers')?.change
  return {
    status: 200,
    backend: target.backend,
    path: changePath(rewrite?.path, request.path),
    host: rewrite?.hostname ?? request.host,
    requestHeaders: changeHeaders(change, request.headers),
    mirrors: target.filters.flatMap((filter) => (filter.kind === 'mirror' ? filter.mirrors : [])).flatMap(mirrored),
    responseHeaders: withCors(cors, request, changedResponse(target.filters)),
  }
}

// In these tests either all requests are copied or none.
function mirrored({ backend, numerator }: Mirror): readonly string[] {
  return numerator === 0 ? [] : [backend]
}

/** What every backend of the test answers with. */
export const backendHeaders = {
  'x-one': 'from the backend',
  'x-two': 'kept',
  'access-control-allow-origin': 'https://from.the.backend',
  'access-control-max-age': '7',
}

function changedResponse(filters: readonly Filter[]): Readonly<Record<string, string>> {
  return changeHeaders(filters.find((filter) => filter.kind === 'response-headers')?.change, backendHeaders)
}

function redirected(redirect: Redirect, filters: readonly Filter[], request: Request): Answer {
  const cors = filters.find((filter) => filter.kind === 'cors')?.cors
  if (cors !== undefined && isPreflight(request)) return preflight(cors, request)
  const host = redirect.hostname ?? request.host.toLowerCase().replace(/:\d+$/, '')
  const port = redirect.port === undefined ? '' : `:${redirect.port}`
  const query = request.query === '' ? '' : `?${request.query}`
  const location = `${redirect.scheme ?? 'http'}://${host}${port}${changePath(redirect.path, request.path)}${query}`
  const change = filters.find((filter) => filter.kind === 'response-headers')?.change
  return { status: redirect.status, location, responseHeaders: withCors(cors, request, changeHeaders(change, {})) }
}

// The table at HTTPPathModifier: https://gateway-api.sigs.k8s.io/reference/spec/#httppathmodifier
function changePath(change: PathChange | undefined, path: string): string {
  if (change === undefined) return path
  if (change.kind === 'full') return change.value
  const rest = path.slice(change.prefix.replace(/\/$/, '').length)
  const changed = change.value.replace(/\/$/, '') + rest
  return changed === '' ? '/' : changed
}

function changeHeaders(
  change: HeaderChange | undefined,
  headers: Readonly<Record<string, string>>,
): Record<string, string> {
  const changed: Record<string, string> = { ...headers }
  for (const name of change?.remove ?? []) delete changed[name.toLowerCase()]
  for (const { name, value } of change?.set ?? []) changed[name.toLowerCase()] = value
  for (const { name, value } of change?.add ?? []) {
    const before = changed[name.toLowerCase()]
    changed[name.toLowerCase()] = before === undefined ? value : `${before}, ${value}`
  }
  return changed
}

// ---- CORS: https://fetch.spec.whatwg.org/#http-cors-protocol

function isPreflight({ method, headers }: Request): boolean {
  return method === 'OPTIONS' && 'origin' in headers && 'access-control-request-method' in headers
}

function preflight(cors: Cors, request: Request): Answer {
  const { headers } = request
  const shared = withCors(cors, request, {})
  if (!('access-control-allow-origin' in shared)) return { status: 204, responseHeaders: shared }
  const responseHeaders = {
    ...shared,
    ...said('access-control-allow-methods', cors.methods, cors, headers['access-control-request-method']),
    ...said('access-control-allow-headers', cors.requestHeaders, cors, headers['access-control-request-headers']),
    'access-control-max-age': String(cors.maxAge),
  }
  return { status: 204, responseHeaders }
}

function withCors(
  cors: Cors | undefined,
  { headers }: Request,
  response: Readonly<Record<string, string>>,
): Readonly<Record<string, string>> {
  if (cors === undefined) return response
  const others = Object.entries(response).filter(([name]) => !name.startsWith('access-control-'))
  const answer = { ...Object.fromEntries(others), vary: 'origin' }
  const origin = headers['origin']
  if (origin === undefined || !cors.origins.some((allowed) => allows(allowed, origin))) return answer
  return {
    ...answer,
    'access-control-allow-origin': cors.origins[0] === '*' && !cors.credentials ? '*' : origin,
    ...(cors.credentials ? { 'access-control-allow-credentials': 'true' } : {}),
    ...said('access-control-expose-headers', cors.responseHeaders, cors, undefined),
  }
}

function said(
  name: string,
  values: readonly string[],
  { credentials }: Cors,
  asked: string | undefined,
): Readonly<Record<string, string>> {
  const text = values[0] === '*' && credentials ? asked : values.join(', ')
  return text === undefined || text === '' ? {} : { [name]: text }
}

function allows(allowed: string, origin: string): boolean {
  if (allowed === '*') return true
  if (!/^https?:\/\//.test(origin)) return false
  const { protocol, hostname, port } = new URL(origin)
  const actual = `${protocol}//${hostname}:${port === '' ? (protocol === 'https:' ? '443' : '80') : port}`
  if (!allowed.includes('*')) return actual === allowed
  const [head = '', tail = ''] = allowed.split('*')
  return actual.startsWith(head) && actual.endsWith(tail) && actual.length > head.length + tail.length
}
