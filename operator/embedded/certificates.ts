import { basename } from 'node:path'

import { jsonBody, objectFrom, param, Refusal, requiredQuery, textOf, upload, wholeNumber } from './exchange.ts'
import type { Call, JsonObject, Reply } from './exchange.ts'
import type { RuntimeSocket } from './runtime-socket.ts'
import { linesOf, loadSsl, orRefusal } from './ssl-commands.ts'

/** Certificates and certificate lists in HAProxy's memory; files are named by the path HAProxy loaded them from. */
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
    await orRefusal(500, () => this.createInMemory(name, text))
    return { status: 201 }
  }

  replace = async (call: Call): Promise<Reply> => {
    const { text } = upload(call)
    await orRefusal(500, () => this.replaceInMemory(param(call, 'name'), text))
    return { status: 200 }
  }

  remove = async (call: Call): Promise<Reply> => {
    await orRefusal(500, () => this.#socket.command(`del ssl cert ${param(call, 'name')}`))
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
    await orRefusal(500, () =>
      this.#socket.command(`add ssl crt-list ${list}${plain ? ` ${file}` : ''}`, plain ? undefined : `${words}\n`),
    )
    return { status: 201 }
  }

  removeListEntry = async (call: Call): Promise<Reply> => {
    const [list, file] = [requiredQuery(call, 'name'), requiredQuery(call, 'cert_file')]
    const line = wholeNumber(call, 'line_number')
    const entry = line === undefined ? file : `${file}:${line}`
    await orRefusal(404, () => this.#socket.command(`del ssl crt-list ${list} ${entry}`))
    return { status: 204 }
  }

  /** Adds a certificate that HAProxy does not know yet. */
  async createInMemory(name: string, text: string): Promise<void> {
    await this.#socket.command(`new ssl cert ${name}`)
    await loadSsl(this.#socket, 'cert', { name, text })
  }

  /** Replaces a certificate that HAProxy knows. */
  async replaceInMemory(name: string, text: string): Promise<void> {
    await loadSsl(this.#socket, 'cert', { name, text })
  }

  async #lines(command: string): Promise<readonly string[]> {
    return linesOf(await orRefusal(404, () => this.#socket.command(command)))
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
