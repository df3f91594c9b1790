import { basename } from 'node:path'

import { jsonBody, objectFrom, param, Refusal, requiredQuery, textOf, upload, wholeNumber } from './exchange.ts'
import type { Call, JsonObject, Reply } from './exchange.ts'
import { CommandError, type RuntimeSocket } from './runtime-socket.ts'

/** Certificates, certificate lists and CA files in HAProxy's memory; files are named by the path HAProxy loaded them from. */
export class Certificates {
  readonly #socket: RuntimeSocket

  constructor(socket: RuntimeSocket) {
    this.#socket = socket
  }

  list = async (): Promise<Reply> => {
    const lines = await this.#lines('show ssl cert')
    const certificates = lines.map((name) => ({ description: basename(name), storage_name: name }))
    return { status: 200, json: certificates }
  }

  get = async (call: Call): Promise<Reply> => {
    const lines = await this.#lines(`show ssl cert ${param(call, 'name')}`)
    return { status: 200, json: certificateFrom(lines) }
  }

  create = async (call: Call): Promise<Reply> => {
    const { name, text } = upload(call)
    await this.#or(500, () => this.createInMemory(name, text))
    return { status: 201 }
  }

  replace = async (call: Call): Promise<Reply> => {
    const { text } = upload(call)
    await this.#or(500, () => this.replaceInMemory(param(call, 'name'), text))
    return { status: 200 }
  }

  remove = async (call: Call): Promise<Reply> => {
    await this.#or(500, () => this.#socket.command(`del ssl cert ${param(call, 'name')}`))
    return { status: 204 }
  }

  lists = async (): Promise<Reply> => {
    return { status: 200, json: (await this.#lines('show ssl crt-list')).map((file) => ({ file })) }
  }

  listEntries = async (call: Call): Promise<Reply> => {
    const lines = await this.#lines(`show ssl crt-list -n ${requiredQuery(call, 'name')}`)
    return { status: 200, json: lines.map(listEntryFrom) }
  }

  addListEntry = async (call: Call): Promise<Reply> => {
    const list = requiredQuery(call, 'name')
    const entry = objectFrom(jsonBody(call))
    const file = textOf(entry, 'file') ?? ''
    if (file === '') throw new Refusal(500, `${this.#socket.path} Filename empty general error`)
    const options = textOf(entry, 'ssl_bind_config') ?? ''
    const words = [file, ...(options === '' ? [] : [`[${options}]`]), ...filtersOf(entry)].join(' ')
    if (/[\r\n]/.test(words)) throw new Refusal(400, 'a line break is refused in a certificate list')
    const plain = words === file
    await this.#or(500, () =>
      this.#socket.command(`add ssl crt-list ${list}${plain ? ` ${file}` : ''}`, plain ? undefined : `${words}\n`),
    )
    return { status: 201 }
  }

  removeListEntry = async (call: Call): Promise<Reply> => {
    const [list, file] = [requiredQuery(call, 'name'), requiredQuery(call, 'cert_file')]
    const line = wholeNumber(call, 'line_number')
    const entry = line === undefined ? file : `${file}:${line}`
    await this.#or(404, () => this.#socket.command(`del ssl crt-list ${list} ${entry}`))
    return { status: 204 }
  }

  caFiles = async (): Promise<Reply> => {
    const files = (await this.#lines('show ssl ca-file')).map((line) => {
      const [name = '', count = ''] = line.split(' - ')
      return { count, storage_name: name }
    })
    return { status: 200, json: files }
  }

  createCaFile = async (call: Call): Promise<Reply> => {
    const { name, text } = upload(call)
    await this.#or(500, () => this.#load('ca-file', name, { text, isNew: true }))
    return { status: 201 }
  }

  /** Adds a certificate that HAProxy does not know yet. */
  async createInMemory(name: string, text: string): Promise<void> {
    await this.#load('cert', name, { text, isNew: true })
  }

  /** Replaces a certificate that HAProxy knows. When the key does not fit, HAProxy's SSL transaction stays open, for want of an abort here. */
  async replaceInMemory(name: string, text: string): Promise<void> {
    await this.#load('cert', name, { text, isNew: false })
  }

  async #load(kind: 'cert' | 'ca-file', name: string, content: { text: string; isNew: boolean }): Promise<void> {
    if (content.isNew) await this.#socket.command(`new ssl ${kind} ${name}`)
    // An empty line ends a payload, so those between PEM blocks go.
    const payload = content.text.replaceAll('\r', '').replaceAll(/\n{2,}/g, '\n')
    await this.#socket.command(`set ssl ${kind} ${name}`, payload.endsWith('\n') ? payload : `${payload}\n`)
    await this.#socket.command(`commit ssl ${kind} ${name}`)
  }

  async #lines(command: string): Promise<readonly string[]> {
    const text = await this.#or(404, () => this.#socket.command(command))
    return text.split('\n').filter((line) => line !== '' && !line.startsWith('# ') && !line.startsWith('*'))
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

function certificateFrom(lines: readonly string[]): Readonly<Record<string, string>> {
  const fields = new Map(lines.map((line) => [line.split(': ', 1)[0] ?? '', line.slice(line.indexOf(': ') + 2)]))
  const field = (name: string): string => fields.get(name) ?? ''
  return {
    storage_name: field('Filename'),
    status: field('Status'),
    serial: field('Serial'),
    not_before: date(field('notBefore')),
    not_after: date(field('notAfter')),
    algorithm: field('Algorithm'),
    subject: field('Subject'),
    issuers: field('Issuer'),
    sha1_finger_print: field('SHA1 FingerPrint'),
    subject_alternative_names: field('Subject Alternative Name'),
  }
}

function date(text: string): string {
  const time = Date.parse(text)
  return Number.isNaN(time) ? text : new Date(time).toISOString()
}

// PATH:LINE [OPTIONS] FILTER...
function listEntryFrom(text: string): Readonly<Record<string, unknown>> {
  const found = /^(.*?):(\d+)(?: \[(.*?)\])?(?: (.*))?$/.exec(text)
  const [, file = text, line = '0', options, filters] = found ?? []
  return {
    ...(filters === undefined || filters === '' ? {} : { sni_filter: filters.split(' ') }),
    ...(options === undefined || options === '' ? {} : { ssl_bind_config: options }),
    file,
    line_number: Number(line),
  }
}

function filtersOf(entry: JsonObject): readonly string[] {
  const filters = entry.get('sni_filter') ?? []
  if (!Array.isArray(filters)) throw new Refusal(400, 'sni_filter: a list was expected')
  return filters.map(String)
}
