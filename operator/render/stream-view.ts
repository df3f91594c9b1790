// What templates see of ports where connections are forwarded instead of requests.

import { readsSni } from '../model/frontends.ts'
import * as names from '../model/names.ts'
import type { Port, ProxyModel, TcpFrontend, TlsFrontend } from '../model/proxy-model.ts'

/** A port on which the SNI decides before anybody decrypts. */
export type SniView = {
  readonly name: string
  readonly port: Port
  readonly map: string
  readonly tree: string
  /** Backends that lead to frontends of this process. */
  readonly hops: readonly { readonly name: string; readonly socket: string }[]
}

/** Where connections of TLSRoutes are decrypted. */
export type TerminateView = {
  readonly name: string
  readonly port: Port
  /** null: it has the port for itself. */
  readonly socket: string | null
  /** Path of the certificate list. */
  readonly certificates: string
  readonly map: string
  readonly tree: string
}

export type TcpView = { readonly name: string; readonly port: Port; readonly map: string; readonly tree: string }

export type StreamViews = {
  readonly sni: readonly SniView[]
  readonly terminate: readonly TerminateView[]
  readonly tcp: readonly TcpView[]
}

export function streamViews(proxy: ProxyModel, root: string): StreamViews {
  const { frontends } = proxy
  const tls = frontends.filter((frontend) => frontend.kind === 'tls')
  const tree = `${root}/maps/${names.treeMap}`
  const withHttp = new Set(frontends.filter(({ kind }) => kind === 'http').map(({ port }) => port))
  return {
    sni: tls
      .filter((frontend) => readsSni(proxy, frontend))
      .map(({ port, tls: certificates }) => ({
        name: names.streamName('tls', port),
        port,
        map: `${root}/maps/${names.sniMap(port)}`,
        tree,
        hops: [
          ...(certificates === undefined ? [] : [hopView('terminate', port, root)]),
          ...(withHttp.has(port) ? [hopView('https', port, root)] : []),
        ],
      })),
    terminate: tls
      .filter((frontend) => frontend.tls !== undefined)
      .map((frontend) => terminateView(frontend, { root, tree, isShared: readsSni(proxy, frontend) })),
    tcp: frontends
      .filter((frontend) => frontend.kind === 'tcp')
      .map(({ port }: TcpFrontend) => ({
        name: names.streamName('tcp', port),
        port,
        map: `${root}/maps/${names.tcpMap}`,
        tree,
      })),
  }
}

/** Where the frontend for HTTPS of a port takes connections from when the SNI is read before; null: from the port itself. */
export function httpsSocket({ frontends }: ProxyModel, port: Port, root: string): string | null {
  const isBehind = frontends.some((frontend) => frontend.kind === 'tls' && frontend.port === port)
  return isBehind ? socketOf('https', port, root) : null
}

type Place = { readonly root: string; readonly tree: string; readonly isShared: boolean }

function terminateView({ port }: TlsFrontend, { root, tree, isShared }: Place): TerminateView {
  return {
    name: names.terminateName(port),
    port,
    socket: isShared ? socketOf('terminate', port, root) : null,
    certificates: `${root}/ssl/${names.tlsCertificateListFile(port)}`,
    map: `${root}/maps/${names.terminatedMap(port)}`,
    tree,
  }
}

function hopView(to: 'https' | 'terminate', port: Port, root: string): SniView['hops'][number] {
  return { name: names.hopName(to, port), socket: socketOf(to, port, root) }
}

// A unix socket is as fast as an abstract one, and the root folder makes it this process's own.
function socketOf(to: 'https' | 'terminate', port: Port, root: string): string {
  return `${root}/run/${to}-${port}.sock`
}
