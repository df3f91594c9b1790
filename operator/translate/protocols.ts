import type { GatewayListener } from '../model/kubernetes.ts'

import { gatewayApiGroup, type RouteGroupKind } from './defaults.ts'

/** What a listener of a protocol is like. */
export type Protocol = { readonly tls: boolean; readonly kinds: readonly RouteGroupKind[] }

const protocols: Readonly<Record<string, Protocol>> = {
  HTTP: { tls: false, kinds: [{ group: gatewayApiGroup, kind: 'HTTPRoute' }] },
  HTTPS: { tls: true, kinds: [{ group: gatewayApiGroup, kind: 'HTTPRoute' }] },
}

/** Undefined: the protocol is not supported. */
export function protocolOf({ protocol }: GatewayListener): Protocol | undefined {
  return Object.hasOwn(protocols, protocol) ? protocols[protocol] : undefined
}
