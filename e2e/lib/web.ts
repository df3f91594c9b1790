// Requests to a Gateway's address, each on a connection of its own unless told otherwise, with any Host and SNI.

import { request as plainRequest, type IncomingMessage, type RequestOptions } from 'node:http'
import { request as tlsRequest } from 'node:https'
import { setTimeout as delay } from 'node:timers/promises'
import { TLSSocket } from 'node:tls'
import { z } from 'zod'

export type WebRequest = {
  readonly address: string
  readonly host: string
  readonly path?: string
  readonly method?: string
  readonly headers?: Readonly<Record<string, string>>
  /** HTTPS with the host as SNI. */
  readonly tls?: boolean
  /** Default: 443 with TLS, otherwise 80. */
  readonly port?: number
  /** Milliseconds; default 5,000. */
  readonly deadline?: number
}

export type WebAnswer = {
  readonly status: number
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly body: string
  /** SHA-256 of the server's certificate, colons between bytes. */
  readonly certificate?: string
  /** What the echo server says it was asked, when it answered. */
  readonly echo?: Echo
}

const echoShape = z.object({
  path: z.string(),
  host: z.string(),
  method: z.string(),
  headers: z.record(z.string(), z.array(z.string())),
  namespace: z.string(),
  service: z.string().optional(),
  pod: z.string(),
})
export type Echo = z.infer<typeof echoShape>

/** One request on a new connection. Rejects when there was no answer in time. */
export function ask({
  address,
  host,
  path = '/',
  method = 'GET',
  headers = {},
  tls = false,
  ...more
}: WebRequest): Promise<WebAnswer> {
  const options: RequestOptions & { servername?: string; rejectUnauthorized?: boolean } = {
    host: address,
    port: more.port ?? (tls ? 443 : 80),
    path,
    method,
    headers: { host, connection: 'close', ...headers },
    agent: false,
    signal: AbortSignal.timeout(more.deadline ?? 5_000),
    ...(tls ? { servername: host, rejectUnauthorized: false } : {}),
  }
  return new Promise((settle, fail) => {
    const sent = (tls ? tlsRequest : plainRequest)(options, (message) => {
      readAnswer(message).then(settle, fail)
    })
    sent.on('error', fail)
    sent.end()
  })
}

async function readAnswer(message: IncomingMessage): Promise<WebAnswer> {
  const certificate =
    message.socket instanceof TLSSocket ? message.socket.getPeerCertificate().fingerprint256 : undefined
  let body = ''
  for await (const chunk of message) body += String(chunk)
  const echo = echoOf(body)
  return {
    status: message.statusCode ?? 0,
    headers: message.headers,
    body,
    ...(certificate === undefined ? {} : { certificate }),
    ...(echo === undefined ? {} : { echo }),
  }
}

function echoOf(body: string): Echo | undefined {
  try {
    return echoShape.safeParse(JSON.parse(body)).data
  } catch {
    return undefined
  }
}

/** The values of a request header as the backend saw it. */
export function seenHeader(answer: WebAnswer, name: string): readonly string[] {
  const entries = Object.entries(answer.echo?.headers ?? {})
  return entries.find(([key]) => key.toLowerCase() === name.toLowerCase())?.[1] ?? []
}

/** How often each Service answered `count` requests; other answers are counted under their status. */
export async function share(count: number, request: WebRequest): Promise<ReadonlyMap<string, number>> {
  const counts = new Map<string, number>()
  for (let sent = 0; sent < count; sent++) {
    const answer = await ask(request)
    const who = answer.echo?.service ?? String(answer.status)
    counts.set(who, (counts.get(who) ?? 0) + 1)
  }
  return counts
}

export type Traffic = { readonly sent: number; readonly failures: readonly string[] }

/** Sends a request every 20 ms until told to stop; then says how many were sent and which were not answered with 200. */
export function keepAsking(request: WebRequest): { readonly stop: () => Promise<Traffic> } {
  const ending = new AbortController()
  let sent = 0
  const failures: string[] = []
  const began = performance.now()
  const fail = (why: string): void => void failures.push(`${Math.round(performance.now() - began)} ms: ${why}`)
  const loop = async (): Promise<void> => {
    while (!ending.signal.aborted) {
      sent++
      await ask(request).then(
        (answer) => (answer.status === 200 ? undefined : fail(`status ${answer.status}`)),
        (error: unknown) => fail(error instanceof Error ? error.message : String(error)),
      )
      await delay(20)
    }
  }
  const ended = loop()
  return {
    stop: async () => {
      ending.abort()
      await ended
      return { sent, failures }
    },
  }
}
