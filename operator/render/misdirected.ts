// Which listener of a port a host belongs to: `listeners-PORT.map`, for ports where a request can be misdirected.

import * as names from '../model/names.ts'
import type { Hostname, Port } from '../model/proxy-model.ts'
import type { MapSection } from '../model/rendered.ts'

import { hostKey } from './hosts.ts'
import { mapSection } from './map-section.ts'

/** A section of the map of a port with several hostnames; see templates/routing/misdirected.hbs. Each hostname stands in one of them. */
export function listenersSection(port: Port, hostnames: readonly Hostname[]): MapSection {
  const map = names.listenersMap(port)
  return mapSection(new Map(hostnames.map(entry)), { map, section: map, backends: new Set() })
}

/** The section that the map always has: what stands in front of every value. */
export function listenersMark(port: Port): MapSection {
  const map = names.listenersMap(port)
  return mapSection(new Map([['=', '1']]), { map, section: `${map}=`, backends: new Set() })
}

function entry(hostname: Hostname): readonly [string, string] {
  const id = names.virtualHostId(hostname)
  return hostname === '' ? [id, '1'] : [hostKey(hostname), `=${id}`]
}
