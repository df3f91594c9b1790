// One route's way: from the POST of its creation to the first 200, polled on a connection that is open already.

import { setTimeout as delay } from 'node:timers/promises'
import { Client } from 'undici'
import { z } from 'zod'

import { watchApi } from '../lib/cluster.ts'
import { type Body, create, hostOf, pathOf, routeBody } from './fixture.ts'

/** What probes ask for. */
export const probePath = '/probe'
const everyMilliseconds = 5
/** Milliseconds after which a route is given up: an error, and its time. */
export const patience = 10_000
const pollsBefore = 3
const pollsAfter = 4

/** Where probes are sent: through the Gateway's address as users do, then to each pod. */
export type Place = {
  readonly namespace: string
  readonly gateway: string
  readonly address: string
  readonly pods: readonly string[]
}

/** All in milliseconds since the POST was sent. */
export type Sample = {
  /** The API server's answer. */
  readonly response: number
  /** The watch event of the new route, on a watch of our own: when the operator can have known at the earliest. */
  readonly event: number
  /** First 200 through the Gateway's address. */
  readonly traffic: number
  /** First 200 of the pod that was last; pods are asked only after the first 200 of all, so this is at most so much. */
  readonly everyPod: number
  /** Answers other than 404 before the first 200 and 200 from then on. */
  readonly errors: readonly string[]
}

export type Prober = {
  readonly probe: (name: string, rules: readonly Body[]) => Promise<Sample>
  readonly close: () => Promise<void>
}

const eventShape = z.object({ type: z.string(), object: z.object({ metadata: z.object({ name: z.string() }) }) })

/** Opens the watch and the connections to the pods. */
export async function openProber(place: Place): Promise<Prober> {
  const events = new Map<string, number>()
  const selector = encodeURIComponent('bench=probe')
  const endWatch = await watchApi(
    `${pathOf(place.namespace, 'httproutes')}?watch=true&labelSelector=${selector}`,
    (line) => {
      const at = performance.now()
      const { type, object } = eventShape.parse(JSON.parse(line))
      if (type === 'ADDED') events.set(object.metadata.name, at)
    },
  )
  const pods = place.pods.map((address) => new Client(`http://${address}`))
  return {
    probe: (name, rules) => probe({ place, pods, events, name }, rules),
    close: async () => {
      await endWatch()
      await Promise.all(pods.map((client) => client.close()))
    },
  }
}

type Attempt = {
  readonly place: Place
  readonly pods: readonly Client[]
  readonly events: ReadonlyMap<string, number>
  readonly name: string
}

async function probe({ place, pods, events, name }: Attempt, rules: readonly Body[]): Promise<Sample> {
  const client = new Client(`http://${place.address}`)
  const errors: string[] = []
  const poll = new Poll(client, name)
  try {
    for (let n = 0; n < pollsBefore; n++) await poll.expect(404, errors)
    const sent = performance.now()
    const posted = create(
      pathOf(place.namespace, 'httproutes'),
      routeBody(name, { gateway: place.gateway, rules, label: 'probe' }),
    ).then(() => performance.now())
    const [traffic, response] = await Promise.all([poll.until200(sent, errors), posted])
    const others = pods.map((pod) => new Poll(pod, name))
    const everyPod = await Promise.all(others.map((other) => other.until200(sent, errors)))
    for (let n = 0; n < pollsAfter; n++) await Promise.all([poll, ...others].map((one) => one.expect(200, errors)))
    const event = events.get(name)
    if (event === undefined) throw new Error(`HTTPRoute ${name} answers, but the watch has not told of it.`)
    return {
      response: response - sent,
      event: event - sent,
      traffic: traffic - sent,
      everyPod: Math.max(...everyPod) - sent,
      errors,
    }
  } finally {
    await client.close()
  }
}

// Asks for one host on one connection, at most every five milliseconds.
class Poll {
  readonly #client: Client
  readonly #host: string
  #next = 0

  constructor(client: Client, name: string) {
    this.#client = client
    this.#host = hostOf(name)
  }

  async #ask(): Promise<number> {
    const wait = this.#next - performance.now()
    if (wait > 0) await delay(wait)
    this.#next = performance.now() + everyMilliseconds
    const { statusCode, body } = await this.#client.request({
      path: probePath,
      method: 'GET',
      headers: { host: this.#host },
    })
    await body.dump()
    return statusCode
  }

  async expect(status: number, errors: string[]): Promise<void> {
    const got = await this.#ask()
    if (got !== status) errors.push(`${this.#host}: ${got} where ${status} was right`)
  }

  async until200(since: number, errors: string[]): Promise<number> {
    while (performance.now() - since < patience) {
      const got = await this.#ask()
      if (got === 200) return performance.now()
      if (got !== 404) errors.push(`${this.#host}: ${got} before the first 200`)
    }
    errors.push(`${this.#host}: no 200 within ${patience} ms of its route's creation`)
    return since + patience
  }
}
