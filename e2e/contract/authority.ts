// Certificates for the contract suite, made anew each time.

import { webcrypto } from 'node:crypto'

import type { X509Certificate } from '@peculiar/x509'

// The certificate library looks for this global when it is loaded.
await import('reflect-metadata')
const x509 = await import('@peculiar/x509')

export type Pair = { readonly cert: string; readonly key: string }

/** A CA and certificates of it. */
export type Authority = {
  readonly ca: string
  readonly servername: string
  readonly server: Pair
  readonly client: Pair
  /** A further certificate: for the host name, or for these names instead. */
  readonly issue: (name: string, altNames?: readonly AltName[]) => Promise<Pair>
}
export type AltName = { readonly type: 'dns' | 'url'; readonly value: string }

const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' }

/** Two that are to be trusted at the same time need different names: a signature is looked for under its signer's name. */
export async function createAuthority(commonName = 'contract-ca'): Promise<Authority> {
  x509.cryptoProvider.set(webcrypto)
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify'])
  const root = await x509.X509CertificateGenerator.createSelfSigned({
    name: `CN=${commonName}`,
    notAfter: inAnHour(),
    signingAlgorithm: algorithm,
    keys,
    extensions: [new x509.BasicConstraintsExtension(true)],
  })
  const issue: Authority['issue'] = (name, altNames = [{ type: 'dns', value: name }]) =>
    issueBy(root, keys.privateKey, { name, altNames })
  const servername = 'data-plane.test'
  return {
    ca: root.toString('pem'),
    servername,
    issue,
    server: await issue(servername),
    client: await issue('operator.test'),
  }
}

async function issueBy(
  root: X509Certificate,
  signingKey: webcrypto.CryptoKey,
  { name, altNames }: { readonly name: string; readonly altNames: readonly AltName[] },
): Promise<Pair> {
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify'])
  const certificate = await x509.X509CertificateGenerator.create({
    subject: `CN=${name}`,
    issuer: root.subject,
    notAfter: inAnHour(),
    signingAlgorithm: algorithm,
    publicKey: keys.publicKey,
    signingKey,
    extensions: [new x509.SubjectAlternativeNameExtension([...altNames])],
  })
  const pkcs8 = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', keys.privateKey)).toString('base64')
  const lines = pkcs8.match(/.{1,64}/g) ?? []
  const key = `-----BEGIN PRIVATE KEY-----\n${lines.join('\n')}\n-----END PRIVATE KEY-----\n`
  return { cert: `${certificate.toString('pem')}\n`, key }
}

function inAnHour(): Date {
  return new Date(Date.now() + 3_600_000)
}
