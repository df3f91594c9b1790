// The API's defaults for gateways and for what refers to them. The API server fills most of them in; manifests from files come
// without. https://gateway-api.sigs.k8s.io/reference/spec/

import type { Gateway, GatewayListener } from '../model/kubernetes.ts'
import type { Hostname } from '../model/proxy-model.ts'
import type { ParentRef } from '../model/report.ts'
import { keyFor, type ObjectKey } from '../model/snapshot.ts'

import { type ParentId, parentId, parentKinds } from './parent-ids.ts'
import type { Reference } from './references.ts'

export const gatewayApiGroup = 'gateway.networking.k8s.io'

export type RouteGroupKind = { readonly group: string; readonly kind: string }
export type CertificateRef = NonNullable<NonNullable<GatewayListener['tls']>['certificateRefs']>[number]
type Address = NonNullable<Gateway['spec']['addresses']>[number]

/** The Gateway or ListenerSet that a parentRef of a route in `namespace` names; undefined when it names another kind. */
export function parentOf(ref: ParentRef, namespace: string): ParentId | undefined {
  const kind = parentKinds.find((known) => known === (ref.kind ?? 'Gateway'))
  if (kind === undefined || (ref.group ?? gatewayApiGroup) !== gatewayApiGroup) return undefined
  return parentId(kind, keyFor(ref.namespace ?? namespace, ref.name))
}

/** The Gateway that the parentRef of a ListenerSet in `namespace` names; undefined when it names another kind. */
export function parentGateway(ref: Omit<ParentRef, 'port' | 'sectionName'>, namespace: string): ObjectKey | undefined {
  const isGateway = (ref.group ?? gatewayApiGroup) === gatewayApiGroup && (ref.kind ?? 'Gateway') === 'Gateway'
  return isGateway ? keyFor(ref.namespace ?? namespace, ref.name) : undefined
}

/** What a certificateRef of a Gateway in `namespace` names. */
export function certificateReference(ref: CertificateRef, namespace: string): Reference {
  return {
    group: ref.group ?? '',
    kind: ref.kind ?? 'Secret',
    namespace: ref.namespace ?? namespace,
    name: ref.name,
  }
}

/** `listener.allowedRoutes`, complete but for the kinds, which follow from the protocol when none are listed. */
export function allowedRoutesOf(listener: GatewayListener) {
  const { kinds = [], namespaces } = listener.allowedRoutes ?? {}
  return {
    kinds: kinds.map(({ group, kind }): RouteGroupKind => ({ group: group ?? gatewayApiGroup, kind })),
    from: namespaces?.from ?? 'Same',
    selector: namespaces?.selector,
  }
}

/** The hostname of a listener, in lower case; empty when it is for any. */
export function hostnameOf(listener: GatewayListener): Hostname {
  return (listener.hostname ?? '').toLowerCase()
}

export function tlsModeOf(listener: GatewayListener): 'Terminate' | 'Passthrough' {
  return listener.tls?.mode ?? 'Terminate'
}

export function addressTypeOf(address: Address): string {
  return address.type ?? 'IPAddress'
}
