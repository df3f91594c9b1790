import type { Backend, BackendId, BackendProfile, ConditionNames } from '../model/proxy-model.ts'
import type { RouteId } from '../model/report.ts'
import type { ObjectKey, Snapshot } from '../model/snapshot.ts'

import { compareTexts } from '../lib/compare-texts.ts'
import { family, Gathering, Grove } from '../lib/derive.ts'
import type { Parts } from '../lib/parts.ts'

import { type BackendIdentity, backendKey, backendOf, servicePortOf } from './backend-key.ts'
import { attempt, type Part } from './fault.ts'
import type { GatewayPlan } from './gateway.ts'
import { mayBeEncrypted } from './policies/encrypted.ts'
import type { Policies } from './policies/policies.ts'
import { routeMembers } from './route-members.ts'
import type { PlacedRoute } from './routes-placed.ts'

/** What the rules of a proxy need beside themselves, each once. Tracked. */
export type ProxyNeeds = {
  readonly backends: (gateway: ObjectKey) => Parts<Backend>
  readonly conditionNames: (gateway: ObjectKey) => ConditionNames
  readonly faults: (gateway: ObjectKey) => readonly string[]
  /** The routes for which a proxy has a backend or knows a name, in order. */
  readonly routesWith: (gateway: ObjectKey, need: Need) => readonly RouteId[]
  /** The proxies that send something to a Service which a policy may encrypt. */
  readonly gateways: (service: ObjectKey) => readonly ObjectKey[]
}

type Need =
  | { readonly kind: 'backend'; readonly backend: BackendIdentity }
  | { readonly kind: 'header' | 'query'; readonly name: string }

type Sources = {
  readonly routes: (route: RouteId) => PlacedRoute
  readonly backends: (id: BackendId, profile: BackendProfile) => Backend
  readonly policies: Pick<Policies, 'apply'>
  readonly gateways: (key: ObjectKey) => Pick<GatewayPlan, 'clientCertificate'> | undefined
}

/** What routes need, collected by proxy. Names of buckets are joined with `|`, which no object's name holds. */
export function createProxyNeeds(snapshot: Snapshot, { routes, backends, policies, gateways }: Sources): ProxyNeeds {
  const needs = new Gathering(routeMembers(snapshot), (route) =>
    needsOf(routes(route)).map((need) => [need, true] as const),
  )
  const withCertificate = (backend: Backend, gateway: ObjectKey): Backend => {
    const { tls } = backend
    const shown = tls && gateways(gateway)?.clientCertificate
    return tls === undefined || shown === undefined
      ? backend
      : { ...backend, tls: { ...tls, clientCertificate: shown.id } }
  }
  const backend = family((need): Part<Backend> => {
    const { id, profile } = backendIn(need)
    return attempt<Part<Backend>>(
      () => ({ part: withCertificate(policies.apply(backends(id, profile)), gatewayOf(need)) }),
      (fault) => ({ part: { id, profile, servers: [] }, fault: `Backend ${id}: ${fault}` }),
    )
  })
  const backendsByGateway = new Grove(needs, (need) =>
    kindOf(need) === 'backend' ? [[gatewayOf(need), backend(need).part]] : [],
  )
  const namesByGateway = new Gathering(needs, (need) =>
    kindOf(need) === 'backend' ? [] : [[`${gatewayOf(need)}|${kindOf(need)}`, need.split('|').slice(2).join('|')]],
  )
  const faults = new Gathering(needs, (need) => {
    const fault = kindOf(need) === 'backend' ? backend(need).fault : undefined
    return fault === undefined ? [] : [[gatewayOf(need), fault]]
  })
  const pairs = new Gathering(needs, (need) => {
    if (kindOf(need) !== 'backend') return []
    const identity = backendIn(need)
    if (!mayBeEncrypted(identity)) return []
    const { service } = servicePortOf(identity.id)
    return [[`${service}|${gatewayOf(need)}`, true]]
  })
  const gatewaysByService = new Gathering(pairs, (pair) => {
    const bar = pair.indexOf('|')
    return [[pair.slice(0, bar), pair.slice(bar + 1)]]
  })
  const names = (bucket: string): readonly string[] => namesByGateway.values(bucket).toSorted(compareTexts)
  return {
    backends: (gateway) => backendsByGateway.tree(gateway),
    conditionNames: family((gateway) => ({ headers: names(`${gateway}|header`), queries: names(`${gateway}|query`) })),
    faults: (gateway) => faults.values(gateway),
    routesWith: (gateway, need) => needs.bucket(`${gateway}|${textOf(need)}`).map(({ member }) => member),
    gateways: (service) => gatewaysByService.values(service),
  }
}

// `GATEWAY|backend|ID|PROFILE`, `GATEWAY|header|NAME`, `GATEWAY|query|NAME`, for every proxy that serves some of the route.
function needsOf({ placements, needs: { backends, conditionNames } }: PlacedRoute): readonly string[] {
  const needs = [
    ...backends.map((backend) => textOf({ kind: 'backend', backend })),
    ...conditionNames.headers.map((name) => textOf({ kind: 'header', name })),
    ...conditionNames.queries.map((name) => textOf({ kind: 'query', name })),
  ]
  const gateways = [...new Set(placements.map(({ gateway }) => gateway))]
  return gateways.flatMap((gateway) => needs.map((need) => `${gateway}|${need}`))
}

function textOf(need: Need): string {
  return `${need.kind}|${need.kind === 'backend' ? backendKey(need.backend) : need.name}`
}

function gatewayOf(bucket: string): ObjectKey {
  return bucket.slice(0, bucket.indexOf('|'))
}

function kindOf(need: string): string {
  return need.split('|')[1] ?? ''
}

function backendIn(need: string): BackendIdentity {
  return backendOf(need.split('|').slice(2).join('|'))
}
