import { X509Certificate } from 'node:crypto'

import type { KubernetesObject, V1ConfigMap, V1Secret } from '../model/kubernetes.ts'
import type { CaBundle } from '../model/proxy-model.ts'
import { keyOf } from '../model/snapshot.ts'

export type CheckedBundle =
  | { readonly kind: 'usable'; readonly bundle: CaBundle }
  /** A sentence that names the object and the way out. */
  | { readonly kind: 'unusable'; readonly message: string }

/** Where certificates of authorities stand in a ConfigMap or a Secret. */
const field = 'ca.crt'
/** Each is compared with every other side's; real bundles of all public authorities have under 200. */
const mostCertificates = 500

/** The certificates of authorities in `ca.crt` of a ConfigMap. An expired one is usable: it just verifies nothing. */
export function bundleOfConfigMap(map: V1ConfigMap): CheckedBundle {
  return checkBundle(map, map.data?.[field] ?? decoded(map.binaryData?.[field]))
}

/** The certificates of authorities in `ca.crt` of a Secret. */
export function bundleOfSecret(secret: V1Secret): CheckedBundle {
  return checkBundle(secret, decoded(secret.data?.[field]))
}

/** The certificates of all these, each once. */
export function mergeBundles(bundles: readonly CaBundle[]): CaBundle {
  return bundleOf(bundles.flatMap(({ pem }) => pem.match(certificateBlock) ?? []))
}

function checkBundle(object: KubernetesObject, text: string): CheckedBundle {
  const name = `${object.kind ?? 'ConfigMap'} ${keyOf(object)}`
  const blocks = text.match(certificateBlock) ?? []
  if (blocks.length > mostCertificates)
    return unusable(`${name} has ${blocks.length} certificates in ${field}; leave ${mostCertificates} at most.`)
  const certificates = parse(blocks)
  if (certificates === undefined || certificates.length === 0)
    return unusable(`${name} has no readable PEM certificates in ${field}; put those of the authorities there.`)
  return { kind: 'usable', bundle: bundleOf(certificates.map(String)) }
}

function unusable(message: string): CheckedBundle {
  return { kind: 'unusable', message }
}

function decoded(base64 = ''): string {
  return Buffer.from(base64, 'base64').toString('utf8')
}

const certificateBlock = /-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g

function parse(blocks: readonly string[]): readonly X509Certificate[] | undefined {
  try {
    return blocks.map((block) => new X509Certificate(block))
  } catch {
    return undefined
  }
}

function bundleOf(certificates: readonly string[]): CaBundle {
  return { pem: [...new Set(certificates.map((certificate) => `${certificate.trim()}\n`))].join('') }
}
