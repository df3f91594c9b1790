/** Profiles of which every pod has spare backends, written empty: given to a backend that appears at run time. */
export const spareProfiles = ['plain', 'filtered', 'tcp'] as const
export type SpareProfile = (typeof spareProfiles)[number]

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
  readonly apiPort: number
  /** /livez, /readyz and /metrics */
  readonly statusPort: number
  /** Each takes 4.4 KB of HAProxy's memory. */
  readonly spares: Readonly<Record<SpareProfile, number>>
}

export const defaultDataPlane: DataPlaneSettings = {
  image: 'haproxytech/haproxy-debian:3.4',
  udpImage: 'nginx:1.30',
  replicas: 2,
  requests: { cpu: '100m', memory: '128Mi' },
  root: '/gw',
  apiPort: 15555,
  statusPort: 8404,
  spares: { plain: 1000, filtered: 1000, tcp: 20 },
}
