// Certificates of the frontends, and the one for servers → files and certificate lists.

import { certificateFile, certificateListFile, tlsCertificateListFile } from '../model/names.ts'
import type { Certificate, FrontendTls, ProxyModel, SniCertificate } from '../model/proxy-model.ts'
import type { CertificateFile, CertificateListEntry } from '../model/rendered.ts'
import { memo } from '../lib/derive.ts'

type Files = ReadonlyMap<string, CertificateFile>

/** Certificate file → content, each once; the same certificates give the same map, identically. */
export function certificateFiles(proxy: ProxyModel): Files {
  const shown = proxy.clientCertificate === undefined ? none : fileOf(proxy.clientCertificate)
  return proxy.frontends
    .flatMap((frontend) => ('tls' in frontend && frontend.tls !== undefined ? [filesOf(frontend.tls)] : []))
    .reduce((files, more) => merged(files)(more), shown)
}

const none: Files = new Map()
const filesOf = memo(
  ({ certificates }: FrontendTls): Files => new Map(certificates.map(({ certificate }) => entryOf(certificate))),
)
const fileOf = memo((certificate: Certificate): Files => new Map([entryOf(certificate)]))
const merged = memo((files: Files) =>
  memo((more: Files): Files => (files.size === 0 ? more : new Map([...files, ...more]))),
)

// Thousands of certificates may stand in a list of which one changes.
const entryOf = memo(({ id, pem, fingerprint }: Certificate): readonly [string, CertificateFile] => {
  return [certificateFile(id), { pem, fingerprint }]
})

/** Certificate list file → its entries; the same certificates give the same entries, identically. */
export function certificateLists(proxy: ProxyModel): ReadonlyMap<string, readonly CertificateListEntry[]> {
  return new Map(
    proxy.frontends.flatMap((frontend) => {
      if (!('tls' in frontend) || frontend.tls === undefined) return []
      const file = frontend.kind === 'tls' ? tlsCertificateListFile : certificateListFile
      return [[file(frontend.port), listOf(frontend.tls)]]
    }),
  )
}

const listOf = memo((tls: FrontendTls) => listEntries(tls.certificates))

// One entry per file. HAProxy takes the first entry for names that no entry covers, so certificates for any hostname stand in front;
// they have no filter and serve the names they were issued for.
function listEntries(certificates: readonly SniCertificate[]): readonly CertificateListEntry[] {
  const files = new Set(certificates.map(({ certificate }) => certificate.id))
  const entries = files.size === certificates.length ? certificates.map(listEntry) : mergedEntries(certificates)
  return [...entries.filter(({ sni }) => sni.length === 0), ...entries.filter(({ sni }) => sni.length > 0)]
}

const listEntry = memo(({ certificate, hostnames }: SniCertificate): CertificateListEntry => {
  return { file: entryOf(certificate)[0], sni: [...new Set(hostnames)] }
})

function mergedEntries(certificates: readonly SniCertificate[]): readonly CertificateListEntry[] {
  const names = new Map<string, readonly string[]>()
  for (const { certificate, hostnames } of certificates) {
    const file = certificateFile(certificate.id)
    const before = names.get(file)
    const any = hostnames.length === 0 || before?.length === 0
    names.set(file, any ? [] : [...new Set([...(before ?? []), ...hostnames])])
  }
  return [...names].map(([file, sni]) => ({ file, sni }))
}
