// Names of which the certificates of a backend's servers must have one: entries of a map, under a key that is part of the servers' names.

import { altNamesMap, backendName } from '../model/names.ts'
import type { AltName, Backend } from '../model/proxy-model.ts'
import type { MapSection } from '../model/rendered.ts'
import { isRetryProfile } from '../model/retry.ts'
import type { SpareProfile } from '../model/settings.ts'
import type { Entry } from '../lib/derive.ts'
import { shortHash } from '../lib/hash.ts'

import { mapSection } from './map-section.ts'

/** Changes with the names, so that other names are other servers: what is under way ends by those it began with. Undefined: there are none. */
export function altNamesKey(backend: Backend): string | undefined {
  const word = altNamesWord(backend)
  return word === '' ? undefined : shortHash(`${backendName(backend.id, backend.profile)} ${word}`, 16)
}

/** The backend's section of the map; undefined when it has none. */
export function altNamesSection(backend: Backend): Entry<MapSection> | undefined {
  const key = altNamesKey(backend)
  if (key === undefined) return undefined
  const member = backendName(backend.id, backend.profile)
  const scope = { map: altNamesMap, section: member, backends: none }
  return { member, value: mapSection(new Map([[key, altNamesWord(backend)]]), scope) }
}

/** What a backend's section inherits. UDP is not HAProxy's: such a backend has no section. */
export function inheritedBy(backend: Backend): SpareProfile {
  const { profile } = backend
  if (isRetryProfile(profile)) return profile
  const isNamed = altNamesWord(backend) !== ''
  if (profile === 'tcp' || profile === 'udp') return isNamed ? 'named-tcp' : 'tcp'
  return isNamed ? 'named' : profile
}

const none: ReadonlySet<string> = new Set()

function altNamesWord({ tls }: Backend): string {
  const names = tls?.altNames ?? []
  return names.map(({ kind, value }) => `${letters[kind]}${Buffer.from(value).toString('hex')}`).join(':')
}

const letters = { hostname: 'h', uri: 'u' } satisfies Record<AltName['kind'], string>
