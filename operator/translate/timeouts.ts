import type { HTTPRouteRule } from '../model/kubernetes.ts'
import type { Timeouts } from '../model/proxy-model.ts'

import type { Refuse } from './routes/problems.ts'
import { quoted } from './routes/writable.ts'

/** HAProxy counts milliseconds in 31 bits: a little over 24 days. */
const longest = 2 ** 31 - 1
const units = new Map([
  ['h', 3_600_000],
  ['m', 60_000],
  ['s', 1000],
  ['ms', 1],
])

/**
 * The timeouts of a rule in milliseconds; `0s` means none. A timeout that is missing stays absent.
 * https://gateway-api.sigs.k8s.io/reference/spec/#httproutetimeouts
 */
export function translateTimeouts(timeouts: HTTPRouteRule['timeouts'], field: string, refuse: Refuse): Timeouts {
  const request = durationIn(timeouts?.request, `${field}.request`, refuse)
  const backendRequest = durationIn(timeouts?.backendRequest, `${field}.backendRequest`, refuse)
  if (request !== undefined && request > 0 && backendRequest !== undefined && backendRequest > request)
    refuse(`${field}.backendRequest`, `is longer than request (${quoted(timeouts?.request ?? '')}); make it shorter.`)
  return {
    ...(request === undefined ? {} : { request }),
    ...(backendRequest === undefined ? {} : { backendRequest }),
  }
}

/** Milliseconds of a duration such as `1h30m` or `500ms`; undefined if it is none. https://gateway-api.sigs.k8s.io/geps/gep-2257/ */
export function parseDuration(text: string): number | undefined {
  if (!/^([0-9]{1,5}(h|m|s|ms)){1,4}$/.test(text)) return undefined
  const parts = [...text.matchAll(/([0-9]+)(ms|h|m|s)/g)]
  return parts.reduce((sum, [, count, unit = '']) => sum + Number(count) * (units.get(unit) ?? 0), 0)
}

function durationIn(text: string | undefined, field: string, refuse: Refuse): number | undefined {
  if (text === undefined) return undefined
  const milliseconds = parseDuration(text)
  if (milliseconds !== undefined && milliseconds <= longest) return milliseconds
  if (milliseconds === undefined)
    refuse(field, `${quoted(text)} is not a duration; write one such as "500ms" or "1m30s".`)
  else refuse(field, `${quoted(text)} is longer than the 24 days a timeout can last; write less, or "0s" for none.`)
  return undefined
}
