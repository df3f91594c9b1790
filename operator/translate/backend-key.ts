import type { BackendId, BackendProfile, Port } from '../model/proxy-model.ts'
import type { ObjectKey } from '../model/snapshot.ts'
import { isRetryProfile } from '../model/retry.ts'

/** One backend: a Service port under a profile. */
export type BackendIdentity = { readonly id: BackendId; readonly profile: BackendProfile }

/** `ID|PROFILE`, the name of a backend in gatherings and families. */
export function backendKey({ id, profile }: BackendIdentity): string {
  return `${id}|${profile}`
}

/** Throws for a text that `backendKey` did not make. */
export function backendOf(key: string): BackendIdentity {
  const bar = key.lastIndexOf('|')
  const name = key.slice(bar + 1)
  const profile = isRetryProfile(name) ? name : profiles.find((known) => known === name)
  if (profile === undefined) throw new Error(`${key} names no backend`)
  return { id: key.slice(0, bar), profile }
}

const profiles: readonly BackendProfile[] = ['plain', 'filtered', 'tcp', 'udp']

/** The Service port that a backend stands for. */
export function servicePortOf(id: BackendId): { readonly service: ObjectKey; readonly port: Port } {
  const colon = id.lastIndexOf(':')
  return { service: id.slice(0, colon), port: Number.parseInt(id.slice(colon + 1), 10) }
}
