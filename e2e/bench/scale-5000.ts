// Scale: 50 namespaces of 100 HTTPRoutes at one Gateway, whose workloads and routes change all the time: what its pods and the operator take.
//
// The operator is started anew when all routes are there. Memory is the proportional set size of processes after the changes, CPU what they took
// meanwhile; both are of the data plane pod that took most. Bytes are those of the pods' network interfaces, so the data plane's hold probes, too,
// and the operator's what it says to the pods.

import { setTimeout as delay } from 'node:timers/promises'

import { apply, callApi, createNamespaces, deleteNamespaces, kubectl, systemNamespace } from '../lib/cluster.ts'
import { eventually } from '../lib/eventually.ts'
import { operatorPods, podText, type Pod, programmedAddress, readyDataPlane } from '../lib/gateway.ts'
import { documents, gateway } from '../lib/manifests.ts'
import { type Reloads, watchReloadsOf } from '../lib/reloads.ts'
import { ask } from '../lib/web.ts'
import { rounded } from './figures.ts'
import { type Body, create, inParallel, patch, pathOf, removeNamespace } from './fixture.ts'
import { footprint, type Footprint, wire, workingSet } from './footprint.ts'
import { restartOperator, untilWritten } from './operator.ts'
import { endpoints, endpointSlice, portOf, service, startResponders } from './responders.ts'
import type { Row, Section, SectionOptions, SectionResult } from './section.ts'

const home = 'bench-scale'
const servicesPerNamespace = 10
const routesPerNamespace = 100

/** Of the method: workloads every 2 s, configuration every 1 s; here one namespace's each time. */
const routesPerSecond = 10
const endpointsPerSecond = 5

type Size = { readonly namespaces: number; readonly churnSeconds: number }
const sizes = { full: { namespaces: 50, churnSeconds: 30 }, short: { namespaces: 5, churnSeconds: 5 } } as const

const namespaceOf = (n: number): string => `${home}-${n}`
const hostOf = (n: number): string => `r${n}.scale.example.com`
const serviceOf = (n: number): string => `s${n % servicesPerNamespace}`

function routeOf(n: number, path = '/'): Body {
  return {
    apiVersion: 'gateway.networking.k8s.io/v1',
    kind: 'HTTPRoute',
    metadata: { name: `r${n}` },
    spec: {
      parentRefs: [{ name: 'shared', namespace: home }],
      hostnames: [hostOf(n)],
      rules: [
        {
          matches: [{ path: { type: 'PathPrefix', value: path } }],
          backendRefs: [{ name: serviceOf(n), port: 8080 }],
        },
      ],
    },
  }
}

function numbers(count: number): readonly number[] {
  return Array.from({ length: count }, (_, n) => n)
}

type Cluster = { readonly address: string; readonly responders: readonly string[]; readonly setUpSeconds: number }

async function setUp({ namespaces }: Size): Promise<Cluster> {
  await createNamespaces([home, ...numbers(namespaces).map(namespaceOf)])
  const listener = { name: 'http', port: 80, protocol: 'HTTP', allowedRoutes: { namespaces: { from: 'All' } } }
  await apply(documents(gateway(home, 'shared', [listener])))
  const responders = await startResponders(home, 2)
  const began = performance.now()
  await inParallel(numbers(namespaces * servicesPerNamespace), async (n) => {
    const [namespace, name] = [namespaceOf(Math.floor(n / servicesPerNamespace)), serviceOf(n)]
    await create(pathOf(namespace, 'services'), service(namespace, name))
    await create(pathOf(namespace, 'endpointslices'), sliceOf(namespace, n, responders))
  })
  await inParallel(numbers(namespaces * routesPerNamespace), (n) =>
    create(pathOf(namespaceOf(Math.floor(n / routesPerNamespace)), 'httproutes'), routeOf(n)),
  )
  const address = await programmedAddress(home, 'shared')
  await readyDataPlane(home, 'shared')
  await served(address, hostOf(namespaces * routesPerNamespace - 1), '/')
  return { address, responders, setUpSeconds: (performance.now() - began) / 1_000 }
}

function sliceOf(namespace: string, n: number, addresses: readonly string[]): Body {
  return endpointSlice(namespace, serviceOf(n), { port: portOf(n % servicesPerNamespace), addresses })
}

async function served(address: string, host: string, path: string): Promise<void> {
  await eventually(
    `${host}${path} is served`,
    async () => {
      const { status } = await ask({ address, host, path })
      if (status !== 200) throw new Error(`status ${status}`)
    },
    { within: 60_000, every: 20 },
  )
}

