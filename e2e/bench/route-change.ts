// Route change under load: one route goes back and forth between two Services, with a header filter and without, while connections ask
// all the time. The answer names the Service. A pod that has answered as
// of a change never answers as before it.

import { setTimeout as delay } from 'node:timers/promises'
import { Client } from 'undici'

import { eventually } from '../lib/eventually.ts'
import { readyDataPlane } from '../lib/gateway.ts'
import { type Reloads, watchReloadsOf } from '../lib/reloads.ts'
import { rounded, spread } from './figures.ts'
import {
  type Body,
  create,
  createService,
  forwardTo,
  hostOf,
  inNamespace,
  patch,
  pathOf,
  responderPorts,
  routeBody,
  startGateway,
} from './fixture.ts'
import { untilWritten } from './operator.ts'
import type { Section, SectionResult } from './section.ts'

const namespace = 'bench-change'
const gateway = 'changed'
const everyMilliseconds = 200
const connectionsPerPod = 4
/** Of one connection, between an answer and the next request. */
const pauseMilliseconds = 3

export const routeChangeUnderLoad: Section = {
  name: 'route_change_under_load',
  title: `changes of one route, ${everyMilliseconds} ms apart, under load`,
  run: ({ short, say }) =>
    inNamespace(namespace, async () => {
      const pods = await startPods()
      const reloads = await watchReloadsOf(namespace, gateway)
      const spent = await underLoad(pods, () => changeRoute(pods, short ? 10 : 20))
      const wrong = pods.flatMap((pod) => pod.wrong)
      for (const answer of wrong.slice(0, 10)) say(`wrong answer: ${answer}`)
      const requests = pods.reduce((sum, pod) => sum + pod.requests, 0)
      return resultOf({ spent, requests, wrong: wrong.length, reloads: await reloads() })
    }),
}

type Measured = {
  readonly spent: readonly number[]
  readonly requests: number
  readonly wrong: number
  readonly reloads: Reloads
}

function resultOf({ spent, requests, wrong, reloads }: Measured): SectionResult {
  const times = spread(spent)
  const figures = {
    changes: spent.length,
    requests,
    wrong_answers: wrong,
    reloads: reloads.count,
    reload_reasons: reloads.reasons,
    ...times,
    changes_ms: spent.map((value) => rounded(value)),
  }
  const what = `${spent.length} changes under load: wrong answers of ${requests.toLocaleString('en')}`
  const rows = [
    { what, value: String(wrong), bar: '0', met: wrong === 0 },
    { what: '  from the change to its answer on all pods: mean', value: `${times.mean_ms} ms`, bar: '' },
    { what: '  slowest', value: `${times.max_ms} ms`, bar: '' },
    { what: '  reloads', value: String(reloads.count), bar: '0', met: reloads.count === 0 },
  ]
  return { figures, rows }
}

/** A Gateway with the route and both Services; its pods, which answer as before the first change. */
async function startPods(): Promise<readonly WatchedPod[]> {
  const { responder } = await startGateway(namespace, gateway)
  await createService(namespace, 'blue', responder, responderPorts.blue)
  await createService(namespace, 'green', responder, responderPorts.green)
  await create(pathOf(namespace, 'httproutes'), routeBody('route', { gateway, rules: [ruleOf(0)] }))
  const ready = await readyDataPlane(namespace, gateway)
  const pods = ready.map((pod) => new WatchedPod(pod.status.podIP ?? ''))
  await Promise.all(pods.map((pod) => pod.ready()))
  await untilWritten()
  return pods
}

async function underLoad<T>(pods: readonly WatchedPod[], act: () => Promise<T>): Promise<T> {
  const loads = pods.map((pod) => pod.load())
  await delay(500)
  try {
    return await act()
  } finally {
    for (const pod of pods) pod.end()
    await Promise.all(loads)
  }
}

// What the n-th change is answered with: a Service, and in two of four changes a header that numbers the change.
function answerOf(n: number): string {
  return `${n % 2 === 0 ? 'blue' : 'green'} ${n % 4 >= 2 ? String(n) : 'without'}`
}

function ruleOf(n: number): Body {
  const [service = '', header = ''] = answerOf(n).split(' ')
  if (header === 'without') return forwardTo(service)
  const filter = {
    type: 'ResponseHeaderModifier',
    responseHeaderModifier: { set: [{ name: 'x-change', value: header }] },
  }
  return { ...forwardTo(service), filters: [filter] }
}

/** Milliseconds from each change's PATCH to its answer on the slowest pod. */
async function changeRoute(pods: readonly WatchedPod[], changes: number): Promise<readonly number[]> {
  const sent = [Number.NaN]
  for (let n = 1; n <= changes; n++) {
    sent[n] = performance.now()
    for (const pod of pods) pod.expect(n)
    await patch(pathOf(namespace, 'httproutes', 'route'), { spec: { rules: [ruleOf(n)] } })
    await delay(Math.max(0, everyMilliseconds - (performance.now() - (sent[n] ?? 0))))
  }
  await eventually('the last change is answered by all pods', async () => {
    if (pods.some((pod) => pod.seen.length <= changes)) throw new Error('an answer before it')
  })
  return sent.slice(1).map((at, n) => Math.max(...pods.map(({ seen }) => seen[n + 1] ?? Number.NaN)) - at)
}

// A pod under load, and what it may answer: any change from the newest that it has answered to the newest that was made.
class WatchedPod {
  readonly wrong: string[] = []
  requests = 0
  /** When each change, or one after it, was answered first. */
  readonly seen: number[] = [0]

  readonly #clients: readonly Client[]
  #made = 0
  #ended = false

  constructor(address: string) {
    this.#clients = Array.from({ length: connectionsPerPod }, () => new Client(`http://${address}`))
  }

  /** Waits for the route's first answer on all connections. */
  async ready(): Promise<void> {
    await Promise.all(
      this.#clients.map((client) =>
        eventually(
          'the route to change answers',
          async () => {
            const answer = await this.#ask(client)
            if (answer !== answerOf(0)) throw new Error(`the answer is "${answer}"`)
          },
          { every: 10 },
        ),
      ),
    )
  }

  /** The n-th change is made from now on. */
  expect(n: number): void {
    this.#made = n
  }

  /** Asks on all connections until the end. */
  async load(): Promise<void> {
    await Promise.all(
      this.#clients.map(async (client, n) => {
        await delay(n)
        while (!this.#ended) {
          await this.#check(client)
          await delay(pauseMilliseconds)
        }
        await client.close()
      }),
    )
  }

  end(): void {
    this.#ended = true
  }

  async #check(client: Client): Promise<void> {
    const oldest = this.seen.length - 1
    const answer = await this.#ask(client)
    this.requests++
    let change = this.#made
    while (change >= oldest && answerOf(change) !== answer) change--
    if (change < oldest) this.wrong.push(`"${answer}" between "${answerOf(oldest)}" and "${answerOf(this.#made)}"`)
    const now = performance.now()
    while (this.seen.length <= change) this.seen.push(now)
  }

  async #ask(client: Client): Promise<string> {
    const headers = { host: hostOf('route') }
    const answer = await client.request({ path: '/', method: 'GET', headers })
    const text = await answer.body.text()
    if (answer.statusCode !== 200) return `status ${answer.statusCode}`
    return `${text} ${String(answer.headers['x-change'] ?? 'without')}`
  }
}
