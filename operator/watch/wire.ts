// What the API server sends, checked as far as we depend on it; from here on it has types.

import type { KubernetesObject } from '../model/kubernetes.ts'

export type ListPage = {
  readonly items: readonly KubernetesObject[]
  /** Empty on the last page. */
  readonly continueToken: string
  readonly version: string
}

export type WatchEvent =
  | { readonly type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK'; readonly object: KubernetesObject }
  | { readonly type: 'ERROR'; readonly code: number; readonly body: unknown }

/** One page of a list. */
export function parseList(body: unknown): ListPage {
  if (!isRecord(body) || !isRecord(body['metadata'])) throw new Error('the answer to a list is not a list')
  const { continue: continueToken = '', resourceVersion } = body['metadata']
  const items: unknown = body['items'] ?? []
  if (!Array.isArray(items) || typeof resourceVersion !== 'string' || typeof continueToken !== 'string')
    throw new Error('the answer to a list is not a list')
  return { items: items.map(parseObject), continueToken, version: resourceVersion }
}

/** One line of a watch. */
export function parseEvent(line: string): WatchEvent {
  const event = parseLine(line)
  if (!isRecord(event)) throw new Error('a line of a watch is not an event')
  const { type, object } = event
  if (type === 'ERROR') return { type, code: codeOf(object), body: object }
  if (type === 'BOOKMARK') return { type, object: isRecord(object) ? object : {} }
  if (type === 'ADDED' || type === 'MODIFIED' || type === 'DELETED') return { type, object: parseObject(object) }
  throw new Error('an event of a watch has an unknown type')
}

// The parser's own words repeat a piece of the line, which may be of a Secret.
function parseLine(line: string): unknown {
  try {
    return JSON.parse(line)
  } catch {
    throw new Error('a line of a watch is not JSON')
  }
}

/** An object with a name. */
export function parseObject(value: unknown): KubernetesObject {
  if (!isRecord(value) || !isRecord(value['metadata']) || typeof value['metadata']['name'] !== 'string')
    throw new Error('the API server sent an object without a name')
  return value
}

/** The message of a `Status`, or the text that came instead, shortened. */
export function parseStatus(body: unknown): string {
  if (typeof body !== 'string') return isRecord(body) && typeof body['message'] === 'string' ? body['message'] : ''
  const message = /"message":"((?:[^"\\]|\\.)*)"/.exec(body)?.[1]
  return (message ?? body).trim().slice(0, 300)
}

function codeOf(status: unknown): number {
  return isRecord(status) && typeof status['code'] === 'number' ? status['code'] : 500
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
