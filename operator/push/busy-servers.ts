import { PodError, type PodApi } from './pod-api.ts'
import type { Held } from './held.ts'
import { deleteServer, type BusyServer } from './runtime.ts'
import type { Timing } from './timing.ts'

/** A request that had been given a server looks for another one of the backend for as long: three attempts to connect, and some more. */
const connecting = 6_000
/** Attempts of one step, so that a change never waits longer than these take. */
const atOnce = 2
/** Most requests are over soon, and some connections last for hours: parts and multiples of the usual pause. */
const soonest = 1 / 20
const rarest = 128

type Waiting = { readonly server: BusyServer; readonly since: number; pause: number; due: number }

/** Servers of one pod that had connections when they were to be deleted: they are in maintenance and wait for their end. */
export class BusyServers {
  readonly #timing: Pick<Timing, 'busyServers'>
  readonly #servers = new Map<string, Waiting>()
  /** Those of which `resting` speaks, and maybe some that are too old by now. */
  readonly #young = new Map<string, Waiting>()
  #due = Infinity
  /** A change was made since the last attempt. */
  #waited = false

  constructor(timing: Pick<Timing, 'busyServers'>) {
    this.#timing = timing
  }

  /** When the next attempt is to be made; Infinity when there is nothing to delete. */
  get due(): number {
    return this.#due
  }

  /** Their turn before the next change: of changes without a pause, none would ever come. */
  isNext(now: number): boolean {
    return this.#waited && now >= this.#due
  }

  /** What a change left behind. */
  remember(servers: readonly BusyServer[]): void {
    this.#waited = true
    const since = performance.now()
    const pause = this.#timing.busyServers * soonest
    for (const server of servers) {
      const id = `${server.backend}/${server.server}`
      const waiting = { server, since, pause, due: since + pause }
      this.#servers.set(id, waiting)
      this.#young.set(id, waiting)
      this.#due = Math.min(this.#due, waiting.due)
    }
  }

  clear(): void {
    this.#servers.clear()
    this.#young.clear()
    this.#due = Infinity
  }

  /**
   * Backends in which a request may still be looking for a server: whatever is added to them could get a request that was meant for what they
   * were before.
   */
  resting(now = performance.now()): ReadonlySet<string> {
    for (const [id, { since }] of this.#young) if (since <= now - connecting) this.#young.delete(id)
    return new Set([...this.#young.values()].map(({ server }) => server.backend))
  }

  /** Attempts for a few that are due, but for what the pod is meant to hold by now. A refusal is no failure: the next attempt comes, later each time. */
  async deleteFrom(api: PodApi, { backends, layout }: Held): Promise<void> {
    const now = performance.now()
    this.#waited = false
    const due = [...this.#servers].filter(([, waiting]) => waiting.due <= now).slice(0, atOnce)
    const names = new Map([...layout.aliases].map(([name, spare]) => [spare, name]))
    for (const [id, waiting] of due) {
      const { backend, server } = waiting.server
      const section = backends.get(names.get(backend) ?? backend)
      const isWanted = section?.servers.has(server) === true
      if (isWanted || (await isGone(api, waiting.server))) this.#forget(id)
      waiting.pause = Math.min(waiting.pause * 2, this.#timing.busyServers * rarest)
      waiting.due = performance.now() + waiting.pause
    }
    this.#due = Infinity
    for (const waiting of this.#servers.values()) this.#due = Math.min(this.#due, waiting.due)
  }

  #forget(id: string): void {
    this.#servers.delete(id)
    this.#young.delete(id)
  }
}

async function isGone(api: PodApi, server: BusyServer): Promise<boolean> {
  try {
    return await deleteServer(api, server)
  } catch (error) {
    if (error instanceof PodError) return false
    throw error
  }
}
