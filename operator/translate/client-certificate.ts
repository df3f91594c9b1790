import type { Gateway } from '../model/kubernetes.ts'
import type { Certificate } from '../model/proxy-model.ts'
import type { Finding } from '../model/report.ts'
import { keyOf } from '../model/snapshot.ts'

import { memo } from '../lib/derive.ts'

import { checkCertificate } from './certificates.ts'
import { certificateReference, gatewayApiGroup } from './defaults.ts'
import type { References } from './references.ts'

/** What a Gateway shows to servers that ask for a certificate. */
export type ClientCertificate = { readonly clientCertificate?: Certificate; readonly findings: readonly Finding[] }

const none: ClientCertificate = { findings: [] }

/**
 * The client certificate of a Gateway towards its backends. Without a usable one it goes on and shows none. Tracked.
 * https://gateway-api.sigs.k8s.io/reference/spec/#gatewaybackendtls
 */
export function createClientCertificates(references: References): (gateway: Gateway) => ClientCertificate {
  const checked = memo(checkCertificate)
  return (gateway) => {
    const ref = gateway.spec.tls?.backend?.clientCertificateRef
    if (ref === undefined) return none
    const at = `Gateway ${keyOf(gateway)}, spec.tls.backend.clientCertificateRef`
    const namespace = gateway.metadata.namespace ?? ''
    const from = { group: gatewayApiGroup, kind: 'Gateway', namespace }
    const found = references.resolve(from, certificateReference(ref, namespace), 'Secret')
    if (found.kind === 'refused') {
      const reason = found.reason === 'RefNotPermitted' ? found.reason : 'InvalidClientCertificateRef'
      return unresolved(reason, `${at}: ${found.message}`)
    }
    const result = checked(found.object)
    return result.kind === 'usable'
      ? { clientCertificate: result.certificate, findings: [] }
      : unresolved('InvalidClientCertificateRef', `${at}: ${result.message}`)
  }
}

function unresolved(reason: string, message: string): ClientCertificate {
  return { findings: [{ type: 'ResolvedRefs', status: 'False', reason, message }] }
}
