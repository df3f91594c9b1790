// Certificates of the frontends → files and certificate lists.

import { certificateFile, certificateListFile } from '../model/names.ts'
import type { FrontendTls, ProxyModel, SniCertificate } from '../model/proxy-model.ts'
import type { CertificateFile, CertificateListEntry } from '../model/rendered.ts'
import { memo } from '../lib/derive.ts'

/** Certificate file → content, each once. */
export function certificateFiles(proxy: ProxyModel): ReadonlyMap<string, CertificateFile> {
  const all = proxy.frontends.flatMap((frontend) => ('tls' in frontend ? (frontend.tls?.certificates ?? []) : []))
  return new Map(all.map(({ certificate: { id, pem, fingerprint } }) => [certificateFile(id), { pem, fingerprint }]))
}

/** Certificate list file → its entries; the same certificates give the same entries, identically. */
export function certificateLists(proxy: ProxyModel): ReadonlyMap<string, readonly CertificateListEntry[]> {
  return new Map(
    proxy.frontends.flatMap((frontend) =>
      frontend.kind !== 'http' || frontend.tls === undefined
        ? []
        : [[certificateListFile(frontend.port), listOf(frontend.tls)]],
    ),
  )
}

const listOf = memo((tls: FrontendTls) => listEntries(tls.certificates))

// One entry per file. HAProxy takes the first entry for names that no entry covers, so certificates for any hostname stand in front;
// they have no filter and serve the names they were issued for.
function listEntries(certificates: readonly SniCertificate[]): readonly CertificateListEntry[] {
  const names = new Map<string, readonly string[]>()
  for (const { certificate, hostnames } of certificates) {
    const file = certificateFile(certificate.id)
    const before = names.get(file)
    const any = hostnames.length === 0 || before?.length === 0
    names.set(file, any ? [] : [...new Set([...(before ?? []), ...hostnames])])
  }
  const entries = [...names].map(([file, sni]) => ({ file, sni }))
  return [...entries.filter(({ sni }) => sni.length === 0), ...entries.filter(({ sni }) => sni.length > 0)]
}
