// A HAProxy with a Data Plane API beside it in a temporary folder, on free loopback ports, for the contract suite.

import { execFileSync, spawn, type ChildProcess } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { Agent, request as httpsRequest } from 'node:https'
import { request as httpRequest, type IncomingHttpHeaders, type IncomingMessage } from 'node:http'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { connect as tlsConnect } from 'node:tls'
import { fileURLToPath } from 'node:url'

import { freePorts } from '../lib/free-ports.ts'
import { createAuthority, type Authority } from './authority.ts'
import { files, type Ports } from './files.ts'

const here = dirname(fileURLToPath(import.meta.url))

/** A program that serves the Data Plane API: its command line without `-f FILE`. */
export type Program = { readonly name: string; readonly command: readonly [string, ...string[]] }

/** The embedded API always; upstream's program when DATAPLANEAPI names it. */
export function programs(): readonly Program[] {
  const embedded: Program = {
    name: 'embedded',
    command: [process.execPath, join(here, '../../operator/embedded/dataplaneapi.ts')],
  }
  const path = process.env['DATAPLANEAPI']
  return path === undefined || path === '' ? [embedded] : [embedded, { name: 'upstream', command: [path] }]
}

export type Answer = {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly text: string
  /** The body when it is JSON. */
  readonly json: unknown
}
export type Body = string | object
export type Credentials = { readonly ca: string; readonly cert?: string; readonly key?: string }

/** One HAProxy and one API. Ends only what it started. */
export class Lab {
  readonly folder: string
  readonly ports: Ports
  readonly authority: Authority
  readonly haproxy = haproxyPath()
  readonly #program: Program
  readonly #agent: Agent
  readonly #children: ChildProcess[] = []
  #haproxy: ChildProcess | undefined
  #api: ChildProcess | undefined
  #words = ''

  private constructor(program: Program, ports: Ports, authority: Authority) {
    this.#program = program
    this.ports = ports
    this.authority = authority
    this.folder = mkdtempSync(join(tmpdir(), 'contract-'))
    this.#agent = new Agent({ keepAlive: true, maxSockets: 4, ...authority.client, ca: authority.ca })
  }

  static async start(program: Program): Promise<Lab> {
    const [http = 0, https = 0, mutual = 0, app = 0, api = 0] = await freePorts(5)
    const lab = new Lab(program, { http, https, mutual, app, api }, await createAuthority())
    for (const folder of ['maps', 'ssl', 'general', 'spoe', 'pki', 'run', 'dpapi/tx', 'dpapi/storage'])
      mkdirSync(join(lab.folder, folder), { recursive: true })
    for (const [name, text] of Object.entries(files(lab))) writeFileSync(lab.path(name), text)
    try {
      await lab.startHAProxy()
      await lab.startApi()
    } catch (error) {
      await lab.stop()
      throw error
    }
    return lab
  }

  path(name: string): string {
    return join(this.folder, name)
  }

  read(name: string): string {
    return readFileSync(this.path(name), 'utf8')
  }

