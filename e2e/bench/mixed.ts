// What the files of the mixed changes have in common.

import { type Body } from './fixture.ts'
import { portOf, tlsPortOf } from './responders.ts'

export const namespace = 'bench-mixed'
export const domain = 'mixed.example.com'
export const headerName = 'x-bench'
export const versionHeader = 'x-version'

/** How many of what: Services that stay, called s0 and so on; Services that come and go, n0 and so on. */
export type Size = {
  readonly routes: number
  readonly hosts: number
  readonly steady: number
  readonly passing: number
}

export type Write = {
  readonly method: 'POST' | 'PATCH' | 'DELETE'
  readonly path: string
  readonly body?: Body
}
/** Writes in their order; changes of one `object` wait for each other. */
export type Change = { readonly kind: string; readonly object: string; readonly writes: readonly Write[] }

export function changed(kind: string, object: string, ...writes: readonly Write[]): Change {
  return { kind, object, writes }
}

/** What is said to be behind a Service, in the words of the responders; t0 and so on are those with TLS. */
export function portOfService(name: string, { steady }: Size): number {
  const n = Number(name.slice(1))
  if (name.startsWith('t')) return tlsPortOf(n)
  return portOf(name.startsWith('s') ? n : steady + n)
}
