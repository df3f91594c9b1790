// node e2e/bench/run-cost.ts: what a run costs inside the operator's process, without a cluster, as a table: the first run, and runs for
// one change, with 1,000, 5,000 and 20,000 HTTPRoutes. Figures are of this machine and of this hour; nothing is asserted.
// `--listener-sets` does it with ListenerSets, each with two listeners and sixteen routes: 250, 1,000 and 2,500 of them at one Gateway.
// `--routes N --hosts M --sets L` measures one size in this process, for `node --cpu-prof`.

import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { setTimeout as delay } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { Registry } from 'prom-client'

import { recomputed } from '../../operator/lib/derive.ts'
import { silentLog } from '../../operator/lib/log.ts'
import { controllerName } from '../../operator/model/kinds.ts'
import type { KubernetesObject } from '../../operator/model/kubernetes.ts'
import type { RenderedConfig, StatusPatch } from '../../operator/model/rendered.ts'
import { defaultDataPlane, type DataPlaneSettings } from '../../operator/model/settings.ts'
import type { ObjectKey } from '../../operator/model/snapshot.ts'
import { provision } from '../../operator/provision/provision.ts'
import { change } from '../../operator/push/change.ts'
import { configFiles } from '../../operator/push/files.ts'
import { freshlyLoaded, type Held } from '../../operator/push/held.ts'
import { openPush } from '../../operator/push/push.ts'
import { createBuilder, reconcile, type Tools } from '../../operator/reconcile.ts'
import { loadRenderer } from '../../operator/render/render.ts'
import { createStatuses } from '../../operator/status/status.ts'
import { createTranslator, supportedFeatures } from '../../operator/translate/translate.ts'
import { snapshotFromObjects } from '../../operator/watch/files.ts'
import { quantile } from './figures.ts'

const sizes = [1_000, 5_000, 20_000]
const fewHosts = 50
const setSizes = [250, 1_000, 2_500]
const listenersPerSet = 2
const routesPerSet = 16
const routesPerService = 10
const samples = 40
const repository = join(import.meta.dirname, '../..')
// Every new backend takes a spare, and a reload is not what is measured here.
const settings: DataPlaneSettings = { ...defaultDataPlane, spares: { plain: 4 * samples, filtered: 50, tcp: 0 } }

// ---- the cluster ----------------------------------------------------------------------------------------------------------------------

const namespace = 'shop'
const gatewayApi = 'gateway.networking.k8s.io/v1'

function withSpec(kind: string, name: string, spec: object): KubernetesObject {
  const metadata = kind === 'GatewayClass' ? { name } : { name, namespace, generation: 1, uid: `uid-${name}` }
  return Object.assign({ apiVersion: gatewayApi, kind, metadata }, { spec })
}

/** How many of what; without sets all routes are the Gateway's. */
type Size = { readonly routes: number; readonly hosts: number; readonly sets: number }

function route(n: number, { routes, hosts, sets }: Size, more: { readonly path?: string; readonly to?: string } = {}) {
  const { path = hosts === routes ? '/' : `/r${n}`, to = `s${Math.floor(n / routesPerService)}` } = more
  return withSpec('HTTPRoute', `r${n}`, {
    parentRefs: [sets === 0 ? { name: 'web' } : { kind: 'ListenerSet', name: `l${(n % hosts) % sets}` }],
    hostnames: [`h${n % hosts}.example.com`],
    rules: [{ matches: [{ path: { type: 'PathPrefix', value: path } }], backendRefs: [{ name: to, port: 8080 }] }],
  })
}

// Its listeners have the hostnames of its routes.
function listenerSet(n: number, { sets }: Size, more: readonly object[] = []): KubernetesObject {
  const listeners = Array.from({ length: listenersPerSet }, (_, at) => {
    return { name: `http${at}`, port: 80, protocol: 'HTTP', hostname: `h${n + at * sets}.example.com` }
  })
  return withSpec('ListenerSet', `l${n}`, { parentRef: { name: 'web' }, listeners: [...listeners, ...more] })
}

function service(name: string): KubernetesObject {
  return Object.assign(withSpec('Service', name, { ports: [{ port: 8080, targetPort: 8080 }] }), { apiVersion: 'v1' })
}

