import type { HttpFrontend, ProxyModel } from './proxy-model.ts'

/** The frontends that speak HTTP. */
export function httpFrontends({ frontends }: Pick<ProxyModel, 'frontends'>): readonly HttpFrontend[] {
  return frontends.filter((frontend) => frontend.kind === 'http')
}
