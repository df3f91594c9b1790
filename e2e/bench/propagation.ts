// Propagation: with thousands of routes present, one route after another is created and polled until its first 200; once while nothing
// else happens, once while another process changes other routes.

import { setTimeout as delay } from 'node:timers/promises'

import { type Reloads, watchReloadsOf } from '../lib/reloads.ts'
import { startChurn, type Churn } from './churn.ts'
import { mean, quantile, rounded, spread } from './figures.ts'
import { createService, serviceOf } from './fixture.ts'
import { openProber, patience, type Sample } from './probe.ts'
import type { Figures, Row, Section, SectionOptions } from './section.ts'
import { removeWorld, rulesTo, worldWith, type World } from './world.ts'

const changesPerSecond = 50
/** After so many routes that were given up there is nothing to measure. */
const mostLate = 5

/** Milliseconds after which no more routes are tried: there are fewer samples then. */
const longest = 120_000

type Bars = { readonly mean: number; readonly max: number }

export const propagation: Section = {
  name: 'propagation',
  title: 'a route’s creation to its first 200',
  close: removeWorld,
  run: async (options) => {
    const sizes = options.short ? [100, 200] : [3_000, 5_000]
    let figures: Figures = {}
    let rows: readonly Row[] = []
    for (const size of sizes) {
      const measured = await measure(await worldWith(size, options), size, options)
      figures = { ...figuresOf(measured), ...(rows.length === 0 ? {} : { [`at_${sizes[0]}`]: figures }) }
      rows = [...rows, ...rowsOf(measured, size === sizes.at(-1) ? { mean: 10, max: 40 } : undefined)]
    }
    return { figures, rows }
  },
}

export const propagationUnderChurn: Section = {
  name: 'propagation_under_churn',
  title: `the same while another process makes ${changesPerSecond} changes a second to other routes`,
  close: removeWorld,
  run: async (options) => {
    const size = options.short ? 200 : 5_000
    const world = await worldWith(size, options)
    const churn = await startChurn({ ...world.place, routes: size, changesPerSecond })
    try {
      // The first changes meet an operator that has not changed anything yet.
      await delay(2_000)
      const measured = await measure(world, size, options)
      const changed = await churn.stop()
      return {
        figures: { ...figuresOf(measured), churn: { ...changed } },
        rows: [...rowsOf(measured, { mean: 15, max: 60 }), ...rowsOfChurn(changed)],
      }
    } finally {
      churn.kill()
    }
  },
}

type Measured = {
  readonly size: number
  readonly existing: readonly Sample[]
  readonly fresh: readonly Sample[]
  readonly reloads: Reloads
}

// Names of probes are never used twice.
let probes = 0

async function measure({ place, responder }: World, size: number, { short, say }: SectionOptions): Promise<Measured> {
  const samples = short ? 15 : 100
  const reloads = await watchReloadsOf(place.namespace, place.gateway)
  const prober = await openProber(place)
  const existing: Sample[] = []
  const fresh: Sample[] = []
  const end = performance.now() + longest
  for (let n = 0; n < samples && performance.now() < end; n++) {
    const late = [...existing, ...fresh].filter(({ traffic }) => traffic >= patience).length
    if (late >= mostLate)
      throw new Error(`${late} of ${existing.length + fresh.length} new routes did not serve within ${patience} ms.`)
    existing.push(await prober.probe(`probe${probes}`, rulesTo(serviceOf((n * 7) % size))))
    await delay(pause())
    const service = `new${probes}`
    await createService(place.namespace, service, responder)
    fresh.push(await prober.probe(`fresh${probes}`, rulesTo(service)))
    await delay(pause())
    probes++
  }
  await prober.close()
  const measured = { size, existing, fresh, reloads: await reloads() }
  if (measured.reloads.count > 0) say(`reloads: ${JSON.stringify(measured.reloads)}`)
  for (const error of errorsOf(measured).slice(0, 10)) say(`wrong answer: ${error}`)
  return measured
}

