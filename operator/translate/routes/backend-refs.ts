import type { V1Service } from '../../model/kubernetes.ts'
import type { BackendId } from '../../model/proxy-model.ts'
import type { ObjectKey } from '../../model/snapshot.ts'

import { backendId } from '../backends.ts'
import type { Referrer, Refusal, References } from '../references.ts'
import { spokenTo } from './app-protocol.ts'
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
export type BackendRefPlace = {
  readonly field: string
  readonly from: Referrer
  readonly references: BackendReferences
  /** What the route's connections carry; of tcp and udp nothing is known, and nothing has to be. */
  readonly speaks: 'http' | 'grpc' | 'tcp' | 'udp'
}

/** What a backendRef may refer to, and whether a policy encrypts the connections to a port of it. Tracked. */
export type BackendReferences = References & {
  readonly encrypts: (service: ObjectKey, portName: string) => boolean
}

const reasons = {
  NotFound: 'BackendNotFound',
  InvalidKind: 'InvalidKind',
  RefNotPermitted: 'RefNotPermitted',
} satisfies Record<Refusal, BrokenReference['reason']>

/**
 * The backend of one Service port, or why there is none. Reads of the Service and of grants are tracked.
 * https://gateway-api.sigs.k8s.io/reference/spec/#httpbackendref
 */
export function resolveBackendRef(
  ref: BackendRef,
  { field, from, references, speaks }: BackendRefPlace,
): ResolvedBackend {
  const to = {
    group: ref.group ?? httpDefaults.backendGroup,
    kind: ref.kind ?? httpDefaults.backendKind,
    namespace: ref.namespace ?? from.namespace,
    name: ref.name,
  }
  const resolution = references.resolve(from, to, 'Service')
  if (resolution.kind === 'refused') return broken(field, reasons[resolution.reason], resolution.message)
  return portOf(resolution.object, ref.port, { field, speaks, references, service: `${to.namespace}/${to.name}` })
}

function portOf(
  service: V1Service,
  port: number | undefined,
  place: Pick<BackendRefPlace, 'field' | 'speaks' | 'references'> & { readonly service: string },
): ResolvedBackend {
  const subject = `Service ${place.service}`
  const transport = place.speaks === 'udp' ? 'UDP' : 'TCP'
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
  const found = ports.find(({ protocol = 'TCP' }) => protocol === transport)
  if (found === undefined && ports.length > 0)
    return broken(
      `${place.field}.port`,
      'UnsupportedProtocol',
      `port ${port} of ${subject} is not ${transport}; name a ${transport} port.`,
    )
  if (found === undefined)
    return broken(
      `${place.field}.port`,
      'BackendNotFound',
      `${subject} has no port ${port}; name one of its ports or add it there.`,
    )
  if (place.speaks === 'tcp' || place.speaks === 'udp') return { kind: 'backend', id: backendId(place.service, port) }
  const { name = '', appProtocol = '' } = found
  const spoken = spokenTo(appProtocol, place.speaks)
  const unspoken = (wayOut: string) =>
    broken(
      place.field,
      'UnsupportedProtocol',
      `port ${port} of ${subject} has the appProtocol ${quoted(appProtocol)}, ${wayOut}`,
    )
  if (spoken === undefined) return unspoken('which cannot carry gRPC; name a port that speaks HTTP/2.')
  if (spoken.needsTls && !place.references.encrypts(place.service, name))
    return unspoken('which takes TLS; say whom to trust with a BackendTLSPolicy for the Service, or name another port.')
  return { kind: 'backend', id: `${backendId(place.service, port)}${spoken.http2 ? '/h2' : ''}` }
}

function broken(field: string, reason: BrokenReference['reason'], fault: string): ResolvedBackend {
  return { kind: 'broken', problem: { reason, message: `${field}: ${fault}` } }
}
