// Which plots the figures of a report give: file name → SVG, by section. A section that was not measured, or in another shape, gives none.

import { z } from 'zod'

import { barPlot, linePlot, type Series } from './plots.ts'
import type { Report } from './report.ts'
import type { SectionName } from './section.ts'

export type Plot = { readonly section: SectionName; readonly file: string; readonly svg: string; readonly says: string }

/** All plots that the report has figures for. */
export function plotsOf(report: Report): readonly Plot[] {
  return [...propagationPlots(report), ...changeCostPlots(report), ...scalePlots(report), ...throughputPlots(report)]
}

// ---- propagation -----------------------------------------------------------------------------------------------------------------------

const spreadShape = z.object({ mean_ms: z.number() })
const propagationShape = z.object({
  routes: z.number(),
  existing_service_samples_ms: z.array(z.number()),
  new_service_samples_ms: z.array(z.number()),
  post_to_event_ms: spreadShape,
  event_to_traffic_ms: spreadShape,
})

function propagationPlots(report: Report): readonly Plot[] {
  const measured = [
    { words: 'idle', figures: propagationShape.safeParse(report.propagation).data },
    { words: 'under churn', figures: propagationShape.safeParse(report.propagation_under_churn).data },
  ].flatMap(({ words, figures }) => (figures === undefined ? [] : [{ words, figures }]))
  if (measured.length === 0) return []
  const series = measured.flatMap(({ words, figures }) => [
    { name: `Service there, ${words}`, points: distribution(figures.existing_service_samples_ms) },
    { name: `new Service, ${words}`, points: distribution(figures.new_service_samples_ms) },
  ])
  const section = report.propagation === undefined ? 'propagation_under_churn' : 'propagation'
  return [
    {
      section,
      file: 'propagation.svg',
      says: 'How many of the routes serve within how many milliseconds',
      svg: linePlot({
        title: 'From the write of a route to its first answer',
        x: { label: 'milliseconds' },
        y: { label: 'routes that serve, %' },
        series,
        xMarks: [{ at: 40, label: 'bar of the slowest, idle' }],
      }),
    },
    {
      section,
      file: 'propagation-shares.svg',
      says: 'The part of the API server and ours, on average',
      svg: barPlot({
        title: 'Who takes the time, on average',
        unit: 'ms',
        partNames: ['API server: write to watch event', 'ours: watch event to traffic'],
        rows: measured.map(({ words, figures }) => ({
          label: `${figures.routes.toLocaleString('en')} routes, ${words}`,
          parts: [figures.post_to_event_ms.mean_ms, figures.event_to_traffic_ms.mean_ms],
        })),
      }),
    },
  ]
}

function distribution(samples: readonly number[]): Series['points'] {
  const sorted = samples.toSorted((a, b) => a - b)
  return sorted.map((value, n) => [value, ((n + 1) / sorted.length) * 100] as const)
}

// ---- cost of a change ------------------------------------------------------------------------------------------------------------------

const changeCostShape = z.object({
  sizes: z.array(z.object({ routes: z.number(), changes_ms: z.record(z.string(), z.number()) })).min(2),
})

function changeCostPlots(report: Report): readonly Plot[] {
  const { data } = changeCostShape.safeParse(report.change_cost)
  if (data === undefined) return []
  const kinds = Object.keys(data.sizes[0]?.changes_ms ?? {})
  const series = kinds.map((name) => ({
    name,
    points: data.sizes.flatMap(({ routes, changes_ms: all }) =>
      all[name] === undefined ? [] : [[routes, all[name]] as const],
    ),
  }))
  return [
    {
      section: 'change_cost',
      file: 'change-cost.svg',
      says: 'What one change costs the operator, by the number of routes that there are',
      svg: linePlot({
        title: 'What one change costs the operator',
        x: { label: 'routes', isLogarithmic: true },
        y: { label: 'milliseconds, median' },
        series,
        dots: true,
      }),
    },
  ]
}

// ---- memory and series -----------------------------------------------------------------------------------------------------------------

const scaleShape = z.object({
  data_plane_mib: z.number(),
  operator_mib: z.number(),
  metric_series: z.number(),
})

function scalePlots(report: Report): readonly Plot[] {
  const { data } = scaleShape.safeParse(report.scale_5000)
  if (data === undefined) return []
  return [
    {
      section: 'scale_5000',
      file: 'memory.svg',
      says: 'Memory with 5,000 routes against the bars',
      svg: barPlot({
        title: 'Memory with 5,000 routes',
        unit: 'MiB',
        rows: [
          { label: 'data plane, one pod', parts: [data.data_plane_mib], limit: 150 },
          { label: 'operator', parts: [data.operator_mib], limit: 300 },
        ],
      }),
    },
    {
      section: 'scale_5000',
      file: 'series.svg',
      says: 'Metric series with 5,000 routes against the bar',
      svg: barPlot({
        title: 'Metric series with 5,000 routes',
        unit: 'series',
        rows: [{ label: 'operator and one pod', parts: [data.metric_series], limit: 2_000 }],
      }),
    },
  ]
}

// ---- throughput ------------------------------------------------------------------------------------------------------------------------

const throughputShape = z.object({
  lines: z.array(
    z.object({
      proxy: z.string(),
      protocol: z.enum(['http1', 'tls', 'h2']),
      routes: z.number(),
      requests_per_second: z.number(),
      ratio: z.number(),
    }),
  ),
})
const protocols = { http1: 'HTTP/1.1', tls: 'HTTP/1.1 in TLS', h2: 'HTTP/2 in TLS' }
const proxies: Readonly<Record<string, string>> = {
  ours: 'ours',
  hand_written: 'HAProxy by hand',
  acl_lines: 'HAProxy, a line per route',
  nginx: 'nginx by hand',
  envoy: 'Envoy by hand',
  traefik: 'Traefik by hand',
}

function throughputPlots(report: Report): readonly Plot[] {
  const { data } = throughputShape.safeParse(report.throughput)
  if (data === undefined) return []
  const lines = data.lines.toSorted((a, b) => a.routes - b.routes)
  const ratios = Object.entries(protocols).map(([protocol, name]) => ({
    name,
    points: lines
      .filter((line) => line.proxy === 'ours' && line.protocol === protocol)
      .map(({ routes, ratio }) => [routes, ratio] as const),
  }))
  const besidePeers = Object.entries(protocols).map(
    ([protocol, name]): Plot => ({
      section: 'throughput',
      file: `throughput-${protocol}.svg`,
      says: `Requests a second over ${name}, by proxy and number of routes`,
      svg: linePlot({
        title: `Requests a second over ${name}, one core`,
        x: { label: 'routes', isLogarithmic: true },
        y: { label: 'requests a second' },
        dots: true,
        series: Object.entries(proxies)
          .map(([proxy, called]) => ({
            name: called,
            points: lines
              .filter((line) => line.proxy === proxy && line.protocol === protocol)
              .map((line) => [line.routes, line.requests_per_second] as const),
          }))
          .filter(({ points }) => points.length > 0),
      }),
    }),
  )
  return [
    {
      section: 'throughput',
      file: 'throughput-ratios.svg',
      says: 'Our request rate by that of a hand-written haproxy.cfg',
      svg: linePlot({
        title: 'Our request rate ÷ that of a hand-written haproxy.cfg',
        x: { label: 'routes', isLogarithmic: true },
        y: { label: 'ratio' },
        yMarks: [{ at: 0.97, label: 'bar' }],
        series: ratios.filter(({ points }) => points.length > 0),
        dots: true,
      }),
    },
    ...besidePeers,
  ]
}
