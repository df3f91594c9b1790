// One certificate authority per Gateway, used for nothing else: whoever holds one of its certificates governs that Gateway's pods, and no
// others. Clock and renewal are pure of I/O, so that years can pass in a test.

import 'reflect-metadata'
import {
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  KeyUsageFlags,
  KeyUsagesExtension,
  SubjectAlternativeNameExtension,
  X509Certificate,
  X509CertificateGenerator,
} from '@peculiar/x509'
import { randomBytes, type webcrypto } from 'node:crypto'

import { Secret } from '../model/secret.ts'

export type KeyPair = { readonly certificate: string; readonly key: Secret }

export type Identity = {
  /** The first certificate signs; others are on their way out and still trusted. */
  readonly authority: KeyPair
  /** The operator's side. */
  readonly client: KeyPair
  /** The pods' side. */
  readonly server: KeyPair
}

/** The name in the pods' certificate; a client asks for it instead of an address, which changes. */
export const serverName = 'dataplane'

const day = 86_400_000
const leafLife = 90 * day
const authorityLife = 3650 * day
/** Time for pods that trust only the old authority to be replaced. */
const authorityOverlap = 365 * day
/** X.520, `serialNumber`. */
const serialNumberAttribute = '2.5.4.5'
const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const

/** A new authority with both leaves. `trusted`: certificates of a former authority that clients and pods still present. */
export async function newIdentity(subject: string, now: Date, trusted = ''): Promise<Identity> {
  const keys = await generateKeys()
  const serialNumber = serial()
  const certificate = await X509CertificateGenerator.createSelfSigned({
    serialNumber,
    // OpenSSL looks for the signer by name, so two authorities that are trusted at the same time need different ones.
    name: [{ O: ['haproxy-gateway-operator'] }, { CN: [subject] }, { [serialNumberAttribute]: [serialNumber] }],
    ...lifetime(now, authorityLife),
    signingAlgorithm: algorithm,
    keys,
    extensions: [
      new BasicConstraintsExtension(true, 0, true),
      new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
    ],
  })
  const authority = { certificate: pem(certificate) + trusted, key: await privateKey(keys) }
  return withLeaves(authority, now)
}

/** The same identity while nothing is due; otherwise one with new leaves, or with a new authority that still trusts the old one. */
export async function renewed(identity: Identity, subject: string, now: Date): Promise<Identity> {
  const [current = identity.authority.certificate] = splitPem(identity.authority.certificate)
  if (endOf(current) - now.getTime() < authorityOverlap) return newIdentity(subject, now, current)
  const due = [identity.client, identity.server].some(
    ({ certificate }) => endOf(certificate) - now.getTime() < leafLife / 3,
  )
  return due ? withLeaves(identity.authority, now) : identity
}

async function withLeaves(authority: KeyPair, now: Date): Promise<Identity> {
  const [client, server] = await Promise.all([
    leaf(authority, now, { name: 'operator', usage: ExtendedKeyUsage.clientAuth }),
    leaf(authority, now, { name: serverName, usage: ExtendedKeyUsage.serverAuth }),
  ])
  return { authority, client, server }
}

type Leaf = { readonly name: string; readonly usage: ExtendedKeyUsage }

async function leaf(authority: KeyPair, now: Date, { name, usage }: Leaf): Promise<KeyPair> {
  const keys = await generateKeys()
  const issuer = new X509Certificate(splitPem(authority.certificate)[0] ?? '')
  const certificate = await X509CertificateGenerator.create({
    serialNumber: serial(),
    subject: [{ CN: [name] }],
    issuer: issuer.subjectName,
    ...lifetime(now, leafLife),
    signingAlgorithm: algorithm,
    publicKey: keys.publicKey,
    signingKey: await importKey(authority.key),
    extensions: [
      new BasicConstraintsExtension(false, undefined, true),
      new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
      new ExtendedKeyUsageExtension([usage]),
      new SubjectAlternativeNameExtension([{ type: 'dns', value: name }]),
    ],
  })
  return { certificate: pem(certificate), key: await privateKey(keys) }
}

