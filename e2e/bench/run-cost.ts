// node e2e/bench/run-cost.ts: what a run costs inside the operator's process, without a cluster, as a table: the first run, runs for
// one change, and the longest blocks of the event loop, with 1,000, 5,000 and 20,000 HTTPRoutes. Figures are of this machine and of this
// hour; nothing is asserted.
// `--listener-sets` does it with ListenerSets, each with two listeners and sixteen routes: 250, 1,000 and 2,500 of them at one Gateway.
// `--routes N --hosts M --sets L` measures one size in this process, for `node --cpu-prof`; with `--blocks` the blocks only.

import { execFileSync } from 'node:child_process'
import { parseArgs } from 'node:util'

import type { KubernetesObject } from '../../operator/model/kubernetes.ts'
import type { ObjectKey } from '../../operator/model/snapshot.ts'
import { configFiles } from '../../operator/push/files.ts'
import { snapshotFromObjects } from '../../operator/watch/files.ts'
import { quantile } from './figures.ts'
import { blockPhases, measureBlocks, type Blocks } from './run-cost-blocks.ts'
import {
  cluster,
  endpointSlice,
  listenerSet,
  listenersPerSet,
  namespace,
  route,
  service,
  type Size,
} from './run-cost-cluster.ts'
import { openOperator, rooms, samples, type Cost } from './run-cost-operator.ts'

const sizes = [1_000, 5_000, 20_000]
const fewHosts = 50
const setSizes = [250, 1_000, 2_500]
const routesPerSet = 16
/** As the operator's container has it. */
const nodeFlags = ['--max-semi-space-size=4', '--no-parallel-scavenge']

// ---- one size -------------------------------------------------------------------------------------------------------------------------

function writeStatus(
  snapshot: ReturnType<typeof snapshotFromObjects>,
  kind: keyof typeof snapshot & Parameters<typeof snapshot.remove>[0],
  key: ObjectKey,
  status: unknown,
): void {
  const object: KubernetesObject | undefined = snapshot[kind].get(key)
  if (object !== undefined) snapshot.put(Object.assign({}, object, { status }))
}

type Spread = { readonly median: number; readonly max: number }
export type Figures = {
  readonly first: Cost
  /** Of another process of the same size. */
  readonly blocks: Blocks
  readonly rssMegabytes: number
  readonly idle: Spread
  readonly changes: Readonly<Record<string, Readonly<Record<keyof Cost, Spread>> & { readonly reloads: number }>>
  /** Files written behind changes at run time, at most every two seconds. */
  readonly files: Spread
}

async function measure(size: Size): Promise<Omit<Figures, 'blocks'>> {
  const { routes, sets } = size
  const snapshot = snapshotFromObjects(cluster(size))
  const operator = openOperator(snapshot)
  const { run, pod, settings } = operator
  const first = run()
  // The statuses that the last run asked for, as the watch brings them back; false when there were none.
  const takeStatuses = (): boolean => {
    for (const { kind, key, status } of operator.patches()) writeStatus(snapshot, kind, key, status)
    return operator.patches().length > 0
  }
  const settleRuns = (): void => {
    while (takeStatuses()) run()
  }
  settleRuns()
  const rssMegabytes = process.memoryUsage.rss() / 2 ** 20

  const idle = Array.from({ length: samples }, () => run().run)
  let next = routes
  let pass = 0
  const edits: Readonly<Record<string, (n: number) => void>> = {
    'route changed': (n) => snapshot.put(route(at(n), size, { path: `/v${pass}-${n}` })),
    'route added': () => snapshot.put(route(next++, size, { to: 's0' })),
    'route removed': () => snapshot.remove('HTTPRoute', `${namespace}/r${--next}`),
    'endpoints changed': (n) => snapshot.put(endpointSlice(`s${n}`, n, 3 + pass)),
    'service and route added': () => {
      snapshot.put(service(`s${next}`))
      snapshot.put(endpointSlice(`s${next}`, next))
      snapshot.put(route(next, size, { to: `s${next}` }))
      next += 1
    },
    ...(sets === 0
      ? {}
      : {
          'listener added to a set': (n: number) => snapshot.put(listenerSet(n, size, [`n${n}.example.com`])),
          'set removed': (n: number) => snapshot.remove('ListenerSet', `${namespace}/l${n}`),
          'set added': (n: number) => snapshot.put(listenerSet(n, size)),
        }),
    'status came back': () => undefined,
  }
  const at = (n: number): number => Math.floor((n * routes) / samples)
  const changes: Record<string, Record<keyof Cost, Spread> & { reloads: number }> = {}
  const returned: Cost[] = []
  // What counts is the second time: of the first, small sizes would show the compiler and big ones would not.
  const twice = [...Object.keys(edits), ...Object.keys(edits)]
  for (const [step, name] of twice.entries()) {
    const edit = edits[name]
    if (edit === undefined) continue
    pass = step < twice.length / 2 ? 0 : 1
    if (pass === 0) returned.length = 0
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
  return { first, rssMegabytes, idle: spreadOf(idle), changes, files: spreadOf(files) }
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
  numbers('  derivations computed', ({ first }) => first.recomputed)
  for (const phase of blockPhases) {
    numbers(`longest block, ${phase}, ms`, ({ blocks }) => blocks[phase].longest)
    numbers('  in processor time', ({ blocks }) => blocks[phase].processor)
    numbers('  all of it', ({ blocks }) => blocks[phase].took)
  }
  numbers('RSS after the first run, MB', ({ rssMegabytes }) => rssMegabytes)
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
function measureApart(size: Size): Figures {
  const figures: Omit<Figures, 'blocks'> = JSON.parse(inProcess(size))
  const blocks: Blocks = JSON.parse(inProcess(size, '--blocks'))
  return { ...figures, blocks }
}

function inProcess({ routes, hosts, sets }: Size, ...more: readonly string[]): string {
  const size = ['--routes', String(routes), '--hosts', String(hosts), '--sets', String(sets)]
  return execFileSync(process.execPath, [...nodeFlags, import.meta.filename, ...size, ...more], { encoding: 'utf8' })
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
    blocks: { type: 'boolean' },
  },
})
if (given.routes !== undefined) {
  const [routes, hosts] = [Number(given.routes), Number(given.hosts ?? given.routes)]
  const size = { routes, hosts, sets: Number(given.sets ?? 0) }
  say(JSON.stringify(await (given.blocks === true ? measureBlocks(size) : measure(size))))
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
