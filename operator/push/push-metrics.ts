import { Counter, Histogram, type Registry } from 'prom-client'

import { createSparesGauge, type FreeSpares } from './spares-gauge.ts'

export type PushMetrics = {
  readonly reloaded: (reason: string) => void
  readonly loadedFirst: () => void
  readonly pushed: (kind: 'runtime' | 'files', seconds: number) => void
  readonly failed: (what: 'pod' | 'object' | 'status') => void
  readonly wrote: (what: 'object' | 'status') => void
  /** Something in a pod's memory was not as it had been left. */
  readonly drifted: (part: 'map' | 'servers' | 'certificates' | 'state') => void
  /** Counts the free spares of a pod until what it returns is called. */
  readonly watchSpares: (free: FreeSpares) => () => void
}

/** This door's own counters, on the registry that main.ts serves. */
export function createPushMetrics(registry: Registry): PushMetrics {
  const registers = [registry]
  const reloads = new Counter({
    name: 'haproxy_gateway_reloads_total',
    help: 'Reloads of HAProxy that the operator asked for, by what made them necessary.',
    labelNames: ['reason'],
    registers,
  })
  const firstLoads = new Counter({
    name: 'haproxy_gateway_first_loads_total',
    help: 'Pods that were not ready yet and started from files older than what was wanted. No reload of anybody.',
    registers,
  })
  const pushes = new Histogram({
    name: 'haproxy_gateway_push_seconds',
    help: 'Time to bring one pod from one generation to another.',
    labelNames: ['kind'],
    buckets: [0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
    registers,
  })
  const failures = new Counter({
    name: 'haproxy_gateway_push_failures_total',
    help: 'Attempts that failed and are tried again.',
    labelNames: ['what'],
    registers,
  })
  const writes = new Counter({
    name: 'haproxy_gateway_kubernetes_writes_total',
    help: 'Objects and statuses written to the API server.',
    labelNames: ['what'],
    registers,
  })
  const drifts = new Counter({
    name: 'haproxy_gateway_drift_total',
    help: 'Times that a part of a pod did not hold what it had been given, and was repaired: state (HAProxy was restarted), map, servers, certificates.',
    labelNames: ['part'],
    registers,
  })
  return {
    drifted: (part) => drifts.inc({ part }),
    watchSpares: createSparesGauge(registry).watch,
    reloaded: (reason) => reloads.inc({ reason }),
    loadedFirst: () => firstLoads.inc(),
    pushed: (kind, seconds) => pushes.observe({ kind }, seconds),
    failed: (what) => failures.inc({ what }),
    wrote: (what) => writes.inc({ what }),
  }
}
