// Why HAProxy was reloaded, and because of whom: for logs, Events and statuses, and in one word for a metric.

import type { RenderedConfig } from '../model/rendered.ts'
import type { Subject } from '../model/users.ts'

import type { Reload } from './change.ts'

/** Each reason of a reload with those who ask for it: `header x-release-channel (HTTPRoute shop/cart)`, `port 8443 (no longer used)`. */
export function explain({ cause, reasons }: Reload, wanted: RenderedConfig): readonly string[] {
  if (cause !== 'machine') return reasons.map((reason) => withUsers(reason, wanted))
  const present = new Set(wanted.machine.reasons)
  return reasons.map((reason) => {
    if (reason === 'template') return 'templates of another version'
    return present.has(reason) ? withUsers(reason, wanted) : `${reason} (no longer used)`
  })
}

/** Explained reasons as one text: a few, and how many more there are. */
export function summary(explained: readonly string[]): string {
  return few(explained, '; ')
}

/** The reason of a reload in one word, of which there are few: a label of a metric. */
export function labelOf({ cause, reasons }: Pick<Reload, 'cause' | 'reasons'>): string {
  if (cause !== 'machine') return cause
  return /^[a-z]+/.exec(reasons[0] ?? '')?.[0] ?? cause
}

/** More are counted, not named. */
const named = 3

function withUsers(reason: string, { users }: RenderedConfig): string {
  const subject = subjectOf(reason)
  const found = subject === undefined ? [] : (users?.of(subject) ?? [])
  return found.length === 0 ? reason : `${reason} (${few(found, ', ')})`
}

function few(texts: readonly string[], separator: string): string {
  const more = texts.length - named
  return more > 0 ? `${texts.slice(0, named).join(separator)} and ${more} more` : texts.join(separator)
}

// Names hold no white space.
const subjects: readonly (readonly [RegExp, (name: string) => Subject])[] = [
  [/^header (\S+)$/, (name) => ({ kind: 'header', name })],
  [/^query parameter (\S+)$/, (name) => ({ kind: 'query', name })],
  [/^profile (\S+)$/, (profile) => ({ kind: 'profile', profile })],
  [/\bbackend (\S+)/, (name) => ({ kind: 'backend', name })],
  [/\b(?:port |certificates-)(\d+)/, (port) => ({ kind: 'port', port: Number(port) })],
]

function subjectOf(reason: string): Subject | undefined {
  for (const [pattern, subject] of subjects) {
    const name = pattern.exec(reason)?.[1]
    if (name !== undefined) return subject(name)
  }
  return undefined
}
