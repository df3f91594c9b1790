// Failover: one of four endpoints refuses connections although its EndpointSlice says that it is ready.
//
// A window is the time in which it refuses: at its beginning the endpoint's port is closed and its connections are reset, at its end the port is
// opened again; some seconds later the next begins. Requests go on at an even pace all the time, one every 5 ms to each kind of rules, in turn to
// 256 rules (16 routes of 16). All share one Service. An error is an answer other than 200, or none. Rules with `attempts: 0` are asked of a HAProxy
// of this machine at the same time: the CRDs do not admit them.

import { apply, createNamespaces } from '../lib/cluster.ts'
import { eventually } from '../lib/eventually.ts'
import { programmedAddress, readyDataPlane } from '../lib/gateway.ts'
import { documents, gateway, httpListener } from '../lib/manifests.ts'
import { watchReloadsOf } from '../lib/reloads.ts'
import { ask } from '../lib/web.ts'
import { failoverWithoutRetries } from './failover-local.ts'
import {
  type Asked,
  endpointCount,
  measureWindows,
  type Place,
  planOf,
  routesPerKind,
  rulesPerRoute,
} from './failover-windows.ts'
import { type Body, create, inParallel, pathOf, removeNamespace } from './fixture.ts'
import { endpointSlice, order, portOf, service, startResponders } from './responders.ts'
import type { Row, Section, SectionOptions, SectionResult } from './section.ts'

const namespace = 'bench-failover'
const port = portOf(0)
const mostErrors = 65
const mostRecovery = 1_000

const kinds: readonly (Asked & { readonly rule: Body })[] = [
  { kind: 'default', hostOf: (n) => `r${n}.default.example.com`, rule: {} },
  { kind: 'attempts_1', hostOf: (n) => `r${n}.once.example.com`, rule: { retry: { attempts: 1 } } },
]

function routesOf({ kind, hostOf, rule }: (typeof kinds)[number]): readonly Body[] {
  const rules = Array.from({ length: rulesPerRoute }, (_, n) => ({
    matches: [{ path: { type: 'PathPrefix', value: `/rule${n}` } }],
    backendRefs: [{ name: 'four', port: 8080 }],
    ...rule,
  }))
  return Array.from({ length: routesPerKind }, (_, n) => ({
    apiVersion: 'gateway.networking.k8s.io/v1',
    kind: 'HTTPRoute',
    metadata: { name: `${kind.replace('_', '-')}-${n}` },
    spec: { parentRefs: [{ name: 'web' }], hostnames: [hostOf(n)], rules },
  }))
}

async function setUp(): Promise<Place> {
  await createNamespaces([namespace])
  await apply(documents(gateway(namespace, 'web', [httpListener])))
  const addresses = await startResponders(namespace, endpointCount)
  await create(pathOf(namespace, 'services'), service(namespace, 'four'))
  await create(pathOf(namespace, 'endpointslices'), endpointSlice(namespace, 'four', { port, addresses }))
  await inParallel(kinds.flatMap(routesOf), (route) => create(pathOf(namespace, 'httproutes'), route))
  const address = await programmedAddress(namespace, 'web')
  const pods = await readyDataPlane(namespace, 'web')
  for (const { status } of pods)
    for (const { hostOf } of kinds) await served(status.podIP ?? '', hostOf(routesPerKind - 1))
  const [victim = ''] = addresses
  return {
    origin: `http://${address}`,
    asked: kinds,
    victim: {
      refuse: () => order(namespace, victim, `close?port=${port}`),
      accept: () => order(namespace, victim, `open?port=${port}`),
      answered: () => order(namespace, victim, `count?port=${port}`),
    },
  }
}

function served(address: string, host: string): Promise<void> {
  return eventually(`${host} is served by ${address}`, async () => {
    const { status } = await ask({ address, host, path: '/rule0' })
    if (status !== 200) throw new Error(`status ${status}`)
  })
}

async function measure(options: SectionOptions): Promise<SectionResult> {
  options.say(
    `${kinds.length * routesPerKind} routes of ${rulesPerRoute} rules, a Service with ${endpointCount} endpoints`,
  )
  const place = await setUp()
  const reloads = await watchReloadsOf(namespace, 'web')
  const [{ kinds: measured, ...windows }, attempts0] = await Promise.all([
    measureWindows(place, options),
    failoverWithoutRetries(options),
  ])
  const all = { ...measured, attempts_0: attempts0 }
  const recovered = Math.max(windows.recovery_ms, attempts0.recovery_ms)
  const { count, seconds } = planOf(options)
  const figures = {
    windows: count,
    window_s: seconds,
    ...windows,
    errors_per_window: Math.max(...Object.values(all).map((one) => one.errors_per_window)),
    ...all,
    reloads: (await reloads()).count,
  }
  const rows = [
    ...Object.entries(all).map(([kind, one]) => errorsRow(kind, one.errors_per_window)),
    {
      what: '  attempts 0: sent again',
      value: String(attempts0.sent_again),
      bar: '0',
      met: attempts0.sent_again === 0,
    },
    {
      what: '  until the endpoint is asked again',
      value: `${recovered} ms`,
      bar: `< ${mostRecovery} ms`,
      met: recovered < mostRecovery,
    },
  ]
  return { figures, rows }
}

function errorsRow(kind: string, errors: number): Row {
  const what = `one of four endpoints refuses: errors of the worst window, ${kind.replace('_', ' ')}`
  return { what, value: String(errors), bar: `< ${mostErrors}`, met: errors < mostErrors }
}

export const failover: Section = {
  name: 'failover',
  title: 'one of four endpoints refuses connections',
  run: async (options) => {
    try {
      return await measure(options)
    } finally {
      await removeNamespace(namespace)
    }
  },
}
