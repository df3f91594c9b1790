// Run-time commands → lines of HAProxy's Runtime API where there is a connection, and Data Plane API calls. Every command may be repeated: whatever state a broken batch left, the same commands lead to
// the same end.

import { udpConfigFile } from '../model/udp.ts'
import { inSlices, nextTurn } from '../lib/turns.ts'

import { isLarge, setAuthorities } from './authority-lines.ts'
import { allCommands, type Command, type Stage } from './change.ts'
import { paddedEntries } from './padded.ts'
import { PodError, tolerate, type PodApi } from './pod-api.ts'
import { linesOf, type Lines } from './runtime-lines.ts'

/** A server that still has connections: it is in maintenance, and to be deleted later. */
export type BusyServer = { readonly backend: string; readonly server: string }

/** Carries out the stages in order; the busy servers that could not be deleted yet. Rejects when one command failed, after all under way ended. */
export async function runStages(api: PodApi, stages: readonly Stage[]): Promise<readonly BusyServer[]> {
  const busy: BusyServer[] = []
  for (const stage of stages) {
    const { lined, others } = await sorted(api, stage)
    if (lined.length > 0) busy.push(...(await runLines(api, lined)))
    if (others.length > 0) busy.push(...(await runCalls(api, { chains: others })))
  }
  return busy
}

type Lined = { readonly command: Command; readonly lines: Lines }

// Chains of which all can be lines of the Runtime API, as one list; and those that take the Data Plane API.
async function sorted(
  { runtime }: PodApi,
  stage: Stage,
): Promise<{ lined: readonly Lined[]; others: Stage['chains'] }> {
  const linesBy = new Map<Command, Lines>()
  await inSlices(runtime.isOpen ? allCommands([stage]) : [], (command) => {
    const lines = linesOf(command, runtime.maps)
    if (lines !== undefined) linesBy.set(command, lines)
  })
  // It may have ended meanwhile.
  if (!runtime.isOpen) return { lined: [], others: stage.chains }
  const others = stage.chains.filter((chain) => !chain.every((command) => linesBy.has(command)))
  for (const command of others.flat()) linesBy.delete(command)
  return { lined: Array.from(linesBy, ([command, lines]) => ({ command, lines })), others }
}

// All in one go, in an order that suits the chains.
async function runLines(api: PodApi, lined: readonly Lined[]): Promise<readonly BusyServer[]> {
  const first = await verdictsOn(api, lined)
  // The idle connections of a server that goes are closed beside these lines, hence a second time.
  const second = first.busy.length > 0 ? await verdictsOn(api, first.busy) : first
  const busy = second.busy.flatMap(({ command }) => serverIn(command))
  // The Data Plane API finds out what is in the way, and does it or says why not.
  for (const { command } of new Set([...first.refused, ...second.refused]))
    if (!(await run(api, command))) busy.push(...serverIn(command))
  return busy
}

// Only of a server that goes can it be that it is neither done nor refused.
function serverIn(command: Command): BusyServer[] {
  return command.kind === 'delete-server' ? [command] : []
}

type Verdicts = { readonly busy: readonly Lined[]; readonly refused: readonly Lined[] }

async function verdictsOn({ runtime }: PodApi, lined: readonly Lined[]): Promise<Verdicts> {
  const answers = (await runtime.ask(lined.flatMap(({ lines }) => lines.lines))).values()
  const found = { busy: new Array<Lined>(), refused: new Array<Lined>() }
  await inSlices(lined, (one) => {
    const verdict = one.lines.judge(one.lines.lines.map(() => answers.next().value ?? ''))
    if (verdict !== 'done') found[verdict].push(one)
  })
  return found
}

async function runCalls(api: PodApi, { chains }: Stage): Promise<readonly BusyServer[]> {
  const busy: BusyServer[] = []
  let hasFailed = false
  await eachOf(chains, connections, async (chain) => {
    for (const command of chain) {
      if (hasFailed) return
      try {
        if (!(await run(api, command))) busy.push(...serverIn(command))
      } catch (error) {
        hasFailed = true
        throw error
      }
    }
  })
  return busy
}

/** True when files of the pod change with the first call. */
export function writesFiles(stages: readonly Stage[]): boolean {
  return allCommands(stages).some(({ kind }) => kind === 'put-certificate' || kind === 'put-udp')
}

/** The API works under one lock; a few calls at once only hide the way there and back. */
export const connections = 4

/** At most `limit` at once; begins nothing more after a failure, and rejects with it when all under way ended. */
export async function eachOf<T>(work: readonly T[], limit: number, each: (one: T) => Promise<void>): Promise<void> {
  const rest = work.values()
  const failures: unknown[] = []
  const lane = async () => {
    for (const one of rest) {
      if (failures.length > 0) return
      try {
        await each(one)
      } catch (error) {
        failures.push(error)
      }
    }
  }
  await Promise.all(Array.from({ length: Math.min(limit, work.length) }, lane))
  if (failures.length > 0) throw failures[0]
}

/** False when a server is busy. */
async function run(api: PodApi, command: Command): Promise<boolean> {
  if (command.kind === 'delete-server') return deleteServer(api, command)
  await callOf(api, command)
  return true
}

