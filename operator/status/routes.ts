import type { Condition, HTTPRoute } from '../model/kubernetes.ts'
import { controllerName } from '../model/kinds.ts'
import type { Outcome, StatusPatch } from '../model/rendered.ts'
import type { Finding, ParentRef, ParentReport, RouteKind, RouteReport } from '../model/report.ts'
import { keyOf, type ObjectKey } from '../model/snapshot.ts'
import { complete, no, sameConditions, toConditions, yes } from './conditions.ts'

/** Every kind of route has the same status. */
export type Route = Pick<HTTPRoute, 'metadata' | 'status'> & { readonly kind: RouteKind }
type Parent = {
  readonly parentRef: ParentRef
  readonly controllerName: string
  readonly conditions: readonly Condition[]
}
type Case = {
  readonly route: Route
  /** Absent: the route has no parentRef to a Gateway of ours. */
  readonly report: RouteReport | undefined
  /** Gateways whose configuration HAProxy refused because of this route. */
  readonly refusals?: ReadonlyMap<ObjectKey, Outcome>
  readonly now: Date
}

const healthy = [
  yes('Accepted', 'Accepted', 'The route is attached.'),
  yes('ResolvedRefs', 'ResolvedRefs', 'Everything the route refers to exists and may be used.'),
]
/** As many as the schema of routes allows, those of other controllers included. */
const mostParents = 32

/**
 * A patch for a route, unless its status says everything already. Entries of other controllers stay; our entries for parents that are not
 * ours any more go. https://gateway-api.sigs.k8s.io/reference/spec/#routestatus
 */
export function judgeRoute({ route, report, refusals, now }: Case): StatusPatch | undefined {
  const present: readonly Parent[] = route.status?.parents ?? []
  if (report === undefined && present.length === 0) return undefined
  const foreign = present.filter((parent) => parent.controllerName !== controllerName)
  const before = present.filter((parent) => parent.controllerName === controllerName)
  const stamp = { generation: route.metadata.generation, now }
  const ours = (report?.parents ?? []).map((parent): Parent => {
    const conditions = before.find(({ parentRef }) => sameParent(parentRef, parent.parentRef))?.conditions ?? []
    const findings = judgeParent([...parent.findings, ...refusal(refusals?.get(parent.gateway))])
    return { parentRef: parent.parentRef, controllerName, conditions: toConditions(findings, conditions, stamp) }
  })
  const wanted = ours.slice(0, Math.max(0, mostParents - foreign.length))
  if (sameParents(before, wanted)) return undefined
  return { kind: route.kind, key: keyOf(route), status: { ...route.status, parents: [...foreign, ...wanted] } }
}

// A route that is not accepted is not partially invalid. https://gateway-api.sigs.k8s.io/reference/spec/#routeconditiontype
function judgeParent(reported: readonly Finding[]): readonly Finding[] {
  const findings = complete(reported, healthy)
  const accepted = findings.some(({ type, status }) => type === 'Accepted' && status === 'True')
  return accepted ? findings : findings.filter(({ type }) => type !== 'PartiallyInvalid')
}

function refusal(outcome: Outcome | undefined): ParentReport['findings'] {
  if (outcome === undefined) return []
  const message = `HAProxy refused this route: ${outcome.message}`
  return [no('Accepted', 'UnsupportedValue', message)] satisfies readonly Finding[]
}

function sameParents(a: readonly Parent[], b: readonly Parent[]): boolean {
  return (
    a.length === b.length &&
    a.every((parent, at) => {
      const other = b[at]
      return (
        other !== undefined &&
        sameParent(parent.parentRef, other.parentRef) &&
        sameConditions(parent.conditions, other.conditions)
      )
    })
  )
}

function sameParent(a: ParentRef, b: ParentRef): boolean {
  return (
    a.name === b.name &&
    a.namespace === b.namespace &&
    a.sectionName === b.sectionName &&
    a.port === b.port &&
    a.group === b.group &&
    a.kind === b.kind
  )
}
