// The routes of the mixed changes: what each says, how it can change, and what it must answer.

import type { Random } from '../differential/random.ts'
import type { WebAnswer } from '../lib/web.ts'
import { type Body, pathOf } from './fixture.ts'
import {
  changed,
  type Change,
  domain,
  headerName,
  namespace,
  portOfService,
  type Size,
  versionHeader,
} from './mixed.ts'

export type RouteState = {
  readonly host: number
  readonly path: string
  /** Value of the header that a request must have. */
  readonly header?: string
  readonly shares: readonly { readonly service: string; readonly weight: number }[]
  /** Hostname that it redirects to. */
  readonly redirect?: string
  /** Value of a response header. */
  readonly version?: string
  readonly timeout?: string
}

type RouteEdit = (state: RouteState, random: Random, size: Size) => RouteState

const pickService = (random: Random, { steady, passing }: Size): string =>
  random.chance(0.8) ? `s${random.number(steady)}` : `n${random.number(passing)}`

const edits = {
  path: (state, random) => ({ ...state, path: `/v${random.number(1_000)}` }),
  header: (state, random) => ({ ...state, header: `value-${random.number(20)}` }),
  filter: (state, random) => ({ ...state, version: `version-${random.number(1_000)}` }),
  redirect: ({ redirect, ...state }, random) =>
    redirect === undefined ? { ...state, redirect: `to${random.number(50)}.example.com` } : state,
  weight: (state, random, size) => ({
    ...state,
    shares: [
      { service: state.shares[0]?.service ?? pickService(random, size), weight: 1 + random.number(9) },
      { service: pickService(random, size), weight: random.number(10) },
    ],
  }),
  hostname: (state, random, { hosts }) => ({ ...state, host: random.number(hosts) }),
  timeout: (state, random) => ({ ...state, timeout: `${5 + random.number(50)}s` }),
  service: (state, random, size) => ({ ...state, shares: [{ service: pickService(random, size), weight: 1 }] }),
} satisfies Record<string, RouteEdit>
export type RouteEditKind = keyof typeof edits

/** The routes as they were last written; none of them is there at the beginning. */
export function createRoutes(random: Random, size: Size) {
  const routes = new Map<number, RouteState>()
  const put = (kind: RouteEditKind | 'route added', n: number, state: RouteState): Change => {
    const [known, name, body] = [routes.has(n), `r${n}`, routeBody(n, state)]
    routes.set(n, state)
    return changed(
      kind,
      name,
      known
        ? { method: 'PATCH', path: pathOf(namespace, 'httproutes', name), body }
        : { method: 'POST', path: pathOf(namespace, 'httproutes'), body },
    )
  }
  const add = (n: number): Change => put('route added', n, newRoute(n, random, size))
  const edit = (kind: RouteEditKind): Change => {
    const n = random.number(size.routes)
    const state = routes.get(n)
    return state === undefined ? add(n) : put(kind, n, edits[kind](state, random, size))
  }
  return {
    states: (): ReadonlyMap<number, RouteState> => routes,
    first: () => Array.from({ length: size.routes }, (_, n) => add(n)),
    /** Each changes some route; one that was deleted comes back instead. */
    changes: {
      path: () => edit('path'),
      header: () => edit('header'),
      filter: () => edit('filter'),
      redirect: () => edit('redirect'),
      weight: () => edit('weight'),
      hostname: () => edit('hostname'),
      timeout: () => edit('timeout'),
      service: () => edit('service'),
      'route deleted': () => {
        const n = random.number(size.routes)
        if (!routes.delete(n)) return add(n)
        return changed('route deleted', `r${n}`, { method: 'DELETE', path: pathOf(namespace, 'httproutes', `r${n}`) })
      },
    },
  }
}

function newRoute(n: number, random: Random, size: Size): RouteState {
  return {
    host: n % size.hosts,
    path: '/',
    shares: [{ service: pickService(random, size), weight: 1 }],
    ...(random.chance(0.3) ? { version: 'first' } : {}),
    ...(random.chance(0.1) ? { header: 'value-0' } : {}),
  }
}

function routeBody(n: number, state: RouteState): Body {
  const headers = state.header === undefined ? {} : { headers: [{ name: headerName, value: state.header }] }
  const match = { path: { type: 'PathPrefix', value: `/r${n}${state.path}`.replace(/\/$/, '') }, ...headers }
  const set = [{ name: versionHeader, value: state.version }]
  const redirect = { hostname: state.redirect, statusCode: 302 }
  const filters = [
    ...(state.version === undefined ? [] : [{ type: 'ResponseHeaderModifier', responseHeaderModifier: { set } }]),
    ...(state.redirect === undefined ? [] : [{ type: 'RequestRedirect', requestRedirect: redirect }]),
  ]
  const backendRefs = state.shares.map(({ service: name, weight }) => ({ name, port: 8080, weight }))
  const rule = {
    matches: [match],
    filters,
    ...(state.redirect === undefined ? { backendRefs } : {}),
    ...(state.timeout === undefined ? {} : { timeouts: { request: state.timeout } }),
  }
  return {
    apiVersion: 'gateway.networking.k8s.io/v1',
    kind: 'HTTPRoute',
    metadata: { name: `r${n}` },
    spec: { parentRefs: [{ name: 'web' }], hostnames: [`h${state.host}.${domain}`], rules: [rule] },
  }
}

/** The request that reaches the route; where there is none, what it once was. */
export function requestTo(n: number, state: RouteState | undefined) {
  return {
    host: `h${state?.host ?? n}.${domain}`,
    path: state === undefined ? `/r${n}` : `/r${n}${state.path}/more`.replace('//', '/'),
    headers: state?.header === undefined ? {} : { [headerName]: state.header },
  }
}

/** What is wrong with the answer of a route, `present` being the Services that there are; undefined when nothing is. */
export function complaint(
  [n, state]: readonly [number, RouteState | undefined],
  answer: WebAnswer,
  { present, size }: { readonly present: ReadonlySet<string>; readonly size: Size },
): string | undefined {
  const got = describe(answer)
  if (state === undefined) return got === '404' ? undefined : `r${n} is gone and answers ${got}`
  if (state.redirect !== undefined) {
    const wanted = `302 http://${state.redirect}/r${n}`
    return got.startsWith(wanted) ? undefined : `r${n} should answer ${wanted}, and answers ${got}`
  }
  const served = state.shares.filter(({ weight }) => weight > 0).map(({ service }) => service)
  const good = served.map((name) => (present.has(name) ? `200 ${portOfService(name, size)}` : '500'))
  if (!good.includes(got)) return `r${n} should answer ${good.join(' or ')}, and answers ${got}`
  const version = answer.headers[versionHeader]
  return answer.status !== 200 || version === state.version
    ? undefined
    : `r${n} should have version ${state.version}, and has ${String(version)}`
}

function describe({ status, body, headers }: WebAnswer): string {
  if (status === 200) return `200 ${body.trim()}`
  return status === 302 ? `302 ${String(headers['location'])}` : String(status)
}
