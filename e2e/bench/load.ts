// Requests from one core of this machine: HTTP/1.1, HTTP/1.1 in TLS and HTTP/2 in TLS, as many as a proxy answers.

import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

import { run } from '../lib/cluster.ts'
import { quantile } from './figures.ts'
import { type LocalProxy, nanoseconds, otherCores } from './local-proxy.ts'

export type Protocol = 'http1' | 'tls' | 'h2'

/** Where to, and with which Host headers: requests go through them again and again. `folder` takes files of the load generators. */
export type Target = {
  readonly port: number
  readonly tlsPort: number
  readonly hosts: readonly string[]
  readonly folder: string
}

/** Answers per second, processor time of the proxy for each, and how long they took; all with more asked at once. */
export type Measured = {
  readonly perSecond: number
  readonly microseconds: number
  readonly p50: number
  readonly p99: number
}

/** Connections, and streams of each; every one of them waits for its answer and asks again. */
export const shapes = { http1: [32, 1], tls: [32, 1], h2: [8, 16] } satisfies Record<
  Protocol,
  readonly [number, number]
>

/**
 * Loads a proxy for whole seconds. HTTP/1.1 goes round all hosts; HTTP/2 stays with the one in the middle, its load generator can no
 * other. Rejects when an answer was not 2xx.
 */
export async function load(
  proxy: LocalProxy,
  target: Target,
  { protocol, seconds }: { readonly protocol: Protocol; readonly seconds: number },
): Promise<Measured> {
  const before = nanoseconds(proxy.pid)
  const { requests, ...answers } =
    protocol === 'h2' ? await h2load(target, seconds) : await wrk(target, protocol, seconds)
  return { ...answers, microseconds: (nanoseconds(proxy.pid) - before) / requests / 1_000 }
}

type Answers = Omit<Measured, 'microseconds'> & { readonly requests: number }

async function wrk({ port, tlsPort, hosts, folder }: Target, protocol: Protocol, seconds: number): Promise<Answers> {
  const script = join(folder, 'wrk.lua')
  writeFileSync(script, wrkScript(hosts, '/'))
  const [connections] = shapes[protocol]
  const url = protocol === 'tls' ? `https://localhost:${tlsPort}/` : `http://localhost:${port}/`
  const options = ['-t1', `-c${connections}`, `-d${seconds}s`, '--latency', '-s', script, url]
  const text = await run('taskset', ['-c', otherCores, 'wrk', ...options])
  const requests = Number(/(\d+) requests in/.exec(text)?.[1])
  if (!(requests > 0) || /Non-2xx|Socket errors/.test(text)) throw new Error(`wrk ${url}: ${text}`)
  return {
    requests,
    perSecond: Number(/Requests\/sec:\s+(\S+)/.exec(text)?.[1]),
    p50: milliseconds(text, '50%'),
    p99: milliseconds(text, '99%'),
  }
}

/** What makes wrk ask one host after the other. */
export function wrkScript(hosts: readonly string[], path: string): string {
  return `
local hosts = {${hosts.map((host) => `"${host}"`).join(',')}}
local requests, n = {}, 0
function init()
  for i, host in ipairs(hosts) do requests[i] = wrk.format("GET", "${path}", {Host = host}) end
end
function request()
  n = n % #requests + 1
  return requests[n]
end
`
}

function milliseconds(text: string, part: string): number {
  const [, value = '', unit = ''] = new RegExp(`^\\s+${part}\\s+([\\d.]+)(us|ms|s)$`, 'm').exec(text) ?? []
  return Number(value) * (unit === 'us' ? 0.001 : unit === 's' ? 1_000 : 1)
}

async function h2load({ tlsPort, hosts, folder }: Target, seconds: number): Promise<Answers> {
  const log = join(folder, 'h2load.log')
  rmSync(log, { force: true })
  const [connections, streams] = shapes.h2
  const host = hosts[Math.floor(hosts.length / 2)] ?? ''
  const shape = ['-t1', `-c${connections}`, `-m${streams}`, `-D${seconds}`]
  const where = [`--connect-to=localhost:${tlsPort}`, `--log-file=${log}`, `https://${host}/`]
  const text = await run('taskset', ['-c', otherCores, 'h2load', ...shape, ...where])
  const [, perSecond = ''] = /finished in [^,]+, ([\d.]+) req\/s/.exec(text) ?? []
  const [, done = '', failed = ''] = /requests: .* (\d+) succeeded, (\d+) failed/.exec(text) ?? []
  const [, good = ''] = /status codes: (\d+) 2xx, 0 3xx, 0 4xx, 0 5xx/.exec(text) ?? []
  if (!(Number(done) > 0) || failed !== '0' || good === '') throw new Error(`h2load ${host}: ${text}`)
  const took = readFileSync(log, 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => Number(line.split('\t')[2]) / 1_000)
  return {
    requests: Number(done),
    perSecond: Number(perSecond),
    p50: quantile(took, 0.5),
    p99: quantile(took, 0.99),
  }
}
