import type { HttpFrontend, ProxyModel, TlsFrontend } from './proxy-model.ts'

/** The frontends that speak HTTP. */
export function httpFrontends({ frontends }: Pick<ProxyModel, 'frontends'>): readonly HttpFrontend[] {
  return frontends.filter((frontend) => frontend.kind === 'http')
}

/**
 * Whether the SNI of a port's connections is read before anybody decrypts: some are forwarded as they are, or the port is HTTPS's too.
 * Otherwise all of them are decrypted for TLSRoutes, at the port itself.
 */
export function readsSni({ frontends }: Pick<ProxyModel, 'frontends'>, { port, passthrough }: TlsFrontend): boolean {
  return passthrough || frontends.some((other) => other.kind === 'http' && other.port === port)
}
