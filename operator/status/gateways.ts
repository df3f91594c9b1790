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
type Listener = { readonly report: ListenerReport; readonly findings: readonly Finding[]; readonly served: boolean }

/** As many as the schema of Gateway allows. */
const mostAddresses = 16

/** A patch for a Gateway of ours, unless its status says everything already. */
export function judgeGateway({ gateway, report, outcome, now }: Case): StatusPatch | undefined {
  const present = gateway.status
  const stamp = { generation: gateway.metadata.generation, now }
  const listeners = report.listeners.map(judgeListener)
  const findings = complete(report.findings, [accepted(listeners), resolved(listeners)])
  const isAccepted = holds(findings, 'Accepted')
  const isServed = isAccepted && listeners.some(({ served }) => served)

  const addresses = outcome === undefined && isServed ? (present?.addresses ?? []) : (outcome?.addresses ?? [])
  const judged: Judged = { outcome, generation: stamp.generation }
  const own = complete(findings, [gatewayProgrammed({ gateway, isAccepted, isServed, judged })])
  const status = {
    ...present,
    addresses: addresses.slice(0, mostAddresses),
    conditions: toConditions(own, present?.conditions ?? [], stamp),
    listeners: listeners.map((listener): GatewayStatusListener => {
      const before = present?.listeners?.find(({ name }) => name === listener.report.name)?.conditions ?? []
      const all = complete(listener.findings, [
        listenerProgrammed(listener, isAccepted, { ...judged, present: before }),
      ])
      return {
        name: listener.report.name,
        attachedRoutes: listener.report.attachedRoutes,
        supportedKinds: listener.report.supportedKinds,
        conditions: toConditions(all, before, stamp),
      }
    }),
  }
  return sameStatus(present, status) ? undefined : { kind: 'Gateway', key: keyOf(gateway), status }
}

function judgeListener(report: ListenerReport): Listener {
  const findings = complete(report.findings, [
    yes('Accepted', 'Accepted', 'The listener is valid.'),
    yes('ResolvedRefs', 'ResolvedRefs', 'Everything the listener refers to exists and may be used.'),
    no('Conflicted', 'NoConflicts', 'No other listener is in the way.'),
  ])
  return { report, findings, served: canServe(report, findings) }
}

// Translation alone knows whether one of several certificates is good: it says so when none is.
function canServe({ supportedKinds, findings: reported }: ListenerReport, findings: readonly Finding[]): boolean {
  if (isRefused(findings) || supportedKinds.length === 0) return false
  return !reported.some(({ type, status }) => type === 'Programmed' && status === 'False')
}

function isRefused(findings: readonly Finding[]): boolean {
  return !holds(findings, 'Accepted') || holds(findings, 'Conflicted')
}

// "Accepted" may be True although some listeners are not valid, but not when all are.
// https://gateway-api.sigs.k8s.io/reference/spec/#gatewayconditiontype
function accepted(listeners: readonly Listener[]): Finding {
  const refused = listeners.filter(({ findings }) => isRefused(findings))
  if (refused.length === 0) return yes('Accepted', 'Accepted', 'The Gateway is valid.')
  const message = `${named(refused)} cannot be used; see the conditions under status.listeners.`
  const status = refused.length === listeners.length ? 'False' : 'True'
  return { type: 'Accepted', status, reason: 'ListenersNotValid', message }
}

function resolved(listeners: readonly Listener[]): Finding {
  const unresolved = listeners.filter(({ findings }) => !holds(findings, 'ResolvedRefs'))
  if (unresolved.length === 0)
    return yes('ResolvedRefs', 'ResolvedRefs', 'Everything the Gateway refers to exists and may be used.')
  const message = `${named(unresolved)} has references that cannot be resolved; see the conditions under status.listeners.`
  return no('ResolvedRefs', 'ListenersNotResolved', message)
}

function gatewayProgrammed(about: {
  readonly gateway: Gateway
  readonly isAccepted: boolean
  readonly isServed: boolean
  readonly judged: Judged
}): Finding {
  const { gateway, isAccepted, judged } = about
  if (!isAccepted) return no('Programmed', 'Invalid', 'The Gateway is not accepted; see its condition Accepted.')
  if (!about.isServed)
    return no(
      'Programmed',
      'Invalid',
      'None of the listeners can be served; see the conditions under status.listeners.',
    )
  const finding = programmed(
    { ...judged, present: gateway.status?.conditions ?? [] },
    'All ready pods of the data plane serve this Gateway.',
  )
  if (judged.outcome?.kind !== 'programmed') return finding
  return missingAddresses(gateway, judged.outcome.addresses) ?? finding
}

function listenerProgrammed(
  { served }: Listener,
  gatewayAccepted: boolean,
  judged: Parameters<typeof programmed>[0],
): Finding {
  if (!gatewayAccepted) return no('Programmed', 'Invalid', 'The Gateway is not accepted; see its condition Accepted.')
  if (!served) return no('Programmed', 'Invalid', 'The listener cannot be served; see its other conditions.')
  return programmed(judged, 'All ready pods of the data plane serve this listener.')
}

function named(listeners: readonly Listener[]): string {
  const names = listeners.map(({ report }) => `"${report.name}"`).join(', ')
  return `${listeners.length === 1 ? 'Listener' : 'Each of the listeners'} ${names}`
}

function holds(findings: readonly Finding[], type: string): boolean {
  return findings.some((finding) => finding.type === type && finding.status === 'True')
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
