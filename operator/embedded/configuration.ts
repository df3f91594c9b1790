import { createHash, randomUUID } from 'node:crypto'
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'

import { flag, param, Refusal, textBody, wholeNumber, type Call, type Reply } from './exchange.ts'
import type { Options } from './options.ts'
import type { Reloads } from './reloads.ts'
import { complaints } from './validation.ts'

/** haproxy.cfg as one text, its version counter, and the copies of refused texts ("failed transactions"). */
export class Configuration {
  readonly #options: Options
  readonly #reloads: () => Reloads
  /** Writes of haproxy.cfg follow each other, checks included. */
  #last: Promise<unknown> = Promise.resolve()
  #version = 1

  constructor(options: Options, reloads: () => Reloads) {
    this.#options = options
    this.#reloads = reloads
    mkdirSync(this.#failedFolder(), { recursive: true })
    this.reread()
  }

  /** The counter of haproxy.cfg, which every answer carries. */
  get version(): number {
    return this.#version
  }

  /** Takes the counter from the file, after somebody else wrote it. */
  reread(): void {
    this.#version = versionIn(this.#text()) ?? 1
  }

  getVersion = (): Reply => ({ status: 200, json: this.#version })

  getRaw = (): Reply => this.#reply(200)

  postRaw = (call: Call): Promise<Reply> => {
    const next = this.#last.then(() => this.#post(call))
    this.#last = next.catch(() => undefined)
    return next
  }

  listTransactions = (call: Call): Reply => {
    const wanted = call.query.get('status') ?? 'failed'
    if (wanted !== 'failed') return { status: 200, json: [] }
    const prefix = `${basename(this.#options.configFile)}.`
    const files = readdirSync(this.#failedFolder()).filter((name) => name.startsWith(prefix))
    return { status: 200, json: files.map((name) => ({ id: name.slice(prefix.length), status: 'failed' })) }
  }

  deleteTransaction = (call: Call): Reply => {
    const id = param(call, 'id')
    const file = this.#transactionFile(basename(id))
    try {
      rmSync(file)
    } catch {
      throw new Refusal(404, `transaction does not exist: transaction file ${id} does not exist`)
    }
    return { status: 204 }
  }

  async #post(call: Call): Promise<Reply> {
    const text = textBody(call)
    if (!text.includes('\n')) throw new Refusal(400, 'invalid configuration: no newline character found')
    const given = wholeNumber(call, 'version')
    const [skipVersion, onlyValidate] = [flag(call, 'skip_version'), flag(call, 'only_validate')]
    const [skipReload, forceReload] = [flag(call, 'skip_reload'), flag(call, 'force_reload')]
    this.#checkVersion(given, skipVersion)
    if (onlyValidate) {
      await this.#validate(text, undefined)
      return this.#reply(202)
    }
    await this.#validate(text, randomUUID())
    this.#write(text, skipVersion ? (versionIn(text) ?? 1) : this.#version + 1)
    if (skipReload) return this.#reply(201)
    if (forceReload) {
      await this.#reloads().now()
      return this.#reply(201)
    }
    return this.#reply(202, { 'Reload-ID': this.#reloads().schedule() })
  }

  #checkVersion(given: number | undefined, skip: boolean): void {
    if (skip) return
    if (given === undefined)
      throw new Refusal(
        400,
        'version or transaction not specified: version or transaction not specified, specify only one',
      )
    if (given !== this.#version)
      throw new Refusal(
        409,
        `version mismatch: version in configuration file is ${this.#version}, given version is ${given}`,
      )
  }

  /** A text that is refused in a transaction stays in the failed folder, until somebody deletes it. */
  async #validate(text: string, transaction: string | undefined): Promise<void> {
    const name = `${basename(this.#options.configFile)}.${transaction ?? `only-validate-${randomUUID()}`}`
    const candidate = join(this.#options.transactionFolder, name)
    writeFileSync(candidate, text, { mode: 0o600 })
    const words = await complaints(candidate, this.#options).catch((error: unknown) => {
      rmSync(candidate, { force: true })
      throw error
    })
    if (words === undefined || transaction === undefined) rmSync(candidate, { force: true })
    if (words === undefined) return
    if (transaction !== undefined) renameSync(candidate, this.#transactionFile(transaction))
    const named = transaction === undefined ? words : words.replace(': ', `: err transactionId=${transaction} \n`)
    throw new Refusal(400, `validation error: ${named}`)
  }

  /** In one step, so that nobody ever reads half a file. */
  #write(text: string, version: number): void {
    const { configFile } = this.#options
    const body = `# _version=${version}\n\n${text.replace(/^(# _(version|md5hash)=.*\n|\n)+/, '')}`
    const part = `${configFile}.part`
    writeFileSync(part, `# _md5hash=${createHash('md5').update(body).digest('hex')}\n${body}`, {
      mode: statSync(configFile).mode & 0o777,
    })
    renameSync(part, configFile)
    this.#version = version
  }

  #reply(status: number, headers: Readonly<Record<string, string>> = {}): Reply {
    const text = this.#text()
    const checksum = /^# _md5hash=(\w+)/.exec(text)?.[1]
    const all = checksum === undefined ? headers : { ...headers, 'Configuration-Checksum': checksum }
    return { status, text, contentType: 'text/plain', headers: all }
  }

  #text(): string {
    return readFileSync(this.#options.configFile, 'utf8')
  }

  #failedFolder(): string {
    return join(this.#options.transactionFolder, 'failed')
  }

  #transactionFile(id: string): string {
    return join(this.#failedFolder(), `${basename(this.#options.configFile)}.${id}`)
  }
}

// The counter stands in a comment at the head of the file.
function versionIn(text: string): number | undefined {
  const found = /^(?:# _md5hash=.*\n|\n)*# _version=(\d+)/.exec(text)
  return found === null ? undefined : Number(found[1])
}
