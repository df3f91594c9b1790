import type { Hostname } from '../../model/proxy-model.ts'

import type { Refuse } from './problems.ts'
import { routeHostnameFault } from './writable.ts'

/** spec.hostnames in lower case, each once, in the user's order; `refuse` is told of those that are none. */
export function routeHostnames(given: readonly string[] | undefined, refuse: Refuse): readonly Hostname[] {
  const hostnames = (given ?? []).map((hostname) => hostname.toLowerCase())
  for (const [index, hostname] of hostnames.entries()) {
    const fault = routeHostnameFault(hostname)
    if (fault !== undefined) refuse(`spec.hostnames[${index}]`, fault)
  }
  return [...new Set(hostnames)]
}
