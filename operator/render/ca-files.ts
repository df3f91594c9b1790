// Certificates of authorities → files under the general storage. HAProxy loads them at start; they come, change and go at run time too. It
// knows them by their bare names: a path is not what the Data Plane API could add one under.

import { caFile, clientCaFile } from '../model/names.ts'
import type { Backend, BackendTls, CaBundle, Frontend, ProxyModel } from '../model/proxy-model.ts'
import type { AuthorityFile, Hash, RenderedConfig } from '../model/rendered.ts'
import { memo } from '../lib/derive.ts'
import { halves, shortHash, sumOfHashes } from '../lib/hash.ts'
import { fold } from '../lib/fold.ts'
import { leafOf, noParts, PartedMap, type Parts, together } from '../lib/parts.ts'

/** Some files, and the sum of their hashes. */
type Files = { readonly files: Parts<AuthorityFile>; readonly hash: Hash }

/**
 * File → content; parts keep their identity. A file that backends of several parts name stands in each, with the same content. Those of
 * clients are named by their port, so that no `bind` changes with them; those of backends by their content, as a part of their servers' names.
 */
export function authorityFiles({ frontends, backends }: ProxyModel): {
  readonly files: RenderedConfig['authorities']
  readonly hash: Hash
} {
  const parts = [...frontends.map(filesOfClients), filesOfBackends(backends)]
  return {
    files: new PartedMap(together(parts.map(({ files }) => files))),
    hash: sumOf(parts),
  }
}

const none: Files = { files: noParts, hash: [0, 0] }

function filesOfClients(frontend: Frontend): Files {
  const clients = frontend.kind === 'http' ? frontend.tls?.clients : undefined
  return clients === undefined ? none : clientFiles(clients.ca)(clientCaFile(frontend.port))
}

// One bundle may be that of several ports.
const clientFiles = memo((ca: CaBundle) => {
  const byName = new Map<string, Files>()
  return (name: string): Files => {
    const known = byName.get(name) ?? gathered([[name, fileOf(ca)]])
    byName.set(name, known)
    return known
  }
})

const filesOfBackends = fold(
  (part: readonly Backend[]): Files => {
    const bundles = part.flatMap(({ tls }) =>
      tls === undefined || tls.authorities === 'system' ? [] : tls.authorities,
    )
    return bundles.length === 0 ? none : gathered(bundles.map(namedFile))
  },
  (parts) => ({ files: together(parts.map(({ files }) => files)), hash: sumOf(parts) }),
)
const namedFile = memo((ca: CaBundle) => [caFile(ca), fileOf(ca)] as const)
const fileOf = memo(({ pem }: CaBundle): AuthorityFile => ({ pem, fingerprint: shortHash(pem) }))

function gathered(entries: readonly (readonly [string, AuthorityFile])[]): Files {
  const files = new Map(entries)
  const hashes = [...files].map(([name, { fingerprint }]) => halves(`authorities ${name} ${fingerprint}`))
  return {
    files: leafOf([...files].map(([member, value]) => ({ member, value }))),
    hash: sumOfHashes(hashes),
  }
}

function sumOf(parts: readonly Files[]): Hash {
  return sumOfHashes(parts.map(({ hash }) => hash))
}

/** What HAProxy calls those who may sign the certificates of servers. */
export function authoritiesName(authorities: BackendTls['authorities']): string {
  return authorities === 'system' ? '@system-ca' : nameOf(authorities)
}
const nameOf = memo(caFile)