/** Changes routes and endpoints of the namespaces in turn at an even pace; says how many changes it made. */
async function churn({ namespaces, churnSeconds }: Size, responders: readonly string[]): Promise<number> {
  const routes = namespaces * routesPerNamespace
  const services = namespaces * servicesPerNamespace
  const paced = async (perSecond: number, change: (n: number) => Promise<void>): Promise<number> => {
    const began = performance.now()
    const count = perSecond * churnSeconds
    for (let n = 0; n < count; n++) {
      await delay(Math.max(0, began + (n * 1_000) / perSecond - performance.now()))
      await change(n)
    }
    return count
  }
  const [routeChanges, endpointChanges] = await Promise.all([
    paced(routesPerSecond, (n) => {
      const chosen = (n * 37) % routes
      const namespace = namespaceOf(Math.floor(chosen / routesPerNamespace))
      return patch(pathOf(namespace, 'httproutes', `r${chosen}`), routeOf(chosen, `/v${n}`))
    }),
    paced(endpointsPerSecond, (n) => {
      const chosen = (n * 7) % services
      const namespace = namespaceOf(Math.floor(chosen / servicesPerNamespace))
      const some = n % 2 === 0 ? responders.slice(0, 1) : responders
      return patch(pathOf(namespace, 'endpointslices', serviceOf(chosen)), { endpoints: endpoints(some) })
    }),
  ])
  return routeChanges + endpointChanges
}

const isHaproxy = (line: string): boolean => /^haproxy\b/.test(line)
const isDataPlaneApi = (line: string): boolean => /dataplane-?api/.test(line)

type Taken = {
  readonly operator: Footprint
  readonly operatorWire: { readonly received: number; readonly sent: number }
  readonly pods: readonly {
    readonly haproxy: Footprint
    readonly dataPlaneApi: Footprint
    readonly received: number
    readonly sent: number
  }[]
}

async function look(): Promise<Taken> {
  const [operator] = await operatorPods()
  if (!operator) throw new Error('The operator does not run; make install brings it up.')
  const pods = await readyDataPlane(home, 'shared')
  return {
    operator: footprint(operator),
    operatorWire: wire(operator),
    pods: pods.map((pod) => ({
      haproxy: footprint(pod, isHaproxy),
      dataPlaneApi: footprint(pod, isDataPlaneApi),
      ...wire(pod),
    })),
  }
}

/** Lines that a scrape of this place takes as series. */
async function seriesOf(namespace: string, { metadata }: Pod, place: string): Promise<number> {
  const text = await podText(namespace, metadata.name, place)
  return text.split('\n').filter((line) => line !== '' && !line.startsWith('#')).length
}

const biggest = (values: readonly number[]): number => rounded(Math.max(...values))

type Measured = {
  readonly size: Size
  readonly setUpSeconds: number
  readonly changes: number
  readonly seconds: number
  readonly before: Taken
  readonly after: Taken
  readonly series: { readonly pod: number; readonly operator: number }
  /** MiB of the operator that saw the routes come, and all that was before them. */
  readonly grown: number
  /** MiB, as the kubelet counts. */
  readonly working: { readonly pod: number; readonly operator: number }
  readonly reloads: Reloads
}

function figuresOf({ size, before, after, changes, seconds, series, ...rest }: Measured) {
  const cpu = (of: (taken: Taken['pods'][number]) => number): number =>
    biggest(after.pods.map((pod, n) => of(pod) - of(before.pods[n] ?? pod)))
  const kibPerSecond = (bytes: number): number => rounded(bytes / 1_024 / seconds)
  return {
    namespaces: size.namespaces,
    routes: size.namespaces * routesPerNamespace,
    services: size.namespaces * servicesPerNamespace,
    setup_s: rounded(rest.setUpSeconds),
    data_plane_mib: biggest(after.pods.map(({ haproxy, dataPlaneApi }) => haproxy.memory + dataPlaneApi.memory)),
    haproxy_mib: biggest(after.pods.map(({ haproxy }) => haproxy.memory)),
    data_plane_api_mib: biggest(after.pods.map(({ dataPlaneApi }) => dataPlaneApi.memory)),
    operator_mib: rounded(after.operator.memory),
    operator_before_restart_mib: rounded(rest.grown),
    memory_is: 'proportional set size after the changes',
    data_plane_working_set_mib: rounded(rest.working.pod),
    operator_working_set_mib: rounded(rest.working.operator),
    changes,
    changes_s: rounded(seconds),
    operator_cpu_s: rounded(after.operator.cpu - before.operator.cpu, 2),
    data_plane_cpu_s: cpu(({ haproxy, dataPlaneApi }) => haproxy.cpu + dataPlaneApi.cpu),
    haproxy_cpu_s: cpu(({ haproxy }) => haproxy.cpu),
    data_plane_api_cpu_s: cpu(({ dataPlaneApi }) => dataPlaneApi.cpu),
    operator_received_kib_per_s: kibPerSecond(after.operatorWire.received - before.operatorWire.received),
    operator_sent_kib_per_s: kibPerSecond(after.operatorWire.sent - before.operatorWire.sent),
    pod_received_kib_per_s: kibPerSecond(cpu(({ received }) => received)),
    pod_sent_kib_per_s: kibPerSecond(cpu(({ sent }) => sent)),
    metric_series: series.pod + series.operator,
    data_plane_metric_series: series.pod,
    operator_metric_series: series.operator,
    reloads: rest.reloads.count,
    reload_reasons: rest.reloads.reasons,
  }
}

