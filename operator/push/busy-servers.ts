import { PodError, type PodApi } from './pod-api.ts'
import type { Held } from './held.ts'
import { deleteServer, type BusyServer } from './runtime.ts'

/** Servers of one pod that had connections when they were to be deleted: they are in maintenance and wait for their end. */
export class BusyServers {
  readonly #servers = new Map<string, BusyServer>()

  get size(): number {
    return this.#servers.size
  }

  remember(servers: readonly BusyServer[]): void {
    for (const server of servers) this.#servers.set(`${server.backend}/${server.server}`, server)
  }

  clear(): void {
    this.#servers.clear()
  }

  /** Another attempt for each, but for what the pod is meant to hold by now. A refusal is no failure: the next attempt comes. */
  async deleteFrom(api: PodApi, { backends, layout }: Held): Promise<void> {
    const names = new Map([...layout.aliases].map(([name, spare]) => [spare, name]))
    for (const [id, server] of this.#servers) {
      const section = backends.get(names.get(server.backend) ?? server.backend)
      const isWanted = section?.servers.has(server.server) === true
      if (isWanted || (await isGone(api, server))) this.#servers.delete(id)
    }
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