// Not in step with anything that the operator does at an interval.
function pause(): number {
  return 10 + Math.random() * 30
}

function errorsOf({ existing, fresh }: Measured): readonly string[] {
  return [...existing, ...fresh].flatMap(({ errors }) => errors)
}

function trafficOf(samples: readonly Sample[]): readonly number[] {
  return samples.map(({ traffic }) => traffic)
}

function ownPart(samples: readonly Sample[]): readonly number[] {
  return samples.map(({ traffic, event }) => traffic - event)
}

function figuresOf(measured: Measured): Figures {
  const { size, existing, fresh, reloads } = measured
  const all = [...existing, ...fresh]
  const part = (of: (sample: Sample) => number): Figures => spread(all.map(of))
  const plotted = (samples: readonly Sample[]): readonly number[] => trafficOf(samples).map((value) => rounded(value))
  return {
    routes: size,
    mean_ms: rounded(mean(trafficOf(all))),
    max_ms: rounded(quantile(trafficOf(all), 1)),
    errors: errorsOf(measured).length,
    reloads: reloads.count,
    reload_reasons: reloads.reasons,
    existing_service: { ...spread(trafficOf(existing)) },
    new_service: { ...spread(trafficOf(fresh)) },
    post_to_response_ms: part(({ response }) => response),
    post_to_event_ms: part(({ event }) => event),
    event_to_traffic_ms: part(({ traffic, event }) => traffic - event),
    response_to_traffic_ms: part(({ traffic, response }) => Math.max(0, traffic - response)),
    our_part_existing_ms: spread(ownPart(existing)),
    our_part_new_ms: spread(ownPart(fresh)),
    post_to_every_pod_ms: part(({ everyPod }) => everyPod),
    existing_service_samples_ms: plotted(existing),
    new_service_samples_ms: plotted(fresh),
  }
}

function rowsOf(measured: Measured, bars: Bars | undefined): readonly Row[] {
  const { size, existing, fresh, reloads } = measured
  const routes = size.toLocaleString('en')
  const all = [...existing, ...fresh]
  const limited = (what: string, value: number, bar: number | undefined): Row =>
    bar === undefined
      ? { what, value: `${rounded(value)} ms`, bar: '' }
      : { what, value: `${rounded(value)} ms`, bar: `≤ ${bar} ms`, met: value <= bar }
  const none = (what: string, value: number): Row => ({ what, value: String(value), bar: '0', met: value === 0 })
  return [
    limited(`${routes} routes, Service there: mean`, mean(trafficOf(existing)), bars?.mean),
    limited(`${routes} routes, Service there: slowest`, quantile(trafficOf(existing), 1), bars?.max),
    limited(`${routes} routes, new Service: mean`, mean(trafficOf(fresh)), bars?.mean),
    limited(`${routes} routes, new Service: slowest`, quantile(trafficOf(fresh), 1), bars?.max),
    limited('  the API server’s part (POST → watch event): mean', mean(all.map(({ event }) => event)), undefined),
    // Where the whole cannot be within the bars, our part can: everything from the moment at which the operator can know.
    limited('  our part (watch event → 200), Service there: mean', mean(ownPart(existing)), bars?.mean),
    limited('  our part, Service there: slowest', quantile(ownPart(existing), 1), bars?.max),
    limited('  our part, new Service: mean', mean(ownPart(fresh)), bars?.mean),
    limited('  our part, new Service: slowest', quantile(ownPart(fresh), 1), bars?.max),
    none('  wrong answers', errorsOf(measured).length),
    none('  reloads', reloads.count),
  ]
}

function rowsOfChurn({ changes_per_second, failed, wrong_routes }: Churn): readonly Row[] {
  return [
    { what: '  changes a second that were made', value: String(changes_per_second), bar: '' },
    { what: '  changes that the API server refused', value: String(failed), bar: '0', met: failed === 0 },
    {
      what: '  changed routes that serve the wrong path',
      value: String(wrong_routes),
      bar: '0',
      met: wrong_routes === 0,
    },
  ]
}
