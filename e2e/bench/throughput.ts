// Requests per second of our rendered configuration beside a hand-written haproxy.cfg and other proxies for the same routes, on this machine
// without a cluster: each proxy has the first core while it is asked, the load and the backend share the other.

import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { findHaproxy } from '../../operator/scenarios/haproxy-files.ts'
import { selfSigned } from '../lib/certificates.ts'
import { eventually } from '../lib/eventually.ts'
import { quantile, rounded } from './figures.ts'
import { load, type Measured, type Protocol, shapes } from './load.ts'
import { startResponder } from './local-proxy.ts'
import { findPeers, type Peer } from './peers.ts'
import type { Figures, Row, Section, SectionOptions } from './section.ts'
import { routesOf, type Site, type SiteProxy, startHandWritten, startNaive, startOurs } from './sites.ts'
import { type Compared, inSlices, requestsOf } from './slices.ts'

const seconds = 1
/** How many hosts the requests go round. */
const askedHosts = 500
const protocols = ['http1', 'tls', 'h2'] as const

type Plan = {
  readonly routes: number
  readonly protocol: Protocol
  readonly rounds: number
  readonly peerRounds: number
}

const inFull: readonly Plan[] = protocols.flatMap((protocol) =>
  [1, 100, 1_000, 10_000].map((routes) => ({
    routes,
    protocol,
    rounds: 5,
    peerRounds: routes === 100 ? 0 : 3,
  })),
)
const inShort: readonly Plan[] = [
  ...[1, 10_000].map((routes) => ({ routes, protocol: 'http1' as const, rounds: 5, peerRounds: 0 })),
  ...(['tls', 'h2'] as const).map((protocol) => ({ routes: 1_000, protocol, rounds: 5, peerRounds: 0 })),
]

// What has a bar is measured once more, in many short slices. The one in the middle has a path, too, as many routes do.
const comparisons = [
  { routes: 1, path: '/' },
  { routes: 1, path: '/shop' },
  { routes: 10_000, path: '/' },
] as const
const slices = { inFull: 400, inShort: 100 }

type Comparison = Compared & { readonly routes: number; readonly path: string }

/** One proxy under one plan: medians of its rounds, and its rate beside the hand-written one's of the same round. */
export type Line = {
  readonly proxy: string
  readonly protocol: Protocol
  readonly routes: number
  readonly requests_per_second: number
  readonly cpu_us_per_request: number
  readonly p50_ms: number
  readonly p99_ms: number
  readonly ratio: number
  /** Processor time of the hand-written one by this one's, of the same round: what is left when others use the machine, too. */
  readonly cpu_ratio: number
}

export const throughput: Section = {
  name: 'throughput',
  title: 'Throughput beside a hand-written haproxy.cfg and other proxies',
  run: async ({ short, say }) => {
    const plans = short ? inShort : inFull
    const peers = short ? [] : findPeers(say)
    return await withResponder(async (place) => {
      const setting = { ...place, peers, say }
      const lines = await measureAll(plans, setting)
      const compared = await compareAll(short ? slices.inShort : slices.inFull, setting)
      return { figures: figuresOf(lines, compared, peers), rows: short ? [] : rowsOf(lines, compared) }
    })
  },
}

type Place = Omit<Site, 'routes' | 'path'> & { readonly answered: () => Promise<number> }

// Runs work with a backend for all proxies, and leaves nothing behind.
async function withResponder<T>(work: (place: Place) => Promise<T>): Promise<T> {
  const haproxy = findHaproxy()
  if (haproxy === undefined) throw new Error('There is no HAProxy to measure; e2e/cluster/haproxy.sh says why.')
  const folder = mkdtempSync(join(tmpdir(), 'throughput-'))
  const pair = await selfSigned(['localhost', '*.example.com'])
  const responder = await startResponder(haproxy, folder, `${pair.certificate}${pair.key}`)
  try {
    return await work({ folder, haproxy, backend: responder.port, pair, answered: () => requestsOf(responder.socket) })
  } finally {
    await responder.stop()
    rmSync(folder, { recursive: true, force: true })
  }
}

type Setting = Place & { readonly peers: readonly Peer[]; readonly say: SectionOptions['say'] }