function endpointSlice(name: string, n: number, addresses = 2): KubernetesObject {
  const endpoints = Array.from({ length: addresses }, (_, at) => ({
    addresses: [`10.${(n >> 8) & 255}.${n & 255}.${at + 1}`],
    conditions: { ready: true },
  }))
  const metadata = { name: `${name}-x`, namespace, labels: { 'kubernetes.io/service-name': name } }
  return Object.assign(
    { apiVersion: 'discovery.k8s.io/v1', kind: 'EndpointSlice', metadata },
    { addressType: 'IPv4', ports: [{ name: '', port: 8080, protocol: 'TCP' }], endpoints },
  )
}

function cluster(size: Size): readonly KubernetesObject[] {
  const { routes, sets } = size
  const services = Array.from({ length: Math.ceil(routes / routesPerService) }, (_, n) => n)
  return [
    withSpec('GatewayClass', 'haproxy', { controllerName }),
    withSpec('Gateway', 'web', {
      gatewayClassName: 'haproxy',
      allowedListeners: { namespaces: { from: 'Same' } },
      listeners: [{ name: 'http', port: 80, protocol: 'HTTP' }],
    }),
    { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } },
    ...services.flatMap((n) => [service(`s${n}`), endpointSlice(`s${n}`, n)]),
    ...Array.from({ length: sets }, (_, n) => listenerSet(n, size)),
    ...Array.from({ length: routes }, (_, n) => route(n, size)),
  ]
}

// ---- the operator ---------------------------------------------------------------------------------------------------------------------

const rooms = ['translate', 'render', 'provision', 'want', 'statuses', 'change'] as const
type Room = (typeof rooms)[number]
type Cost = Record<Room | 'run' | 'recomputed', number>

function openOperator(objects: readonly KubernetesObject[]) {
  const snapshot = snapshotFromObjects(objects)
  const spent: Record<Room, number> = { translate: 0, render: 0, provision: 0, want: 0, statuses: 0, change: 0 }
  const timed =
    <A extends readonly unknown[], R>(room: Room, work: (...input: A) => R): ((...input: A) => R) =>
    (...input) => {
      const began = performance.now()
      const result = work(...input)
      spent[room] += performance.now() - began
      return result
    }
  // A cluster that takes everything and has nothing.
  const push = openPush({
    call: async ({ method }) => ({
      status: method === 'GET' ? 404 : 200,
      body: { metadata: { resourceVersion: '1' } },
    }),
    snapshot,
    settings,
    operatorNamespace: 'haproxy-gateway-system',
    logger: silentLog(),
    registry: new Registry(),
    onOutcome: () => {},
  })
  const pod: { held?: Held; config?: RenderedConfig; reloads: number; commands: number } = { reloads: 0, commands: 0 }
  const bring = timed('change', (wanted: RenderedConfig) => {
    pod.config = wanted
    const plan = pod.held && change(pod.held, wanted)
    if (plan?.kind === 'commands') pod.held = plan.after
    else pod.held = freshlyLoaded(wanted, settings)
    if (plan?.kind === 'reload') pod.reloads += 1
    pod.commands = plan?.kind === 'commands' ? plan.stages.reduce((sum, { commands }) => sum + commands.length, 0) : 0
  })
  const load = loadRenderer(join(repository, 'templates'), settings)
  const tools: Tools = {
    translate: timed('translate', createTranslator(snapshot)),
    pendingDemands: () => 0,
    build: createBuilder(
      timed('provision', (proxy) => provision(proxy, settings)),
      timed('render', load),
    ),
    statuses: timed('statuses', createStatuses()),
    features: supportedFeatures,
    push: {
      objects: { want: timed('want', push.objects.want), keepOnly: timed('want', push.objects.keepOnly) },
      dataplane: { want: timed('want', push.dataplane.want), keepOnly: timed('want', push.dataplane.keepOnly) },
      finalizers: { want: timed('want', push.finalizers.want) },
      statuses: { want: timed('want', push.statuses.want) },
      outcomes: timed('want', push.outcomes),
    },
  }
  // One run, and what the pod's worker computes for it.
  let patches: readonly StatusPatch[] = []
  const run = (): Cost => {
    for (const room of rooms) spent[room] = 0
    const recomputedBefore = recomputed()
    const began = performance.now()
    const result = reconcile(snapshot, tools, new Date())
    const total = performance.now() - began
    if (result.kind !== 'done') throw new Error('a run was held')
    for (const built of result.built.values()) {
      if (built.kind === 'failed') throw built.error
      bring(built.rendered)
    }
    patches = result.patches
    return { ...spent, run: total, recomputed: recomputed() - recomputedBefore }
  }
  // The statuses that the last run asked for, as the watch brings them back; false when there were none.
  const takeStatuses = (): boolean => {
    for (const { kind, key, status } of patches) writeStatus(snapshot, kind, key, status)
    return patches.length > 0
  }
  return { snapshot, run, takeStatuses, pod, stop: push.stop }
}

