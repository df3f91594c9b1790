import type { BackendId, BackendProfile, ConditionNames, Hostname, Port } from '../model/proxy-model.ts'
import { type ParentReport, type RouteId, type RouteKind, type RouteReport, splitRouteId } from '../model/report.ts'
import type { ObjectKey, Snapshot } from '../model/snapshot.ts'

import { family } from '../lib/derive.ts'

import type { Attach, AttachedParent } from './attachment.ts'
import { attempt } from './fault.ts'
import { rulesAtListener } from './filters/redirect.ts'
import type { RouteRules } from './precedence.ts'
import type { RouteTranslator, TranslatedRoute } from './routes/routes.ts'

/** A route at a virtual host: `rules` as the listener there serves them. */
export type Placement = {
  readonly gateway: ObjectKey
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
  /** Each virtual host once. */
  readonly placements: readonly Placement[]
  readonly needs: Needs
  /** Where it counts as attached: accepted, whether the listener is served or not. */
  readonly attached: readonly { readonly gateway: ObjectKey; readonly listener: string }[]
  /** Undefined: no parentRef names a Gateway of ours. */
  readonly report: RouteReport | undefined
}

/** Routes with their meaning and their place put together. Tracked. */
export function createPlacedRoutes(
  snapshot: Snapshot,
  translator: RouteTranslator,
  attach: Attach,
): (route: RouteId) => PlacedRoute {
  return family((id) => {
    const { kind, key } = splitRouteId(id)
    const route = snapshot[kind].get(key)
    if (route === undefined) return nowhere
    return attempt(
      () => {
        const translated = translator.translate(id)
        const parents = attach({
          kind,
          key,
          parentRefs: route.spec.parentRefs ?? [],
          hostnames: translated.hostnames,
        })
        return place({ kind, key }, translated, parents)
      },
      // Without a readable list of parents there is no place in the status to say so.
      () => nowhere,
    )
  })
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
  const attached = parents.flatMap(({ gateway, listeners }) =>
    listeners.map(({ name }) => ({ gateway, listener: name })),
  )
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
    for (const { port, tls, hostnames } of listeners) {
      const here: RouteRules = { routeKey, createdAt, rules: rulesAtListener(rules, { port, tls }) }
      for (const hostname of hostnames)
        found.set(`${gateway}|${port}|${hostname}`, { gateway, port, hostname, rules: here })
    }
  return [...found.values()]
}
