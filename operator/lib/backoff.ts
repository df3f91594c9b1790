export type BackoffLimits = { readonly first: number; readonly most: number }

const usualLimits: BackoffLimits = { first: 100, most: 30_000 }

/**
 * How long to wait after so many failures in a row, in milliseconds: full jitter, anything from nothing to a bound that begins at
 * `first` and doubles up to `most`, so that many clients that failed together do not come back together.
 */
export function backoff(failures: number, limits: BackoffLimits = usualLimits): number {
  if (failures === 0) return 0
  return Math.random() * Math.min(limits.most, limits.first * 2 ** (failures - 1))
}
