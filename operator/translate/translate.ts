import type { ProxyModel } from '../model/proxy-model.ts'
import type { Report } from '../model/report.ts'
import { type DataPlaneSettings, defaultDataPlane } from '../model/settings.ts'
import type { ObjectKey, Snapshot } from '../model/snapshot.ts'

import { compareTexts } from '../lib/compare-texts.ts'
import { settle } from '../lib/derive.ts'

import { createAttachments } from './attachment.ts'
import { createBackends } from './backends.ts'
import { follow } from './followed.ts'
import { createClasses } from './gateway-class.ts'
import { createGateways, createSuspensions } from './gateway.ts'
import { createProxyNeeds } from './needs.ts'
import { createProxies } from './proxies.ts'
import { createReferences } from './references.ts'
import { createGatewayReports, createRouteReports } from './reports.ts'
import { routeMembers } from './route-members.ts'
import { createPlacedRoutes } from './routes-placed.ts'
import { createRouteTranslator } from './routes/routes.ts'
import { createVirtualHosts } from './virtual-hosts.ts'

export { supportedFeatures } from './supported-features.ts'

export type Translation = {
  readonly proxies: readonly ProxyModel[]
  /** Gateways whose class is missing or not accepted: what they have stays as it is. */
  readonly suspended: readonly ObjectKey[]
  readonly report: Report
}

/**
 * What the cluster asks for. Each call of the returned function gives the newest translation; a call costs what has changed since
 * the one before, and what has not changed keeps its identity.
 * @param dataPlane its own ports are none that a listener can have
 */
export function createTranslator(
  snapshot: Snapshot,
  { apiPort, statusPort }: Pick<DataPlaneSettings, 'apiPort' | 'statusPort'> = defaultDataPlane,
): () => Translation {
  // 1. Which classes are ours, and what may refer to what.
  const classes = createClasses(snapshot)
  const references = createReferences(snapshot)

  // 2. What our Gateways and their listeners ask for.
  const gateways = createGateways(snapshot, { classes, references, reservedPorts: [apiPort, statusPort] })

  // 3. What routes mean, whatever they attach to, and where they attach.
  const translator = createRouteTranslator(snapshot, references)
  const routes = createPlacedRoutes(snapshot, translator, createAttachments(snapshot, gateways))

  // 4. Collect: routes by virtual host, virtual hosts and backends by proxy. No derivation reads all routes, so a route's change
  //    costs the same among ten and among thousands.
  const virtualHosts = createVirtualHosts(snapshot, routes)
  const needs = createProxyNeeds(snapshot, { routes, backends: createBackends(snapshot) })
  const proxy = createProxies({ gateways, virtualHosts, needs })

  // 5. What to tell the authors of all these objects.
  const gatewayReport = createGatewayReports(snapshot, { gateways, routes, virtualHosts, needs })

  // 6. Keep the results at hand: every one is computed when something it read has changed, and only then.
  const proxies = follow(snapshot.Gateway, proxy)
  const suspended = follow(snapshot.Gateway, createSuspensions(snapshot, classes))
  const report = {
    classes: follow(snapshot.GatewayClass, classes.report),
    gateways: follow(snapshot.Gateway, gatewayReport),
    routes: follow(routeMembers(snapshot), createRouteReports(routes)),
  }

  return () => {
    settle()
    return {
      proxies: [...proxies().values()].toSorted((a, b) => compareTexts(a.id, b.id)),
      suspended: [...suspended().keys()].toSorted(compareTexts),
      report: { classes: report.classes(), gateways: report.gateways(), routes: report.routes() },
    }
  }
}
