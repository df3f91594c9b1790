import { readFileSync } from 'node:fs'
import { createServer, type Server } from 'node:https'
import type { Socket } from 'node:net'
import type { IncomingMessage, ServerResponse } from 'node:http'

import type { Logger } from '../lib/log.ts'
import { Configuration } from './configuration.ts'
import { Refusal, type Reply } from './exchange.ts'
import { lineLog, wordsOf } from './line-log.ts'
import { readOptions, type Options } from './options.ts'
import { Reloads } from './reloads.ts'
import { createRouter, type Found } from './router.ts'
import { routes } from './routes.ts'
import { RuntimeSocket } from './runtime-socket.ts'

/** Largest body taken, in bytes. */
const bodyLimit = 256 << 20

/** A Data Plane API that serves. */
export type DataPlaneApi = {
  readonly port: number
  /** Reads its own certificate, key and CA anew; connections that exist stay. */
  readonly renew: () => void
  /** Lets calls under way end and stops. */
  readonly stop: () => Promise<void>
}

/**
 * Serves the Data Plane API of the HAProxy that a `dataplaneapi.yaml` names, until SIGTERM, SIGINT or SIGUSR1 arrives; calls under way are
 * answered first. SIGHUP reads the API's own certificate again. Rejects when the file is wrong or the address cannot be had.
 */
export async function runDataPlaneApi(configFile: string, log: Logger = lineLog()): Promise<void> {
  const api = await startDataPlaneApi(readOptions(configFile, process.env), log)
  process.on('SIGHUP', api.renew)
  await new Promise<void>((resolve) => {
    for (const signal of ['SIGTERM', 'SIGINT', 'SIGUSR1'] as const) process.once(signal, () => resolve())
  })
  process.off('SIGHUP', api.renew)
  await api.stop()
}

/** Starts serving. HAProxy may be down; calls that need it say so. */
export async function startDataPlaneApi(options: Options, log: Logger): Promise<DataPlaneApi> {
  const socket = new RuntimeSocket(options.masterSocket)
  const configuration: Configuration = new Configuration(options, () => reloads)
  const reloads = new Reloads(socket, {
    configFile: options.configFile,
    delayMs: options.reloadDelayMs,
    onRestored: () => configuration.reread(),
  })
  const find = createRouter(routes({ options, socket, configuration, reloads }))
  const server = createServer({ ...secureContext(options), requestCert: true, rejectUnauthorized: true })
  server.on('request', (request, response) => {
    void serve(request, find, log).then((reply) => send(response, reply, configuration.version))
  })
  const sockets = new Set<Socket>()
  server.on('connection', (connection: Socket) => {
    sockets.add(connection)
    connection.once('close', () => sockets.delete(connection))
  })
  server.keepAliveTimeout = options.idleMs
  server.requestTimeout = 0
  await listening(server, options)
  log.info('Data Plane API serves', { host: options.host, port: options.port })
  return {
    port: options.port,
    renew: () => renew(server, options, log),
    stop: () => {
      reloads.stop()
      return closed(server, sockets)
    },
  }
}

/** Never rejects: whatever goes wrong becomes an answer. */
async function serve(
  request: IncomingMessage,
  find: (method: string, path: string) => Found,
  log: Logger,
): Promise<Reply> {
  try {
    const body = await bodyOf(request)
    const url = request.url ?? '/'
    const cut = url.indexOf('?')
    const path = cut < 0 ? url : url.slice(0, cut)
    if (!path.startsWith('/v3/')) throw new Refusal(404, `path ${path} was not found`)
    const { handler, params } = find(request.method ?? 'GET', path.slice(3))
    const query = new URLSearchParams(cut < 0 ? '' : url.slice(cut + 1))
    return await handler({ params, query, body, contentType: request.headers['content-type'] ?? '' })
  } catch (error) {
    const status = error instanceof Refusal ? error.status : 500
    if (!(error instanceof Refusal)) log.error('a call failed', { method: request.method, error: wordsOf(error) })
    return { status, json: { code: status, message: wordsOf(error) } }
  }
}

async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const parts: Buffer[] = []
  let size = 0
  for await (const part of request) {
    if (!Buffer.isBuffer(part)) continue
    size += part.length
    if (size > bodyLimit) throw new Refusal(413, 'http: request body too large')
    parts.push(part)
  }
  return Buffer.concat(parts)
}

function send(response: ServerResponse, reply: Reply, version: number): void {
  const body = reply.text ?? (reply.json === undefined ? undefined : `${JSON.stringify(reply.json)}\n`)
  const headers: Record<string, string | number> = { 'Configuration-Version': version, ...reply.headers }
  if (body !== undefined) {
    headers['Content-Type'] = reply.contentType ?? 'application/json'
    headers['Content-Length'] = Buffer.byteLength(body)
  } else if (reply.status !== 204) {
    headers['Content-Length'] = 0
  }
  response.writeHead(reply.status, headers).end(body)
}

function secureContext(options: Options): { cert: Buffer; key: Buffer; ca: Buffer; minVersion: 'TLSv1.2' } {
  const [cert, key, ca] = [options.certificate, options.key, options.ca].map((file) => readFileSync(file))
  if (cert === undefined || key === undefined || ca === undefined) throw new Error('unreachable: three files were read')
  return { cert, key, ca, minVersion: 'TLSv1.2' }
}

/** Keeps the old certificate when the new files are no pair yet: somebody may be half-way through writing them. */
function renew(server: Server, options: Options, log: Logger): void {
  try {
    server.setSecureContext(secureContext(options))
    log.info('certificate of the Data Plane API read again')
  } catch (error) {
    log.error('certificate of the Data Plane API not taken over', { error: wordsOf(error) })
  }
}

function listening(server: Server, options: Options): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(options.port, options.host, () => {
      server.off('error', reject)
      resolve()
    })
  })
}

function closed(server: Server, sockets: ReadonlySet<Socket>): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve())
    server.closeIdleConnections()
    // A client that goes on sending, or that never finished its handshake, does not keep the program alive.
    setTimeout(() => {
      for (const socket of sockets) socket.destroy()
    }, 3000).unref()
  })
}
