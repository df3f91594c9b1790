// Two proxies beside each other on a machine that has other work, too: they are asked in turns of a tenth of a second, and every turn is
// compared with the other proxy's next to it, so that what disturbs one disturbs both.

import { type ChildProcess, spawn } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { setTimeout as sleep } from 'node:timers/promises'

import { quantile, rounded } from './figures.ts'
import { shapes, wrkScript } from './load.ts'
import { nanoseconds, otherCores } from './local-proxy.ts'
import type { SiteProxy } from './sites.ts'

const sliceMs = 100
/** After a slice: until what was asked is answered and counted. */
const settleMs = 5
/** What the kernel counts processor time in, where it tells the program's own apart: USER_HZ, a hundred a second everywhere. */
const tickUs = 10_000

export type Asked = {
  readonly ours: SiteProxy
  readonly beside: SiteProxy
  /** How many requests the backend of both has answered so far. */
  readonly answered: () => Promise<number>
  readonly hosts: readonly string[]
  readonly path: string
  /** Takes files of the load generator. */
  readonly folder: string
}

/** 1 is as fast as the other, less is slower: rate by rate, and processor time of the other by ours. With quartiles of the pairs of slices. */
export type Compared = {
  readonly ratio: number
  readonly ratio_quartiles: readonly [number, number]
  readonly cpu_ratio: number
  readonly cpu_ratio_quartiles: readonly [number, number]
  readonly slices: number
  /** Processor time of a request in microseconds: in the program itself, and in the kernel for it. */
  readonly ours_us: Cost
  readonly beside_us: Cost
}
export type Cost = { readonly user: number; readonly system: number }

/** Asks both over HTTP/1.1 in so many slices each. Rejects when an answer was not 2xx. */
export async function inSlices(asked: Asked, slices: number): Promise<Compared> {
  const running: Loaded[] = []
  try {
    running.push(await startLoad('ours', asked), await startLoad('beside', asked))
    const [ours, beside] = running
    if (ours === undefined || beside === undefined) throw new Error('unreachable: both were started')
    for (let round = 0; round < slices; round++) {
      for (const one of round % 2 === 0 ? running : running.toReversed()) await ask(one, asked.answered)
    }
    for (const one of running) await endLoad(one)
    return compared(ours, beside)
  } finally {
    for (const { wrk } of running) wrk.kill('SIGKILL')
  }
}

type Slice = { readonly perSecond: number; readonly microseconds: number }
type Loaded = {
  readonly pid: number
  readonly wrk: ChildProcess
  readonly output: Promise<string>
  readonly before: Ticks
  readonly slices: Slice[]
  requests: number
}
type Ticks = { readonly user: number; readonly system: number }

// Asks for as long as it is left running; waits for nobody who pauses it.
async function startLoad(name: 'ours' | 'beside', { [name]: site, hosts, path, folder }: Asked): Promise<Loaded> {
  const script = join(folder, 'slices.lua')
  writeFileSync(script, wrkScript(hosts, path))
  const [connections] = shapes.http1
  const options = ['-t1', `-c${connections}`, '-d3600s', '--timeout', '3600s', '-s', script]
  const command = ['-c', otherCores, 'wrk', ...options, `http://localhost:${site.port}${path}`]
  const wrk = spawn('taskset', command, { stdio: ['ignore', 'pipe', 'inherit'] })
  const output = text(wrk.stdout)
  await sleep(1_000)
  wrk.kill('SIGSTOP')
  await sleep(settleMs)
  const { pid } = site.proxy
  return { pid, wrk, output, before: ticks(pid), slices: [], requests: 0 }
}

async function ask(one: Loaded, answered: Asked['answered']): Promise<void> {
  const [before, spent, start] = [await answered(), nanoseconds(one.pid), performance.now()]
  one.wrk.kill('SIGCONT')
  await sleep(sliceMs)
  one.wrk.kill('SIGSTOP')
  const seconds = (performance.now() - start) / 1_000
  await sleep(settleMs)
  const requests = (await answered()) - before
  if (requests === 0) throw new Error('In a tenth of a second no request was answered; this machine is too busy.')
  const microseconds = (nanoseconds(one.pid) - spent) / requests / 1_000
  one.slices.push({ perSecond: requests / seconds, microseconds })
  one.requests += requests
}

async function endLoad({ wrk, output }: Loaded): Promise<void> {
  wrk.kill('SIGCONT')
  // A signal that another of its threads gets does not wake the one that waits for the end.
  while (wrk.exitCode === null && wrk.signalCode === null) {
    wrk.kill('SIGINT')
    await sleep(100)
  }
  const said = await output
  if (!said.includes('requests in') || /Non-2xx|Socket errors/.test(said)) throw new Error(`wrk: ${said}`)
}

function compared(ours: Loaded, beside: Loaded): Compared {
  const ratios = ours.slices.map(({ perSecond }, n) => perSecond / (beside.slices[n]?.perSecond ?? Number.NaN))
  const cpu = ours.slices.map(({ microseconds }, n) => (beside.slices[n]?.microseconds ?? Number.NaN) / microseconds)
  return {
    ratio: rounded(quantile(ratios, 0.5), 3),
    ratio_quartiles: quartiles(ratios),
    cpu_ratio: rounded(quantile(cpu, 0.5), 3),
    cpu_ratio_quartiles: quartiles(cpu),
    slices: ours.slices.length,
    ours_us: costOf(ours),
    beside_us: costOf(beside),
  }
}

function quartiles(values: readonly number[]): readonly [number, number] {
  return [rounded(quantile(values, 0.25), 3), rounded(quantile(values, 0.75), 3)]
}

function costOf({ pid, before, requests }: Loaded): Cost {
  const { user, system } = ticks(pid)
  return {
    user: rounded(((user - before.user) * tickUs) / requests, 2),
    system: rounded(((system - before.system) * tickUs) / requests, 2),
  }
}

// The name of the program, in parentheses, may contain anything: fields are counted from behind it.
function ticks(pid: number): Ticks {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)?.split(' ') ?? []
  return { user: Number(fields[11]), system: Number(fields[12]) }
}

/** How many requests a HAProxy has had, by its stats socket. */
export async function requestsOf(socket: string): Promise<number> {
  const info = await text(connect(socket).end('show info\n'))
  return Number(/^CumReq: (\d+)$/m.exec(info)?.[1])
}
