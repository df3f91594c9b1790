// Thousands of changes of many kinds, as many at a time as the API server takes, while WebSockets, streams of HTTP/2 and requests go on. At the
// end every route must answer as its last state says, on each pod, and its status must be true.

import { setTimeout as delay } from 'node:timers/promises'

import { type KeyPair, selfSigned, tlsSecret } from '../lib/certificates.ts'
import { apply, callApi, createNamespaces } from '../lib/cluster.ts'
import { eventually } from '../lib/eventually.ts'
import { programmedAddress, readyDataPlane } from '../lib/gateway.ts'
import { documents, gateway, route } from '../lib/manifests.ts'
import { type Reloads, watchReloadsOf } from '../lib/reloads.ts'
import { ask } from '../lib/web.ts'
import { rounded } from './figures.ts'
import { inParallel, removeNamespace } from './fixture.ts'
import { type Change, domain, headerName, namespace, portOfService, type Size, versionHeader } from './mixed.ts'
import { settled, type World, wrongAnswers, wrongStatuses } from './mixed-end.ts'
import {
  certificateCount,
  certificateHost,
  createState,
  policyCount,
  policyHostname,
  type State,
} from './mixed-state.ts'
import {
  keepAskingAll,
  type LongLived,
  openStreams,
  openWebSocket,
  type Steady,
  type Traffic,
} from './mixed-streams.ts'
import { untilWritten } from './operator.ts'
import { authorityName, endpointSlice, type Manifest, service, startResponders } from './responders.ts'
import type { Row, Section, SectionOptions, SectionResult } from './section.ts'

const sizes = {
  full: { changes: 10_000, routes: 400, hosts: 100, steady: 40, passing: 16 },
  short: { changes: 500, routes: 80, hosts: 20, steady: 12, passing: 6 },
} as const satisfies Record<string, Size & { readonly changes: number }>
const seed = 7
const webSockets = 20
const streamConnections = 4
const streamsPerConnection = 5
const steadyRoutes = 20

const serviceOfSockets = 's0'
const serviceOfStreams = 's1'

// ---- what does not change -------------------------------------------------------------------------------------------------------------

function steadyShares(n: number, { steady }: Size): readonly string[] {
  const [one, other] = [`s${n % steady}`, `s${(n * 3 + 1) % steady}`]
  if (n >= steadyRoutes - policyCount) return [`t${n % policyCount}`]
  return n % 3 === 0 && one !== other ? [one, other] : [one]
}

function steadyRoute(n: number, size: Size): Manifest {
  const set = [{ name: versionHeader, value: 'steady' }]
  const filters = n % 2 === 0 ? [] : [{ type: 'ResponseHeaderModifier', responseHeaderModifier: { set } }]
  const backendRefs = steadyShares(n, size).map((name) => ({ name, port: 8080 }))
  return route(namespace, `steady${n}`, {
    gateway: 'web',
    hostnames: [`steady${n}.${domain}`],
    rules: [{ filters, backendRefs }],
  })
}

const hostOfSockets = `sockets.${domain}`
const hostOfStreams = `streams.${domain}`

function longLivedRoutes(): readonly Manifest[] {
  const to = (host: string, name: string): Manifest =>
    route(namespace, name, { gateway: 'web', hostnames: [host], rules: [{ backendRefs: [{ name, port: 8080 }] }] })
  return [
    { ...to(hostOfSockets, serviceOfSockets), metadata: { namespace, name: 'sockets' } },
    { ...to(hostOfStreams, serviceOfStreams), metadata: { namespace, name: 'streams' } },
  ]
}

// The name of the header that conditions compare is known before the first of them changes.
function anchor(): Manifest {
  const headers = [{ name: headerName, value: 'anchor' }]
  return route(namespace, 'anchor', {
    gateway: 'web',
    hostnames: [`anchor.${domain}`],
    rules: [{ matches: [{ headers }], backendRefs: [{ name: 's0', port: 8080 }] }],
  })
}

