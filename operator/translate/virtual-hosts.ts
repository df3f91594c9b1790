import type { Hostname, Rule, VirtualHost } from '../model/proxy-model.ts'
import type { ObjectKey, Snapshot } from '../model/snapshot.ts'

import { family, Gathering } from '../lib/derive.ts'

import { attempt, type Part } from './fault.ts'
import { sortRules } from './precedence.ts'
import type { PlacedRoute } from './routes-placed.ts'

export type VirtualHosts = {
  /** Those that some route serves at a `GATEWAY|PORT`, sorted by hostname. Tracked. */
  readonly ofPort: (place: string) => readonly VirtualHost[]
  /** Whether some route serves this hostname there. Tracked. */
  readonly has: (place: string, hostname: Hostname) => boolean
  /** Tracked. */
  readonly faults: (gateway: ObjectKey) => readonly string[]
}

/** Routes collected by virtual host, virtual hosts by port. Names of buckets are joined with `|`, which no object's name holds. */
export function createVirtualHosts(snapshot: Snapshot, routes: (key: ObjectKey) => PlacedRoute): VirtualHosts {
  const rulesByHost = new Gathering(snapshot.HTTPRoute, (key) =>
    routes(key).placements.map(
      ({ gateway, port, hostname, rules }) => [`${gateway}|${port}|${hostname}`, rules] as const,
    ),
  )
  const host = family((place): Part<VirtualHost> => {
    const [, port = '', hostname = ''] = place.split('|')
    const withRules = (rules: readonly Rule[]): VirtualHost => ({ port: Number(port), hostname, rules })
    return attempt<Part<VirtualHost>>(
      () => ({ part: withRules(sortRules(rulesByHost.bucket(place).map(({ value }) => value))) }),
      (fault) => ({ part: withRules([brokenHost]), fault: `Virtual host ${hostname} on port ${port}: ${fault}` }),
    )
  })
  const byPort = new Gathering(rulesByHost, (place) => [[place.slice(0, place.lastIndexOf('|')), host(place).part]])
  const faults = new Gathering(rulesByHost, (place) => {
    const { fault } = host(place)
    return fault === undefined ? [] : [[place.slice(0, place.indexOf('|')), fault]]
  })
  return {
    ofPort: (place) => byPort.bucket(place).map(({ value }) => value),
    has: (place, hostname) => rulesByHost.bucket(`${place}|${hostname}`).length > 0,
    faults: (gateway) => faults.bucket(gateway).map(({ value }) => value),
  }
}

// A virtual host whose rules cannot be put in order: requests get an answer, and not that of a less specific host.
const brokenHost: Rule = {
  id: 'fault',
  match: { path: { kind: 'prefix', value: '/' }, headers: [], queries: [] },
  action: { kind: 'respond', status: 500 },
}
