import { readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { extname, join } from 'node:path'

import { flag, param, Refusal, textBody, upload, type Call, type Reply } from './exchange.ts'
import type { Reloads } from './reloads.ts'

export type Store = {
  readonly folder: string
  readonly description: string
  /** Extension of the folder's files of this kind; none for all of them. */
  readonly extension?: string
  /** haproxy.cfg, for the question whether it names a file. */
  readonly configFile: string
  readonly reloads: Reloads
}

/** Files of one kind on disk. Names are made plain, so none leads out of the folder. */
export class Storage {
  readonly store: Store

  constructor(store: Store) {
    this.store = store
  }

  list = (): Reply => {
    const { folder, description, extension } = this.store
    const names = readdirSync(folder).filter((name) => extension === undefined || extname(name) === extension)
    const files = names.toSorted().map((name) => ({ description, file: join(folder, name), storage_name: name }))
    return { status: 200, json: files }
  }

  get = (call: Call): Reply => {
    const { path } = this.existing(call)
    return { status: 200, text: readFileSync(path, 'utf8'), contentType: 'application/octet-stream' }
  }

  /** Maps and general files: created without a reload, since nothing can name them yet. */
  create = (call: Call): Reply => {
    return { status: 201, json: this.describe(this.createFile(call).name) }
  }

  /** Certificate lists: asks for a reload all the same. */
  createAndReload = async (call: Call): Promise<Reply> => {
    const { name } = this.createFile(call)
    return this.reloaded(call, { done: 201, json: this.describe(name) })
  }

  replaceText = async (call: Call): Promise<Reply> => {
    const { path } = this.existing(call)
    write(path, textBody(call))
    return this.reloaded(call, { done: 204 })
  }

  replaceUpload = async (call: Call): Promise<Reply> => {
    const { text } = upload(call)
    const { path } = this.existing(call)
    write(path, text)
    return this.reloaded(call, { done: 204 })
  }

  /** As replaceText, with a description in the answer. */
  replaceAndDescribe = async (call: Call): Promise<Reply> => {
    const { name, path } = this.existing(call)
    write(path, textBody(call))
    return this.reloaded(call, { done: 200, json: this.describe(name) })
  }

  remove = (call: Call): Reply => {
    this.removeFile(call)
    return { status: 204 }
  }

  removeAndReload = async (call: Call): Promise<Reply> => {
    this.removeFile(call)
    return this.reloaded(call, { done: 204 })
  }

  existing(call: Call): { readonly name: string; readonly path: string } {
    const name = this.#plainName(param(call, 'name'))
    const path = join(this.store.folder, name)
    if (size(path) === undefined)
      throw new Refusal(404, `missing object: file ${name} doesn't exist in dir: ${this.store.folder}`)
    return { name, path }
  }

  createFile(call: Call): { readonly name: string; readonly path: string; readonly text: string } {
    const file = upload(call)
    const name = this.#plainName(file.name)
    const path = join(this.store.folder, name)
    if (size(path) !== undefined) throw new Refusal(409, `object already exists: file ${path} already exists`)
    write(path, file.text)
    return { name, path, text: file.text }
  }

  /** Refused while haproxy.cfg names the file; other files are not looked at. */
  removeFile(call: Call): void {
    const { path } = this.existing(call)
    const lines = readFileSync(this.store.configFile, 'utf8').split('\n')
    const line = lines.findIndex((text) => text.includes(path))
    if (line >= 0)
      throw new Refusal(
        409,
        `rejecting attempt to delete file ${path} referenced in haproxy conf at line ${line}: ${lines[line]?.trim()}`,
      )
    rmSync(path)
  }

  describe(name: string): Readonly<Record<string, unknown>> {
    const { folder, description, extension } = this.store
    const file = join(folder, name)
    const words = extension === '.map' ? 'managed but not loaded map file (no runtime ID)' : description
    return { description: words, file, size: size(file) ?? 0, storage_name: name }
  }

  /** The answer to a change on disk: a reload now, later, or not at all. */
  async reloaded(call: Call, answer: { readonly done: number; readonly json?: unknown }): Promise<Reply> {
    const body = answer.json === undefined ? {} : { json: answer.json }
    if (flag(call, 'skip_reload')) return { status: answer.done, ...body }
    if (flag(call, 'force_reload')) {
      await this.store.reloads.now()
      return { status: answer.done, ...body }
    }
    return { status: 202, ...body, headers: { 'Reload-ID': this.store.reloads.schedule() } }
  }

  #plainName(name: string): string {
    const extension = extname(name)
    const stem = name.slice(0, name.length - extension.length).replaceAll(/[^A-Za-z0-9_-]+/g, '_')
    const ending = extension === '' && this.store.extension === '.map' ? '.map' : extension
    return stem + ending.replaceAll(/[^A-Za-z0-9_.-]+/g, '_')
  }
}

/** In one step, so that HAProxy never reads half a file. */
export function write(path: string, text: string): void {
  const part = `${path}.part`
  writeFileSync(part, text, { mode: 0o600 })
  renameSync(part, path)
}

function size(path: string): number | undefined {
  const found = statSync(path, { throwIfNoEntry: false })
  return found?.isFile() === true ? found.size : undefined
}
