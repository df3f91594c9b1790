// Plots as SVG, of points and of bars; they follow the reader's light or dark background.

export type Axis = { readonly label: string; readonly isLogarithmic?: true; readonly from?: number }
export type Series = { readonly name: string; readonly points: readonly (readonly [number, number])[] }
/** A line across the plot, such as a bar that is to be met. */
export type Mark = { readonly at: number; readonly label: string }

export type LinePlot = {
  readonly title: string
  readonly x: Axis
  readonly y: Axis
  readonly series: readonly Series[]
  readonly xMarks?: readonly Mark[]
  readonly yMarks?: readonly Mark[]
  /** Whether each point is drawn, too. */
  readonly dots?: boolean
}

export type BarPlot = {
  readonly title: string
  readonly unit: string
  /** A bar each, of one or several parts; `limit` is drawn across it. */
  readonly rows: readonly BarRow[]
  /** What the parts are, where there are several. */
  readonly partNames?: readonly string[]
}

type BarRow = { readonly label: string; readonly parts: readonly number[]; readonly limit?: number }

const width = 760
const plotHeight = 300
const [left, right, top, bottom] = [64, 20, 66, 52]
const rowHeight = 30
const labelWidth = 200
const figuresWidth = 180

/** Lines through points. */
export function linePlot(plot: LinePlot): string {
  const { title, x, y, series, xMarks = [], yMarks = [], dots = false } = plot
  const all = series.flatMap(({ points }) => points)
  const [edge, floor] = [width - right, top + plotHeight]
  const toX = scale(x, [...all.map(([value]) => value), ...xMarks.map((mark) => mark.at)], [left, edge])
  const toY = scale(y, [...all.map(([, value]) => value), ...yMarks.map((mark) => mark.at)], [floor, top])
  const lines = series.map(({ points }, n) => {
    const places = points.map(([px, py]): Place => [toX.of(px), toY.of(py)])
    const circles = dots ? places.map((place) => circle(place, n)).join('') : ''
    return `<polyline class="line s${n}" points="${places.map(pair).join(' ')}"/>${circles}`
  })
  return svg({ title, height: floor + bottom, names: series.map(({ name }) => name) }, [
    ...toY.ticks.map((tick) => {
      const height = toY.of(tick)
      return line([left, height], [edge, height], 'grid') + text([left - 8, height + 4], short(tick), 'end')
    }),
    ...toX.ticks.map((tick) => {
      const place = toX.of(tick)
      return line([place, top], [place, floor], 'grid') + text([place, floor + 18], short(tick), 'middle')
    }),
    ...xMarks.map((mark) => {
      const place = toX.of(mark.at)
      return line([place, top], [place, floor], 'mark') + text([place - 5, floor - 8], mark.label, 'end')
    }),
    ...yMarks.map((mark) => {
      const height = toY.of(mark.at)
      return line([left, height], [edge, height], 'mark') + text([edge - 4, height - 5], mark.label, 'end')
    }),
    ...lines,
    text([(left + edge) / 2, floor + 40], x.label, 'middle'),
    text([left, top - 8], y.label, 'start'),
  ])
}

/** Horizontal bars, one below the other. */
export function barPlot({ title, unit, rows, partNames = [] }: BarPlot): string {
  const sums = rows.map(({ parts }) => parts.reduce((sum, part) => sum + part, 0))
  const limits = rows.flatMap(({ limit = [] }) => limit)
  const { of } = scale({ label: '' }, [...sums, ...limits], [labelWidth, width - figuresWidth])
  const drawn = rows.map((row, n) => bar(row, { y: top + n * rowHeight, of, unit }))
  return svg({ title, height: top + rows.length * rowHeight + 10, names: partNames }, drawn)
}

type BarSetting = { readonly y: number; readonly of: Scale['of']; readonly unit: string }

function bar({ label, parts, limit }: BarRow, { y, of, unit }: BarSetting): string {
  let sum = 0
  const drawn = parts.map((part, n) => {
    const [from, to] = [of(sum), of((sum += part))]
    return `<rect class="bar s${n}" x="${decimal(from)}" y="${y}" width="${decimal(Math.max(1, to - from))}" height="${rowHeight - 10}"/>`
  })
  const crossed = limit === undefined ? '' : line([of(limit), y - 4], [of(limit), y + rowHeight - 6], 'mark')
  const figures = `${parts.map(short).join(' + ')} ${unit}${limit === undefined ? '' : `, bar ${short(limit)}`}`
  const end = of(Math.max(sum, limit ?? 0))
  return [
    text([labelWidth - 8, y + 14], label, 'end'),
    ...drawn,
    crossed,
    text([end + 8, y + 14], figures, 'start'),
  ].join('')
}

