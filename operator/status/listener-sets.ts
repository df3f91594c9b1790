import type { ListenerSet } from '../model/kubernetes.ts'
import type { Outcome, StatusPatch } from '../model/rendered.ts'
import type { Finding, ListenerSetReport } from '../model/report.ts'
import { keyOf } from '../model/snapshot.ts'
import { complete, no, sameConditions, toConditions, yes } from './conditions.ts'
import { judgeListeners, sameListeners } from './listeners.ts'
import { programmed } from './programmed.ts'

type Case = {
  readonly set: ListenerSet
  readonly report: ListenerSetReport
  /** Of its Gateway. */
  readonly outcome: Outcome | undefined
  readonly now: Date
}

/**
 * A patch for a ListenerSet of a Gateway of ours, unless its status says everything already. It says nothing of whose it is: of one
 * without a Gateway only what has become untrue is taken back, which is the same whoever does it.
 * https://gateway-api.sigs.k8s.io/geps/gep-1713/
 */
export function judgeListenerSet({ set, report, outcome, now }: Case): StatusPatch | undefined {
  const present = set.status
  const conditions = present?.conditions ?? []
  if (report.orphaned && !conditions.some(({ type, status }) => summaries.includes(type) && status === 'True'))
    return undefined
  const stamp = { generation: set.metadata.generation, now }
  const judged = { outcome, generation: stamp.generation }
  const findings = complete(
    [...report.findings, ...(report.orphaned ? [ended] : [])],
    [
      yes('Accepted', 'Accepted', 'The ListenerSet is attached to its Gateway.'),
      programmed({ ...judged, present: conditions }, 'All ready pods of the data plane serve this ListenerSet.'),
    ],
  )
  const listeners = judgeListeners({ reports: report.listeners, present: present?.listeners, judged, stamp })
  const status = { ...present, conditions: toConditions(findings, conditions, stamp), listeners }
  const isSame = sameConditions(conditions, status.conditions) && sameListeners(present?.listeners, status.listeners)
  return isSame ? undefined : { kind: 'ListenerSet', key: keyOf(set), status }
}

const summaries = ['Accepted', 'Programmed']
const ended: Finding = no('Programmed', 'ParentNotProgrammed', 'The Gateway does not exist.')