// A little into the past: clocks of nodes differ.
function lifetime(now: Date, life: number): { readonly notBefore: Date; readonly notAfter: Date } {
  return { notBefore: new Date(now.getTime() - 300_000), notAfter: new Date(now.getTime() + life) }
}

function generateKeys(): Promise<webcrypto.CryptoKeyPair> {
  return crypto.subtle.generateKey(algorithm, true, ['sign', 'verify'])
}

async function privateKey(keys: webcrypto.CryptoKeyPair): Promise<Secret> {
  const bytes = await crypto.subtle.exportKey('pkcs8', keys.privateKey)
  const lines =
    Buffer.from(bytes)
      .toString('base64')
      .match(/.{1,64}/g) ?? []
  return new Secret(['-----BEGIN PRIVATE KEY-----', ...lines, '-----END PRIVATE KEY-----', ''].join('\n'))
}

function importKey(key: Secret): Promise<webcrypto.CryptoKey> {
  const bytes = Buffer.from(key.reveal().replaceAll(/-----[^-]+-----|\s/g, ''), 'base64')
  return crypto.subtle.importKey('pkcs8', bytes, algorithm, false, ['sign'])
}

// Positive, as RFC 5280 asks for.
function serial(): string {
  const bytes = randomBytes(16)
  bytes[0] = ((bytes[0] ?? 0) & 0x7f) | 0x40
  return bytes.toString('hex')
}

function pem(certificate: X509Certificate): string {
  return `${certificate.toString('pem')}\n`
}

function endOf(certificate: string): number {
  return new X509Certificate(certificate).notAfter.getTime()
}

function splitPem(text: string): readonly string[] {
  return text.match(/-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----\n?/g) ?? []
}

// ---- as Secrets ---------------------------------------------------------------------------------------------------------------------

/** `data` of the Secret in the operator's namespace. */
export function authorityData(identity: Identity): Readonly<Record<string, string>> {
  return encoded({
    'ca.crt': identity.authority.certificate,
    'ca.key': identity.authority.key.reveal(),
    'client.crt': identity.client.certificate,
    'client.key': identity.client.key.reveal(),
    'server.crt': identity.server.certificate,
    'server.key': identity.server.key.reveal(),
  })
}

/** `data` of the Secret that the pods of the Gateway mount; the authority's key is not in it. */
export function podData(identity: Identity): Readonly<Record<string, string>> {
  return encoded({
    'ca.crt': identity.authority.certificate,
    'tls.crt': identity.server.certificate,
    'tls.key': identity.server.key.reveal(),
  })
}

/** The identity of an authority Secret; undefined when something is missing or cannot be read. */
export function readIdentity(secret: unknown): Identity | undefined {
  const pair = (name: string): KeyPair | undefined => {
    const certificate = decoded(secret, `${name}.crt`)
    const key = decoded(secret, `${name}.key`)
    if (certificate === undefined || key === undefined || !isCertificate(certificate)) return undefined
    return { certificate, key: new Secret(key) }
  }
  const authority = pair('ca')
  const client = pair('client')
  const server = pair('server')
  return authority && client && server ? { authority, client, server } : undefined
}

function encoded(values: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(values).map(([name, text]) => [name, Buffer.from(text).toString('base64')]))
}

function decoded(secret: unknown, name: string): string | undefined {
  if (typeof secret !== 'object' || secret === null || !('data' in secret)) return undefined
  const { data } = secret
  if (typeof data !== 'object' || data === null) return undefined
  const value: unknown = Object.entries(data).find(([key]) => key === name)?.[1]
  return typeof value === 'string' ? Buffer.from(value, 'base64').toString() : undefined
}

function isCertificate(text: string): boolean {
  try {
    return endOf(splitPem(text)[0] ?? '') > 0
  } catch {
    return false
  }
}
