import type { Condition } from '../model/kubernetes.ts'
import type { Finding } from '../model/report.ts'

export type Stamp = { readonly generation: number | undefined; readonly now: Date }

// Every condition type that we may write, in the order in which we write them.
const ownTypes = [
  'Accepted',
  'Programmed',
  'ResolvedRefs',
  'SupportedVersion',
  'Conflicted',
  'PartiallyInvalid',
  'OverlappingTLSConfig',
  'InsecureFrontendValidationMode',
  'DefaultGateway',
]
/** Conditions of which True is the bad news. */
const negative: ReadonlySet<string> = new Set([
  'Conflicted',
  'PartiallyInvalid',
  'OverlappingTLSConfig',
  'InsecureFrontendValidationMode',
])
/** The API server refuses more than 32768 characters; nobody reads as many. */
const longestMessage = 4000

/** One finding per type: of those reported the bad news, with all its messages; what was not reported is as in `healthy`. */
export function complete(findings: readonly Finding[], healthy: readonly Finding[]): readonly Finding[] {
  const byType = Map.groupBy(findings, ({ type }) => type)
  const reported = [...byType.values()].flatMap(summarize)
  return [...reported, ...healthy.filter(({ type }) => !byType.has(type))]
}

/** Findings as conditions. A condition that keeps its status keeps its time; conditions of others stay, behind ours. */
export function toConditions(
  findings: readonly Finding[],
  present: readonly Condition[],
  stamp: Stamp,
): readonly Condition[] {
  const ours = findings.map((finding) => toCondition(finding, present, stamp))
  return [...ours.toSorted(byOrder), ...present.filter(({ type }) => !isOurs(type, ours))]
}

/** Whether two lists say the same, in whatever order. */
export function sameConditions(a: readonly Condition[], b: readonly Condition[]): boolean {
  return a.length === b.length && a.every((one) => b.some((other) => sameCondition(one, other)))
}

/** A healthy condition. */
export function yes(type: string, reason: string, message: string): Finding {
  return { type, status: 'True', reason, message }
}

export function no(type: string, reason: string, message: string): Finding {
  return { type, status: 'False', reason, message }
}

// The first finding that is bad news gives status and reason; a True "Accepted, but …" only stands when nothing is False.
function summarize(findings: readonly Finding[]): readonly Finding[] {
  const bad = findings.filter(({ type, status }) => (status === 'True') === negative.has(type))
  const told = bad.length > 0 ? bad : findings
  const [first] = told
  if (first === undefined) return []
  const messages = new Set(told.map(({ message }) => message))
  return [{ ...first, message: [...messages].join(' ') }]
}

function toCondition(finding: Finding, present: readonly Condition[], { generation, now }: Stamp): Condition {
  const before = present.find(({ type }) => type === finding.type)
  return {
    type: finding.type,
    status: finding.status,
    reason: finding.reason,
    message: shortened(finding.message),
    ...(generation === undefined ? {} : { observedGeneration: generation }),
    lastTransitionTime: before?.status === finding.status ? before.lastTransitionTime : seconds(now),
  }
}

function shortened(message: string): string {
  return message.length <= longestMessage ? message : `${message.slice(0, longestMessage - 1)}…`
}

// The API server's form of times: whole seconds.
function seconds(time: Date): string {
  return time.toISOString().replace(/\.\d+Z$/, 'Z')
}

function byOrder(a: Condition, b: Condition): number {
  return ownTypes.indexOf(a.type) - ownTypes.indexOf(b.type)
}

function isOurs(type: string, ours: readonly Condition[]): boolean {
  return ownTypes.includes(type) || ours.some((condition) => condition.type === type)
}

function sameCondition(a: Condition, b: Condition): boolean {
  return (
    a.type === b.type &&
    a.status === b.status &&
    a.reason === b.reason &&
    a.message === b.message &&
    a.observedGeneration === b.observedGeneration
  )
}
