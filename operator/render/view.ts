// What templates see: strings, numbers and lists, every key always there. All decisions are made here.

import { httpFrontends } from '../model/frontends.ts'
import * as names from '../model/names.ts'
import type { Backend, HttpFrontend, ProxyModel } from '../model/proxy-model.ts'
import type { DataPlaneSettings } from '../model/settings.ts'

import { dimensionOf } from './dimensions.ts'
import { isPlainName } from './escape.ts'

export type MachineView = {
  readonly root: string
  readonly script: string
  readonly statusPort: number
  readonly meta: string
  readonly frontends: readonly FrontendView[]
}

export type FrontendView = {
  readonly name: string
  readonly port: number
  /** Path of the certificate list; null: plain HTTP. */
  readonly certificates: string | null
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
  readonly profile: string
  readonly servers: readonly { readonly name: string; readonly address: string; readonly port: number }[]
}

export type ScriptView = { readonly candidates: string }

/** haproxy.cfg depends on ports, TLS and condition names only. */
export function machineView(proxy: ProxyModel, settings: DataPlaneSettings): MachineView {
  const { root, statusPort } = settings
  const headers = dimensionViews('header', proxy.conditionNames.headers)
  const queries = dimensionViews('query', proxy.conditionNames.queries)
  return {
    root,
    script: `${root}/general/${scriptFile}`,
    statusPort,
    meta: mapPath(root, names.metaMap),
    frontends: httpFrontends(proxy).map((frontend) => ({ ...frontendView(frontend, root), headers, queries })),
  }
}

export const scriptFile = 'candidates.lua'

export function scriptView(settings: DataPlaneSettings): ScriptView {
  return { candidates: mapPath(settings.root, names.candidatesMap) }
}

export function backendView(backend: Backend): BackendView {
  return {
    name: names.backendName(backend.id, backend.profile),
    profile: backend.profile,
    servers: backend.servers.map((server) => ({
      name: names.serverName(server),
      address: server.address.includes(':') ? `[${server.address}]` : server.address,
      port: server.port,
    })),
  }
}

function frontendView(frontend: HttpFrontend, root: string): Omit<FrontendView, 'headers' | 'queries'> {
  const { port, tls } = frontend
  return {
    name: names.frontendName(port, tls !== undefined),
    port,
    certificates: tls === undefined ? null : `${root}/ssl/${names.certificateListFile(port)}`,
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
