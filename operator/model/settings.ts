import type { RetryProfile } from './retry.ts'

/** Profiles of which every pod has spare backends, written empty: given to a backend that appears at run time. Retry policies in use have some too. */
export const spareProfiles = ['plain', 'filtered', 'named', 'tcp', 'named-tcp'] as const
/**
 * What a section inherits: the profile of its backend; but with names to be looked for in certificates, `named` for plain and filtered, and
 * `named-tcp` for tcp. Those for retries look as well.
 */
export type SpareProfile = (typeof spareProfiles)[number] | RetryProfile

/** How the data plane of a Gateway is laid out; the same for all Gateways. */
export type DataPlaneSettings = {
  /** Image with both programs, haproxy and dataplaneapi. */
  readonly image: string
  /** Image with nginx and its stream module, for Gateways with UDP listeners. */
  readonly udpImage: string
  readonly replicas: number
  /** What HAProxy's container asks the scheduler for, as Kubernetes quantities. */
  readonly requests: { readonly cpu: string; readonly memory: string }
  /** Folder inside the pod that holds everything: configuration, maps, certificates, sockets. */
  readonly root: string
  /** Folder with the certificates of the control channel: tls.crt, tls.key and ca.crt, mounted from the Secret. */
  readonly pki: string
  readonly apiPort: number
  /** HAProxy's Runtime API, behind mutual TLS. */
  readonly runtimePort: number
  /** /livez, /readyz and /metrics */
  readonly statusPort: number
  /** Each takes 4.4 KB of HAProxy's memory. `retry`: of each retry policy in use. */
  readonly spares: Readonly<Record<(typeof spareProfiles)[number] | 'retry', number>>
}

export const defaultDataPlane: DataPlaneSettings = {
  image: 'haproxytech/haproxy-debian:3.4',
  udpImage: 'nginx:1.30',
  replicas: 2,
  requests: { cpu: '100m', memory: '128Mi' },
  root: '/gw',
  pki: '/pki',
  apiPort: 15555,
  runtimePort: 15556,
  statusPort: 8404,
  spares: { plain: 1000, filtered: 1000, named: 50, tcp: 20, 'named-tcp': 5, retry: 50 },
}
