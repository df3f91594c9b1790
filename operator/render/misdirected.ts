// Which listener of a port a host belongs to: `listeners-PORT.map`, for ports where a request can be misdirected.

import * as names from '../model/names.ts'
import type { Hostname, PortListeners } from '../model/proxy-model.ts'
import type { MapSection } from '../model/rendered.ts'

import { hostKey } from './hosts.ts'
import { mapSection } from './map-section.ts'

/** The map of a port with several hostnames, as its only section; see templates/routing/misdirected.hbs. */
export function listenersSection({ port, hostnames }: PortListeners): MapSection {
  const map = names.listenersMap(port)
  return mapSection(new Map([...hostnames.map(entry), ['=', '1']]), { map, section: map, backends: new Set() })
}

function entry(hostname: Hostname): readonly [string, string] {
  const id = names.virtualHostId(hostname)
  return hostname === '' ? [id, '1'] : [hostKey(hostname), `=${id}`]
}