async function measureAll(plans: readonly Plan[], setting: Setting): Promise<readonly Line[]> {
  const lines: Line[] = []
  for (const routes of new Set(plans.map((plan) => plan.routes))) {
    const running: Running[] = []
    const own = plans.filter((plan) => plan.routes === routes)
    try {
      await startAll(running, { ...setting, routes, hasPeers: own.some(({ peerRounds }) => peerRounds > 0) })
      for (const plan of own) {
        const measured = await inTurns(plan, running, setting.folder)
        setting.say(
          measured
            .map((line) => `${line.proxy} ${line.requests_per_second}`)
            .join(', ')
            .concat(` requests/s: ${plan.protocol}, ${routes} routes`),
        )
        lines.push(...measured)
      }
    } finally {
      for (const { site } of running) await site.proxy.stop()
    }
  }
  return lines
}

type Running = { readonly name: string; readonly isPeer: boolean; readonly site: SiteProxy }

async function startAll(
  running: Running[],
  { peers, routes, folder, hasPeers, say, ...place }: Setting & { readonly routes: number; readonly hasPeers: boolean },
): Promise<void> {
  const all = [
    { name: 'ours', start: startOurs, isPeer: false },
    { name: 'hand_written', start: startHandWritten, isPeer: false },
    ...(hasPeers && routes > 1 ? [{ name: 'acl_lines', start: startNaive, isPeer: true }] : []),
    ...(hasPeers ? peers.map(({ name, start }) => ({ name, start, isPeer: true })) : []),
  ]
  for (const { name, start, isPeer } of all) {
    const own = join(folder, `${name}-${routes}`)
    mkdirSync(own, { recursive: true })
    try {
      running.push({ name, isPeer, site: await start({ ...place, routes, path: '/', folder: own }) })
    } catch (error) {
      if (!isPeer) throw error
      say(`${name} is left out with ${routes} routes: ${error instanceof Error ? error.message : String(error)}`)
    }
  }
}

// Every round measures all, each beginning with another, so that what disturbs the machine for a while disturbs all of them.
async function inTurns({ protocol, routes, rounds, peerRounds }: Plan, running: readonly Running[], folder: string) {
  const hosts = spreadHosts(routes)
  const measured = new Map<string, Measured[]>(running.map(({ name }) => [name, []]))
  // A machine that is busy with something else gets another chance.
  const once = ({ site: { proxy, port, tlsPort } }: Running) =>
    load(proxy, { port, tlsPort, hosts, folder }, { protocol, seconds })
  const ask = (one: Running): Promise<Measured> =>
    eventually(`${one.name} under load`, () => once(one), { within: 10_000, every: 1_000 })
  for (let round = 0; round < rounds; round++) {
    const now = running.filter(({ isPeer }) => !isPeer || round < peerRounds)
    for (const one of round % 2 === 0 ? now : now.toReversed()) measured.get(one.name)?.push(await ask(one))
  }
  const beside = measured.get('hand_written') ?? []
  return [...measured]
    .filter(([, all]) => all.length > 0)
    .map(([proxy, all]): Line => ({ proxy, protocol, routes, ...mediansOf(all, beside) }))
}

async function compareAll(count: number, { folder, say, ...place }: Setting): Promise<readonly Comparison[]> {
  const all: Comparison[] = []
  for (const [n, plan] of comparisons.entries()) {
    const running: SiteProxy[] = []
    try {
      for (const start of [startOurs, startHandWritten]) {
        const own = join(folder, `compared-${n}-${running.length}`)
        mkdirSync(own, { recursive: true })
        running.push(await start({ ...place, ...plan, folder: own }))
      }
      const [ours, beside] = running
      if (ours === undefined || beside === undefined) throw new Error('unreachable: both were started')
      const asked = { ours, beside, folder, answered: place.answered, hosts: spreadHosts(plan.routes) }
      const path = plan.path === '/' ? '/' : `${plan.path}/cart`
      const compared = await inSlices({ ...asked, path }, count)
      say(`${wordsOf(plan)}: rate ${compared.ratio}, processor time ${compared.cpu_ratio}, of ${count} slices each`)
      all.push({ ...plan, ...compared })
    } finally {
      for (const { proxy } of running) await proxy.stop()
    }
  }
  return all
}

