import { isDeepStrictEqual } from 'node:util'
import type { GatewayStatusListener } from '../model/kubernetes.ts'
import type { Finding, ListenerReport } from '../model/report.ts'
import { complete, no, sameConditions, type Stamp, toConditions, yes } from './conditions.ts'
import { type Judged, programmed } from './programmed.ts'

type Listeners = readonly GatewayStatusListener[] | undefined
type Case = {
  readonly reports: readonly ListenerReport[]
  /** What the status says now. */
  readonly present: Listeners
  readonly judged: Judged
  readonly stamp: Stamp
}

/** The entries under status.listeners of a Gateway or a ListenerSet. */
export function judgeListeners({ reports, present, judged, stamp }: Case): readonly GatewayStatusListener[] {
  const known = new Map((present ?? []).map((listener) => [listener.name, listener.conditions]))
  return reports.map((report): GatewayStatusListener => {
    const before = known.get(report.name) ?? []
    return {
      name: report.name,
      attachedRoutes: report.attachedRoutes,
      supportedKinds: report.supportedKinds,
      conditions: toConditions(judgeListener(report, { ...judged, present: before }), before, stamp),
    }
  })
}

/** Whether two lists of entries say the same. */
export function sameListeners(a: Listeners = [], b: Listeners = []): boolean {
  return a.length === b.length && a.every((listener, at) => sameListener(listener, b[at]))
}

function judgeListener(report: ListenerReport, judged: Parameters<typeof programmed>[0]): readonly Finding[] {
  return complete(report.findings, [
    yes('Accepted', 'Accepted', 'The listener is valid.'),
    yes('ResolvedRefs', 'ResolvedRefs', 'Everything the listener refers to exists and may be used.'),
    no('Conflicted', 'NoConflicts', 'No other listener is in the way.'),
    programmed(judged, 'All ready pods of the data plane serve this listener.'),
  ])
}

function sameListener(a: GatewayStatusListener, b: GatewayStatusListener | undefined): boolean {
  return (
    a.name === b?.name &&
    a.attachedRoutes === b.attachedRoutes &&
    isDeepStrictEqual(a.supportedKinds ?? [], b.supportedKinds ?? []) &&
    sameConditions(a.conditions, b.conditions)
  )
}
