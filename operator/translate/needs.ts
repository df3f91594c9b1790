import type { Backend, BackendId, BackendProfile, ConditionNames } from '../model/proxy-model.ts'
import type { RouteId } from '../model/report.ts'
import type { ObjectKey, Snapshot } from '../model/snapshot.ts'

import { compareTexts } from '../lib/compare-texts.ts'
import { family, Gathering } from '../lib/derive.ts'
import { type Parts, partOf } from '../lib/parts.ts'

import { attempt, type Part } from './fault.ts'
import { routeMembers } from './route-members.ts'
import type { PlacedRoute } from './routes-placed.ts'

/** What the rules of a proxy need beside themselves, each once. Tracked. */
export type ProxyNeeds = {
  readonly backends: (gateway: ObjectKey) => Parts<Backend>
  readonly conditionNames: (gateway: ObjectKey) => ConditionNames
  readonly faults: (gateway: ObjectKey) => readonly string[]
}

type Sources = {
  readonly routes: (route: RouteId) => PlacedRoute
  readonly backends: (id: BackendId, profile: BackendProfile) => Backend
}

/** What routes need, collected by proxy. Names of buckets are joined with `|`, which no object's name holds. */
export function createProxyNeeds(snapshot: Snapshot, { routes, backends }: Sources): ProxyNeeds {
  const needs = new Gathering(routeMembers(snapshot), (route) =>
    needsOf(routes(route)).map((need) => [need, true] as const),
  )
  const backend = family((need): Part<Backend> => {
    const { id, profile } = backendIn(need)
    return attempt<Part<Backend>>(
      () => ({ part: backends(id, profile) }),
      (fault) => ({ part: { id, profile, servers: [] }, fault: `Backend ${id}: ${fault}` }),
    )
  })
  const backendsByPart = new Gathering(needs, (need) =>
    kindOf(need) === 'backend' ? [[`${gatewayOf(need)}|${partOf(need)}`, backend(need).part]] : [],
  )
  const backendsByGateway = new Gathering(backendsByPart, (part) => [[gatewayOf(part), backendsByPart.values(part)]])
  const namesByGateway = new Gathering(needs, (need) =>
    kindOf(need) === 'backend' ? [] : [[`${gatewayOf(need)}|${kindOf(need)}`, need.split('|').slice(2).join('|')]],
  )
  const faults = new Gathering(needs, (need) => {
    const fault = kindOf(need) === 'backend' ? backend(need).fault : undefined
    return fault === undefined ? [] : [[gatewayOf(need), fault]]
  })
  const names = (bucket: string): readonly string[] => namesByGateway.values(bucket).toSorted(compareTexts)
  return {
    backends: (gateway) => backendsByGateway.values(gateway),
    conditionNames: family((gateway) => ({ headers: names(`${gateway}|header`), queries: names(`${gateway}|query`) })),
    faults: (gateway) => faults.values(gateway),
  }
}

// `GATEWAY|backend|ID|PROFILE`, `GATEWAY|header|NAME`, `GATEWAY|query|NAME`, for every proxy that serves some of the route.
function needsOf({ placements, needs: { backends, conditionNames } }: PlacedRoute): readonly string[] {
  const needs = [
    ...backends.map(({ id, profile }) => `backend|${id}|${profile}`),
    ...conditionNames.headers.map((name) => `header|${name}`),
    ...conditionNames.queries.map((name) => `query|${name}`),
  ]
  const gateways = [...new Set(placements.map(({ gateway }) => gateway))]
  return gateways.flatMap((gateway) => needs.map((need) => `${gateway}|${need}`))
}

function gatewayOf(bucket: string): ObjectKey {
  return bucket.slice(0, bucket.indexOf('|'))
}

function kindOf(need: string): string {
  return need.split('|')[1] ?? ''
}

function backendIn(need: string): { readonly id: BackendId; readonly profile: BackendProfile } {
  const [, , id = '', profile] = need.split('|')
  return { id, profile: profile === 'plain' ? 'plain' : 'filtered' }
}
