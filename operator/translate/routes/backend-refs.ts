import type { V1Service } from '../../model/kubernetes.ts'
import type { BackendId } from '../../model/proxy-model.ts'

import { backendId } from '../backends.ts'
import type { Referrer, Refusal, References } from '../references.ts'
import { httpDefaults } from './http-defaults.ts'
import type { BrokenReference } from './problems.ts'
import { quoted } from './writable.ts'

/** What all route kinds' backendRefs have in common. */
export type BackendRef = {
  readonly group?: string
  readonly kind?: string
  readonly namespace?: string
  readonly name: string
  readonly port?: number
}

export type ResolvedBackend =
  | { readonly kind: 'backend'; readonly id: BackendId }
  | { readonly kind: 'broken'; readonly problem: BrokenReference }

/** Where a backendRef stands, and with which permissions it is followed. */
export type BackendRefPlace = { readonly field: string; readonly from: Referrer; readonly references: References }

/** Protocols of a Service port that need more than plain HTTP/1.1 over TCP. Any other name is taken as a hint that changes nothing. */
const unspokenProtocols = new Set(['kubernetes.io/h2c', 'kubernetes.io/wss', 'https', 'grpc', 'grpcs', 'tls'])

const reasons = {
  NotFound: 'BackendNotFound',
  InvalidKind: 'InvalidKind',
  RefNotPermitted: 'RefNotPermitted',
} satisfies Record<Refusal, BrokenReference['reason']>

/**
 * The backend of one Service port, or why there is none. Reads of the Service and of grants are tracked.
 * https://gateway-api.sigs.k8s.io/reference/spec/#httpbackendref
 */
export function resolveBackendRef(ref: BackendRef, { field, from, references }: BackendRefPlace): ResolvedBackend {
  const to = {
    group: ref.group ?? httpDefaults.backendGroup,
    kind: ref.kind ?? httpDefaults.backendKind,
    namespace: ref.namespace ?? from.namespace,
    name: ref.name,
  }
  const resolution = references.resolve(from, to, 'Service')
  if (resolution.kind === 'refused') return broken(field, reasons[resolution.reason], resolution.message)
  return portOf(resolution.object, ref.port, { field, service: `${to.namespace}/${to.name}` })
}

function portOf(
  service: V1Service,
  port: number | undefined,
  place: { readonly field: string; readonly service: string },
): ResolvedBackend {
  const subject = `Service ${place.service}`
  // An ExternalName could lead to what its namespace may not reach: CVE-2021-25740.
  if (service.spec?.type === 'ExternalName')
    return broken(
      place.field,
      'InvalidKind',
      `${subject} is of type ExternalName, which is not followed; refer to a Service with endpoints.`,
    )
  if (port === undefined)
    return broken(`${place.field}.port`, 'BackendNotFound', `is missing; write a port of ${subject}.`)
  const ports = (service.spec?.ports ?? []).filter((candidate) => candidate.port === port)
  const found = ports.find(({ protocol }) => protocol === undefined || protocol === 'TCP')
  if (found === undefined && ports.length > 0)
    return broken(
      `${place.field}.port`,
      'UnsupportedProtocol',
      `port ${port} of ${subject} is not TCP; name a TCP port.`,
    )
  if (found === undefined)
    return broken(
      `${place.field}.port`,
      'BackendNotFound',
      `${subject} has no port ${port}; name one of its ports or add it there.`,
    )
  if (unspokenProtocols.has(found.appProtocol?.toLowerCase() ?? ''))
    return broken(
      place.field,
      'UnsupportedProtocol',
      `port ${port} of ${subject} has the appProtocol ${quoted(found.appProtocol ?? '')}, which is not supported; name a port of plain HTTP.`,
    )
  return { kind: 'backend', id: backendId(place.service, port) }
}

function broken(field: string, reason: BrokenReference['reason'], fault: string): ResolvedBackend {
  return { kind: 'broken', problem: { reason, message: `${field}: ${fault}` } }
}
