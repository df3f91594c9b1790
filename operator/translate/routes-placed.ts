import type { BackendId, BackendProfile, ConditionNames, Hostname, Port } from '../model/proxy-model.ts'
import {
  type Finding,
  type ParentReport,
  type RouteId,
  type RouteKind,
  type RouteReport,
  splitRouteId,
} from '../model/report.ts'
import { type ObjectKey, type Snapshot, splitKey } from '../model/snapshot.ts'

import { family } from '../lib/derive.ts'

import type { Attach, AttachedParent } from './attachment.ts'
import { attempt } from './fault.ts'
import { rulesAtListener } from './filters/redirect.ts'
import { type Claim, createKindConflicts } from './kind-conflicts.ts'
import { encryptedRules } from './policies/encrypted.ts'
import type { Policies } from './policies/policies.ts'
import type { ParentId } from './parent-ids.ts'
import type { RouteRules } from './precedence.ts'
import type { Lane } from './protocols.ts'
import { backendsOf, type RouteTranslator, type TranslatedRoute } from './routes/routes.ts'

/** A route at a hostname of a port: `rules` as the listener there serves them. */
export type Placement = {
  readonly gateway: ObjectKey
  readonly lane: Lane
  readonly port: Port
  readonly hostname: Hostname
  readonly rules: RouteRules
}
/** What a route brings to a proxy besides its rules. */
export type Needs = {
  readonly backends: readonly { readonly id: BackendId; readonly profile: BackendProfile }[]
  readonly conditionNames: ConditionNames
}
export type PlacedRoute = {
  /** Each hostname of a port once. */
  readonly placements: readonly Placement[]
  readonly needs: Needs
  /** Where it counts as attached: accepted, whether the listener is served or not. */
  readonly attached: readonly { readonly parent: ParentId; readonly listener: string }[]
  /** Undefined: no parentRef names a Gateway of ours. */
  readonly report: RouteReport | undefined
}

/** Routes with their meaning and their place put together. Tracked. */
export function createPlacedRoutes(
  snapshot: Snapshot,
  translator: RouteTranslator,
  attach: Attach,
  policies: Pick<Policies, 'encryptsBackend'>,
): (route: RouteId) => PlacedRoute {
  const joined = family((id): Joined | undefined => {
    const { kind, key } = splitRouteId(id)
    const route = snapshot[kind].get(key)
    if (route === undefined) return undefined
    return attempt<Joined | undefined>(
      () => {
        const translated = translator.translate(id)
        const { hostnames } = translated
        const { parentRefs = [], useDefaultGateways } = route.spec
        return { translated, parents: attach({ kind, key, parentRefs, useDefaultGateways, hostnames }) }
      },
      // Without a readable list of parents there is no place in the status to say so.
      () => undefined,
    )
  })
  const conflicts = createKindConflicts(snapshot, (route) => claimsOf(route, joined(route)))
  return family((id) => {
    const found = joined(id)
    if (found === undefined) return nowhere
    const parents = found.parents.map((parent) => withoutConflicts(id, parent, conflicts))
    const placed = place(splitRouteId(id), found.translated, parents)
    return splitRouteId(id).kind === 'TLSRoute' ? encryptedWhereAsked(placed, policies) : placed
  })
}

/** What a route means and where it would attach. */
type Joined = { readonly translated: TranslatedRoute; readonly parents: readonly AttachedParent[] }

// A route that is not accepted stands in nobody's way.
function claimsOf(route: RouteId, joined: Joined | undefined): readonly Claim[] {
  if (joined === undefined || joined.translated.rejected) return []
  const { createdAt } = joined.translated
  return joined.parents.flatMap(({ parent, listeners }) =>
    listeners.map(({ name, hostnames }) => ({ route, listener: `${parent}|${name}`, hostnames, createdAt })),
  )
}

// A parent stays as long as one of its listeners does.
function withoutConflicts(
  route: RouteId,
  parent: AttachedParent,
  winnerAt: ReturnType<typeof createKindConflicts>,
): AttachedParent {
  const { gateway } = parent
  const winners = parent.listeners.map(({ name }) => winnerAt(`${parent.parent}|${name}`, route))
  const listeners = parent.listeners.filter((_, at) => winners[at] === undefined)
  const winner = winners.find((other) => other !== undefined)
  if (winner === undefined) return parent
  return { ...parent, listeners, findings: listeners.length > 0 ? parent.findings : [givesWay(route, winner, gateway)] }
}

// Of another namespace's routes nothing is told but that there is one.
function givesWay(route: RouteId, winner: RouteId, gateway: ObjectKey): Finding {
  const [own, other] = [splitRouteId(route), splitRouteId(winner)]
  const isNeighbour = splitKey(own.key).namespace === splitKey(other.key).namespace
  const who = isNeighbour ? `${other.kind} ${other.key}` : `A ${other.kind} of another namespace`
  const message = `${who} came first and has hostnames in common with this ${own.kind} at its listener of Gateway ${gateway}, where a hostname can have routes of one kind only; write other hostnames or attach it to another listener.`
  return { type: 'Accepted', status: 'False', reason: 'HostnameConflict', message }
}

const nowhere: PlacedRoute = {
  placements: [],
  needs: { backends: [], conditionNames: { headers: [], queries: [] } },
  attached: [],
  report: undefined,
}

function place(
  { kind, key }: { readonly kind: RouteKind; readonly key: ObjectKey },
  translated: TranslatedRoute,
  parents: readonly AttachedParent[],
): PlacedRoute {
  const report: RouteReport | undefined =
    parents.length === 0 ? undefined : { kind, parents: parents.map((parent) => reportOf(parent, translated)) }
  if (translated.rejected) return { ...nowhere, report }
  const attached = parents.flatMap(({ parent, listeners }) => listeners.map(({ name }) => ({ parent, listener: name })))
  const { backends, conditionNames } = translated
  return { placements: placementsOf(key, translated, parents), needs: { backends, conditionNames }, attached, report }
}

// What the parent says comes first.
function reportOf({ parentRef, gateway, findings }: AttachedParent, translated: TranslatedRoute): ParentReport {
  return { parentRef, gateway, findings: [...findings, ...translated.findings] }
}

function placementsOf(
  routeKey: ObjectKey,
  { createdAt, rules }: TranslatedRoute,
  parents: readonly AttachedParent[],
): readonly Placement[] {
  const found = new Map<string, Placement>()
  for (const { gateway, listeners } of parents)
    for (const { port, tls, lane, hostnames } of listeners) {
      const here: RouteRules = { routeKey, createdAt, rules: rulesAtListener(rules, { port, tls }) }
      for (const hostname of hostnames)
        found.set(`${gateway}|${lane}|${port}|${hostname}`, { gateway, lane, port, hostname, rules: here })
    }
  return [...found.values()]
}

function encryptedWhereAsked(placed: PlacedRoute, policies: Pick<Policies, 'encryptsBackend'>): PlacedRoute {
  const placements = placed.placements.map((placement) => {
    const { lane, rules } = placement
    return { ...placement, rules: { ...rules, rules: encryptedRules(rules.rules, lane, policies) } }
  })
  const backends = backendsOf(placements.flatMap(({ rules }) => rules.rules))
  return { ...placed, placements, needs: { ...placed.needs, backends } }
}