// ---- scales ----------------------------------------------------------------------------------------------------------------------------

type Scale = { readonly of: (value: number) => number; readonly ticks: readonly number[] }

function scale(axis: Axis, values: readonly number[], [begin, end]: readonly [number, number]): Scale {
  const most = Math.max(...values, Number.MIN_VALUE)
  if (axis.isLogarithmic) {
    const positive = values.filter((value) => value > 0)
    const [low, high] = [Math.floor(Math.log10(Math.min(...positive))), Math.max(Math.ceil(Math.log10(most)), 1)]
    const ticks = Array.from({ length: high - low + 1 }, (_, n) => 10 ** (low + n))
    const of = (value: number): number => begin + ((Math.log10(value) - low) / (high - low || 1)) * (end - begin)
    return { of, ticks }
  }
  const from = axis.from ?? 0
  const step = stepFor(most - from)
  const to = from + Math.ceil((most - from) / step - 1e-9) * step
  const ticks = Array.from({ length: Math.round((to - from) / step) + 1 }, (_, n) => from + n * step)
  return { of: (value) => begin + ((value - from) / (to - from)) * (end - begin), ticks }
}

// 1, 2 or 5 times a power of ten, so that there are four to ten steps.
function stepFor(span: number): number {
  const power = 10 ** Math.floor(Math.log10(span / 4))
  return ([5, 2].find((times) => span / (times * power) >= 4) ?? 1) * power
}

// ---- drawing ---------------------------------------------------------------------------------------------------------------------------

type Place = readonly [x: number, y: number]
type Frame = { readonly title: string; readonly height: number; readonly names: readonly string[] }

function svg({ title, height, names }: Frame, parts: readonly string[]): string {
  let x = left
  const legend = names.map((name, n) => {
    const entry = `<rect class="bar s${n}" x="${x}" y="27" width="12" height="8"/>${text([x + 17, 35], name, 'start')}`
    x += 34 + name.length * 6.8
    return entry
  })
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img">`,
    `<title>${escaped(title)}</title>`,
    `<style>${style}</style>`,
    `<text class="title" x="${left}" y="18">${escaped(title)}</text>`,
    ...(names.length > 1 ? legend : []),
    ...parts,
    '</svg>\n',
  ].join('\n')
}

const light = ['#0969da', '#bc4c00', '#1a7f37', '#8250df', '#bf3989', '#6e7781']
const dark = ['#58a6ff', '#f0883e', '#3fb950', '#bc8cff', '#f778ba', '#9ea7b3']

function colours(all: readonly string[]): string {
  return all.map((colour, n) => `.line.s${n}{stroke:${colour}}.bar.s${n},.dot.s${n}{fill:${colour}}`).join('')
}

const style = [
  'text{font:12px system-ui,sans-serif;fill:#57606a}.title{font-size:14px;font-weight:600;fill:#24292f}',
  '.grid{stroke:#d0d7de;stroke-width:1}.mark{stroke:#cf222e;stroke-width:1.5;stroke-dasharray:5 3}',
  `.line{fill:none;stroke-width:2}${colours(light)}`,
  `@media(prefers-color-scheme:dark){text{fill:#9ea7b3}.title{fill:#e6edf3}.grid{stroke:#30363d}.mark{stroke:#ff7b72}${colours(dark)}}`,
].join('')

function line([x1, y1]: Place, [x2, y2]: Place, kind: string): string {
  return `<line class="${kind}" x1="${decimal(x1)}" y1="${decimal(y1)}" x2="${decimal(x2)}" y2="${decimal(y2)}"/>`
}

function circle([x, y]: Place, n: number): string {
  return `<circle class="dot s${n}" cx="${decimal(x)}" cy="${decimal(y)}" r="3"/>`
}

function text([x, y]: Place, words: string, anchor: 'start' | 'middle' | 'end'): string {
  return `<text x="${decimal(x)}" y="${decimal(y)}" text-anchor="${anchor}">${escaped(words)}</text>`
}

function pair([x, y]: Place): string {
  return `${decimal(x)},${decimal(y)}`
}

function decimal(value: number): string {
  return value.toFixed(1)
}

function short(value: number): string {
  if (value >= 1_000) return Math.round(value).toLocaleString('en')
  return String(Number(value.toPrecision(3)))
}

function escaped(words: string): string {
  return words.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
}
