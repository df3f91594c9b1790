import { setTimeout as delay } from 'node:timers/promises'

/**
 * Repeats an attempt until it does not throw, and resolves with what it returned. After `within` milliseconds it rejects
 * with the last attempt's reason and what was waited for.
 */
export async function eventually<T>(
  what: string,
  attempt: () => Promise<T>,
  { within = 20_000, every = 100 }: { readonly within?: number; readonly every?: number } = {},
): Promise<T> {
  const began = performance.now()
  for (;;) {
    try {
      return await attempt()
    } catch (error) {
      const spent = performance.now() - began
      if (spent > within) {
        const reason = error instanceof Error ? error.message : String(error)
        throw new Error(`${what}: not within ${within} ms; the last attempt said: ${reason}`, { cause: error })
      }
    }
    await delay(every)
  }
}
