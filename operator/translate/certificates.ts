import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto'

import type { GatewayListener, V1Secret } from '../model/kubernetes.ts'
import type { Certificate } from '../model/proxy-model.ts'
import { Secret } from '../model/secret.ts'
import { keyOf } from '../model/snapshot.ts'

import { memo } from '../lib/derive.ts'
import { shortHash } from '../lib/hash.ts'

import { type CertificateRef, certificateReference, gatewayApiGroup } from './defaults.ts'
import type { ListenerCertificates } from './listeners.ts'
import type { ParentKind } from './parent-ids.ts'
import type { References } from './references.ts'

/** Where certificateRefs stand: in the `field` of a Gateway or ListenerSet of this namespace. */
export type CertificatePlace = { readonly kind: ParentKind; readonly namespace: string; readonly field: string }

/**
 * The certificates of a listener that terminates TLS. Bad references cost their certificate; the listener goes on with the others.
 * Reads are tracked. https://gateway-api.sigs.k8s.io/reference/spec/#listenertlsconfig
 */
export function createListenerCertificates(
  references: References,
): (listener: GatewayListener, place: CertificatePlace) => ListenerCertificates {
  const checked = memo(checkCertificate)

  function resolve(ref: CertificateRef, { kind, namespace, field }: CertificatePlace): ListenerCertificates {
    const from = { group: gatewayApiGroup, kind, namespace }
    const found = references.resolve(from, certificateReference(ref, namespace), 'Secret')
    if (found.kind === 'refused') {
      const reason = found.reason === 'RefNotPermitted' ? found.reason : 'InvalidCertificateRef'
      return unresolved(reason, `${field}: ${found.message}`)
    }
    const result = checked(found.object)
    if (result.kind === 'unusable') return unresolved('InvalidCertificateRef', `${field}: ${result.message}`)
    return { certificates: [result.certificate], problems: [] }
  }

  return (listener, { kind, namespace, field }) => {
    const refs = listener.tls?.certificateRefs ?? []
    const at = `${field}.tls.certificateRefs`
    if (refs.length === 0)
      return unresolved('InvalidCertificateRef', `${at} is empty; name a Secret of type kubernetes.io/tls.`)
    const resolved = refs.map((ref, index) => resolve(ref, { kind, namespace, field: `${at}[${index}]` }))
    return {
      certificates: resolved.flatMap(({ certificates }) => certificates),
      problems: resolved.flatMap(({ problems }) => problems),
    }
  }
}

function unresolved(reason: string, message: string): ListenerCertificates {
  return { certificates: [], problems: [{ type: 'ResolvedRefs', reason, message }] }
}

export type CheckedCertificate =
  | { readonly kind: 'usable'; readonly certificate: Certificate }
  /** A sentence that names the Secret and the way out, and nothing of what it holds. */
  | { readonly kind: 'unusable'; readonly message: string }

/**
 * The certificate chain and key of a Secret of type kubernetes.io/tls, when HAProxy can serve with them: they parse, the key is the
 * first certificate's, each certificate is signed by the next, and all keys are such as OpenSSL takes. An expired one is usable: better
 * than no answer, and the client decides.
 */
export function checkCertificate(secret: V1Secret): CheckedCertificate {
  const name = `Secret ${keyOf(secret)}`
  if (secret.type !== 'kubernetes.io/tls')
    return unusable(`${name} is of type ${secret.type ?? 'Opaque'}; a certificate needs type kubernetes.io/tls.`)
  const blocks = textOf(secret, 'tls.crt').match(certificateBlock) ?? []
  if (blocks.length > longestChain)
    return unusable(`${name} has ${blocks.length} certificates in tls.crt; leave ${longestChain} at most.`)
  const chain = parseChain(blocks)
  if (chain === undefined) return unusable(`${name} has no readable PEM certificate in tls.crt; put the chain there.`)
  const key = parseKey(textOf(secret, 'tls.key'))
  if (key === undefined)
    return unusable(`${name} has no readable PEM private key without passphrase in tls.key; put it there.`)
  const fault = faultOf(chain, key)
  if (fault !== undefined) return unusable(`${name}: ${fault}`)
  const pem = [...chain.map(String), key.export({ type: 'pkcs8', format: 'pem' }).toString()].join('')
  return {
    kind: 'usable',
    certificate: { id: keyOf(secret), pem: new Secret(pem), fingerprint: shortHash(pem, 64) },
  }
}

function unusable(message: string): CheckedCertificate {
  return { kind: 'unusable', message }
}

function textOf(secret: V1Secret, field: string): string {
  return Buffer.from(secret.data?.[field] ?? '', 'base64').toString('utf8')
}

const certificateBlock = /-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g
/** Checking one takes time, sending one to every client too; real chains have three or four. */
const longestChain = 20

function parseChain(blocks: readonly string[]): readonly [X509Certificate, ...X509Certificate[]] | undefined {
  try {
    const [first, ...others] = blocks.map((block) => new X509Certificate(block))
    return first === undefined ? undefined : [first, ...others]
  } catch {
    return undefined
  }
}

function parseKey(text: string): KeyObject | undefined {
  try {
    return createPrivateKey(text)
  } catch {
    return undefined
  }
}

function faultOf(chain: readonly [X509Certificate, ...X509Certificate[]], key: KeyObject): string | undefined {
  if (!chain[0].checkPrivateKey(key))
    return 'tls.key is not the key of the first certificate in tls.crt; put the pair together, the server certificate first.'
  const unsigned = chain.findIndex((certificate, index) => !isIssuedBy(certificate, chain[index + 1]))
  if (unsigned >= 0)
    return `certificate ${unsigned + 2} in tls.crt is not the issuer of certificate ${unsigned + 1}; put the chain in order, the server certificate first.`
  const faults = chain.map(({ publicKey }, index) =>
    faultOfKey(publicKey, index === 0 ? 'tls.key' : `the key of certificate ${index + 1} in tls.crt`),
  )
  return faults.find((fault) => fault !== undefined)
}

// What OpenSSL's default level refuses, and HAProxy the whole configuration with it; and curves that no client knows. `name` says whose
// public key it is.
function faultOfKey(key: KeyObject, name: string): string | undefined {
  const { asymmetricKeyType: type, asymmetricKeyDetails: details = {} } = key
  const { modulusLength, namedCurve } = details
  if (modulusLength !== undefined && modulusLength < 2048)
    return `${name} is an RSA key of ${modulusLength} bits; at least 2048 are needed.`
  if (namedCurve !== undefined && !['prime256v1', 'secp384r1', 'secp521r1'].includes(namedCurve))
    return `${name} is on the curve ${namedCurve}; P-256, P-384 and P-521 are supported.`
  return type !== undefined && ['rsa', 'rsa-pss', 'ec', 'ed25519', 'ed448'].includes(type)
    ? undefined
    : `${name} is of type ${type}; RSA, EC and Ed25519 are supported.`
}

function isIssuedBy(certificate: X509Certificate, issuer: X509Certificate | undefined): boolean {
  return issuer === undefined || (certificate.checkIssued(issuer) && certificate.verify(issuer.publicKey))
}
