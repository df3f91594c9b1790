import { isDeepStrictEqual } from 'node:util'
import type { Gateway, GatewayStatusListener } from '../model/kubernetes.ts'
import type { Outcome, StatusPatch } from '../model/rendered.ts'
import type { Finding, GatewayReport, ListenerReport } from '../model/report.ts'
import { keyOf } from '../model/snapshot.ts'
import { complete, no, sameConditions, toConditions, yes } from './conditions.ts'
import { type Judged, missingAddresses, programmed } from './programmed.ts'

type Case = {
  readonly gateway: Gateway
  readonly report: GatewayReport
  /** Absent: nothing is known yet, as after the start of the operator. */
  readonly outcome: Outcome | undefined
  readonly now: Date
}
/** As many as the schema of Gateway allows. */
const mostAddresses = 16

/**
 * A patch for a Gateway of ours, unless its status says everything already. What keeps a Gateway or a listener from being served
 * translation has reported, as `Programmed` False; here only what comes of the configuration is added.
 */
export function judgeGateway({ gateway, report, outcome, now }: Case): StatusPatch | undefined {
  const present = gateway.status
  const stamp = { generation: gateway.metadata.generation, now }
  const judged: Judged = { outcome, generation: stamp.generation }
  const findings = complete(report.findings, [
    yes('Accepted', 'Accepted', 'The Gateway is valid.'),
    resolved(report.listeners),
    gatewayProgrammed(gateway, judged),
  ])
  const kept = isRefused(report) ? [] : (present?.addresses ?? [])
  const status = {
    ...present,
    addresses: (outcome === undefined ? kept : outcome.addresses).slice(0, mostAddresses),
    conditions: toConditions(findings, present?.conditions ?? [], stamp),
    listeners: report.listeners.map((listener): GatewayStatusListener => {
      const before = present?.listeners?.find(({ name }) => name === listener.name)?.conditions ?? []
      return {
        name: listener.name,
        attachedRoutes: listener.attachedRoutes,
        supportedKinds: listener.supportedKinds,
        conditions: toConditions(judgeListener(listener, { ...judged, present: before }), before, stamp),
      }
    }),
  }
  return sameStatus(present, status) ? undefined : { kind: 'Gateway', key: keyOf(gateway), status }
}

function judgeListener(report: ListenerReport, judged: Parameters<typeof programmed>[0]): readonly Finding[] {
  return complete(report.findings, [
    yes('Accepted', 'Accepted', 'The listener is valid.'),
    yes('ResolvedRefs', 'ResolvedRefs', 'Everything the listener refers to exists and may be used.'),
    no('Conflicted', 'NoConflicts', 'No other listener is in the way.'),
    programmed(judged, 'All ready pods of the data plane serve this listener.'),
  ])
}

// A Gateway that is not accepted has no proxy, so nothing will ever be known of its addresses.
function isRefused({ findings }: GatewayReport): boolean {
  return findings.some(({ type, status }) => type === 'Accepted' && status === 'False')
}

// The summary of the listeners' condition. https://gateway-api.sigs.k8s.io/reference/spec/#gatewayconditiontype
function resolved(listeners: readonly ListenerReport[]): Finding {
  const unresolved = listeners.filter(({ findings }) => findings.some(({ type }) => type === 'ResolvedRefs'))
  if (unresolved.length === 0)
    return yes('ResolvedRefs', 'ResolvedRefs', 'Everything the Gateway refers to exists and may be used.')
  const names = unresolved.map(({ name }) => `"${name}"`).join(', ')
  const subject = `${unresolved.length === 1 ? 'Listener' : 'Each of the listeners'} ${names}`
  const message = `${subject} has references that cannot be resolved; see the conditions under status.listeners.`
  return no('ResolvedRefs', 'ListenersNotResolved', message)
}

function gatewayProgrammed(gateway: Gateway, judged: Judged): Finding {
  const present = gateway.status?.conditions ?? []
  const finding = programmed({ ...judged, present }, 'All ready pods of the data plane serve this Gateway.')
  if (judged.outcome?.kind !== 'programmed') return finding
  return missingAddresses(gateway, judged.outcome.addresses) ?? finding
}

function sameStatus(present: Gateway['status'], wanted: NonNullable<Gateway['status']>): boolean {
  const listeners = present?.listeners ?? []
  const wantedListeners = wanted.listeners ?? []
  return (
    isDeepStrictEqual(present?.addresses ?? [], wanted.addresses ?? []) &&
    sameConditions(present?.conditions ?? [], wanted.conditions ?? []) &&
    listeners.length === wantedListeners.length &&
    listeners.every((listener, at) => sameListener(listener, wantedListeners[at]))
  )
}

function sameListener(a: GatewayStatusListener, b: GatewayStatusListener | undefined): boolean {
  return (
    a.name === b?.name &&
    a.attachedRoutes === b.attachedRoutes &&
    isDeepStrictEqual(a.supportedKinds ?? [], b.supportedKinds ?? []) &&
    sameConditions(a.conditions, b.conditions)
  )
}
