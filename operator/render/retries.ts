// The retry policies that some backend of a proxy has, as templates see them.

import type { Backend, ProxyModel } from '../model/proxy-model.ts'
import { isRetryProfile, type RetryPolicy, type RetryProfile, retryPolicyOf } from '../model/retry.ts'
import { compareTexts } from '../lib/compare-texts.ts'
import { fold } from '../lib/fold.ts'

/** `events`: what HAProxy's `retry-on` lists. */
export type RetryView = { readonly name: RetryProfile; readonly attempts: number; readonly events: readonly string[] }
/** After which answers to wait how long before the next of `attempts`. */
export type BackoffView = {
  readonly attempts: number
  readonly milliseconds: number
  readonly codes: readonly number[]
}

/** Sorted by name, each policy once; parts of the backends that did not change are not looked at again. */
export function retryViews({ backends }: Pick<ProxyModel, 'backends'>): readonly RetryView[] {
  return profilesOf(backends)
    .toSorted(compareTexts)
    .flatMap((name) => {
      const policy = retryPolicyOf(name)
      return policy === undefined ? [] : [{ name, attempts: policy.attempts, events: eventsOf(policy) }]
    })
}

/** Null for profiles that do not wait. */
export function backoffView(profile: string): BackoffView | null {
  const { attempts, backoff, codes } = retryPolicyOf(profile) ?? noPolicy
  return backoff === 0 || codes.length === 0 ? null : { attempts, milliseconds: backoff, codes }
}

const noPolicy: RetryPolicy = { attempts: 0, codes: [], backoff: 0 }

// Implementations should retry after broken connections whenever there is a policy. HAProxy can wait after an answer only, so with a backoff
// a request that may have reached the server is not sent again: https://gateway-api.sigs.k8s.io/reference/spec/#httprouteretry
function eventsOf({ attempts, codes, backoff }: RetryPolicy): readonly string[] {
  if (attempts === 0) return ['none']
  return ['conn-failure', ...(backoff === 0 ? ['empty-response', 'response-timeout'] : []), ...codes.map(String)]
}

const profilesOf = fold(
  (part: readonly Backend[]): readonly RetryProfile[] => [
    ...new Set(part.flatMap(({ profile }) => (isRetryProfile(profile) ? [profile] : []))),
  ],
  (found) => [...new Set(found.flat())],
)
