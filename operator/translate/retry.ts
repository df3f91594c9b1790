import type { HTTPRouteRule } from '../model/kubernetes.ts'
import type { RetryPolicy } from '../model/retry.ts'

import { parseDuration } from './timeouts.ts'
import type { Refuse } from './routes/problems.ts'
import { quoted } from './routes/writable.ts'

/** The answers after which HAProxy can send a request again. */
const retriableCodes: readonly number[] = [401, 403, 404, 408, 421, 425, 429, 500, 501, 502, 503, 504]
/** For a policy that does not say: as often as without a policy, after a connection that did not come about. */
const usualAttempts = 2
const mostAttempts = 100

/** Longer waits are not those of a request. */
const longestBackoff = 60 * 60 * 1000

/**
 * The retry policy of a rule; undefined without one. Broken connections and timeouts are retried beside the codes, whatever the method.
 * https://gateway-api.sigs.k8s.io/reference/spec/#httprouteretry
 */
export function translateRetry(
  { retry, timeouts }: Pick<HTTPRouteRule, 'retry' | 'timeouts'>,
  field: string,
  refuse: Refuse,
): RetryPolicy | undefined {
  if (retry === undefined) return undefined
  const { attempts = usualAttempts, codes = [] } = retry
  if (!Number.isInteger(attempts) || attempts < 0 || attempts > mostAttempts)
    refuse(
      `${field}.attempts`,
      `${quoted(String(attempts))} is not a number of attempts; write a whole number up to ${mostAttempts}.`,
    )
  for (const [index, code] of codes.entries())
    if (!retriableCodes.includes(code))
      refuse(
        `${field}.codes[${index}]`,
        `HAProxy cannot retry after ${quoted(String(code))}; leave it out. It can after ${retriableCodes.join(', ')}.`,
      )
  const backoff = backoffOf(retry.backoff, `${field}.backoff`, refuse)
  const request = parseDuration(timeouts?.request ?? '0s') ?? 0
  if (request > 0 && backoff * attempts >= request)
    refuse(
      `${field}.backoff`,
      `before ${attempts} retries it takes longer than timeouts.request (${quoted(timeouts?.request ?? '')}); make it or attempts smaller.`,
    )
  return { attempts, codes, backoff }
}

function backoffOf(text: string | undefined, field: string, refuse: Refuse): number {
  if (text === undefined) return 0
  const milliseconds = parseDuration(text)
  if (milliseconds !== undefined && milliseconds <= longestBackoff) return milliseconds
  refuse(field, `${quoted(text)} is not a duration of up to an hour; write one such as "100ms" or "1s".`)
  return 0
}
