// The figures of `make feature-cost` as a section of docs/conformance.md.

import type { Cost } from './local-proxy.ts'

export type FeatureFigures = Cost & {
  readonly name: string
  readonly what: string
  /** Request rate beside the plain route's. */
  readonly relative: number
  /** The case that does the same without the feature, and how many microseconds of processor time more this one takes. */
  readonly beside: string
  readonly more: number
}

export type FeatureReport = {
  readonly date: string
  readonly machine: Readonly<Record<'cpu' | 'kernel' | 'haproxy' | 'node', string>> & { readonly cores: number }
  readonly rounds: number
  /** The plain route, as rendered before the features came and now. */
  readonly plain: {
    readonly before: string
    readonly ratio: number
    readonly costs: Readonly<Record<string, Cost>>
  }
  readonly features: readonly FeatureFigures[]
  /** Connections with a whole TLS handshake. */
  readonly handshakes: Readonly<Record<string, Cost>>
}

const [begin, end] = ['<!-- feature costs: written by e2e/bench/feature-cost.ts -->', '<!-- /feature costs -->']

/** The page with the figures between its markers; with the section behind it when it has none yet. */
export function withFeatures(page: string, report: FeatureReport): string {
  const section = `${begin}\n${tableOf(report)}\n${end}`
  if (page.includes(begin)) return page.replace(new RegExp(`${begin}[^]*?${end}`), () => section)
  return `${page.trimEnd()}\n\n## What each feature costs\n\n${section}\n`
}

/** For people; Markdown. */
export function tableOf({ date, machine, rounds, plain, features, handshakes }: FeatureReport): string {
  const { cpu, cores, kernel, haproxy, node } = machine
  const besides = new Map(features.map(({ name, what }) => [name, what]))
  const rows = features.map(({ name, what, relative, microseconds, beside, more }) => {
    const cells = [
      what,
      percent(relative),
      microseconds.toFixed(1),
      name === beside ? '' : `${signed(more)} (${besides.get(beside) ?? beside})`,
    ]
    return `| ${cells.join(' | ')} |`
  })
  const connections = Object.entries(handshakes).map(
    ([what, { perSecond, microseconds }]) => `${what} ${microseconds.toFixed(0)} µs (${perSecond}/s from one client)`,
  )
  return [
    `${date}, ${cpu}, ${cores} cores, Linux ${kernel}, HAProxy ${haproxy}, Node.js ${node}; the proxy has one thread and a core of its own, 32 connections`,
    `of HTTP/1.1, medians of ${rounds} interleaved rounds. A plain route has ${percent(plain.ratio)} of the request rate that it had before there were any of these features`,
    `(commit ${plain.before}), at ${processorTimes(plain.costs)} µs of processor time per request. Figures below 1 µs are noise.`,
    '',
    '| A request that uses | Rate of a plain route | Processor time, µs | More than |',
    '|---|---|---|---|',
    ...rows,
    ...(connections.length === 0 ? [] : ['', `A new TLS connection: ${connections.join(', ')}.`]),
  ].join('\n')
}

function processorTimes(costs: FeatureReport['plain']['costs']): string {
  const { before, now } = costs
  return `${now?.microseconds.toFixed(1)} (then ${before?.microseconds.toFixed(1)})`
}

function percent(part: number): string {
  return `${(part * 100).toFixed(part > 0.95 && part < 1.05 ? 1 : 0)} %`
}

function signed(figure: number): string {
  return `${figure < 0 ? '−' : '+'}${Math.abs(figure).toFixed(1)}`
}
