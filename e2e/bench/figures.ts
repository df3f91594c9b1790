/** The p-th part of sorted values, 0 ≤ p ≤ 1. */
export function quantile(values: readonly number[], p: number): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * p))] ?? Number.NaN
}

/** A number with at most so many digits behind the point. */
export function rounded(value: number, digits = 1): number {
  return Math.round(value * 10 ** digits) / 10 ** digits
}

export function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length
}

export type Spread = {
  readonly mean_ms: number
  readonly median_ms: number
  readonly p90_ms: number
  readonly p99_ms: number
  readonly max_ms: number
  readonly samples: number
}

/** How values in milliseconds are spread, each with one digit behind the point. */
export function spread(values: readonly number[]): Spread {
  return {
    mean_ms: rounded(mean(values)),
    median_ms: rounded(quantile(values, 0.5)),
    p90_ms: rounded(quantile(values, 0.9)),
    p99_ms: rounded(quantile(values, 0.99)),
    max_ms: rounded(quantile(values, 1)),
    samples: values.length,
  }
}
