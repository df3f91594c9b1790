import { isDeepStrictEqual } from 'node:util'
import type { Gateway } from '../model/kubernetes.ts'
import type { Outcome, StatusPatch } from '../model/rendered.ts'
import type { Finding, GatewayReport, ListenerReport } from '../model/report.ts'
import { keyOf } from '../model/snapshot.ts'
import { complete, no, sameConditions, toConditions, yes } from './conditions.ts'
import { judgeListeners, sameListeners } from './listeners.ts'
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
    listeners: judgeListeners({ reports: report.listeners, present: present?.listeners, judged, stamp }),
    ...attachedSets(gateway, report),
  }
  return sameStatus(present, status) ? undefined : { kind: 'Gateway', key: keyOf(gateway), status }
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
  const { reload } = judged.outcome ?? {}
  const message = `All ready pods of the data plane serve this Gateway.${reload === undefined ? '' : ` HAProxy was last reloaded for: ${reload}.`}`
  const finding = programmed({ ...judged, present }, message)
  if (judged.outcome?.kind !== 'programmed') return finding
  return missingAddresses(gateway, judged.outcome.addresses) ?? finding
}

// Told where ListenerSets play a part, and taken back where they did.
function attachedSets(
  { spec, status }: Gateway,
  { attachedListenerSets }: GatewayReport,
): Pick<NonNullable<Gateway['status']>, 'attachedListenerSets'> {
  const isNews = spec.allowedListeners !== undefined || status?.attachedListenerSets !== undefined
  return isNews ? { attachedListenerSets } : {}
}

function sameStatus(present: Gateway['status'], wanted: NonNullable<Gateway['status']>): boolean {
  return (
    present?.attachedListenerSets === wanted.attachedListenerSets &&
    isDeepStrictEqual(present?.addresses ?? [], wanted.addresses ?? []) &&
    sameConditions(present?.conditions ?? [], wanted.conditions ?? []) &&
    sameListeners(present?.listeners, wanted.listeners)
  )
}
