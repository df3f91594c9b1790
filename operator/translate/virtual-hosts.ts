import type { Hostname, Rule, VirtualHost } from '../model/proxy-model.ts'
import type { RouteId } from '../model/report.ts'
import type { ObjectKey, Snapshot } from '../model/snapshot.ts'

import { family, Gathering, Grove } from '../lib/derive.ts'
import type { Parts } from '../lib/parts.ts'

import { attempt, type Part } from './fault.ts'
import { hostFault } from './host-size.ts'
import { sortRules } from './precedence.ts'
import { requestKinds, routeMembers } from './route-members.ts'
import type { PlacedRoute } from './routes-placed.ts'

export type VirtualHosts = {
  /** Those that some route serves at a `GATEWAY|PORT`. Tracked. */
  readonly ofPort: (place: string) => Parts<VirtualHost>
  /** Whether some route serves this hostname there. Tracked. */
  readonly has: (place: string, hostname: Hostname) => boolean
  /** Tracked. */
  readonly faults: (gateway: ObjectKey) => readonly string[]
}

/** Routes collected by virtual host, virtual hosts by port. Names of buckets are joined with `|`, which no object's name holds. */
export function createVirtualHosts(snapshot: Snapshot, routes: (route: RouteId) => PlacedRoute): VirtualHosts {
  const rulesByHost = new Gathering(routeMembers(snapshot, requestKinds), (route) =>
    routes(route).placements.map(
      ({ gateway, port, hostname, rules }) => [`${gateway}|${port}|${hostname}`, rules] as const,
    ),
  )
  const host = family((place): Part<VirtualHost> => {
    const [, port = '', hostname = ''] = place.split('|')
    const withRules = (rules: readonly Rule[]): VirtualHost => ({ port: Number(port), hostname, rules })
    const broken = (fault: string): Part<VirtualHost> => ({
      part: withRules([brokenHost]),
      fault: `Virtual host ${hostname} on port ${port}: ${fault}`,
    })
    return attempt<Part<VirtualHost>>(() => {
      const rules = sortRules(rulesByHost.values(place))
      const fault = hostFault(rules)
      return fault === undefined ? { part: withRules(rules) } : broken(fault)
    }, broken)
  })
  const byPort = new Grove(rulesByHost, (place) => [[place.slice(0, place.lastIndexOf('|')), host(place).part]])
  const faults = new Gathering(rulesByHost, (place) => {
    const { fault } = host(place)
    return fault === undefined ? [] : [[place.slice(0, place.indexOf('|')), fault]]
  })
  return {
    ofPort: (place) => byPort.tree(place),
    has: (place, hostname) => rulesByHost.size(`${place}|${hostname}`) > 0,
    faults: (gateway) => faults.values(gateway),
  }
}

// A virtual host whose rules cannot be put in order, or are too many: requests get an answer, and not that of a less specific host.
const brokenHost: Rule = {
  id: 'fault',
  match: { path: { kind: 'prefix', value: '/' }, headers: [], queries: [] },
  action: { kind: 'respond', status: 500 },
}
