import type { ProxyModel } from '../model/proxy-model.ts'
import type { Report } from '../model/report.ts'
import { type DataPlaneSettings, defaultDataPlane } from '../model/settings.ts'
import type { ObjectKey, Snapshot } from '../model/snapshot.ts'

import { compareTexts } from '../lib/compare-texts.ts'
import { settle } from '../lib/derive.ts'

import { createAttachments } from './attachment.ts'
import { createBackends } from './backends.ts'
import { follow } from '../lib/followed.ts'
import { createClasses } from './gateway-class.ts'
import { createGatewayDrafts, createGateways, createListenerNeeds, createSuspensions } from './gateway.ts'
import { createListenerSets } from './listener-sets.ts'
import { createProxyNeeds } from './needs.ts'
import { createPolicies, createPolicyReports, policyMembers } from './policies/policies.ts'
import { createParents } from './parents.ts'
import { createPortCertificates } from './port-certificates.ts'
import { createProxies } from './proxies.ts'
import { createReferences } from './references.ts'
import { createGatewayReports, createListenerReports, createListenerSetReports, createRouteReports } from './reports.ts'
import { routeMembers } from './route-members.ts'
import { createPlacedRoutes } from './routes-placed.ts'
import { createRouteTranslator } from './routes/routes.ts'
import { createStreams } from './streams.ts'
import { createUsers } from './users.ts'
import { createVirtualHosts } from './virtual-hosts.ts'

export { supportedFeatures } from './supported-features.ts'

export type Translation = {
  readonly proxies: readonly ProxyModel[]
  /** Gateways whose class is missing or not accepted: what they have stays as it is. */
  readonly suspended: readonly ObjectKey[]
  readonly report: Report
}

type OwnPorts = 'apiPort' | 'runtimePort' | 'statusPort'

/**
 * What the cluster asks for. Each call of the returned function gives the newest translation; a call costs what has changed since
 * the one before, and what has not changed keeps its identity.
 * @param dataPlane its own ports are none that a listener can have
 */
export function createTranslator(
  snapshot: Snapshot,
  { apiPort, runtimePort, statusPort }: Pick<DataPlaneSettings, OwnPorts> = defaultDataPlane,
): () => Translation {
  // 1. Which classes are ours, and what may refer to what.
  const classes = createClasses(snapshot)
  const references = createReferences(snapshot)

  // 2. What our Gateways, their ListenerSets and the listeners of both ask for.
  const listenerNeeds = createListenerNeeds(references, [apiPort, runtimePort, statusPort])
  const drafts = createGatewayDrafts(snapshot, { classes, needs: listenerNeeds })
  const sets = createListenerSets(snapshot, { drafts, needs: listenerNeeds })
  const gateways = createGateways({ drafts, references, sets })
  const parents = createParents(snapshot, { drafts, sets: sets.plan })

  // 3. What routes mean, whatever they attach to, and where they attach.
  const policies = createPolicies(snapshot, references)
  const translator = createRouteTranslator(snapshot, { ...references, encrypts: policies.encrypts })
  const routes = createPlacedRoutes(snapshot, translator, createAttachments(snapshot, { ...parents, drafts }), policies)

  // 4. Collect: routes by virtual host, virtual hosts and backends by proxy. No derivation reads all routes, so a route's change
  //    costs the same among ten and among thousands.
  const virtualHosts = createVirtualHosts(snapshot, routes)
  const needs = createProxyNeeds(snapshot, { routes, backends: createBackends(snapshot), policies, gateways })
  const users = createUsers({ needs, parents })
  const proxy = createProxies({
    gateways,
    parents,
    portCertificates: createPortCertificates(snapshot, { parents, gateways }),
    virtualHosts,
    streams: createStreams(snapshot, { routes, parents }),
    needs,
    users,
  })

  // 5. What to tell the authors of all these objects.
  const listeners = createListenerReports(snapshot, { parents, routes })
  const gatewayReport = createGatewayReports({ gateways, listeners, virtualHosts, needs })

  // 6. Keep the results at hand: every one is computed when something it read has changed, and only then.
  const proxies = follow(snapshot.Gateway, proxy)
  const suspended = follow(snapshot.Gateway, createSuspensions(snapshot, classes))
  const report = {
    classes: follow(snapshot.GatewayClass, classes.report),
    gateways: follow(snapshot.Gateway, gatewayReport),
    listenerSets: follow(snapshot.ListenerSet, createListenerSetReports(sets.plan, listeners)),
    routes: follow(routeMembers(snapshot), createRouteReports(routes)),
    policies: follow(policyMembers(snapshot), createPolicyReports({ policies, gateways: needs.gateways })),
  }

  return () => {
    settle()
    return {
      proxies: [...proxies().values()].toSorted((a, b) => compareTexts(a.id, b.id)),
      suspended: [...suspended().keys()].toSorted(compareTexts),
      report: {
        classes: report.classes(),
        gateways: report.gateways(),
        listenerSets: report.listenerSets(),
        routes: report.routes(),
        policies: report.policies(),
      },
    }
  }
}