function callOf(api: PodApi, command: Exclude<Command, { kind: 'delete-server' }>): Promise<unknown> {
  let call: Promise<unknown>
  switch (command.kind) {
    case 'put-server':
      call = putServer(api, command)
      break
    case 'set-entry':
      call = setEntry(api, command)
      break
    case 'delete-entry':
      call = tolerate(api.deleteEntry(command.map, wire(command.key)), 404)
      break
    case 'put-map':
      call = putMap(api, command)
      break
    case 'put-certificate':
      call = putCertificate(api, command)
      break
    case 'delete-certificate':
      // As with authorities.
      call = tolerate(api.deleteCertificate(command.file), 404, 500)
      break
    case 'put-authorities':
      call = putAuthorities(api, command)
      break
    case 'delete-authorities':
      // A server on its way out may use them still; what is not there needs no deletion. Left behind, they are replaced when the name comes back.
      call = tolerate(api.deleteAuthorities(command.file), 500)
      break
    case 'add-list-entry':
      for (const name of command.entry.sni) wire(name)
      call = tolerate(api.addListEntry(command.list, command.entry), 409)
      break
    case 'put-udp':
      call = api.putFile(udpConfigFile, command.text)
      break
    case 'delete-list-entry':
      call = tolerate(api.deleteListEntry(command.list, command.file), 404)
      break
  }
  return call
}

async function putServer(api: PodApi, { backend, server, line }: Extract<Command, { kind: 'put-server' }>) {
  const endpoint = { name: wire(server), address: wire(line.address), port: line.port }
  const { options } = line
  for (const word of [options?.ssl?.caFile, options?.ssl?.sni, options?.ssl?.certificate]) wire(word ?? '')
  if (await tolerate(api.addServer(backend, { ...endpoint, ...(options && { options }) }), 409))
    await api.readyServer(backend, server)
  // Left behind by somebody else, or on its way out until now: whatever it was, it becomes what it should be.
  else await api.moveServer(backend, endpoint)
}

// To look at thousands of entries, to pad and to spell them takes milliseconds each, for every pod: one of these in a turn.
async function putMap(api: PodApi, { map, entries }: Extract<Command, { kind: 'put-map' }>): Promise<void> {
  await inSlices(entries, ({ key, value }) => void wire(key + value))
  await nextTurn()
  const padded = paddedEntries(entries)
  await nextTurn()
  await api.putMap(map, padded)
}

/** True when the server is gone; false when it is in maintenance and still serves what it had. */
export async function deleteServer(api: PodApi, { backend, server }: BusyServer): Promise<boolean> {
  try {
    await tolerate(api.deleteServer(backend, server), 404)
    return true
  } catch (error) {
    if (error instanceof PodError && error.status === 500) return false
    throw error
  }
}

/** Sets an entry whether or not it is there; `known` only saves a call. */
async function setEntry(
  api: PodApi,
  { map, key, value, known }: Omit<Extract<Command, { kind: 'set-entry' }>, 'kind'>,
): Promise<void> {
  wire(key + value)
  const add = () => tolerate(api.addEntry(map, key, value), 409)
  const replace = () => tolerate(api.replaceEntry(map, key, value), 404)
  const done = known ? (await replace()) || (await add()) : (await add()) || (await replace())
  if (!done) throw new PodError(409, `entry ${key} of ${map} neither exists nor can be added`)
}

async function putCertificate(api: PodApi, { file, pem, known }: Extract<Command, { kind: 'put-certificate' }>) {
  if (known) {
    if (!(await tolerate(api.putCertificate(file, pem), 404))) await api.newCertificate(file, pem)
  } else if (await api.hasCertificate(file)) {
    // A server on its way out kept it when it was removed; its file is gone.
    await api.putFile(`ssl/${file}`, pem)
    await api.putCertificate(file, pem)
  } else if (!(await tolerate(api.newCertificate(file, pem), 409))) {
    // Files follow later, so the one of before is still there; the call that replaces it finds none in memory, and the API would reload.
    await api.deleteCertificateFile(file)
    await api.newCertificate(file, pem)
  }
}

async function putAuthorities(api: PodApi, { file, pem, known }: Extract<Command, { kind: 'put-authorities' }>) {
  if (!/^(?:[\w+/= -]+\n)+$/.test(pem))
    throw new Error(`${file} is no plain PEM, whose end HAProxy could mistake for that of a command; it was not sent`)
  const add = () => api.newAuthorities(file, pem)
  const replace = () => api.putAuthorities(file, pem)
  if (isLarge(pem) && api.runtime.isOpen && (await setAuthorities(api.runtime, file, pem))) return
  // All refusals look alike, so the second way's counts.
  if (!(await tolerate(known ? replace() : add(), 500))) await (known ? add() : replace())
}

/** A line break is the end of a command to HAProxy, and what follows would be another command. Nobody upstream lets one through; here is the last gate. */
export function wire(text: string): string {
  if (/[\r\n;\0]/.test(text))
    throw new Error('a line break or a semicolon was about to reach HAProxy; the change was not sent')
  return text
}