function backendTls(n: number, addresses: readonly string[], size: Size): readonly Manifest[] {
  const name = `t${n}`
  const validation = {
    hostname: policyHostname(0),
    caCertificateRefs: [{ group: '', kind: 'ConfigMap', name: authorityName }],
  }
  return [
    service(namespace, name),
    endpointSlice(namespace, name, { port: portOfService(name, size), addresses }),
    {
      apiVersion: 'gateway.networking.k8s.io/v1',
      kind: 'BackendTLSPolicy',
      metadata: { namespace, name },
      spec: { targetRefs: [{ group: '', kind: 'Service', name }], validation },
    },
  ]
}

async function setUp(size: Size): Promise<World> {
  await createNamespaces([namespace])
  const renewals = [0, 1]
  const names = Array.from({ length: certificateCount }, (_, n) => certificateHost(n))
  const pairs: readonly (readonly KeyPair[])[] = await Promise.all(
    names.map((name) => Promise.all(renewals.map(() => selfSigned([name])))),
  )
  const addresses = await startResponders(namespace, 3)
  const state = createState(seed, size, { addresses, pairs })
  const standing = await selfSigned([`*.${domain}`])
  const secrets = [standing, ...pairs.flatMap(([first]) => first ?? [])]
  await apply(secrets.map((pair, n) => tlsSecret(namespace, n === 0 ? 'default' : `c${n - 1}`, pair)).join('\n---\n'))
  await inParallel(state.first(), ({ writes }) => inTurn(writes))
  await apply(
    documents(
      ...Array.from({ length: policyCount }, (_, n) => backendTls(n, addresses, size)).flat(),
      ...Array.from({ length: steadyRoutes }, (_, n) => steadyRoute(n, size)),
      ...longLivedRoutes(),
      anchor(),
      gateway(namespace, 'web', state.listeners()),
    ),
  )
  const address = await programmedAddress(namespace, 'web')
  await readyDataPlane(namespace, 'web')
  for (const { host } of steadyRequests(size))
    await eventually(`${host} answers`, async () => {
      const { status } = await ask({ address, host })
      if (status !== 200) throw new Error(`status ${status}`)
    })
  return { address, state, size }
}

function steadyRequests(size: Size): readonly Steady[] {
  return Array.from({ length: steadyRoutes }, (_, n) => ({
    host: `steady${n}.${domain}`,
    bodies: new Set(steadyShares(n, size).map((name) => String(portOfService(name, size)))),
  }))
}

// ---- changes --------------------------------------------------------------------------------------------------------------------------

async function inTurn(writes: Change['writes']): Promise<void> {
  for (const { method, path, body } of writes) {
    const contentType = method === 'PATCH' ? 'application/merge-patch+json' : 'application/json'
    const { status, text } = await callApi({ method, path, body, contentType })
    if (status < 200 || status > 299) throw new Error(`${method} ${path}: ${status} ${text.slice(0, 300)}`)
  }
}

/** Makes changes, eight at a time, those of one object in their order; how many of each kind. */
async function change(state: State, count: number, progress: (done: number) => void): Promise<Record<string, number>> {
  const kinds: Record<string, number> = {}
  const queues = new Map<string, Promise<void>>()
  const step = Math.ceil(count / 5)
  await inParallel(
    Array.from({ length: count }, (_, n) => n + 1),
    async (n) => {
      const { kind, object, writes } = state.next()
      kinds[kind] = (kinds[kind] ?? 0) + 1
      const done = (queues.get(object) ?? Promise.resolve()).then(() => inTurn(writes))
      queues.set(object, done)
      await done
      if (n % step === 0) progress(n)
    },
  )
  return kinds
}

// ---- the section ----------------------------------------------------------------------------------------------------------------------

type Measured = {
  readonly kinds: Readonly<Record<string, number>>
  readonly seconds: number
  readonly reloads: Reloads
  readonly sockets: readonly string[]
  readonly streams: readonly string[]
  readonly traffic: Traffic
  readonly wrong: readonly string[]
  readonly statuses: readonly string[]
}

