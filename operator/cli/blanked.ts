// Secrets in a snapshot: public parts stay, everything else becomes a mark; and pairs to stand for what was blanked.

import 'reflect-metadata'
import { X509CertificateGenerator } from '@peculiar/x509'
import { createPrivateKey, randomBytes, X509Certificate } from 'node:crypto'

import type { KubernetesObject, V1Secret } from '../model/kubernetes.ts'

const marks = {
  /** What was here fits the certificate beside it, or nobody can say. */
  blanked: 'blanked by haproxy-gateway snapshot',
  /** What was here is not the private key of `tls.crt`, or cannot be read. */
  unfit: 'blanked by haproxy-gateway snapshot; it was not the key of tls.crt',
} as const

/**
 * The Secret with certificates as they are and a mark in place of every other value, in `stringData` so that people can read it. Of a
 * `tls.crt` only the certificates are kept: people put keys there by mistake.
 */
export function blankedSecret<S extends V1Secret>(secret: S): S {
  const { data = {} } = secret
  const keys = Object.keys(data)
  const open = keys.filter((key) => isPublic(key))
  const closed = keys.filter((key) => !isPublic(key))
  const mark = (key: string) => [key, isMark(textOf(secret, key)) ? textOf(secret, key) : markOf(secret, key)]
  return Object.assign(secret, {
    data: Object.fromEntries(open.map((key) => [key, encoded(certificatesIn(textOf(secret, key)))])),
    ...(closed.length > 0 ? { stringData: Object.fromEntries(closed.map(mark)) } : {}),
  })
}

/**
 * The same objects; a Secret whose private key was blanked has a pair of its own, which nobody else has and which is forgotten with this
 * process, so that it can be used as in the cluster. `replaced` are the names of these Secrets.
 */
export async function withThrowAwayPairs(
  objects: readonly KubernetesObject[],
): Promise<{ readonly objects: readonly KubernetesObject[]; readonly replaced: readonly string[] }> {
  const marked = objects.filter(isMarked)
  if (marked.length === 0) return { objects, replaced: [] }
  const pair = await throwAwayPair()
  const whole = objects.map((object) =>
    isMarked(object) ? Object.assign(structuredClone(object), { stringData: pair }) : object,
  )
  return { objects: whole, replaced: marked.map(({ metadata }) => `${metadata?.namespace}/${metadata?.name}`) }
}

function isMarked(object: KubernetesObject): object is V1Secret {
  return isSecret(object) && (object.stringData?.['tls.key'] ?? textOf(object, 'tls.key')) === marks.blanked
}

function isSecret(object: KubernetesObject): object is V1Secret {
  return object.kind === 'Secret'
}

function isPublic(key: string): boolean {
  return key === 'tls.crt' || key === 'ca.crt'
}

function isMark(text: string): boolean {
  return text === marks.blanked || text === marks.unfit
}

function markOf(secret: V1Secret, key: string): string {
  return key === 'tls.key' && !isPair(secret) ? marks.unfit : marks.blanked
}

function isPair(secret: V1Secret): boolean {
  try {
    return new X509Certificate(textOf(secret, 'tls.crt')).checkPrivateKey(createPrivateKey(textOf(secret, 'tls.key')))
  } catch {
    return false
  }
}

function certificatesIn(text: string): string {
  const blocks = text.match(/-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g) ?? []
  return blocks.map((block) => `${block}\n`).join('')
}

function textOf({ data }: V1Secret, key: string): string {
  return Buffer.from(data?.[key] ?? '', 'base64').toString('utf8')
}

function encoded(text: string): string {
  return Buffer.from(text).toString('base64')
}

const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const

async function throwAwayPair(): Promise<Record<'tls.crt' | 'tls.key', string>> {
  const keys = await crypto.subtle.generateKey(algorithm, true, ['sign', 'verify'])
  const certificate = await X509CertificateGenerator.createSelfSigned({
    serialNumber: `01${randomBytes(15).toString('hex')}`,
    name: [{ CN: ['in place of a blanked key'] }],
    signingAlgorithm: algorithm,
    keys,
  })
  const key = Buffer.from(await crypto.subtle.exportKey('pkcs8', keys.privateKey)).toString('base64')
  return {
    'tls.crt': `${certificate.toString('pem')}\n`,
    'tls.key': `-----BEGIN PRIVATE KEY-----\n${key}\n-----END PRIVATE KEY-----\n`,
  }
}