// Spread evenly over the routes, in an order without system.
function spreadHosts(routes: number): readonly string[] {
  const all = routesOf(routes)
  const asked = Math.min(routes, askedHosts)
  const step = routes / asked
  return Array.from({ length: asked }, (_, n) => all[Math.floor(((n * 211) % asked) * step)]?.host ?? '')
}

function mediansOf(all: readonly Measured[], beside: readonly Measured[]) {
  const median = (of: (one: Measured) => number): number => quantile(all.map(of), 0.5)
  const ratios = all.map(({ perSecond }, round) => perSecond / (beside[round]?.perSecond ?? Number.NaN))
  const cpuRatios = all.map(({ microseconds }, round) => (beside[round]?.microseconds ?? Number.NaN) / microseconds)
  return {
    requests_per_second: Math.round(median((one) => one.perSecond)),
    cpu_us_per_request: rounded(
      median((one) => one.microseconds),
      2,
    ),
    p50_ms: rounded(
      median((one) => one.p50),
      3,
    ),
    p99_ms: rounded(
      median((one) => one.p99),
      3,
    ),
    ratio: rounded(quantile(ratios, 0.5), 3),
    cpu_ratio: rounded(quantile(cpuRatios, 0.5), 3),
  }
}

function figuresOf(lines: readonly Line[], compared: readonly Comparison[], peers: readonly Peer[]): Figures {
  const ratios = (protocol: Protocol): Figures =>
    Object.fromEntries(
      lines
        .filter((line) => line.proxy === 'ours' && line.protocol === protocol)
        .map(({ routes, ratio }) => [`ratio_${routes}_route${routes === 1 ? '' : 's'}`, ratio]),
    )
  return {
    ...ratios('http1'),
    ...Object.fromEntries(
      compared
        .map(({ routes, path, ratio, cpu_ratio: cpu }) => {
          const key = `ratio_${routes}_route${routes === 1 ? '' : 's'}${path === '/' ? '' : '_with_path'}`
          return [[key, ratio] as const, [`cpu_${key}`, cpu] as const]
        })
        .flat(),
    ),
    compared,
    tls: ratios('tls'),
    h2: ratios('h2'),
    round_seconds: seconds,
    connections_and_streams: shapes,
    peers: Object.fromEntries(peers.map(({ name, version }) => [name, version])),
    lines,
  }
}

function rowsOf(lines: readonly Line[], compared: readonly Comparison[]): readonly Row[] {
  const hasBar = ({ protocol, routes }: Line): boolean =>
    protocol === 'http1' && compared.some((one) => one.routes === routes)
  return [
    ...compared.flatMap((one) => [
      ratioRow(`${wordsOf(one)}: rate ÷ hand-written`, one.ratio, one.ratio_quartiles, one.path === '/'),
      ratioRow('processor time, hand-written ÷ ours', one.cpu_ratio, one.cpu_ratio_quartiles, false),
    ]),
    ...lines
      .filter((line) => line.proxy === 'ours' && !hasBar(line))
      .map(({ protocol, routes, ratio }) => {
        const what = `${names[protocol]}, ${routes} route${routes === 1 ? '' : 's'}: rate ÷ hand-written`
        return { what, value: String(ratio), bar: '' }
      }),
  ]
}

// The bar is the rate's, with one route and with all; the rest tells where it comes from.
function ratioRow(what: string, ratio: number, [least, most]: readonly [number, number], hasBar: boolean): Row {
  const row = { what, value: `${ratio} (half of the slices: ${least} to ${most})`, bar: '' }
  return hasBar ? { ...row, bar: '≥ 0.97', met: ratio >= 0.97 } : row
}

function wordsOf({ routes, path }: { readonly routes: number; readonly path: string }): string {
  const many = `HTTP/1.1, ${routes} route${routes === 1 ? '' : 's'}`
  return path === '/' ? many : `${many} with a path`
}

const names = { http1: 'HTTP/1.1', tls: 'HTTP/1.1 in TLS', h2: 'HTTP/2 in TLS' } satisfies Record<Protocol, string>
