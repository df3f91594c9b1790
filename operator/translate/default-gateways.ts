// Gateways that routes attach to without naming them. https://gateway-api.sigs.k8s.io/geps/gep-3793/

import type { Gateway } from '../model/kubernetes.ts'
import type { Finding, ParentRef } from '../model/report.ts'
import { type ObjectKey, type Snapshot, splitKey } from '../model/snapshot.ts'

import { compareTexts } from '../lib/compare-texts.ts'
import { family, Gathering } from '../lib/derive.ts'

import { gatewayApiGroup, parentOf } from './defaults.ts'
import type { GatewayDraft } from './gateway.ts'
import { parentId } from './parent-ids.ts'

/** A route, as far as it says what its parents are. */
export type Child = {
  readonly key: ObjectKey
  readonly parentRefs: readonly ParentRef[]
  readonly useDefaultGateways?: 'All' | 'None' | undefined
}

/** The parentRefs of a route: its own, and one for each default Gateway of ours that these do not name, if it asks for them. Tracked. */
export function createParentRefs(
  snapshot: Snapshot,
  drafts: (gateway: ObjectKey) => GatewayDraft | undefined,
): (route: Child) => readonly ParentRef[] {
  const gathered = new Gathering(snapshot.Gateway, (key) => {
    const draft = drafts(key)
    return draft !== undefined && isDefault(draft.gateway) ? [['All', key]] : []
  })
  const defaults = family((scope) => gathered.values(scope).toSorted(compareTexts))

  return ({ key, parentRefs, useDefaultGateways }) => {
    if (useDefaultGateways !== 'All') return parentRefs
    const named = new Set(parentRefs.map((ref) => parentOf(ref, splitKey(key).namespace)))
    const others = defaults('All').filter((gateway) => !named.has(parentId('Gateway', gateway)))
    return [...parentRefs, ...others.map(refTo)]
  }
}

/** What a default Gateway is told, for as long as it is one. */
export function defaultGateway(gateway: Gateway): readonly Finding[] {
  if (!isDefault(gateway)) return []
  const message =
    'Routes with useDefaultGateways: All attach to this Gateway without naming it, where its listeners allow them.'
  return [{ type: 'DefaultGateway', status: 'True', reason: 'DefaultGateway', message }]
}

function isDefault({ spec }: Gateway): boolean {
  return spec.defaultScope === 'All'
}

function refTo(gateway: ObjectKey): ParentRef {
  return { group: gatewayApiGroup, kind: 'Gateway', ...splitKey(gateway) }
}