function writeStatus(
  snapshot: ReturnType<typeof snapshotFromObjects>,
  kind: keyof typeof snapshot & Parameters<typeof snapshot.remove>[0],
  key: ObjectKey,
  status: unknown,
): void {
  const object: KubernetesObject | undefined = snapshot[kind].get(key)
  if (object !== undefined) snapshot.put(Object.assign({}, object, { status }))
}

// ---- one size -------------------------------------------------------------------------------------------------------------------------

type Spread = { readonly median: number; readonly max: number }
export type Figures = {
  readonly first: Cost
  /** The longest time in which nothing else got its turn, from the first run to the end of what it set off. */
  readonly longestBlock: number
  readonly rssMegabytes: number
  readonly idle: Spread
  readonly changes: Readonly<Record<string, Readonly<Record<keyof Cost, Spread>> & { readonly reloads: number }>>
  /** Files written behind changes at run time, at most every two seconds. */
  readonly files: Spread
}

async function measure(size: Size): Promise<Figures> {
  const { routes, sets } = size
  const operator = openOperator(cluster(size))
  const { snapshot, run, takeStatuses, pod } = operator
  const loop = monitorEventLoopDelay({ resolution: 1 })
  loop.enable()
  // The first interval after a reset does not count.
  loop.reset()
  await delay(20)
  const first = run()
  await delay(500)
  loop.disable()
  const longestBlock = loop.max / 1e6
  const settleRuns = (): void => {
    while (takeStatuses()) run()
  }
  settleRuns()
  const rssMegabytes = process.memoryUsage.rss() / 2 ** 20

  const idle = Array.from({ length: samples }, () => run().run)
  let next = routes
  const edits: Readonly<Record<string, (n: number) => void>> = {
    'route changed': (n) => snapshot.put(route(at(n), size, { path: `/v${n}` })),
    'route added': () => snapshot.put(route(next++, size, { to: 's0' })),
    'route removed': () => snapshot.remove('HTTPRoute', `${namespace}/r${--next}`),
    'endpoints changed': (n) => snapshot.put(endpointSlice(`s${n}`, n, 3)),
    'service and route added': () => {
      snapshot.put(service(`s${next}`))
      snapshot.put(endpointSlice(`s${next}`, next))
      snapshot.put(route(next, size, { to: `s${next}` }))
      next += 1
    },
    ...(sets === 0
      ? {}
      : {
          'listener added to a set': (n: number) =>
            snapshot.put(
              listenerSet(n, size, [{ name: 'new', port: 80, protocol: 'HTTP', hostname: `n${n}.example.com` }]),
            ),
          'set removed': (n: number) => snapshot.remove('ListenerSet', `${namespace}/l${n}`),
          'set added': (n: number) => snapshot.put(listenerSet(n, size)),
        }),
    'status came back': () => undefined,
  }
  const at = (n: number): number => Math.floor((n * routes) / samples)
  const changes: Record<string, Record<keyof Cost, Spread> & { reloads: number }> = {}
  const returned: Cost[] = []
  for (const [name, edit] of Object.entries(edits)) {
    pod.reloads = 0
    const costs = Array.from({ length: samples }, (__, n) => {
      edit(n)
      const cost = run()
      if (takeStatuses()) returned.push(run())
      settleRuns()
      return cost
    })
    changes[name] = { ...spreads(name === 'status came back' ? returned : costs), reloads: pod.reloads }
  }
  const before = pod.config
  const files = Array.from({ length: 5 }, (__, n) => {
    snapshot.put(route(at(n), size, { path: `/w${n}` }))
    run()
    const began = performance.now()
    if (pod.config !== undefined) configFiles(pod.config, settings, before)
    return performance.now() - began
  })
  await operator.stop()
  return { first, longestBlock, rssMegabytes, idle: spreadOf(idle), changes, files: spreadOf(files) }
}

