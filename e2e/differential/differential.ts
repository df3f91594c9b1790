// The second opinion: random clusters as Kubernetes objects → translate and render → a real HAProxy → real requests, compared with what
// oracle.ts reads from the specification. REQUESTS: how many at least; SEED: repeats a run. A difference is printed with all that repeats it.

import { isDeepStrictEqual } from 'node:util'
import { stringify } from 'yaml'

import { compareTexts } from '../../operator/lib/compare-texts.ts'
import { findHaproxy } from '../../operator/scenarios/haproxy-files.ts'
import { serving } from '../../operator/scenarios/serve.ts'
import { freePorts } from '../lib/free-ports.ts'

import { startBackends } from './backends.ts'
import { randomCall } from './calls.ts'
import { createClient } from './client.ts'
import { type Expected, expectedAnswers } from './oracle.ts'
import { expectedCall } from './oracle-grpc.ts'
import { expectedReach } from './oracle-streams.ts'
import type { Answer, Request } from './oracle-answers.ts'
import { createRandom, type Random } from './random.ts'
import { randomRequest } from './requests.ts'
import { randomConnection, reach } from './streams.ts'
import { gatewayKey, randomWorld, servicePorts, type World } from './world.ts'

const wanted = Number(process.env['REQUESTS'] ?? 20_000)
const seed = Number(process.env['SEED'] ?? Math.floor(Math.random() * 2 ** 31))
const perWorld = 400
/** Where no HTTPRoute is. */
const fewRequests = 40
const connectionsPerWorld = 40
const atOnce = 8
const mostShown = 5
/** Beyond this many standard deviations a share is wrong: by chance once in a million times. */
const deviations = 5
const burst = 200

const haproxy = findHaproxy()
if (haproxy === undefined) throw new Error('there is no HAProxy; e2e/cluster/haproxy.sh says why')
const ids = Object.entries(servicePorts).flatMap(([key, ports]) => Object.values(ports).map((port) => `${key}:${port}`))
const protocols = ['HTTP', 'HTTP', 'HTTPS', 'TLS', 'TCP'] as const
const ports = await freePorts(protocols.length)
const listeners = protocols.map((protocol, at) => ({ protocol, port: ports[at] ?? 0 }))
const tally = { passed: 0, failed: 0, answers: new Map<string, number>() }
print(`SEED=${seed} REQUESTS=${wanted}`)
const backends = await startBackends(ids)
const client = createClient()
try {
  for (let world = 0; tally.passed + tally.failed < wanted; world += 1) await tryWorld(seed + world)
} finally {
  client.close()
  await backends.stop()
}
const kinds = [...tally.answers].toSorted(([a], [b]) => compareTexts(a, b)).map(([kind, times]) => `${kind} ${times}`)
print(`answers: ${kinds.join(', ')}`)
print(`${tally.passed} passed, ${tally.failed} failed`)
process.exitCode = tally.failed === 0 ? 0 : 1

async function tryWorld(worldSeed: number): Promise<void> {
  const random = createRandom(worldSeed)
  const world = randomWorld(random, { listeners, backends: backends.ports })
  await serving(haproxy ?? '', { objects: world.objects, gateway: gatewayKey }, async () => {
    const some = world.routes.length === 0 ? fewRequests : perWorld
    const requests = random.list(some, some, () => randomRequest(random, world)).values()
    const lane = async () => {
      for (const request of requests) await tryRequest(world, request, worldSeed)
    }
    await Promise.all(Array.from({ length: atOnce }, lane))
    await trySplit(world, random, worldSeed)
    await tryCalls(world, random, worldSeed)
    await tryConnections(world, random, worldSeed)
  })
}

async function tryRequest(world: World, request: Request, worldSeed: number): Promise<void> {
  const expected = expectedAnswers(world, request)
  const answer = await client.send(request)
  if (expected.some((one) => agrees(one.answer, answer))) pass(answer)
  else fail(worldSeed, { request, answer, expected }, world)
}

