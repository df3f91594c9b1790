import { FormData, request as send, type Dispatcher } from 'undici'

import { ApiError } from './generated/core/ApiError.js'
import type { ApiRequestOptions } from './generated/core/ApiRequestOptions.js'
import { BaseHttpRequest } from './generated/core/BaseHttpRequest.js'
import { CancelablePromise } from './generated/core/CancelablePromise.js'
import type { OpenAPIConfig } from './generated/core/OpenAPI.js'

/** What a call came to, with the two headers that the generated methods do not return. `ms` is the time from call to answer. */
export type Answer = {
  readonly method: string
  /** The path of the OpenAPI document, with its parameters unfilled: good as a metric's label. */
  readonly path: string
  readonly status: number
  readonly ms: number
  /** Set when a reload was put off; ask reloads.getReload for its end. */
  readonly reloadId?: string
  /** Version counter of haproxy.cfg. */
  readonly version?: string
}

export type TransportOptions = {
  readonly dispatcher: Dispatcher
  /** Milliseconds from call to complete answer. */
  readonly timeoutMs: number
  readonly onResponse?: ((answer: Answer) => void) | undefined
}

/** No answer in time. Whether the call took effect is not known. */
export class DeadlineError extends Error {
  override readonly name = 'DeadlineError'
}

/**
 * The sender for one pod, in the form the generated client takes. It differs from the generated one in this: mutual TLS (by the dispatcher),
 * a deadline on every call, `cancel()` that ends the call, path parameters with any character, headers handed to `onResponse`, and errors
 * that never hold what was sent.
 */
export function transport(options: TransportOptions): new (config: OpenAPIConfig) => BaseHttpRequest {
  return class extends BaseHttpRequest {
    override request<T>(call: ApiRequestOptions): CancelablePromise<T> {
      return new CancelablePromise<T>((resolve, reject, onCancel) => {
        const abort = new AbortController()
        onCancel(() => abort.abort())
        perform(this.config.BASE, call, options, abort).then((value) => resolve(value as T), reject)
      })
    }
  }
}

async function perform(
  base: string,
  call: ApiRequestOptions,
  options: TransportOptions,
  abort: AbortController,
): Promise<unknown> {
  const start = performance.now()
  const late = () => new DeadlineError(`${call.method} ${call.url}: no answer within ${options.timeoutMs} ms`)
  const timer = setTimeout(() => abort.abort(late()), options.timeoutMs)
  try {
    const response = await send(base + filledPath(call), {
      method: call.method as Dispatcher.HttpMethod,
      query: definedQuery(call),
      dispatcher: options.dispatcher,
      signal: abort.signal,
      ...content(call),
    })
    const text = await response.body.text()
    options.onResponse?.(answerOf(call, response, performance.now() - start))
    const header = call.responseHeader === undefined ? undefined : headerOf(response, call.responseHeader)
    if (response.statusCode >= 300) throw refusal(call, response, text)
    return header ?? parsed(response, text)
  } catch (error) {
    const reason: unknown = abort.signal.reason
    throw reason instanceof DeadlineError ? reason : error
  } finally {
    clearTimeout(timer)
  }
}

function filledPath(call: ApiRequestOptions): string {
  return call.url.replace(/\{(.*?)\}/g, (_, name: string) => encodeURIComponent(String(call.path?.[name])))
}

function definedQuery(call: ApiRequestOptions): Record<string, string> {
  const query: Record<string, string> = {}
  for (const [name, value] of Object.entries(call.query ?? {})) if (value !== undefined) query[name] = String(value)
  return query
}

function content(call: ApiRequestOptions): { headers: Record<string, string>; body?: string | FormData } {
  const headers: Record<string, string> = { accept: 'application/json, */*' }
  if (call.formData !== undefined) {
    const body = new FormData()
    for (const [name, value] of Object.entries(call.formData)) body.append(name, value)
    return { headers, body }
  }
  if (call.body === undefined) return { headers }
  headers['content-type'] = call.mediaType ?? 'application/json'
  return { headers, body: call.mediaType === 'text/plain' ? String(call.body) : JSON.stringify(call.body) }
}

function answerOf(call: ApiRequestOptions, response: Dispatcher.ResponseData, ms: number): Answer {
  const reloadId = headerOf(response, 'reload-id')
  const version = headerOf(response, 'configuration-version')
  return {
    method: call.method,
    path: call.url,
    status: response.statusCode,
    ms,
    ...(reloadId === undefined ? {} : { reloadId }),
    ...(version === undefined ? {} : { version }),
  }
}

function headerOf(response: Dispatcher.ResponseData, name: string): string | undefined {
  const value = response.headers[name.toLowerCase()]
  return Array.isArray(value) ? value[0] : value
}

function parsed(response: Dispatcher.ResponseData, text: string): unknown {
  if (text === '') return undefined
  return headerOf(response, 'content-type')?.includes('json') ? JSON.parse(text) : text
}

/** Calls whose error texts repeat what was sent, private keys included. */
const certificateCall = /\/(ssl_certs|ssl_ca_files|ssl_certificates)(\/|$)/

function refusal(call: ApiRequestOptions, response: Dispatcher.ResponseData, text: string): ApiError {
  const status = response.statusCode
  const withheld = certificateCall.test(call.url)
  const message = withheld ? 'HAProxy refused the certificate; its words may repeat the key and are withheld' : wordsOf(text)
  // The request is kept without what was sent: errors are printed whole by loggers and test runners.
  const { body: _body, formData: _formData, ...request } = call
  const result = { url: call.url, ok: false, status, statusText: '', body: { code: status, message } }
  return new ApiError(request, result, `${call.method} ${filledPath(call)}: HTTP ${status}: ${message}`)
}

function wordsOf(text: string): string {
  try {
    const answer: unknown = JSON.parse(text)
    if (typeof answer === 'object' && answer !== null && 'message' in answer) return String(answer.message)
  } catch {
    // Not JSON: a proxy or an older program answered; its text is the message.
  }
  return text.trim()
}