function spreads(costs: readonly Cost[]): Record<keyof Cost, Spread> {
  const of = (part: keyof Cost): Spread => spreadOf(costs.map((cost) => cost[part]))
  return {
    run: of('run'),
    recomputed: of('recomputed'),
    translate: of('translate'),
    render: of('render'),
    provision: of('provision'),
    want: of('want'),
    statuses: of('statuses'),
    change: of('change'),
  }
}

function spreadOf(values: readonly number[]): Spread {
  return { median: quantile(values, 0.5), max: quantile(values, 1) }
}

// ---- the table ------------------------------------------------------------------------------------------------------------------------

const say = (text: string): void => void process.stdout.write(`${text}\n`)
const digits = (value: number): string => (value >= 100 ? value.toFixed(0) : value.toFixed(value >= 10 ? 1 : 2))
const row = (name: string, cells: readonly string[]): void =>
  say(`  ${name.padEnd(36)}${cells.map((cell) => cell.padStart(10)).join('')}`)

function print(figures: readonly Figures[]): void {
  const numbers = (name: string, of: (one: Figures) => number): void => {
    const values = figures.map(of)
    const ratio = (values.at(-1) ?? 0) / (values[0] ?? 0)
    row(name, [...values.map(digits), Number.isFinite(ratio) ? ratio.toFixed(2) : '-'])
  }
  numbers('first run, ms', ({ first }) => first.run + first.change)
  for (const room of rooms) numbers(`  ${room}`, ({ first }) => first[room])
  numbers('  longest block', ({ longestBlock }) => longestBlock)
  numbers('  derivations computed', ({ first }) => first.recomputed)
  numbers('RSS after it, MB', ({ rssMegabytes }) => rssMegabytes)
  numbers('run that changes nothing, ms', ({ idle }) => idle.median)
  for (const name of Object.keys(figures[0]?.changes ?? {})) {
    const part = (which: keyof Cost, kind: keyof Spread) => (one: Figures) => one.changes[name]?.[which][kind] ?? 0
    numbers(`${name}, ms`, (one) => part('run', 'median')(one) + part('change', 'median')(one))
    for (const room of rooms) numbers(`  ${room}`, part(room, 'median'))
    numbers('  slowest run', part('run', 'max'))
    numbers('  derivations computed', part('recomputed', 'median'))
    if (figures.some(({ changes }) => (changes[name]?.reloads ?? 0) > 0))
      numbers('  reloads', ({ changes }) => changes[name]?.reloads ?? 0)
  }
  numbers('files behind changes, ms', ({ files }) => files.median)
}

// Each size in a process of its own, so that none pays for the memory of another.
function measureApart({ routes, hosts, sets }: Size): Figures {
  const self = [import.meta.filename, '--routes', String(routes), '--hosts', String(hosts), '--sets', String(sets)]
  const figures: Figures = JSON.parse(execFileSync(process.execPath, self, { encoding: 'utf8' }))
  return figures
}

function withSets(sets: number): Size {
  return { routes: sets * routesPerSet, hosts: sets * listenersPerSet, sets }
}

const { values: given } = parseArgs({
  options: {
    routes: { type: 'string' },
    hosts: { type: 'string' },
    sets: { type: 'string' },
    'listener-sets': { type: 'boolean' },
  },
})
if (given.routes !== undefined) {
  const [routes, hosts] = [Number(given.routes), Number(given.hosts ?? given.routes)]
  say(JSON.stringify(await measure({ routes, hosts, sets: Number(given.sets ?? 0) })))
} else if (given['listener-sets'] === true) {
  row('ListenerSets', [...setSizes.map(String), 'ratio'])
  print(setSizes.map((sets) => measureApart(withSets(sets))))
} else {
  for (const hosts of [undefined, fewHosts]) {
    row(hosts === undefined ? 'a hostname for each route' : `${hosts} hostnames`, [...sizes.map(String), 'ratio'])
    print(sizes.map((routes) => measureApart({ routes, hosts: hosts ?? routes, sets: 0 })))
    say('')
  }
}
