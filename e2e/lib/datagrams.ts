// Datagrams to a Gateway's address, and who answered them.

import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'
import { z } from 'zod'

const echoShape = z.object({ request: z.string(), service: z.string(), pod: z.string() })
export type DatagramEcho = z.infer<typeof echoShape>

/** A client: one socket, so one source port, which stays at the endpoint that it was given. */
export class DatagramClient {
  readonly #socket: Socket = createSocket('udp4')
  readonly #place: { readonly address: string; readonly port: number }
  #sent = 0

  constructor(address: string, port: number) {
    this.#place = { address, port }
  }

  /** One datagram and its echo; undefined when none came in time. */
  async ask(deadline = 1_000): Promise<DatagramEcho | undefined> {
    this.#sent += 1
    const request = `datagram ${this.#sent}`
    const giveUp = AbortSignal.timeout(deadline)
    this.#socket.send(request, this.#place.port, this.#place.address)
    try {
      for (;;) {
        const [message]: unknown[] = await once(this.#socket, 'message', { signal: giveUp })
        const echo = echoShape.parse(JSON.parse(String(message)))
        // An answer that came too late belongs to an earlier question.
        if (echo.request === request) return echo
      }
    } catch (error) {
      if (giveUp.aborted) return undefined
      throw error
    }
  }

  close(): void {
    this.#socket.close()
  }
}

/** How many of so many clients, each new, were answered by which Service; `none` for those without an answer. */
export async function answersOfNewClients(
  place: { readonly address: string; readonly port: number },
  clients: number,
): Promise<ReadonlyMap<string, number>> {
  const services: string[] = []
  while (services.length < clients) {
    const some = Array.from({ length: 25 }, () => new DatagramClient(place.address, place.port))
    const echoes = await Promise.all(some.map((client) => client.ask()))
    services.push(...echoes.map((echo) => echo?.service ?? 'none'))
    for (const client of some) client.close()
  }
  return new Map([...new Set(services)].map((name) => [name, services.filter((service) => service === name).length]))
}

/** Clients that keep sending until `stop`: datagrams without an answer, and clients whose answers changed from one pod to another. */
export function keepSending(
  place: { readonly address: string; readonly port: number },
  clients: number,
): { readonly stop: () => Promise<{ sent: number; lost: number; pods: readonly (readonly string[])[] }> } {
  const ending = new AbortController()
  const loop = async (): Promise<{ sent: number; lost: number; pods: readonly string[] }> => {
    const client = new DatagramClient(place.address, place.port)
    const pods: string[] = []
    let sent = 0
    let lost = 0
    while (!ending.signal.aborted) {
      const echo = await client.ask()
      sent += 1
      if (echo === undefined) lost += 1
      else if (pods.at(-1) !== echo.pod) pods.push(echo.pod)
      await delay(20)
    }
    client.close()
    return { sent, lost, pods }
  }
  const loops = Array.from({ length: clients }, loop)
  return {
    stop: async () => {
      ending.abort()
      const ended = await Promise.all(loops)
      return {
        sent: ended.reduce((sum, one) => sum + one.sent, 0),
        lost: ended.reduce((sum, one) => sum + one.lost, 0),
        pods: ended.map((one) => one.pods),
      }
    },
  }
}
