import { setTimeout as delay } from 'node:timers/promises'

/** Waits some milliseconds; ends early, without an error, when the signal fires. */
export async function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  await delay(milliseconds, undefined, { signal }).catch(() => undefined)
}

/** Milliseconds before attempt number `attempt` (from 1): 100, doubling, at most `longest`, half of it by chance. */
export function backOffTime(attempt: number, longest: number): number {
  const full = Math.min(longest, 100 * 2 ** Math.min(attempt - 1, 16))
  return full * (0.5 + Math.random() / 2)
}
