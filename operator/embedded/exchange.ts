// What a handler gets and gives, and how it reads a request's parts. Every refusal has upstream's code.

export type Call = {
  readonly params: Readonly<Record<string, string>>
  readonly query: URLSearchParams
  readonly contentType: string
  readonly body: Buffer
}

/** `json` and `text` exclude each other; without both the answer has no body. */
export type Reply = {
  readonly status: number
  readonly json?: unknown
  readonly text?: string
  readonly contentType?: string
  readonly headers?: Readonly<Record<string, string>>
}

export type Handler = (call: Call) => Promise<Reply> | Reply

/** Ends a call with an error answer. */
export class Refusal extends Error {
  readonly status: number

  constructor(status: number, message: string) {
    super(message)
    this.status = status
  }
}

/** A query parameter that is true or false; false when left out. */
export function flag(call: Call, name: string): boolean {
  const text = call.query.get(name)
  if (text === null) return false
  if (/^(1|t|T|true|TRUE|True)$/.test(text)) return true
  if (/^(0|f|F|false|FALSE|False)$/.test(text)) return false
  throw new Refusal(400, `Invalid format for parameter ${name}: neither true nor false`)
}

/** A query parameter that is a whole number. */
export function wholeNumber(call: Call, name: string): number | undefined {
  const text = call.query.get(name)
  if (text === null) return undefined
  if (!/^-?\d+$/.test(text)) throw new Refusal(400, `Invalid format for parameter ${name}: not a number`)
  return Number(text)
}

export function requiredQuery(call: Call, name: string): string {
  const text = call.query.get(name)
  if (text === null) throw new Refusal(400, `Query argument ${name} is required, but not found`)
  return text
}

export function param(call: Call, name: string): string {
  const value = call.params[name]
  if (value === undefined) throw new Error(`the route has no parameter ${name}`)
  return value
}

/** The text/plain body; empty bodies are refused. */
export function textBody(call: Call): string {
  expectType(call, 'text/plain')
  return call.body.toString()
}

/** The JSON body, parsed. */
export function jsonBody(call: Call): unknown {
  expectType(call, 'application/json')
  try {
    return JSON.parse(call.body.toString())
  } catch {
    throw new Refusal(400, 'failed to decode request body')
  }
}

export type Upload = { readonly name: string; readonly text: string }

/** The file in the field `file_upload` of a multipart body; folders in its name are dropped. */
export function upload(call: Call): Upload {
  expectType(call, 'multipart/form-data')
  const boundary = /boundary="?([^";]+)"?/.exec(call.contentType)?.[1]
  if (boundary === undefined) throw new Refusal(400, 'no multipart boundary param in Content-Type')
  // Latin-1 keeps every byte while the text is cut apart.
  for (const part of call.body.toString('latin1').split(`--${boundary}`)) {
    const end = part.indexOf('\r\n\r\n')
    const head = part.slice(0, end)
    if (end < 0 || !/name="file_upload"/.test(head)) continue
    const name = /filename="([^"]*)"/.exec(head)?.[1] ?? ''
    const content = part.slice(end + 4).replace(/\r\n$/, '')
    return { name: utf8(name).replace(/^.*[/\\]/, ''), text: utf8(content) }
  }
  throw new Refusal(400, 'file_upload is required')
}

function utf8(bytes: string): string {
  return Buffer.from(bytes, 'latin1').toString()
}

function expectType(call: Call, type: string): void {
  if (call.body.length === 0) throw new Refusal(400, 'value is required but missing')
  if (call.contentType.split(';', 1)[0]?.trim() !== type)
    throw new Refusal(415, `header Content-Type has unexpected value "${call.contentType}"`)
}

export type JsonObject = ReadonlyMap<string, unknown>

export function objectFrom(value: unknown): JsonObject {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new Refusal(422, 'value must be an object')
  return new Map(Object.entries(value))
}

export function listFrom(value: unknown): readonly unknown[] {
  if (!Array.isArray(value)) throw new Refusal(422, 'value must be an array')
  return value
}

/** A text property; absent and null are undefined. */
export function textOf(object: JsonObject, name: string): string | undefined {
  const value = object.get(name) ?? undefined
  if (value === undefined || typeof value === 'string') return value
  throw new Refusal(400, `${name}: a string was expected`)
}

/** A numeric property; absent and null are undefined. */
export function numberOf(object: JsonObject, name: string): number | undefined {
  const value = object.get(name) ?? undefined
  if (value === undefined) return undefined
  if (typeof value === 'number' && Number.isInteger(value)) return value
  throw new Refusal(400, `${name}: a whole number was expected`)
}
