import { connect } from 'node:net'

import { wordsOf } from './line-log.ts'

/** HAProxy refused a command, or could not be asked. The message holds the first line of the command only: payloads may be keys. */
export class CommandError extends Error {
  /** HAProxy's words alone. */
  readonly words: string

  constructor(message: string, words: string) {
    super(message)
    this.words = words
  }
}

// Without a word for it the end is an empty line, and HAProxy 3.4 takes a line break that is the last byte it read so far for one.
const endOfPayload = '%end%'

/** Commands to HAProxy's worker, and reloads, by way of the master's socket: one connection for each, one at a time. */
export class RuntimeSocket {
  readonly path: string
  #last: Promise<unknown> = Promise.resolve()

  constructor(path: string) {
    this.path = path
  }

  /** Sends one command, with the lines of its payload if it has one. Resolves to HAProxy's words without the final empty line. */
  async command(command: string, payload?: string): Promise<string> {
    if (
      /[\r\n]/.test(command) ||
      command.endsWith('<<') ||
      payload?.includes('\n\n') === true ||
      payload?.includes(endOfPayload) === true
    )
      throw new CommandError(`${this.path} line break in a runtime command`, 'line break')
    if (command.includes(';') || payload?.includes(';') === true)
      throw new CommandError(`${this.path} invalid character found in runtime command`, 'invalid character')
    // The worker keeps its own output form, which the master hands on to it.
    const text = payload === undefined ? '' : ` <<${endOfPayload}\n${payload.replace(/\n$/, '')}\n${endOfPayload}`
    const lines = `set severity-output number;@1 ${command}${text}\n`
    const answer = await this.#exclusive(() => this.#talk(lines, 30_000)).catch((error: unknown) => {
      const words = wordsOf(error)
      throw new CommandError(`${this.path} ${words} [${command}]`, words)
    })
    const refusal = /^\n?\[([0-3])\]: ([\s\S]*)/.exec(answer)
    if (refusal === null) return answer.replace(/\n\n$/, '\n').replace(/^\n$/, '')
    const words = (refusal[2] ?? '').trim()
    throw new CommandError(`${this.path} [${refusal[1]}]  ${words} [${command}]`, words)
  }

  /** Reloads HAProxy and waits until the new worker serves or has failed. `words` is the startup log. */
  async reload(): Promise<{ readonly succeeded: boolean; readonly words: string }> {
    const answer = await this.#exclusive(() => this.#talk('reload\n', 120_000))
    const [head = '', ...rest] = answer.split('--\n')
    return { succeeded: head.startsWith('Success=1'), words: rest.join('--\n').trimEnd() }
  }

  #exclusive<T>(work: () => Promise<T>): Promise<T> {
    const next = this.#last.then(work, work)
    this.#last = next.catch(() => undefined)
    return next
  }

  #talk(text: string, timeoutMs: number): Promise<string> {
    return new Promise((resolve, reject) => {
      const parts: Buffer[] = []
      const socket = connect({ path: this.path, allowHalfOpen: true })
      socket.setTimeout(timeoutMs, () => socket.destroy(new Error(`no answer within ${timeoutMs} ms`)))
      socket.on('data', (part) => parts.push(part))
      socket.once('error', (error) => reject(new Error(`dial unix ${this.path}: ${error.message}`)))
      socket.once('end', () => {
        socket.destroy()
        resolve(Buffer.concat(parts).toString())
      })
      // The master ends the connection by itself only when we have ended our half.
      socket.end(text)
    })
  }
}
