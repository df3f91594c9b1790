// Certificates of authorities → files that HAProxy loads at start, named by their content: another authority, another name, a reload.

import { caFile } from '../model/names.ts'
import type { Backend, BackendTls, CaBundle, ProxyModel } from '../model/proxy-model.ts'
import { memo } from '../lib/derive.ts'

/** File under the general storage → content, each once, sorted. */
export function caFiles({ frontends, backends }: ProxyModel): ReadonlyMap<string, string> {
  const bundles = frontends.flatMap((frontend) =>
    frontend.kind === 'http' && frontend.tls?.clients !== undefined ? [frontend.tls.clients.ca] : [],
  )
  const files = [...bundles.map(fileOf), ...backends.flatMap(filesOfBackends)]
  return new Map(files.toSorted(([a], [b]) => (a < b ? -1 : 1)))
}

type CaFile = readonly [name: string, pem: string]

const fileOf = memo((ca: CaBundle): CaFile => [caFile(ca), ca.pem])
const filesOfBackends = memo((part: readonly Backend[]) =>
  part.flatMap(({ tls }): readonly CaFile[] =>
    tls === undefined || tls.authorities === 'system' ? [] : [fileOf(tls.authorities)],
  ),
)

/** Where HAProxy finds a bundle. */
export function caPath(root: string, ca: CaBundle): string {
  return `${root}/general/${caFile(ca)}`
}

/** Where HAProxy finds those who may sign the certificates of servers. */
export function authoritiesPath(root: string, authorities: BackendTls['authorities']): string {
  return authorities === 'system' ? '@system-ca' : caPath(root, authorities)
}
