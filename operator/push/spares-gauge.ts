import { Gauge, type Registry } from 'prom-client'

import type { SpareProfile } from '../model/settings.ts'

import type { Layout } from './held.ts'

/** The free spares of one pod; undefined while it is being changed. */
export type FreeSpares = () => Layout['free'] | undefined

/**
 * Shows the fewest free spares that any pod has, by profile: a pager sees that they run out before a reload makes new ones. A pod is counted from
 * the call of `watch` to that of what it returned; while it is being changed, with what it had before.
 */
export function createSparesGauge(registry: Registry): { readonly watch: (free: FreeSpares) => () => void } {
  const pods = new Map<FreeSpares, Layout['free']>()
  const gauge = new Gauge({
    name: 'haproxy_gateway_spares_free',
    help: 'Free spare backends of the pod that has the fewest, by profile; without any, a new Service takes a reload.',
    labelNames: ['profile'],
    registers: [],
    collect() {
      this.reset()
      for (const [profile, count] of fewest(pods)) this.set({ profile }, count)
    },
  })
  registry.registerMetric(gauge)
  return {
    watch: (free) => {
      pods.set(free, new Map())
      return () => pods.delete(free)
    },
  }
}

function fewest(pods: Map<FreeSpares, Layout['free']>): ReadonlyMap<SpareProfile, number> {
  const counts = new Map<SpareProfile, number>()
  for (const [free, before] of pods) {
    const now = free() ?? before
    pods.set(free, now)
    for (const [profile, { length }] of now) counts.set(profile, Math.min(length, counts.get(profile) ?? length))
  }
  return counts
}
