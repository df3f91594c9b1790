// HAProxy's Runtime API of one pod over mutual TLS, on one connection that is kept. A line of commands takes one way there and back: a few
// tenths of a millisecond, where each call of the Data Plane API wakes up five programs.
//
// A kept connection stays with the process that accepted it, also when a reload has put another in its place. So it is made anew after each reload, and used only
// when the Data Plane API names the same process; that no change went elsewhere is proven once more when memory settles (`marks.ts`).

import { X509Certificate } from 'node:crypto'
import { connect, type TLSSocket } from 'node:tls'

import type { DataPlaneSettings } from '../model/settings.ts'
import { errorText, type Logger } from '../lib/log.ts'

import { serverName, type Identity, type KeyPair } from './identity.ts'
import { backOffTime } from './pause.ts'
import type { RuntimeApi } from './pod-api.ts'

export type RuntimeConnectionOptions = {
  readonly address: string
  readonly settings: Pick<DataPlaneSettings, 'root' | 'runtimePort'>
  readonly identity: Identity
  /** The process that is HAProxy now, as the Data Plane API says; rejects when it does not know. */
  readonly workerPid: () => Promise<number>
  /** Gives HAProxy the certificates of `identity`, which it otherwise reads when it loads; by the Data Plane API. */
  readonly renewCertificates: () => Promise<void>
  readonly log: Logger
}

/** Milliseconds. */
const deadline = 5_000
const longestPause = 10_000
/** HAProxy reads a line into one buffer of 16 KiB. */
const longestLine = 12_000
/** Characters. What a line of commands is answered with is far less. */
const longestAnswer = 262_144
/** After this many attempts in a row, about half a minute, a person should hear of it: a pod that starts needs some of that. */
const patience = 10
/** After this many lines that broke, a change gets its chance with the Data Plane API, before everything is loaded anew. */
const tooMany = 3

export class RuntimeConnection implements RuntimeApi {
  readonly maps: string
  readonly #options: RuntimeConnectionOptions
  #session: Session | undefined
  /** Since when the session is known to lead to HAProxy. */
  #openSince: number | undefined
  #retry: NodeJS.Timeout | undefined
  #failures = 0
  /** Lines in a row, or beside each other, that were not answered as they should be. */
  #broken = 0
  #attempt = 0
  #closed = false

  constructor(options: RuntimeConnectionOptions) {
    this.#options = options
    this.maps = `${options.settings.root}/maps`
  }

  get isOpen(): boolean {
    return this.#openSince !== undefined
  }

  async ask(commands: readonly string[]): Promise<readonly string[]> {
    const session = this.#session
    if (session === undefined || !this.isOpen) throw new Error('there is no connection to the Runtime API')
    const answers: string[] = []
    this.#broken += 1
    for (const line of inLines(commands)) answers.push(...(await session.ask(line)))
    this.#broken = 0
    return answers
  }

  renew(): void {
    this.#drop()
    if (this.#broken < tooMany) void this.#open()
    else this.#openIn(longestPause)
  }

  close(): void {
    this.#closed = true
    this.#drop()
  }

  #drop(): void {
    // One that ends as soon as it stands is no better than none.
    if (this.#openSince !== undefined && performance.now() - this.#openSince > longestPause) this.#failures = 0
    this.#attempt += 1
    this.#openSince = undefined
    clearTimeout(this.#retry)
    this.#session?.end()
    this.#session = undefined
  }

  async #open(): Promise<void> {
    if (this.#closed) return
    const attempt = this.#attempt
    const isStale = () => attempt !== this.#attempt
    try {
      const session = new Session(this.#options, (error) => {
        // Whoever needs it meanwhile takes the Data Plane API.
        if (this.isOpen && !isStale()) this.#failed(error)
      })
      this.#session = session
      await this.#prove(session)
      if (!isStale()) this.#openSince = performance.now()
    } catch (error) {
      if (!isStale() && isAboutCertificates(error)) await this.#options.renewCertificates().catch(() => undefined)
      if (!isStale()) this.#failed(error)
    }
  }

  async #prove(session: Session): Promise<void> {
    const { identity, workerPid, renewCertificates } = this.#options
    // Several lines on one connection, and a mark behind each answer.
    await session.ask(['prompt'])
    const [info = ''] = await session.ask(['show info'])
    const pid = Number(/^Pid: (\d+)$/m.exec(info)?.[1])
    if (pid !== (await workerPid())) throw new Error('the connection led to another process')
    // It serves as well; what failed now is tried with the next connection.
    if (!session.isShown(identity.server)) await renewCertificates().catch(() => undefined)
    if (session.isEnded) throw new Error('the connection ended before it was of use')
  }

  #failed(error: unknown): void {
    this.#drop()
    this.#failures += 1
    if (this.#failures === patience) this.#warn(error)
    this.#openIn(this.#broken < tooMany ? backOffTime(this.#failures, longestPause) : longestPause)
  }

