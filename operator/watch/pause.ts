import { setTimeout as delay } from 'node:timers/promises'

/** Waits so many milliseconds; returns early, without an error, when the signal says so. */
export async function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  try {
    await delay(milliseconds, undefined, { signal })
  } catch (error) {
    if (!signal.aborted) throw error
  }
}
