import type { Gateway } from '../model/kubernetes.ts'
import type { CaBundle, ClientValidation, Port } from '../model/proxy-model.ts'
import type { Finding } from '../model/report.ts'
import { keyOf } from '../model/snapshot.ts'

import { memo } from '../lib/derive.ts'

import { bundleOfConfigMap, mergeBundles } from './ca-bundles.ts'
import { gatewayApiGroup } from './defaults.ts'
import type { Problem } from './listeners.ts'
import type { References } from './references.ts'

/** What the HTTPS listeners of a port ask of clients: absent `clients` with problems means that none can be let in. */
export type ListenerClients = { readonly clients?: ClientValidation; readonly problems: readonly Problem[] }

/** As much of a Gateway as says what is asked of clients. */
export type ClientTerms = Pick<Gateway, 'metadata'> & { readonly spec: Pick<Gateway['spec'], 'tls'> }

type Frontend = NonNullable<NonNullable<Gateway['spec']['tls']>['frontend']>
type Validation = NonNullable<Frontend['default']['validation']>
type CaRef = Validation['caCertificateRefs'][number]
type Place = { readonly validation: Validation; readonly field: string }

/** Every client is sent the names of all authorities in one message of the handshake, which must not be longer. */
const mostBytes = 65_536

const anybody: ListenerClients = { problems: [] }

/**
 * The client certificates that a Gateway asks for at a port with HTTPS listeners. Bad references cost their authority; with none left the
 * listeners are not accepted, for nobody could be validated. Tracked. https://gateway-api.sigs.k8s.io/geps/gep-91/
 */
export function createClientValidation(references: References): (gateway: ClientTerms, port: Port) => ListenerClients {
  const checked = memo(bundleOfConfigMap)
  const merged = memo(mergeBundles)

  function resolve(ref: CaRef, namespace: string): CaBundle | Refused {
    const from = { group: gatewayApiGroup, kind: 'Gateway', namespace }
    const found = references.resolve(from, { ...ref, namespace: ref.namespace ?? namespace }, 'ConfigMap')
    if (found.kind === 'refused') return { reason: reasons[found.reason], message: found.message }
    const result = checked(found.object)
    return result.kind === 'usable' ? result.bundle : { reason: reasons.NotFound, message: result.message }
  }

  return (gateway, port) => {
    const place = placeOf(gateway, port)
    if (place === undefined) return anybody
    const { validation, field } = place
    const at = `Gateway ${keyOf(gateway)}, ${field}`
    const resolved = validation.caCertificateRefs.map((ref) => resolve(ref, gateway.metadata.namespace ?? ''))
    const problems = resolved.flatMap((one, index) =>
      'pem' in one ? [] : [unresolved(one.reason, `${at}.caCertificateRefs[${index}]: ${one.message}`)],
    )
    const bundles = resolved.filter((one) => 'pem' in one)
    const [only] = bundles
    if (only === undefined) return { problems: [...problems, nobodyValid(`${at}.caCertificateRefs`)] }
    const ca = bundles.length === 1 ? only : merged(bundles)
    if (ca.pem.length > mostBytes) return { problems: tooLong(`${at}.caCertificateRefs`) }
    return { clients: { mode: isInsecure({ validation }) ? 'insecure-fallback' : 'valid-only', ca }, problems }
  }
}

/** What a Gateway that lets clients in without a valid certificate is told, for as long as it says so. */
export function insecureFallbacks(gateway: Gateway): readonly Finding[] {
  const { default: byDefault, perPort = [] } = gateway.spec.tls?.frontend ?? { default: {} }
  const fields = [
    ...(isInsecure(byDefault) ? ['default'] : []),
    ...perPort.flatMap(({ tls }, index) => (isInsecure(tls) ? [`perPort[${index}].tls`] : [])),
  ]
  if (fields.length === 0) return []
  const names = fields.map((field) => `spec.tls.frontend.${field}.validation.mode`).join(' and ')
  const message = `${names} of Gateway ${keyOf(gateway)} lets clients in without a valid certificate; write AllowValidOnly to turn them away.`
  return [{ type: 'InsecureFrontendValidationMode', status: 'True', reason: 'ConfigurationChanged', message }]
}

function isInsecure({ validation }: Frontend['default']): boolean {
  return validation?.mode === 'AllowInsecureFallback'
}

type Refused = { readonly reason: string; readonly message: string }

const reasons = {
  RefNotPermitted: 'RefNotPermitted',
  InvalidKind: 'InvalidCACertificateKind',
  NotFound: 'InvalidCACertificateRef',
} as const

// What is said for a port replaces the default, also when it says nothing of clients.
function placeOf(gateway: ClientTerms, port: Port): Place | undefined {
  const frontend = gateway.spec.tls?.frontend
  const index = frontend?.perPort?.findIndex((row) => row.port === port) ?? -1
  const tls = index < 0 ? frontend?.default : frontend?.perPort?.[index]?.tls
  if (tls?.validation === undefined) return undefined
  const at = index < 0 ? 'default' : `perPort[${index}].tls`
  return { validation: tls.validation, field: `spec.tls.frontend.${at}.validation` }
}

function unresolved(reason: string, message: string): Problem {
  return { type: 'ResolvedRefs', reason, message }
}

function nobodyValid(field: string): Problem {
  const message = `${field} has no usable authority left, so no client could be validated and the port is closed to HTTPS.`
  return { type: 'Accepted', reason: 'NoValidCACertificate', message }
}

function tooLong(field: string): readonly Problem[] {
  const message = `${field}: the certificates have more than ${mostBytes} bytes together, which a handshake has no room for; leave only the authorities that sign certificates of clients.`
  return [unresolved(reasons.NotFound, message), nobodyValid(field)]
}