  #openIn(milliseconds: number): void {
    if (!this.#closed) this.#retry = setTimeout(() => void this.#open(), milliseconds)
  }

  #warn(error: unknown): void {
    const { log, address } = this.#options
    log.warn('a pod’s Runtime API cannot be reached, changes take the slower Data Plane API', {
      address,
      cause: errorText(error),
    })
  }
}

type Waiting = {
  readonly count: number
  readonly resolve: (answers: readonly string[]) => void
  readonly reject: (error: Error) => void
}

// One connection from its beginning to its end. Answers come in the order of the lines.
class Session {
  readonly #socket: TLSSocket
  readonly #onEnd: (error: Error) => void
  #waiting: readonly Waiting[] = []
  #received = ''
  #timer: NodeJS.Timeout | undefined
  #ended = false

  /** `onEnd`: the first thing that went wrong; from then on everything that is asked rejects. Throws when the certificates cannot be read. */
  constructor({ address, settings, identity }: RuntimeConnectionOptions, onEnd: (error: Error) => void) {
    const { authority, client } = identity
    this.#onEnd = onEnd
    this.#socket = connect({
      host: address,
      port: settings.runtimePort,
      ca: authority.certificate,
      cert: client.certificate,
      key: client.key.reveal(),
      servername: serverName,
      minVersion: 'TLSv1.3',
    })
    this.#socket.setNoDelay(true).setKeepAlive(true, 30_000).setEncoding('utf8')
    this.#socket.on('data', (part: string) => this.#receive(part))
    this.#socket.on('error', (error) => this.#fail(error))
    this.#socket.on('close', () => this.#fail(new Error('the pod ended the connection to its Runtime API')))
  }

  get isEnded(): boolean {
    return this.#ended
  }

  ask(commands: readonly string[]): Promise<readonly string[]> {
    return new Promise((resolve, reject) => {
      if (this.#ended) return reject(new Error('the connection to the Runtime API has ended'))
      this.#waiting = [...this.#waiting, { count: commands.length, resolve, reject }]
      this.#timer ??= this.#deadline()
      this.#socket.write(`${commands.join(';')}\n`)
    })
  }

  /** The pod has shown this certificate, and no former one. */
  isShown({ certificate }: KeyPair): boolean {
    return this.#socket.getPeerX509Certificate()?.fingerprint256 === new X509Certificate(certificate).fingerprint256
  }

  end(): void {
    this.#fail(new Error('the connection to the Runtime API was given up'))
  }

  #deadline(): NodeJS.Timeout {
    return setTimeout(() => this.#fail(new Error(`no answer from the Runtime API within ${deadline} ms`)), deadline)
  }

  #receive(part: string): void {
    this.#received += part
    while (this.#received.startsWith(mark) || this.#received.includes(`\n${mark}`)) {
      const end = this.#received.startsWith(mark) ? 0 : this.#received.indexOf(`\n${mark}`) + 1
      const answers = answersOf(this.#received.slice(0, end))
      const [first, ...others] = this.#waiting
      if (first === undefined) break
      // From here on nobody could tell which answer belongs to what.
      if (first.count !== answers.length)
        return this.#fail(new Error(`the Runtime API gave ${answers.length} answers to ${first.count} commands`))
      this.#received = this.#received.slice(end + mark.length)
      clearTimeout(this.#timer)
      this.#timer = others.length > 0 ? this.#deadline() : undefined
      this.#waiting = others
      first.resolve(answers)
    }
    const expected = this.#waiting.length > 0 ? longestAnswer : 0
    if (this.#received.length > expected) this.#fail(new Error('the Runtime API said more than what it was asked'))
  }

  #fail(error: Error): void {
    if (this.#ended) return
    this.#ended = true
    clearTimeout(this.#timer)
    const waiting = this.#waiting
    this.#waiting = []
    for (const { reject } of waiting) reject(error)
    this.#socket.destroy()
    this.#onEnd(error)
  }
}

const mark = '> '

// One side's certificate has expired, or is of an authority that the other does not know yet. Errors of sockets tell their system call.
function isAboutCertificates(error: unknown): boolean {
  return error instanceof Error && 'code' in error && !('syscall' in error)
}

/** An answer for each command of a line: its text, which is empty for most, and an empty line. A `+` for each piece of a payload that was read stands before. */
export function answersOf(text: string): readonly string[] {
  return text
    .replace(/^(?:\+ )+/, '')
    .split(/(?<=^|\n)\n/)
    .slice(0, -1)
    .map((answer) => answer.trimEnd())
}

/** Commands joined into lines that HAProxy takes in one piece; in order. */
export function inLines(commands: readonly string[]): readonly (readonly string[])[] {
  const lines: string[][] = []
  let length = Infinity
  for (const command of commands) {
    length += command.length + 1
    if (length > longestLine) {
      lines.push([])
      length = command.length
    }
    lines.at(-1)?.push(command)
  }
  return lines
}
