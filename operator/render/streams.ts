// What connections ask for → its entries of the maps: of a hostname of a TLS port, and of a TCP port.

import * as names from '../model/names.ts'
import type { Hostname, Rule, TcpFrontend, TlsHost } from '../model/proxy-model.ts'

import { hostKey, type HostSections } from './hosts.ts'
import { mapSection } from './map-section.ts'
import { splitValue } from './splits.ts'

/** The entries of one hostname: where the SNI leads, and, when that is to be decrypted first, where that leads. */
export function renderTlsHost({ port, hostname, end, rules }: TlsHost): HostSections {
  const name = `tls-${port}/${names.virtualHostId(hostname)}`
  const key = sniKey(hostname)
  if (end === 'http') return sectionsOf(name, [[names.sniMap(port), key, names.hopName('https', port)]])
  // Where nobody reads the name before decryption, a hostname without routes must be known behind it.
  const closed: readonly Content[] = rules.length === 0 ? [[names.terminatedMap(port), key, names.closed]] : []
  if (end === 'passthrough') return sectionsOf(name, [[names.sniMap(port), key, rules], ...closed])
  return sectionsOf(name, [
    [names.sniMap(port), key, names.hopName('terminate', port)],
    [names.terminatedMap(port), key, rules],
  ])
}

/** The one entry of a TCP port. */
export function renderTcpPort({ port, rules }: TcpFrontend): HostSections {
  return sectionsOf(`tcp-${port}`, [[names.tcpMap, String(port), rules]])
}

// The name that a client asks for is looked up with its labels reversed, as the Host of requests.
function sniKey(hostname: Hostname): string {
  return hostname === '' ? names.virtualHostId(hostname) : hostKey(hostname)
}

type Content = readonly [map: string, key: string, value: string | readonly Rule[]]

function sectionsOf(name: string, contents: readonly Content[]): HostSections {
  const tree = new Map<string, string>()
  const backends = new Set<string>()
  const valueOf = (rules: readonly Rule[]): string => targetValue(rules, { scope: name, tree, backends })
  const entries = contents.map(
    ([map, key, value]) => [map, new Map([[key, typeof value === 'string' ? value : valueOf(value)]])] as const,
  )
  const scope = { section: name, backends }
  const all = tree.size === 0 ? entries : [...entries, [names.treeMap, tree] as const]
  return { name, sections: all.map(([map, found]) => ({ map, section: mapSection(found, { ...scope, map }) })) }
}

type Nodes = { readonly scope: string; readonly tree: Map<string, string>; readonly backends: Set<string> }

// Rules match everything, so the first one decides.
function targetValue([first]: readonly Rule[], { scope, tree, backends }: Nodes): string {
  if (first?.action.kind !== 'forward') return names.closed
  const shares = first.action.targets.map((target) => {
    if (target.kind !== 'backend') return { weight: target.weight, value: names.closed }
    const value = names.backendName(target.backend, target.profile)
    backends.add(value)
    return { weight: target.weight, value }
  })
  return splitValue(shares, { scope, tree }, names.closed)
}
