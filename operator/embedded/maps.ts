import { basename, join } from 'node:path'

import { jsonBody, listFrom, objectFrom, param, Refusal, textOf, type Call, type Reply } from './exchange.ts'
import { mapPayload, type MapEntry } from './map-payload.ts'
import { CommandError, type RuntimeSocket } from './runtime-socket.ts'

/** Maps in HAProxy's memory. A map is named by its file in the maps folder. */
export class Maps {
  readonly #socket: RuntimeSocket
  readonly #folder: string

  constructor(socket: RuntimeSocket, folder: string) {
    this.#socket = socket
    this.#folder = folder
  }

  list = async (call: Call): Promise<Reply> => {
    const maps = await this.#loaded()
    const all = call.query.get('include_unmanaged') === 'true'
    return { status: 200, json: maps.filter((map) => all || map.file.startsWith(`${this.#folder}/`)) }
  }

  get = async (call: Call): Promise<Reply> => {
    const file = this.#file(param(call, 'name'))
    const found = (await this.#loaded()).find((map) => map.file === file)
    if (found === undefined) throw new Refusal(404, `${this.#socket.path} ${file} not found`)
    const { storage_name: _, ...map } = found
    return { status: 200, json: map }
  }

  put = async (call: Call): Promise<Reply> => {
    const entries = listFrom(jsonBody(call)).map(entryFrom)
    const name = this.#file(param(call, 'name'))
    if (entries.length === 0) throw new Refusal(500, 'runtime error: index out of range [0] with length 0')
    for (const { key, value } of entries) refuseLineBreak(key, value)
    const { replaces, payloads } = mapPayload(entries)
    await this.#or(400, async () => {
      if (replaces) await this.#replace(name, payloads)
      else await this.#socket.command(`add map ${name}`, payloads[0] ?? '')
    })
    return { status: 201, json: entries }
  }

  clear = async (call: Call): Promise<Reply> => {
    await this.#or(404, () => this.#socket.command(`clear map ${this.#file(param(call, 'name'))}`))
    return { status: 204 }
  }

  entries = async (call: Call): Promise<Reply> => {
    const text = await this.#or(404, () => this.#socket.command(`show map ${this.#parent(call)}`))
    const entries = text
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => {
        const [id, key, value] = line.split(' ')
        if (key === undefined || value === undefined || value === '')
          throw new Refusal(500, 'runtime error: index out of range [2] with length 2')
        return { id, key, value }
      })
    return { status: 200, json: entries }
  }

  add = async (call: Call): Promise<Reply> => {
    const entry = entryFrom(jsonBody(call))
    refuseLineBreak(entry.key, entry.value)
    const map = this.#parent(call)
    const existing = await this.#lookUp(map, entry.key).catch(() => undefined)
    if (existing !== undefined) throw new Refusal(409, `${this.#socket.path} already exists`)
    await this.#or(400, () => this.#socket.command(`add map ${map} ${entry.key} ${entry.value}`))
    return { status: 201, json: entry }
  }

  entry = async (call: Call): Promise<Reply> => {
    const key = param(call, 'id')
    const entry = await this.#or(404, () => this.#lookUp(this.#parent(call), key))
    if (entry === undefined) throw new Refusal(404, `${this.#socket.path} ${key} not found`)
    return { status: 200, json: entry }
  }

  /** A key that the look-up cannot read back answers 404 without a body, although the value was set. */
  replaceEntry = async (call: Call): Promise<Reply> => {
    const object = objectFrom(jsonBody(call))
    const value = textOf(object, 'value')
    if (value === undefined) throw new Refusal(422, 'Error at "/value": property "value" is missing')
    const key = param(call, 'id')
    refuseLineBreak(key, value)
    const map = this.#parent(call)
    await this.#or(404, () => this.#socket.command(`set map ${map} ${key} ${value}`))
    const entry = await this.#lookUp(map, key).catch(() => undefined)
    return entry === undefined ? { status: 404 } : { status: 200, json: entry }
  }

  deleteEntry = async (call: Call): Promise<Reply> => {
    await this.#or(404, () => this.#socket.command(`del map ${this.#parent(call)} ${param(call, 'id')}`))
    return { status: 204 }
  }

  #file(name: string): string {
    return join(this.#folder, basename(name))
  }

  #parent(call: Call): string {
    return this.#file(param(call, 'parent_name'))
  }

  async #loaded(): Promise<readonly { file: string; id: string; description: string; storage_name: string }[]> {
    const text = await this.#or(404, () => this.#socket.command('show map'))
    return text.split('\n').flatMap((line) => {
      const found = /^(\S+) \(([^)]+)\) (.*)$/.exec(line)
      const [, id = '', file = '', description = ''] = found ?? []
      return found === null || id === '#' ? [] : [{ description, file, id, storage_name: basename(file) }]
    })
  }

  /** The map is as it was until the commit, whatever fails before. */
  async #replace(map: string, payloads: readonly string[]): Promise<void> {
    const words = await this.#socket.command(`prepare map ${map}`)
    const version = /created: (\d+)/.exec(words)?.[1]
    if (version === undefined) throw new CommandError(`${this.#socket.path} ${words.trim()}`, words)
    for (const payload of payloads) await this.#socket.command(`add map @${version} ${map}`, payload)
    await this.#socket.command(`commit map @${version} ${map}`)
  }

  /**
   * HAProxy looks up by the map's own method, so a prefix map may answer with another key. Its answer is cut at commas and equals signs, as
   * upstream does, and so is what is found.
   */
  async #lookUp(map: string, key: string): Promise<MapEntry | undefined> {
    const answer = await this.#socket.command(`get map ${map} ${key}`)
    const fields = new Map<string, string>()
    for (const part of answer.split(',')) {
      const [name = '', value = ''] = part.trim().split('=')
      if (!fields.has(name)) fields.set(name, value.replaceAll('"', ''))
    }
    const value = fields.get('value')
    return fields.get('found') === 'yes' && fields.get('key') === key && value !== undefined
      ? { key, value }
      : undefined
  }

  async #or<T>(status: number, work: () => Promise<T>): Promise<T> {
    try {
      return await work()
    } catch (error) {
      if (!(error instanceof CommandError)) throw error
      throw new Refusal(status, `${error.message} ${status === 404 ? 'not found' : 'general error'}`)
    }
  }
}

function entryFrom(value: unknown): MapEntry {
  const object = objectFrom(value)
  return { key: textOf(object, 'key') ?? '', value: textOf(object, 'value') ?? '' }
}

/** Upstream sends line breaks on, and HAProxy takes what follows as a command of its own. */
function refuseLineBreak(...texts: readonly string[]): void {
  if (texts.some((text) => /[\r\n]/.test(text))) throw new Refusal(400, 'a line break is refused in keys and values')
}
