// ListenerSets: many of them at one Gateway, each with two listeners of its own hostnames and sixteen HTTPRoutes. On the cluster as many as its API
// server takes in a minute; 2,500 sets and 40,000 routes in a process that is the operator without its doors (`change-cost.ts`,
// which also compares them with few).

import { setTimeout as delay } from 'node:timers/promises'
import { Client } from 'undici'
import { z } from 'zod'

import { apply, createNamespaces, get } from '../lib/cluster.ts'
import { eventually } from '../lib/eventually.ts'
import { programmedAddress, readyDataPlane } from '../lib/gateway.ts'
import { documents, gateway, httpListener } from '../lib/manifests.ts'
import { type Reloads, watchReloadsOf } from '../lib/reloads.ts'
import { measureSets } from './change-cost.ts'
import { rounded, spread } from './figures.ts'
import { type Body, create, inParallel, pathOf, removeNamespace } from './fixture.ts'
import { untilWritten } from './operator.ts'
import { endpointSlice, portOf, service, startResponders } from './responders.ts'
import type { Figures, Row, Section, SectionOptions, SectionResult } from './section.ts'

const namespace = 'bench-sets'
const listenersPerSet = 2
const routesPerSet = 16
const services = 10
const pollMilliseconds = 5

type Size = { readonly sets: number; readonly samples: number; readonly inProcess: number }
const sizes = {
  full: { sets: 250, samples: 20, inProcess: 2_500 },
  short: { sets: 20, samples: 5, inProcess: 250 },
} as const satisfies Record<string, Size>

const hostOf = (set: number, listener: number): string => `l${listener}.set${set}.example.com`

function setOf(n: number): Body {
  const own = Array.from({ length: listenersPerSet }, (_, listener) => hostOf(n, listener))
  const listeners = own.map((hostname, at) => ({ name: `l${at}`, port: 80, protocol: 'HTTP', hostname }))
  return {
    apiVersion: 'gateway.networking.k8s.io/v1',
    kind: 'ListenerSet',
    metadata: { name: `set${n}` },
    spec: { parentRef: { name: 'shared' }, listeners },
  }
}

/** The n-th route of a set, at the path of its number. */
function routeOf(set: number, n: number): Body {
  return {
    apiVersion: 'gateway.networking.k8s.io/v1',
    kind: 'HTTPRoute',
    metadata: { name: `set${set}-r${n}` },
    spec: {
      parentRefs: [{ kind: 'ListenerSet', name: `set${set}` }],
      hostnames: [hostOf(set, n % listenersPerSet)],
      rules: [
        {
          matches: [{ path: { type: 'PathPrefix', value: `/r${n}` } }],
          backendRefs: [{ name: `s${n % services}`, port: 8080 }],
        },
      ],
    },
  }
}

const addRoute = (set: number, n: number): Promise<void> => create(pathOf(namespace, 'httproutes'), routeOf(set, n))
const addSet = (n: number): Promise<void> => create(pathOf(namespace, 'listenersets'), setOf(n))

function numbers(count: number): readonly number[] {
  return Array.from({ length: count }, (_, n) => n)
}

async function setUp(): Promise<string> {
  await createNamespaces([namespace])
  const shared = gateway(namespace, 'shared', [httpListener])
  const spec = { ...Object(shared['spec']), allowedListeners: { namespaces: { from: 'Same' } } }
  await apply(documents({ ...shared, spec }))
  const addresses = await startResponders(namespace, 1)
  for (const n of numbers(services)) {
    await create(pathOf(namespace, 'services'), service(namespace, `s${n}`))
    const slice = endpointSlice(namespace, `s${n}`, { port: portOf(n), addresses })
    await create(pathOf(namespace, 'endpointslices'), slice)
  }
  const address = await programmedAddress(namespace, 'shared')
  await readyDataPlane(namespace, 'shared')
  return address
}

const setList = z.object({
  items: z.array(
    z.object({
      status: z.object({ listeners: z.array(z.object({ attachedRoutes: z.number() })).default([]) }).optional(),
    }),
  ),
})
const gatewayShape = z.object({ status: z.object({ attachedListenerSets: z.number().default(0) }) })

/** Waits until statuses count this many sets and routes. */
async function attached(sets: number): Promise<void> {
  await eventually(
    `${sets} ListenerSets with ${sets * routesPerSet} routes are attached`,
    async () => {
      const { items } = await get(pathOf(namespace, 'listenersets'), setList)
      const counts = items.flatMap(({ status }) => (status?.listeners ?? []).map((one) => one.attachedRoutes))
      const routes = counts.reduce((sum, count) => sum + count, 0)
      const { status } = await get(pathOf(namespace, 'gateways', 'shared'), gatewayShape)
      if (routes !== sets * routesPerSet || status.attachedListenerSets !== sets)
        throw new Error(`the statuses count ${status.attachedListenerSets} sets and ${routes} routes`)
    },
    { within: 120_000, every: 200 },
  )
}

