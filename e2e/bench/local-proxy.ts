// A HAProxy of this machine on a core of its own, and what requests cost it. No cluster.

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { dirname, join } from 'node:path'

import { freePorts } from '../lib/free-ports.ts'
import { run } from '../lib/cluster.ts'
import { eventually } from '../lib/eventually.ts'

/** The proxy has the first core; what loads it and what answers it share the others. */
const proxyCore = '0'
/** As taskset takes them. */
export const otherCores = availableParallelism() > 1 ? `1-${availableParallelism() - 1}` : '0'

export type LocalProxy = { readonly pid: number; readonly stop: () => Promise<void> }
export type Files = ReadonlyMap<string, string>

/** Writes files below a folder. */
export function writeAll(root: string, files: Files): void {
  for (const [file, text] of files) {
    mkdirSync(dirname(join(root, file)), { recursive: true })
    writeFileSync(join(root, file), text, { mode: 0o600 })
  }
}

/** Runs HAProxy on configuration files, in one process with one thread; resolves when the port answers. */
export function startOn(
  where: 'proxy' | 'others',
  { haproxy, configs, port }: { readonly haproxy: string; readonly configs: readonly string[]; readonly port: number },
): Promise<LocalProxy> {
  // A backend of thousands of Services holds the idle connections of all proxies that are compared.
  const limits = where === 'proxy' ? [] : ['-n', '9000']
  return startProgram(where, {
    program: haproxy,
    args: ['-db', ...limits, ...configs.flatMap((file) => ['-f', file])],
    port,
  })
}

/** Runs any proxy on the cores of its kind, in the foreground; resolves when the port answers HTTP, rejects with its log when it ends. */
export async function startProgram(
  where: 'proxy' | 'others',
  { program, args, port }: { readonly program: string; readonly args: readonly string[]; readonly port: number },
): Promise<LocalProxy> {
  const core = where === 'proxy' ? proxyCore : otherCores
  const child = spawn('taskset', ['-c', core, program, ...args], { stdio: ['ignore', 'ignore', 'pipe'] })
  let log = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    log = (log + text).slice(-2_000)
  })
  try {
    await eventually(
      `${program} on port ${port}`,
      async () => {
        if (child.exitCode !== null) throw new Error(log)
        await fetch(`http://127.0.0.1:${port}/livez`)
      },
      { within: 20_000, every: 50 },
    )
  } catch (error) {
    child.kill('SIGKILL')
    throw error
  }
  return { pid: child.pid ?? 0, stop: () => stop(child) }
}

async function stop(child: ChildProcess): Promise<void> {
  const ended = once(child, 'exit')
  child.kill('SIGKILL')
  await ended
}

/** Backends fast enough not to be what is measured: one port for HTTP/1.1 and HTTP/2 in clear text, one for TLS, and a socket for statistics. */
export async function startResponder(
  haproxy: string,
  root: string,
  certificate: string,
): Promise<LocalProxy & { readonly port: number; readonly tlsPort: number; readonly socket: string }> {
  const [port = 0, tlsPort = 0] = await freePorts(2)
  const socket = join(root, 'responder.sock')
  const config = `
global
    nbthread 1
    stats socket ${socket} mode 600
defaults
    mode http
    timeout client 60s
frontend all
    bind 127.0.0.1:${port}
    bind 127.0.0.1:${tlsPort} ssl crt ${join(root, 'responder.pem')} alpn h2,http/1.1
    http-request return status 200 content-type text/plain string "hello"
`
  writeAll(
    root,
    new Map([
      ['responder.cfg', config],
      ['responder.pem', certificate],
    ]),
  ) // prettier-ignore
  const running = await startOn('others', { haproxy, configs: [join(root, 'responder.cfg')], port })
  return { ...running, port, tlsPort, socket }
}

export type Load = { readonly url: string; readonly headers: readonly string[]; readonly seconds: number }
export type Cost = { readonly perSecond: number; readonly microseconds: number }

/** Requests per second, and processor time of the proxy per request, under 32 connections that ask for more at once. */
export async function costOfRequests({ pid }: LocalProxy, { url, headers, seconds }: Load): Promise<Cost> {
  const before = nanoseconds(pid)
  const options = headers.flatMap((header) => ['-H', header])
  const text = await run('taskset', ['-c', otherCores, 'wrk', '-t1', '-c32', `-d${seconds}s`, ...options, url])
  const spent = nanoseconds(pid) - before
  const requests = Number(/(\d+) requests in/.exec(text)?.[1])
  const perSecond = Number(/Requests\/sec:\s+(\S+)/.exec(text)?.[1])
  if (!(requests > 0) || /Non-2xx|Socket errors/.test(text)) throw new Error(`wrk ${url}: ${text}`)
  return { perSecond, microseconds: spent / requests / 1_000 }
}

/** The same of connections with a whole TLS handshake each, one after the other; `options` are those of openssl s_time. */
export async function costOfHandshakes(
  { pid }: LocalProxy,
  { port, seconds, options }: { readonly port: number; readonly seconds: number; readonly options: readonly string[] },
): Promise<Cost> {
  const before = nanoseconds(pid)
  const fixed = ['s_time', '-new', '-connect', `127.0.0.1:${port}`, '-time', String(Math.ceil(seconds))]
  const text = await run('taskset', ['-c', otherCores, 'openssl', ...fixed, ...options])
  const spent = nanoseconds(pid) - before
  const [, connections = '0', took = '1'] = /(\d+) connections in (\d+) real seconds/.exec(text) ?? []
  if (Number(connections) === 0) throw new Error(`openssl s_time: ${text}`)
  return { perSecond: Number(connections) / Number(took), microseconds: spent / Number(connections) / 1_000 }
}

/** Processor time that all threads of a process have had. */
export function nanoseconds(pid: number): number {
  const threads = readdirSync(`/proc/${pid}/task`)
  const spent = threads.map((thread) => readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'utf8').split(' ')[0])
  return spent.reduce((sum, of) => sum + Number(of), 0)
}
