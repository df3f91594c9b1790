import type { BackendTLSPolicy } from '../../model/kubernetes.ts'
import type { AltName, BackendTls, CaBundle } from '../../model/proxy-model.ts'
import type { Finding } from '../../model/report.ts'

import { memo } from '../../lib/derive.ts'

import { bundleOfConfigMap, mergeBundles } from '../ca-bundles.ts'
import { gatewayApiGroup } from '../defaults.ts'
import { isHostname } from '../hostnames.ts'
import type { References } from '../references.ts'
import { quoted } from '../routes/writable.ts'

/** What a BackendTLSPolicy means, whatever it is attached to. Without `tls` nobody may connect: never in clear text instead. */
export type BackendTlsPlan = { readonly tls?: BackendTls; readonly findings: readonly Finding[] }

type Validation = BackendTLSPolicy['spec']['validation']
type CaRef = NonNullable<Validation['caCertificateRefs']>[number]
type Authorities = { readonly authorities?: CaBundle | 'system'; readonly findings: readonly Finding[] }

/** Reads are tracked. https://gateway-api.sigs.k8s.io/reference/spec/#backendtlspolicyvalidation */
export function createBackendTls(references: References): (policy: BackendTLSPolicy) => BackendTlsPlan {
  const checked = memo(bundleOfConfigMap)
  const merged = memo(mergeBundles)

  function resolve(ref: CaRef, namespace: string): CaBundle | Refused {
    const from = { group: gatewayApiGroup, kind: 'BackendTLSPolicy', namespace }
    const found = references.resolve(from, { ...ref, namespace }, 'ConfigMap')
    if (found.kind === 'refused') {
      const reason = found.reason === 'InvalidKind' ? 'InvalidKind' : 'InvalidCACertificateRef'
      return { reason, message: found.message }
    }
    const result = checked(found.object)
    return result.kind === 'usable' ? result.bundle : { reason: 'InvalidCACertificateRef', message: result.message }
  }

  // Bad references cost their authority; connections are verified with the others.
  function named(refs: readonly CaRef[], namespace: string): Authorities {
    const resolved = refs.map((ref) => resolve(ref, namespace))
    const findings = resolved.flatMap((one, index) =>
      'pem' in one ? [] : [no('ResolvedRefs', one.reason, `${caField}[${index}]: ${one.message}`)],
    )
    const bundles = resolved.filter((one) => 'pem' in one)
    const [only] = bundles
    if (only === undefined) return { findings: [...findings, noAuthority] }
    const authorities = bundles.length === 1 ? only : merged(bundles)
    return authorities.pem.length > mostBytes ? { findings: [...findings, tooLong] } : { authorities, findings }
  }

  return ({ metadata, spec }) => {
    const { validation, options = {} } = spec
    const { caCertificateRefs = [], wellKnownCACertificates: wellKnown = '' } = validation
    const { authorities, findings } =
      caCertificateRefs.length > 0
        ? named(caCertificateRefs, metadata.namespace ?? '')
        : wellKnownAuthorities(wellKnown)
    const faults = [...faultsOf(validation), ...optionFaults(options)].map((fault) => no('Accepted', 'Invalid', fault))
    if (authorities === undefined || faults.length > 0) return { findings: [...findings, ...faults] }
    const altNames = altNamesOf(validation)
    const tls = { hostname: validation.hostname.toLowerCase(), authorities, altNames }
    return { tls, findings: [...findings, ...(altNames.length > 0 ? [stricter] : [])] }
  }
}

type Refused = { readonly reason: string; readonly message: string }

const caField = 'spec.validation.caCertificateRefs'

/** All public authorities together have about 230,000. HAProxy would take 8 MiB, but a new pod starts from a Secret that holds 1 MiB of everything. */
const mostBytes = 2 ** 18

const tooLong = no(
  'Accepted',
  'Invalid',
  `${caField}: the certificates have more than ${mostBytes} bytes together; leave only the authorities that sign certificates of these servers.`,
)

const noAuthority = no(
  'Accepted',
  'NoValidCACertificate',
  `None of ${caField} can be used, so no server could be verified and requests are answered with an error.`,
)

// HAProxy verifies the name that it asks for, and cannot ask for one and verify another.
const stricter: Finding = {
  type: 'Accepted',
  status: 'True',
  reason: 'Accepted',
  message:
    'The policy applies. The certificate must be for one of spec.validation.subjectAltNames, and for spec.validation.hostname as well.',
}

function no(type: string, reason: string, message: string): Finding {
  return { type, status: 'False', reason, message }
}

function wellKnownAuthorities(wellKnown: string): Authorities {
  if (wellKnown === 'System') return { authorities: 'system', findings: [] }
  const field = 'spec.validation.wellKnownCACertificates'
  const message =
    wellKnown === ''
      ? `${caField} and ${field} are both empty; name a ConfigMap with ca.crt, or write System.`
      : `${field} is ${quoted(wellKnown)}, which is not supported; write System.`
  return { findings: [no('Accepted', 'Invalid', message)] }
}

function faultsOf({ hostname, subjectAltNames = [] }: Validation): readonly string[] {
  const names = subjectAltNames.flatMap((name, index) => {
    const field = `spec.validation.subjectAltNames[${index}]`
    if (name.type === 'URI') return isUri(name.uri ?? '') ? [] : [`${field}.uri is not an absolute URI; correct it.`]
    return isHostname(name.hostname?.toLowerCase() ?? '')
      ? []
      : [`${field}.hostname is not a domain name, or one after "*."; correct it.`]
  })
  if (isHostname(hostname.toLowerCase()) && !hostname.startsWith('*')) return names
  return [`spec.validation.hostname is ${quoted(hostname)}, which is not a domain name; correct it.`, ...names]
}

function isUri(text: string): boolean {
  return /^[a-z][a-z0-9+.-]*:[\x21-\x7e]+$/i.test(text)
}

function altNamesOf({ subjectAltNames = [] }: Validation): readonly AltName[] {
  const names = subjectAltNames.map(
    ({ type, hostname = '', uri = '' }): AltName =>
      type === 'URI' ? { kind: 'uri', value: uri } : { kind: 'hostname', value: hostname.toLowerCase() },
  )
  return [...new Map(names.map((name) => [`${name.kind} ${name.value}`, name])).values()]
}

function optionFaults(options: Readonly<Record<string, string>>): readonly string[] {
  const names = Object.keys(options)
  return names.length === 0
    ? []
    : [`spec.options has ${names.map(quoted).join(', ')}, which is not supported; remove it.`]
}