async function tryCalls(world: World, random: Random, worldSeed: number): Promise<void> {
  const calls = world.grpcRoutes.length === 0 ? fewRequests : perWorld
  for (const call of random.list(calls, calls, () => randomCall(random, world))) {
    const expected = expectedCall(world, call)
    const answer = await client.send(call.request)
    if (expected.some((one) => agrees(one.answer, answer))) count(`call ${answer.status}`)
    else fail(worldSeed, { call, answer, expected }, world)
  }
}

async function tryConnections(world: World, random: Random, worldSeed: number): Promise<void> {
  const connections = random.list(connectionsPerWorld, connectionsPerWorld, () => randomConnection(random, world))
  for (const connection of connections) {
    const expected = expectedReach(world, connection)
    const reached = await reach(connection)
    if (expected.some(({ answer }) => isDeepStrictEqual(answer, reached)))
      count(reached.backend === 'nobody' ? 'closed' : 'connected')
    else fail(worldSeed, { connection, reached, expected }, world)
  }
}

// Some request that several answers are right for, often: each must come as often as its weight says.
async function trySplit(world: World, random: Random, worldSeed: number): Promise<void> {
  const requests = random.list(perWorld, perWorld, () => randomRequest(random, world))
  const request = requests.find((one) => distinct(expectedAnswers(world, one)).length > 1)
  if (request === undefined) return
  const expected = distinct(expectedAnswers(world, request))
  const counts = expected.map(() => 0)
  for (let sent = 0; sent < burst; sent += 1) {
    const answer = await client.send(request)
    const index = expected.findIndex((one) => agrees(one.answer, answer))
    if (index < 0) return fail(worldSeed, { request, answer, expected }, world)
    counts[index] = (counts[index] ?? 0) + 1
  }
  const off = expected.some(({ share }, index) => {
    const deviation = Math.sqrt(burst * share * (1 - share))
    return Math.abs((counts[index] ?? 0) - burst * share) > deviations * deviation + 1
  })
  if (off) fail(worldSeed, { request, counts, expected }, world)
  else count('split')
}

// Answers that look the same are one, with the sum of their shares.
function distinct(expected: readonly Expected[]): readonly Expected[] {
  const found: Expected[] = []
  for (const { share, answer } of expected) {
    const known = found.findIndex((one) => isDeepStrictEqual(one.answer, answer))
    const before = found[known]
    if (before === undefined) found.push({ share, answer })
    else found[known] = { share: before.share + share, answer }
  }
  return found
}

// What nothing was expected of is not compared; of an answer without a Location there must be none.
function agrees(expected: Answer, answer: Answer): boolean {
  const comparable = { ...answer, ...(expected.responseHeaders === undefined ? { responseHeaders: undefined } : {}) }
  return isDeepStrictEqual(plain(comparable), plain(expected))
}

function plain(answer: object): unknown {
  return JSON.parse(
    JSON.stringify(answer, (_, value: unknown) =>
      isRecord(value) ? Object.fromEntries(Object.entries(value).toSorted(([a], [b]) => compareTexts(a, b))) : value,
    ),
  )
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function print(text: string): void {
  process.stdout.write(`${text}\n`)
}

function pass({ status, location }: Answer): void {
  count(location === undefined ? String(status) : 'redirect')
}

function count(kind: string): void {
  tally.passed += 1
  tally.answers.set(kind, (tally.answers.get(kind) ?? 0) + 1)
}

function fail(worldSeed: number, difference: object, world: World): void {
  tally.failed += 1
  if (tally.failed > mostShown) return
  const { gateway, namespaces, services: _, objects: __, ...rest } = world
  print(`\n---- a difference; SEED=${worldSeed} REQUESTS=1 repeats its world`)
  print(stringify({ difference, gateway: gateway.spec.listeners, namespaces, ...rest }, { lineWidth: 160 }))
}
