import type { VirtualHost } from '../model/proxy-model.ts'

import { Grove } from '../lib/derive.ts'
import type { Parts } from '../lib/parts.ts'

import type { Parents } from './parents.ts'
import type { VirtualHosts } from './virtual-hosts.ts'

/**
 * The hostnames of listeners that no route serves, as virtual hosts by `GATEWAY|PORT`: they answer 404, so that requests for them never
 * fall to a less specific listener, also when the listener itself cannot be served. Tracked.
 */
export function createEmptyHosts(
  { hostnames }: Pick<Parents, 'hostnames'>,
  { has }: Pick<VirtualHosts, 'has'>,
): (place: string) => Parts<VirtualHost> {
  const byPort = new Grove(hostnames, (name) => {
    const [gateway = '', transport, port = '', hostname = ''] = name.split('|')
    if (transport !== 'TCP' || has(`${gateway}|${port}`, hostname)) return []
    const host: VirtualHost = { port: Number(port), hostname, rules: [] }
    return [[`${gateway}|${port}`, host]]
  })
  return (place) => byPort.tree(place)
}
