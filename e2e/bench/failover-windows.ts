// Requests at an even pace while an endpoint refuses connections and takes them again, and the errors of each such window.

import { setTimeout as delay } from 'node:timers/promises'
import { Pool, request } from 'undici'

import { eventually } from '../lib/eventually.ts'
import { mean, rounded } from './figures.ts'
import type { SectionOptions } from './section.ts'

export const routesPerKind = 16
export const rulesPerRoute = 16
export const endpointCount = 4
const everyMilliseconds = 5
const restSeconds = 4

/** A kind of route that is asked, and the hostname of its n-th route; its rules are `/rule0` to `/rule15`. */
export type Asked = { readonly kind: string; readonly hostOf: (n: number) => string }
/** The endpoint that refuses. */
export type Victim = {
  readonly refuse: () => Promise<unknown>
  readonly accept: () => Promise<unknown>
  /** How many requests it answered until now, in some form that differs when it is another number. */
  readonly answered: () => Promise<string>
}
export type Place = { readonly origin: string; readonly asked: readonly Asked[]; readonly victim: Victim }

export type Windows = {
  readonly requests: number
  /** Until the endpoint was asked again, of all kinds together; the worst window's. */
  readonly recovery_ms: number
  readonly kinds: Readonly<Record<string, KindErrors>>
  /** Answers that were errors, and how often. */
  readonly answers: Readonly<Record<string, number>>
}
export type KindErrors = {
  /** Of the worst window. */
  readonly errors_per_window: number
  readonly mean_errors_per_window: number
  /** Before the first window: not the endpoint's fault. */
  readonly errors_before: number
}

/** How many windows, how long. */
export function planOf({ short }: Pick<SectionOptions, 'short'>): { readonly count: number; readonly seconds: number } {
  return short ? { count: 1, seconds: 5 } : { count: 2, seconds: 22 }
}

export async function measureWindows({ origin, asked, victim }: Place, options: SectionOptions): Promise<Windows> {
  const { count, seconds } = planOf(options)
  const asking = startAsking(origin, asked)
  await delay(restSeconds * 1_000)
  const before = asking.errors()
  const windows: (readonly number[])[] = []
  const recoveries: number[] = []
  for (let n = 0; n < count; n++) {
    const began = asking.errors()
    await victim.refuse()
    await delay(seconds * 1_000)
    await victim.accept()
    recoveries.push(await recovery(victim))
    await delay(restSeconds * 1_000)
    windows.push(asking.errors().map((errors, kind) => errors - (began[kind] ?? 0)))
    const told = asked.map(({ kind }, at) => `${kind}: ${windows.at(-1)?.[at]}`)
    options.say(`window ${n + 1} of ${seconds} s, errors: ${told.join(', ')}`)
  }
  await asking.stop()
  const kinds = asked.map(({ kind }, at): readonly [string, KindErrors] => {
    const errors = windows.map((window) => window[at] ?? 0)
    return [
      kind,
      {
        errors_per_window: Math.max(...errors),
        mean_errors_per_window: rounded(mean(errors)),
        errors_before: before[at] ?? 0,
      },
    ]
  })
  return {
    requests: asking.sent(),
    recovery_ms: rounded(Math.max(...recoveries)),
    kinds: Object.fromEntries(kinds),
    answers: Object.fromEntries(asking.answers),
  }
}

// Milliseconds from now until the endpoint answers again.
async function recovery(victim: Victim): Promise<number> {
  const [began, before] = [performance.now(), await victim.answered()]
  return eventually(
    'the endpoint that takes connections again is asked',
    async () => {
      if ((await victim.answered()) === before) throw new Error('it was not')
      return performance.now() - began
    },
    { within: 60_000, every: 10 },
  )
}

/** Asks one rule of each kind every few milliseconds, whether or not the last was answered, until told to stop. */
function startAsking(origin: string, asked: readonly Asked[]) {
  const pool = new Pool(origin, { connections: 32, pipelining: 1 })
  const errors = asked.map(() => 0)
  const answers = new Map<string, number>()
  const open = new Set<Promise<void>>()
  const ending = new AbortController()
  let rounds = 0
  const fail = (kind: number, what: string): void => {
    errors[kind] = (errors[kind] ?? 0) + 1
    answers.set(what, (answers.get(what) ?? 0) + 1)
  }
  const ask = async (kind: number, n: number): Promise<void> => {
    const rule = n % (routesPerKind * rulesPerRoute)
    const host = asked[kind]?.hostOf(Math.floor(rule / rulesPerRoute)) ?? ''
    const url = `${origin}/rule${rule % rulesPerRoute}`
    try {
      const { statusCode, body } = await request(url, { dispatcher: pool, headers: { host } })
      await body.dump()
      if (statusCode !== 200) fail(kind, String(statusCode))
    } catch (error) {
      fail(kind, error instanceof Error ? error.message : String(error))
    }
  }
  const loop = async (): Promise<void> => {
    const began = performance.now()
    while (!ending.signal.aborted) {
      for (const kind of asked.keys()) {
        const one: Promise<void> = ask(kind, rounds).finally(() => open.delete(one))
        open.add(one)
      }
      rounds += 1
      await delay(Math.max(0, began + rounds * everyMilliseconds - performance.now()))
    }
    await Promise.all(open)
    await pool.close()
  }
  const ended = loop()
  return {
    answers,
    errors: (): readonly number[] => [...errors],
    sent: () => rounds * asked.length,
    stop: async () => {
      ending.abort()
      await ended
    },
  }
}