function rowsOf(figures: ReturnType<typeof figuresOf>): readonly Row[] {
  const limited = (what: string, value: number, bar: number, unit = ' MiB'): Row => {
    return { what, value: `${value}${unit}`, bar: `≤ ${bar}${unit}`, met: value <= bar }
  }
  const told = (what: string, text: string): Row => ({ what, value: text, bar: '' })
  const api = `${figures.haproxy_mib} + ${figures.data_plane_api_mib} MiB`
  const working = `${figures.data_plane_working_set_mib}, ${figures.operator_working_set_mib} MiB`
  return [
    limited(`${figures.routes} routes: memory of a data plane pod`, figures.data_plane_mib, 150),
    told('  of HAProxy, of the Data Plane API', api),
    told('  as the kubelet counts: pod, operator', working),
    limited('  memory of the operator, started with them', figures.operator_mib, 300),
    told('  of the one before, that saw them come', `${figures.operator_before_restart_mib} MiB`),
    limited('  metric series of a pod and the operator', figures.metric_series, 2_000, ''),
    told(
      `  CPU for ${figures.changes} changes in ${figures.changes_s} s: pod, operator`,
      `${figures.data_plane_cpu_s} s, ${figures.operator_cpu_s} s`,
    ),
    told(
      '  bytes to a pod, to and from the operator',
      `${figures.pod_received_kib_per_s}, ${figures.operator_received_kib_per_s}, ${figures.operator_sent_kib_per_s} KiB/s`,
    ),
  ]
}

async function measure({ short, say }: SectionOptions): Promise<SectionResult> {
  const size = short ? sizes.short : sizes.full
  say(`${size.namespaces} namespaces of ${routesPerNamespace} routes`)
  const { address, responders, setUpSeconds } = await setUp(size)
  await untilWritten()
  // What ran before has left its mark on the operator's memory.
  const grown = (await look()).operator.memory
  await restartOperator()
  await untilWritten()
  say(`${size.churnSeconds} s of changes`)
  const reloads = await watchReloadsOf(home, 'shared')
  const before = await look()
  const began = performance.now()
  const changes = await churn(size, responders)
  const seconds = (performance.now() - began) / 1_000
  const last = routesPerSecond * size.churnSeconds - 1
  await served(address, hostOf((last * 37) % (size.namespaces * routesPerNamespace)), `/v${last}`)
  const after = await look()
  const [pod] = await readyDataPlane(home, 'shared')
  const [operator] = await operatorPods()
  if (!pod || !operator) throw new Error('A pod went away while it was measured.')
  const series = {
    pod: await seriesOf(home, pod, '8404/metrics'),
    operator: await seriesOf(systemNamespace, operator, '8080/metrics'),
  }
  const working = { pod: await workingSet(pod), operator: await workingSet(operator) }
  const measured = {
    size,
    setUpSeconds,
    changes,
    seconds,
    before,
    after,
    series,
    working,
    grown,
    reloads: await reloads(),
  }
  const figures = figuresOf(measured)
  return { figures, rows: rowsOf(figures) }
}

// Collections first: so many namespaces that go away with all that is in them take the controllers minutes.
async function tearDown({ namespaces }: Size): Promise<void> {
  const names = numbers(namespaces).map(namespaceOf)
  const places = names.flatMap((name) => [pathOf(name, 'httproutes'), pathOf(name, 'services')])
  await inParallel(places, (path) => callApi({ method: 'DELETE', path }), 4)
  await kubectl(['delete', 'namespace', '--ignore-not-found', '--wait=false', ...names])
  await removeNamespace(home)
  await deleteNamespaces(names)
}

export const scale5000: Section = {
  name: 'scale_5000',
  title: 'memory, CPU and bytes with 5,000 routes in 50 namespaces that change',
  run: async (options) => {
    try {
      return await measure(options)
    } finally {
      await tearDown(options.short ? sizes.short : sizes.full)
    }
  },
}
