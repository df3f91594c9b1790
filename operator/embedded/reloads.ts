import { copyFileSync, existsSync } from 'node:fs'

import { param, Refusal, type Call, type Reply } from './exchange.ts'
import { wordsOf } from './line-log.ts'
import type { RuntimeSocket } from './runtime-socket.ts'

type Reload = {
  readonly id: string
  readonly status: 'in_progress' | 'succeeded' | 'failed'
  readonly reload_timestamp?: number
  readonly response?: string
}

type Attempt = { readonly succeeded: boolean; readonly words: string; readonly reason: string }

export type ReloadSettings = { readonly configFile: string; readonly delayMs: number; readonly onRestored: () => void }

/**
 * Reloads: at once, or a moment after the first change that asked for one. The last haproxy.cfg that HAProxy started with is kept beside it
 * (`.lkg`) and put back when a reload fails; other files stay as they are.
 */
export class Reloads {
  readonly #socket: RuntimeSocket
  readonly #settings: ReloadSettings
  readonly #failed: Reload[] = []
  #succeeded: Reload | undefined
  #pending: { readonly id: string; readonly timer: NodeJS.Timeout } | undefined
  #running: Reload | undefined
  #count = 0

  constructor(socket: RuntimeSocket, settings: ReloadSettings) {
    this.#socket = socket
    this.#settings = settings
    this.#keepGood()
  }

  list = (): Reply => ({ status: 200, json: this.#known() })

  get = (call: Call): Reply => {
    const id = param(call, 'id')
    const found = this.#known().find((reload) => reload.id === id)
    if (found !== undefined)
      return { status: 200, json: found.status === 'in_progress' ? { status: found.status } : found }
    // Only the newest success is kept; whatever came before it and did not fail was a success too.
    if (this.#succeeded === undefined || !isBefore(id, this.#succeeded.id))
      throw new Refusal(404, `Reload with ID ${id} does not exist`)
    return { status: 200, json: { id, status: 'succeeded' } }
  }

  /** Asks for a reload; everything that asks before it happens gets the same id. */
  schedule(): string {
    if (this.#pending !== undefined) return this.#pending.id
    const id = `${new Date().toISOString().slice(0, 10)}-${this.#count++}`
    this.#pending = { id, timer: setTimeout(() => void this.#runPending(), this.#settings.delayMs) }
    return id
  }

  /** Reloads now, which is also what a waiting reload asked for. Refuses with HAProxy's words, the last good haproxy.cfg being back by then. */
  async now(): Promise<void> {
    const waiting = this.#pending?.id
    this.stop()
    const { succeeded, words, reason } = await this.#run(waiting)
    if (!succeeded) throw new Refusal(400, `Reload failed: ${reason}, ${words}`)
  }

  /** Gives up a reload that was put off. */
  stop(): void {
    clearTimeout(this.#pending?.timer)
    this.#pending = undefined
  }

  #known(): readonly Reload[] {
    const reloads = [...this.#failed]
    if (this.#succeeded !== undefined) reloads.push(this.#succeeded)
    if (this.#running !== undefined) reloads.push(this.#running)
    if (this.#pending !== undefined) reloads.push({ id: this.#pending.id, status: 'in_progress' })
    return reloads
  }

  async #runPending(): Promise<void> {
    const id = this.#pending?.id
    this.#pending = undefined
    await this.#run(id)
  }

  /** Notes the outcome under the id that somebody was given. Never rejects. */
  async #run(id: string | undefined): Promise<Attempt> {
    if (id !== undefined) this.#running = { id, status: 'in_progress' }
    const attempt = await this.#attempt()
    if (attempt.succeeded) this.#keepGood()
    else this.#restore()
    if (id === undefined) return attempt
    this.#running = undefined
    const noted = { id, reload_timestamp: Math.floor(Date.now() / 1000), response: attempt.words }
    if (attempt.succeeded) this.#succeeded = { ...noted, status: 'succeeded' }
    else this.#failed.push({ ...noted, status: 'failed' })
    if (this.#failed.length > 100) this.#failed.shift()
    return attempt
  }

  async #attempt(): Promise<Attempt> {
    try {
      return { ...(await this.#socket.reload()), reason: 'failed to reload configuration' }
    } catch (error) {
      return { succeeded: false, words: '', reason: `cannot reload: ${wordsOf(error)}` }
    }
  }

  #keepGood(): void {
    const { configFile } = this.#settings
    if (existsSync(configFile)) copyFileSync(configFile, `${configFile}.lkg`)
  }

  #restore(): void {
    const { configFile, onRestored } = this.#settings
    if (existsSync(`${configFile}.lkg`)) copyFileSync(`${configFile}.lkg`, configFile)
    onRestored()
  }
}

// Ids are a date and a number that counts on over the days: 2026-01-31-7. Upstream compares the two apart, too.
function isBefore(id: string, other: string): boolean {
  const [date, number] = [id.slice(0, 10), Number(id.slice(11))]
  const [otherDate, otherNumber] = [other.slice(0, 10), Number(other.slice(11))]
  return date < otherDate || number < otherNumber
}
