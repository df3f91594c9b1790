// What templates see: strings, numbers and lists, every key always there. All decisions are made here.

import { httpFrontends } from '../model/frontends.ts'
import * as names from '../model/names.ts'
import type { Backend, HttpFrontend, ProxyModel, Server } from '../model/proxy-model.ts'
import type { ServerOptions } from '../model/rendered.ts'
import { isRetryProfile } from '../model/retry.ts'
import type { DataPlaneSettings, SpareProfile } from '../model/settings.ts'

import { dimensionOf } from './dimensions.ts'
import { isPlainName } from './escape.ts'
import { type BackoffView, backoffView, retryViews, type RetryView } from './retries.ts'
import { serverOptions } from './server-options.ts'
import { httpsSocket, type StreamViews, streamViews } from './stream-view.ts'

export type MachineView = {
  readonly root: string
  /** Path of the script that loads the others. */
  readonly script: string
  readonly subrequests: { readonly map: string; readonly socket: string }
  readonly statusPort: number
  /** The Runtime API's port, and the folder of its certificates. */
  readonly runtimePort: number
  readonly pki: string
  readonly meta: string
  readonly retries: readonly RetryView[]
  readonly frontends: readonly FrontendView[]
  readonly streams: StreamViews
}

export type FrontendView = {
  readonly name: string
  readonly port: number
  /** Path of the socket on which connections of the port arrive when something else has looked at them before; null: on the port. */
  readonly socket: string | null
  /** Path of the certificate list; null: plain HTTP. */
  readonly certificates: string | null
  /** What is asked of clients; null: nothing. */
  readonly clients: { readonly caFile: string; readonly required: boolean } | null
  /** Path of the map that knows misdirected requests; null: without TLS none can be. */
  readonly listeners: string | null
  readonly hosts: string
  readonly paths: string
  readonly tree: string
  readonly actions: string
  readonly headers: readonly DimensionView[]
  readonly queries: readonly DimensionView[]
}

/** A condition name: one line of the frontend. `id` stands in node ids and names the variable. */
export type DimensionView = { readonly name: string; readonly id: string }

export type BackendView = {
  readonly name: string
  /** The profile that it inherits. */
  readonly from: string
  /** Certificates of servers are looked at. */
  readonly inspects: boolean
  /** null: retries begin at once */
  readonly backoff: BackoffView | null
  readonly servers: readonly ServerView[]
}

export type ServerView = {
  readonly name: string
  readonly address: string
  readonly port: number
  /** null: HTTP/1.1 */
  readonly proto: string | null
  /** null: clear text */
  readonly ssl: { readonly caFile: string; readonly sni: string; readonly certificate: string | null } | null
}

export type ScriptView = Pick<MachineView, 'subrequests'> & {
  /** Paths of all others, in the order in which they are loaded. */
  readonly scripts: readonly string[]
  readonly candidates: string
  readonly altNames: string
}

/** haproxy.cfg depends on ports, TLS, condition names and retry policies only. */
export function machineView(proxy: ProxyModel, settings: DataPlaneSettings): MachineView {
  const { root, pki, statusPort, runtimePort } = settings
  const headers = dimensionViews('header', proxy.conditionNames.headers)
  const queries = dimensionViews('query', proxy.conditionNames.queries)
  return {
    root,
    script: scriptPath(root, 'scripts'),
    subrequests: subrequestsView(root),
    statusPort,
    runtimePort,
    pki,
    meta: mapPath(root, names.metaMap),
    retries: retryViews(proxy),
    frontends: httpFrontends(proxy).map((frontend) => ({
      ...frontendView(frontend, root),
      socket: httpsSocket(proxy, frontend.port, root),
      headers,
      queries,
    })),
    streams: streamViews(proxy, root),
  }
}

/** Lua files: `NAME.lua.hbs` → `NAME.lua`. All are loaded always: a route that is the first to need one must not cost a reload. */
export const scriptNames = [
  'scripts',
  'candidates',
  'certificates',
  'names',
  'origins',
  'subrequests',
  'authorization',
  'backoff',
  'unreachable',
] as const
export type ScriptName = (typeof scriptNames)[number]

export function scriptFile(name: ScriptName): string {
  return `${name}.lua`
}

export function scriptView({ root }: DataPlaneSettings): ScriptView {
  return {
    scripts: scriptNames.filter((name) => name !== 'scripts').map((name) => scriptPath(root, name)),
    candidates: mapPath(root, names.candidatesMap),
    altNames: mapPath(root, names.altNamesMap),
    subrequests: subrequestsView(root),
  }
}

function scriptPath(root: string, name: ScriptName): string {
  return `${root}/general/${scriptFile(name)}`
}

function subrequestsView(root: string): MachineView['subrequests'] {
  return { map: mapPath(root, names.subrequestsMap), socket: `${root}/run/subrequests.sock` }
}

export function backendView(backend: Backend, from: SpareProfile, root: string): BackendView {
  const { id, profile, servers } = backend
  const options = serverOptions(backend, root)
  return {
    ...bareView(names.backendName(id, profile), from),
    servers: servers.map((server) => serverView(server, options)),
  }
}

/** Without servers, as spares are written. */
export function bareView(name: string, from: SpareProfile): BackendView {
  const inspects = from === 'named' || from === 'named-tcp' || isRetryProfile(from)
  return { name, from, inspects, backoff: backoffView(from), servers: [] }
}

function serverView(server: Server, options: ServerOptions = {}): ServerView {
  const { proto, ssl } = options
  return {
    name: names.serverName(server, options),
    address: server.address.includes(':') ? `[${server.address}]` : server.address,
    port: server.port,
    proto: proto ?? null,
    ssl: ssl === undefined ? null : { ...ssl, certificate: ssl.certificate ?? null },
  }
}

function frontendView(frontend: HttpFrontend, root: string): Omit<FrontendView, 'socket' | 'headers' | 'queries'> {
  const { port, tls } = frontend
  const clients = tls?.clients
  return {
    name: names.frontendName(port, tls !== undefined),
    port,
    certificates: tls === undefined ? null : `${root}/ssl/${names.certificateListFile(port)}`,
    clients:
      clients === undefined ? null : { caFile: names.clientCaFile(port), required: clients.mode === 'valid-only' },
    listeners: tls === undefined ? null : mapPath(root, names.listenersMap(port)),
    hosts: mapPath(root, names.hostsMap(port)),
    paths: mapPath(root, names.pathsMap(port)),
    tree: mapPath(root, names.treeMap),
    actions: mapPath(root, names.actionsMap),
  }
}

function mapPath(root: string, map: string): string {
  return `${root}/maps/${map}`
}

function dimensionViews(kind: 'header' | 'query', conditionNames: readonly string[]): readonly DimensionView[] {
  return conditionNames
    .filter(isPlainName)
    .toSorted()
    .map((name) => ({ name, id: dimensionOf(kind, name).id }))
}
