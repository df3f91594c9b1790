// Who is next to have its status written. Each write costs the API server as much as a user's change, and those go first: one status at a
// time, so that a change finds a free processor; more beside each other only for those that are late.

export type StatusLineOptions = {
  /** Milliseconds from the newest word on an object to its status. */
  readonly wait: number
  /** Milliseconds from the first word after a write, for an object that keeps changing. */
  readonly waitAtMost: number
  /** Milliseconds: for each of them that the first in line is late, one more write may be under way. */
  readonly patience: number
  readonly limit: number
  /** Writes an object's status; `done` is called once, when the attempt has ended one way or the other. */
  readonly send: (id: string, done: () => void) => void
}

type Waiting = { readonly since: number; readonly due: number }

export class StatusLine {
  readonly #options: StatusLineOptions
  /** In the order in which they are due. */
  readonly #waiting = new Map<string, Waiting>()
  readonly #sent = new Set<string>()
  #timer: NodeJS.Timeout | undefined

  constructor(options: StatusLineOptions) {
    this.#options = options
  }

  /** There is news about an object. */
  put(id: string): void {
    const { wait, waitAtMost } = this.#options
    const now = performance.now()
    const since = this.#waiting.get(id)?.since ?? now
    if (now + wait > since + waitAtMost) return
    this.#waiting.delete(id)
    this.#waiting.set(id, { since, due: now + wait })
    if (this.#timer === undefined) this.#look()
  }

  /** Sends all at once. */
  flush(): void {
    for (const id of this.#waiting.keys()) this.#send(id)
    this.#look()
  }

  stop(): void {
    this.#waiting.clear()
    clearTimeout(this.#timer)
    this.#timer = undefined
  }

  #look(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    for (const [id, { due }] of this.#waiting) {
      const moment = this.#momentFor(due)
      if (moment === undefined) return
      const now = performance.now()
      if (now < moment) {
        this.#timer = setTimeout(() => this.#look(), Math.ceil(moment - now))
        return
      }
      this.#send(id)
    }
  }

  // When what is due at `due` may go beside those that are under way; undefined: when one of them has ended.
  #momentFor(due: number): number | undefined {
    const { limit, patience } = this.#options
    return this.#sent.size < limit ? due + this.#sent.size * patience : undefined
  }

  #send(id: string): void {
    this.#waiting.delete(id)
    this.#sent.add(id)
    this.#options.send(id, () => {
      if (this.#sent.delete(id)) this.#look()
    })
  }
}