function figuresOf({ kinds, seconds, reloads, traffic, ...rest }: Measured) {
  const changes = Object.values(kinds).reduce((sum, count) => sum + count, 0)
  return {
    changes,
    changes_by_kind: kinds,
    seconds: rounded(seconds),
    changes_per_second: rounded(changes / seconds),
    reloads: reloads.count,
    reload_reasons: reloads.reasons,
    websockets: webSockets,
    broken_websockets: rest.sockets.length,
    streams: streamConnections * streamsPerConnection,
    broken_streams: rest.streams.length,
    requests: traffic.requests,
    failed_requests: traffic.failed.length,
    wrong_answers: traffic.wrong.length,
    wrong_at_the_end: rest.wrong.length,
    wrong_statuses: rest.statuses.length,
    seen: [reloads.seen, rest.sockets, rest.streams, traffic.failed, traffic.wrong, rest.wrong, rest.statuses].flatMap(
      (all) => all.slice(0, 5),
    ),
  }
}

function rowsOf(figures: ReturnType<typeof figuresOf>): readonly Row[] {
  const none = (what: string, value: number): Row => ({ what, value: String(value), bar: '0', met: value === 0 })
  return [
    none(`${figures.changes} mixed changes in ${figures.seconds} s: reloads`, figures.reloads),
    none(`  of ${figures.websockets} WebSockets broken`, figures.broken_websockets),
    none(`  of ${figures.streams} streams of HTTP/2 broken`, figures.broken_streams),
    none(`  of ${figures.requests} requests failed`, figures.failed_requests),
    none('  answered by another Service', figures.wrong_answers),
    none('  routes that answer otherwise than they should at the end', figures.wrong_at_the_end),
    none('  statuses that are not true at the end', figures.wrong_statuses),
  ]
}

async function openAll(address: string): Promise<{ sockets: readonly LongLived[]; streams: readonly LongLived[] }> {
  const sockets = await Promise.all(
    Array.from({ length: webSockets }, (_, n) => openWebSocket(address, hostOfSockets, n % 2 === 1)),
  )
  const streams = await Promise.all(
    Array.from({ length: streamConnections }, () => openStreams(address, hostOfStreams, streamsPerConnection)),
  )
  return { sockets, streams: streams.flat() }
}

async function stopAll(all: readonly LongLived[]): Promise<readonly string[]> {
  const broken = await Promise.all(all.map((one) => one.stop()))
  return broken.filter((how) => how !== undefined)
}

async function measure({ short, say }: SectionOptions): Promise<SectionResult> {
  const { changes, ...size } = short ? sizes.short : sizes.full
  say(`${size.routes} routes, ${size.steady + size.passing} Services`)
  const world = await setUp(size)
  await untilWritten()
  const reloads = await watchReloadsOf(namespace, 'web')
  const { sockets, streams } = await openAll(world.address)
  const asking = keepAskingAll(world.address, steadyRequests(size))
  await delay(1_000)
  const began = performance.now()
  const kinds = await change(world.state, changes, (done) => say(`${done} changes`))
  const seconds = (performance.now() - began) / 1_000
  const statuses = await settled(() => wrongStatuses(world))
  const wrong = await settled(() => wrongAnswers(world))
  const measured = {
    kinds,
    seconds,
    wrong,
    statuses,
    traffic: await asking.stop(),
    sockets: await stopAll(sockets),
    streams: await stopAll(streams),
    reloads: await reloads(),
  }
  const figures = figuresOf(measured)
  return { figures, rows: rowsOf(figures) }
}

export const mixedChanges: Section = {
  name: 'mixed_changes',
  title: 'mixed changes with WebSockets, HTTP/2 streams and requests going on',
  run: async (options) => {
    try {
      return await measure(options)
    } finally {
      await removeNamespace(namespace)
    }
  },
}
