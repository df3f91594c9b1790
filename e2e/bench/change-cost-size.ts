// node e2e/bench/change-cost-size.ts --routes N --hosts M --sets L [--gateways G] [--certificates] [--rounds R] [--cold]: what one change of each kind
// costs in the operator's rooms among so many objects, as JSON: from the object in the snapshot to the commands for a pod. All kinds take
// turns, so that all of them find the same heap and the same compiled code; with --cold they find the processor's caches full of something else,
// as they do in a cluster, where much else happens between two changes. With `node --cpu-prof` it shows where the time goes.

import { parseArgs } from 'node:util'

import type { Kind, KubernetesObject } from '../../operator/model/kubernetes.ts'
import { snapshotFromObjects } from '../../operator/watch/files.ts'
import { mean, quantile } from './figures.ts'
import { cluster, endpointSlice, listenerSet, namespace, route, service, type Size } from './run-cost-cluster.ts'
import { openOperator } from './run-cost-operator.ts'

/** Milliseconds, with the garbage collection that falls into them. */
export type Cost = { readonly median: number; readonly mean: number; readonly max: number }
export type SizeFigures = {
  readonly costs: Readonly<Record<string, Cost>>
  readonly reloads: number
  readonly rssMebibytes: number
}

type Edit = { readonly name: string; readonly edit: (n: number) => void }
type Cluster = ReturnType<typeof snapshotFromObjects>

/** In this order, each round undoes what it did. */
function editsOf(snapshot: Cluster, size: Size): readonly Edit[] {
  const { routes, sets } = size
  const some = (n: number, count: number): number => (n * 7919) % count
  const always: readonly Edit[] = [
    { name: 'route_changed', edit: (n) => snapshot.put(route(some(n, routes), size, { path: `/v${n}` })) },
    { name: 'route_changed', edit: (n) => snapshot.put(route(some(n, routes), size)) },
    { name: 'route_added', edit: () => snapshot.put(route(routes, size, { to: 's0' })) },
    { name: 'route_removed', edit: () => snapshot.remove('HTTPRoute', `${namespace}/r${routes}`) },
    ...[3, 2].map((addresses) => ({
      name: 'endpoints_changed',
      edit: (n: number) => {
        const which = some(n, Math.ceil(routes / 10))
        snapshot.put(endpointSlice(`s${which}`, which, addresses))
      },
    })),
    {
      name: 'service_and_route_added',
      edit: (n) => {
        snapshot.put(service('new'))
        snapshot.put(endpointSlice('new', n))
        snapshot.put(route(routes, size, { to: 'new' }))
      },
    },
    {
      name: 'service_and_route_removed',
      edit: () => {
        snapshot.remove('HTTPRoute', `${namespace}/r${routes}`)
        snapshot.remove('EndpointSlice', `${namespace}/new-x`)
        snapshot.remove('Service', `${namespace}/new`)
      },
    },
  ]
  if (sets === 0) return always
  // The first set's certificate is the default one of the port, which only a reload changes.
  const someSet = (n: number): number => 1 + some(n, sets - 1)
  return [
    ...always,
    { name: 'listener_added', edit: (n) => snapshot.put(listenerSet(someSet(n), size, ['new.example.com'])) },
    { name: 'listener_removed', edit: (n) => snapshot.put(listenerSet(someSet(n), size)) },
    { name: 'set_removed', edit: (n) => snapshot.remove('ListenerSet', `${namespace}/l${someSet(n)}`) },
    { name: 'set_added', edit: (n) => snapshot.put(listenerSet(someSet(n), size)) },
  ]
}

/** More than a core's share of the last cache. */
const ballast = new Uint8Array(48 * 2 ** 20)

function emptyCaches(): void {
  for (let at = 0; at < ballast.length; at += 64) ballast[at] = (ballast[at] ?? 0) + 1
}

async function measure(size: Size, rounds: number, cold: boolean): Promise<SizeFigures> {
  const snapshot = snapshotFromObjects(cluster(size))
  const operator = openOperator(snapshot)
  // The statuses that the last run asked for, as the watch brings them back.
  const takeStatuses = (): boolean => {
    for (const { kind, key, status } of operator.patches()) putStatus(snapshot, { kind, key, status })
    return operator.patches().length > 0
  }
  operator.run()
  while (takeStatuses()) operator.run()
  const rssMebibytes = process.memoryUsage.rss() / 2 ** 20
  const edits = editsOf(snapshot, size)
  const found: { readonly name: string; readonly cost: number }[] = []
  const timed = (name: string, edit: () => void): void => {
    if (cold) emptyCaches()
    const began = performance.now()
    edit()
    operator.run()
    found.push({ name, cost: performance.now() - began })
  }
  for (let round = 0; round < 2 * rounds; round += 1) {
    // The first half is for the compiler.
    if (round === rounds) found.length = 0
    timed('nothing', () => {})
    for (const { name, edit } of edits) {
      timed(name, () => edit(round))
      while (operator.patches().length > 0) timed('status_came_back', takeStatuses)
    }
  }
  await operator.stop()
  const byName = Map.groupBy(found, ({ name }) => name)
  const costs = [...byName].map(([name, all]) => [name, costOf(all.map(({ cost }) => cost))] as const)
  return { costs: Object.fromEntries(costs), reloads: operator.pod.reloads, rssMebibytes }
}

function costOf(values: readonly number[]): Cost {
  return { median: quantile(values, 0.5), mean: mean(values), max: quantile(values, 1) }
}

function putStatus(
  snapshot: Cluster,
  { kind, key, status }: { readonly kind: Kind; readonly key: string; readonly status: unknown },
): void {
  const object: KubernetesObject | undefined = snapshot[kind].get(key)
  if (object !== undefined) snapshot.put(Object.assign({}, object, { status }))
}

const { values: given } = parseArgs({
  options: {
    routes: { type: 'string', default: '100' },
    hosts: { type: 'string' },
    sets: { type: 'string', default: '0' },
    gateways: { type: 'string', default: '1' },
    certificates: { type: 'boolean', default: false },
    rounds: { type: 'string', default: '200' },
    cold: { type: 'boolean', default: false },
  },
})
const routes = Number(given.routes)
const size: Size = {
  routes,
  hosts: Number(given.hosts ?? routes),
  sets: Number(given.sets),
  gateways: Number(given.gateways),
  certificates: given.certificates,
}
process.stdout.write(`${JSON.stringify(await measure(size, Number(given.rounds), given.cold))}\n`)
