import { X509Certificate } from 'node:crypto'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { run } from './cluster.ts'

export type KeyPair = { readonly certificate: string; readonly key: string; readonly fingerprint: string }

/** A self-signed certificate for these hostnames, valid for a day; PEM, and its SHA-256 as TLS clients print it. */
export async function selfSigned(hostnames: readonly string[]): Promise<KeyPair> {
  const folder = await mkdtemp(join(tmpdir(), 'certificate-'))
  try {
    const [certificateFile, keyFile] = [join(folder, 'tls.crt'), join(folder, 'tls.key')]
    const names = hostnames.map((name) => `DNS:${name}`).join(',')
    const kind = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '1']
    const subject = ['-subj', `/CN=${hostnames[0] ?? 'example.com'}`, '-addext', `subjectAltName=${names}`]
    await run('openssl', ['req', '-x509', ...kind, ...subject, '-keyout', keyFile, '-out', certificateFile])
    const [certificate, key] = await Promise.all([readFile(certificateFile, 'utf8'), readFile(keyFile, 'utf8')])
    return { certificate, key, fingerprint: new X509Certificate(certificate).fingerprint256 }
  } finally {
    await rm(folder, { recursive: true })
  }
}

/** The Secret that a listener's certificateRefs names, as a manifest. */
export function tlsSecret(namespace: string, name: string, pair: Pick<KeyPair, 'certificate' | 'key'>): string {
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Secret',
    type: 'kubernetes.io/tls',
    metadata: { namespace, name },
    stringData: { 'tls.crt': pair.certificate, 'tls.key': pair.key },
  })
}
