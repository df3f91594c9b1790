import { Counter, type Registry } from 'prom-client'

import type { Kind } from '../model/kubernetes.ts'

export type WatchMetrics = { readonly count: (kind: Kind, what: 'event' | 'relist' | 'error') => void }

/** The door's counters, on the given registry. */
export function createWatchMetrics(registry: Registry): WatchMetrics {
  const counter = (name: string, help: string) =>
    new Counter({ name: `haproxy_gateway_watch_${name}_total`, help, labelNames: ['kind'], registers: [registry] })
  const counters = {
    event: counter('events', 'Events of watches, by kind.'),
    relist: counter('relists', 'Lists of a kind after its first: each is a gap that a watch could not bridge.'),
    error: counter('errors', 'Lists and watches that failed, by kind.'),
  }
  return { count: (kind, what) => counters[what].inc({ kind }) }
}
