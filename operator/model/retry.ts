// A retry policy as the name of a backend profile, and back: the same policy is always the same name, so few sections serve many rules.

/** `retry.ATTEMPTS.CODE-CODE.BACKOFFms`: `retry.3.500-502`, `retry.3.500.100ms`, `retry.2` without codes, `retry.0` for no retry at all. */
export type RetryProfile = `retry.${string}`

export type RetryPolicy = {
  /** How often a failed request is sent again, to another endpoint if there is one. 0: never, also when no connection comes about. */
  readonly attempts: number
  /** Answers that are not passed on while attempts are left. */
  readonly codes: readonly number[]
  /** Milliseconds to wait at least before a request is sent again; 0: none. */
  readonly backoff: number
}

/** The profile of a policy. The order of codes and repeated ones make no difference; nor does anything else without attempts. */
export function retryProfile({ attempts, codes, backoff }: RetryPolicy): RetryProfile {
  if (attempts === 0) return 'retry.0'
  const distinct = [...new Set(codes)].toSorted((a, b) => a - b).join('-')
  return `retry.${attempts}${distinct === '' ? '' : `.${distinct}`}${backoff === 0 ? '' : `.${backoff}ms`}`
}

/** Whether a text is a profile that `retryProfile` could have made. */
export function isRetryProfile(text: string): text is RetryProfile {
  return pattern.test(text)
}

/** The policy of a profile; undefined for one of another kind. */
export function retryPolicyOf(profile: string): RetryPolicy | undefined {
  const parts = pattern.exec(profile)
  if (parts === null) return undefined
  const [, attempts, codes, backoff] = parts
  return { attempts: Number(attempts), codes: codes?.split('-').map(Number) ?? [], backoff: Number(backoff ?? 0) }
}

const pattern = /^retry\.(\d+)(?:\.(\d{3}(?:-\d{3})*))?(?:\.(\d+)ms)?$/
