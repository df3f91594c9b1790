/** The p-th part of sorted values, 0 ≤ p ≤ 1. */
export function quantile(values: readonly number[], p: number): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * p))] ?? Number.NaN
}

export type Spread = { readonly median: number; readonly p90: number; readonly max: number; readonly samples: number }

export function spread(values: readonly number[]): Spread {
  const rounded = (p: number): number => Math.round(quantile(values, p) * 10) / 10
  return { median: rounded(0.5), p90: rounded(0.9), max: rounded(1), samples: values.length }
}

/** The value of an unlabelled metric in Prometheus's text format; labelled ones are added up. */
export function metric(text: string, name: string): number {
  const lines = text.matchAll(new RegExp(`^${name}(?:\\{[^}]*\\})? (\\S+)$`, 'gm'))
  return [...lines].reduce((sum, [, value]) => sum + Number(value), 0)
}

export type Row = { readonly what: string; readonly value: string; readonly goal: string }

/** A table for people. */
export function table(rows: readonly Row[]): string {
  const width = (column: keyof Row): number => Math.max(...rows.map((row) => row[column].length))
  return rows
    .map(({ what, value, goal }) => `  ${what.padEnd(width('what'))}  ${value.padStart(width('value'))}  ${goal}`)
    .join('\n')
}