  async startHAProxy(): Promise<void> {
    const child = this.#spawn(this.haproxy, [
      '-W',
      '-db',
      '-S',
      `${this.path('run/master.sock')},mode,600,level,admin`,
      '-f',
      this.path('haproxy.cfg'),
      '-f',
      this.path('general/backends.cfg'),
    ])
    this.#haproxy = child
    await said(child, 'Loading success')
  }

  async startApi(): Promise<void> {
    const [command, ...args] = this.#program.command
    const child = this.#spawn(command, [...args, '-f', this.path('dataplaneapi.yaml')])
    this.#api = child
    for (let round = 0; round < 400; round++) {
      if (child.exitCode !== null) throw new Error(`${this.#program.name} ended with ${child.exitCode}: ${this.#words}`)
      if (await answers(this.ports.api)) return
      await sleep(25)
    }
    throw new Error(`${this.#program.name} does not listen: ${this.#words}`)
  }

  /** Ends HAProxy and waits for it. */
  async stopHAProxy(): Promise<void> {
    await ended(this.#haproxy, 'SIGTERM')
  }

  /** Ends the API with a signal; resolves to its exit code, which is null when it had to be killed. */
  async stopApi(signal: NodeJS.Signals = 'SIGTERM'): Promise<number | null> {
    return ended(this.#api, signal)
  }

  signalApi(signal: NodeJS.Signals): void {
    this.#api?.kill(signal)
  }

  /** A reload that the API did not ask for. Resolves when another worker answers. */
  async reloadFromOutside(): Promise<void> {
    const before = await this.workerPid()
    this.#haproxy?.kill('SIGUSR2')
    await eventually(async () => (await this.workerPid()) !== before)
  }

  async workerPid(): Promise<number> {
    const { json } = await this.call('GET', '/services/haproxy/runtime/info')
    return numberAt(json, 'info', 'pid')
  }

  /** A call of the API with the client certificate. Objects go as JSON, texts as text/plain. */
  call(method: string, path: string, body?: Body, headers: Readonly<Record<string, string>> = {}): Promise<Answer> {
    const type = typeof body === 'string' ? 'text/plain' : 'application/json'
    return exchange(
      httpsRequest({
        agent: this.#agent,
        host: '127.0.0.1',
        servername: this.authority.servername,
        port: this.ports.api,
        method,
        path: `/v3${path}`,
        headers: { ...(body === undefined ? {} : { 'content-type': type }), ...headers },
      }),
      typeof body === 'object' ? JSON.stringify(body) : body,
    )
  }

  /** An upload in the field `file_upload`. */
  upload(method: string, path: string, file: { readonly name: string; readonly text: string }): Promise<Answer> {
    const lines = [
      '--contract',
      `Content-Disposition: form-data; name="file_upload"; filename="${file.name}"`,
      'Content-Type: application/octet-stream',
      '',
      file.text,
      '--contract--',
      '',
    ]
    return this.call(method, path, lines.join('\r\n'), { 'content-type': 'multipart/form-data; boundary=contract' })
  }

  /** A request through HAProxy. */
  visit(host: string, path: string): Promise<Answer> {
    return exchange(httpRequest({ host: '127.0.0.1', port: this.ports.http, path, headers: { host }, agent: false }))
  }

  /** The common name of the certificate that HAProxy serves for a name. */
  served(name: string): Promise<string> {
    return subjectServed(this.ports.https, name, { ca: this.authority.ca })
  }

  /** The common name of the certificate that the API itself serves. */
  async apiCertificate(): Promise<string> {
    return subjectServed(this.ports.api, this.authority.servername, { ca: this.authority.ca, ...this.authority.client })
  }

  /** Connects to the API's port with other credentials; resolves to the status, or rejects with the handshake's error. */
  async statusWith(credentials: Credentials): Promise<number> {
    const options = { ...credentials, agent: false, host: '127.0.0.1', servername: this.authority.servername }
    const answer = await exchange(httpsRequest({ ...options, port: this.ports.api, path: '/v3/info' }))
    return answer.status
  }

  async stop(): Promise<void> {
    this.#agent.destroy()
    await ended(this.#api, 'SIGTERM')
    await ended(this.#haproxy, 'SIGTERM')
    for (const child of this.#children) if (child.exitCode === null) child.kill('SIGKILL')
    rmSync(this.folder, { recursive: true, force: true })
  }

  #spawn(command: string, args: readonly string[]): ChildProcess {
    const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] })
    const keep = (part: Buffer): void => void (this.#words = (this.#words + part.toString()).slice(-20_000))
    child.stdout.on('data', keep)
    child.stderr.on('data', keep)
    this.#children.push(child)
    running.add(child)
    child.once('exit', () => running.delete(child))
    return child
  }
}

/** Waits until a condition holds, for at most ten seconds. A condition that throws does not hold. */
export async function eventually(holds: () => Promise<boolean>): Promise<void> {
  for (let round = 0; round < 400; round++) {
    if (await holds().catch(() => false)) return
    await sleep(25)
  }
  throw new Error('did not come true within ten seconds')
}

/** The number under a path of property names. */
export function numberAt(value: unknown, ...path: readonly string[]): number {
  const found = at(value, ...path)
  if (typeof found !== 'number') throw new Error(`no number at ${path.join('.')} of ${JSON.stringify(value)}`)
  return found
}

/** The text under a path of property names. */
export function textAt(value: unknown, ...path: readonly string[]): string {
  const found = at(value, ...path)
  if (typeof found !== 'string') throw new Error(`no text at ${path.join('.')} of ${JSON.stringify(value)}`)
  return found
}

/** The list that an answer's body is. */
export function listOf(answer: Answer): readonly unknown[] {
  if (!Array.isArray(answer.json)) throw new Error(`no list: ${answer.status} ${answer.text}`)
  return answer.json
}

export function at(value: unknown, ...path: readonly string[]): unknown {
  return path.reduce<unknown>((inner, name) => {
    if (typeof inner !== 'object' || inner === null) return undefined
    return Object.getOwnPropertyDescriptor(inner, name)?.value
  }, value)
}

// A test run that is broken off takes its programs along.
const running = new Set<ChildProcess>()
process.once('exit', () => {
  for (const child of running) child.kill('SIGTERM')
})

let haproxy: string | undefined
export function haproxyPath(): string {
  haproxy ??= execFileSync('bash', [join(here, '../cluster/haproxy.sh')], { encoding: 'utf8' }).trim()
  return haproxy
}

export function said(child: ChildProcess, words: string): Promise<void> {
  return new Promise((resolve, reject) => {
    let text = ''
    child.stderr?.on('data', (part: Buffer) => {
      text += part.toString()
      if (text.includes(words)) resolve()
    })
    child.once('exit', (code) => reject(new Error(`HAProxy ended with ${code}: ${text}`)))
  })
}

export async function ended(child: ChildProcess | undefined, signal: NodeJS.Signals): Promise<number | null> {
  if (child === undefined || child.exitCode !== null || child.signalCode !== null) return child?.exitCode ?? null
  const gone = new Promise<number | null>((resolve) => child.once('exit', (code) => resolve(code)))
  child.kill(signal)
  const kill = setTimeout(() => child.kill('SIGKILL'), 10_000)
  const code = await gone
  clearTimeout(kill)
  return code
}

export function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false))
    socket.once('connect', () => socket.destroy())
  })
}

function exchange(request: ReturnType<typeof httpRequest>, body?: string): Promise<Answer> {
  return new Promise((resolve, reject) => {
    request.once('error', reject)
    request.once('response', (response: IncomingMessage) => {
      const parts: Buffer[] = []
      response.on('data', (part: Buffer) => parts.push(part))
      response.once('error', reject)
      response.once('end', () => {
        const text = Buffer.concat(parts).toString()
        resolve({ status: response.statusCode ?? 0, headers: response.headers, text, json: parsed(text) })
      })
    })
    if (body !== undefined) request.setHeader('content-length', Buffer.byteLength(body))
    request.end(body)
  })
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function subjectServed(port: number, servername: string, credentials: Credentials): Promise<string> {
  return new Promise((resolve, reject) => {
    const options = { ...credentials, port, host: '127.0.0.1', servername, rejectUnauthorized: false }
    const socket = tlsConnect(options, () => {
      const { CN } = socket.getPeerCertificate().subject
      resolve(Array.isArray(CN) ? CN.join() : (CN ?? ''))
      socket.destroy()
    })
    socket.once('error', reject)
  })
}