/** Milliseconds from the beginning of a write to the first 200; every answer before must be 404. */
async function untilServed(
  address: string,
  [set, n]: readonly [number, number],
  write: () => Promise<void>,
): Promise<number> {
  const client = new Client(`http://${address}`)
  const ask = async (): Promise<number> => {
    const headers = { host: hostOf(set, n % listenersPerSet) }
    const { statusCode, body } = await client.request({ path: `/r${n}`, method: 'GET', headers })
    await body.dump()
    return statusCode
  }
  try {
    const before = await ask()
    if (before !== 404) throw new Error(`route ${n} of set ${set} is not there yet and answers ${before}`)
    const began = performance.now()
    const [spent] = await Promise.all([
      eventually(
        `route ${n} of set ${set} answers`,
        async () => {
          const status = await ask()
          if (status !== 200) throw new Error(`status ${status}`)
          return performance.now() - began
        },
        { within: 20_000, every: pollMilliseconds },
      ),
      write(),
    ])
    return spent
  } finally {
    await client.close()
  }
}

type OnCluster = {
  readonly createSeconds: number
  readonly attachSeconds: number
  readonly route: readonly number[]
  readonly set: readonly number[]
  readonly reloads: Reloads
}

async function onCluster({ sets, samples }: Size, say: SectionOptions['say']): Promise<OnCluster> {
  const address = await setUp()
  const began = performance.now()
  await inParallel(numbers(sets), addSet)
  await inParallel(numbers(sets * routesPerSet), (n) => addRoute(Math.floor(n / routesPerSet), n % routesPerSet))
  const created = performance.now()
  await attached(sets)
  const [createSeconds, attachSeconds] = [(created - began) / 1_000, (performance.now() - created) / 1_000]
  say(`created in ${rounded(createSeconds)} s, attached ${rounded(attachSeconds)} s later`)
  await untilWritten()
  const reloads = await watchReloadsOf(namespace, 'shared')
  const [route, set]: [number[], number[]] = [[], []]
  for (const n of numbers(samples)) {
    const chosen = (n * 37) % sets
    const more = routesPerSet + n
    route.push(await untilServed(address, [chosen, more], () => addRoute(chosen, more)))
    const added = sets + n
    await addRoute(added, 0)
    await delay(200)
    set.push(await untilServed(address, [added, 0], () => addSet(added)))
  }
  return { createSeconds, attachSeconds, route, set, reloads: await reloads() }
}

async function inProcess(sets: number, short: boolean) {
  const { costs, rssMebibytes } = await measureSets(sets, short)
  const medians = Object.entries(costs).map(([name, { median }]) => [`${name}_ms`, rounded(median, 3)] as const)
  return {
    sets,
    routes: sets * routesPerSet,
    operator_mib: rounded(rssMebibytes),
    changes: Object.fromEntries(medians),
  }
}

function figuresOf({ sets }: Size, measured: OnCluster, apart: Awaited<ReturnType<typeof inProcess>>) {
  const routes = sets * routesPerSet
  return {
    sets,
    routes,
    create_s: rounded(measured.createSeconds),
    created_per_second: rounded((sets + routes) / measured.createSeconds),
    attach_s: rounded(measured.attachSeconds, 2),
    propagation_ms: { ...spread(measured.route) },
    listener_added_ms: { ...spread(measured.set) },
    reloads: measured.reloads.count,
    reload_reasons: measured.reloads.reasons,
    in_process: apart,
  } satisfies Figures
}

function rowsOf(figures: ReturnType<typeof figuresOf>): readonly Row[] {
  const told = (what: string, value: string): Row => ({ what, value, bar: '' })
  const { propagation_ms: route, listener_added_ms: set, in_process: apart } = figures
  return [
    told(`${figures.sets} ListenerSets, ${figures.routes} routes: attached after the last`, `${figures.attach_s} s`),
    told('  one more route of a set until it answers, mean / max', `${route.mean_ms} / ${route.max_ms} ms`),
    told('  a set with a new hostname until its route answers', `${set.mean_ms} / ${set.max_ms} ms`),
    { what: '  reloads', value: String(figures.reloads), bar: '0', met: figures.reloads === 0 },
    told(
      `${apart.sets} ListenerSets, ${apart.routes} routes, in process: a route changed, a set added`,
      `${apart.changes['route_changed_ms']} ms, ${apart.changes['set_added_ms']} ms`,
    ),
  ]
}

async function measure({ short, say }: SectionOptions): Promise<SectionResult> {
  const size = short ? sizes.short : sizes.full
  say(`${size.sets} ListenerSets, ${size.sets * routesPerSet} routes`)
  const measured = await onCluster(size, say)
  say(`${size.inProcess} ListenerSets, ${size.inProcess * routesPerSet} routes, in process`)
  const figures = figuresOf(size, measured, await inProcess(size.inProcess, short))
  return { figures, rows: rowsOf(figures) }
}

export const listenerSets: Section = {
  name: 'listener_sets',
  title: 'many ListenerSets at one Gateway',
  run: async (options) => {
    try {
      return await measure(options)
    } finally {
      await removeNamespace(namespace)
    }
  },
}
