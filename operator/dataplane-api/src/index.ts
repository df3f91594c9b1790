import { Pool } from 'undici'

import { GeneratedClient } from './generated/GeneratedClient.js'
import { transport, type Answer } from './transport.js'

export { DeadlineError, type Answer } from './transport.js'
export { ApiError } from './generated/core/ApiError.js'
export { CancelError, CancelablePromise } from './generated/core/CancelablePromise.js'
export type * from './generated/index.js'

export type ClientOptions = {
  readonly address: string
  readonly port: number
  /** PEM texts: the CA of the pod's API, and our own certificate and key of the same CA. */
  readonly ca: string
  readonly cert: string
  readonly key: string
  /** The name in the pod's certificate, since pods are called by IP address. */
  readonly servername: string
  /** Milliseconds for each call, answer included. 5,000 when left out. */
  readonly timeoutMs?: number
  /** Connections to the pod; 4 when left out. The API takes one write at a time, so more gain little. */
  readonly connections?: number
  /** Called once for every answer of any status. */
  readonly onResponse?: (answer: Answer) => void
}

/** The API's calls by service, and the end of its connections. */
export type DataPlaneClient = Omit<GeneratedClient, 'request'> & {
  /** Ends all connections; calls under way are given up. */
  readonly close: () => Promise<void>
}

/**
 * A client for the Data Plane API of one HAProxy pod, over mutual TLS and kept connections. Calls reject with ApiError (the API refused;
 * `status` and `body.message` say why), DeadlineError (too late) or the connection's error.
 */
export function createClient(options: ClientOptions): DataPlaneClient {
  const host = options.address.includes(':') ? `[${options.address}]` : options.address
  const origin = `https://${host}:${options.port}`
  const timeoutMs = options.timeoutMs ?? 5000
  const { ca, cert, key, servername } = options
  const pool = new Pool(origin, {
    connections: options.connections ?? 4,
    pipelining: 1,
    connect: { ca, cert, key, servername, timeout: timeoutMs },
    // The API keeps idle connections for an hour (cleanup_timeout); ours end earlier, so no call meets a closing one.
    keepAliveTimeout: 30 * 60_000,
    headersTimeout: 0,
    bodyTimeout: 0,
  })
  const sender = transport({ dispatcher: pool, timeoutMs, onResponse: options.onResponse })
  const client = new GeneratedClient({ BASE: `${origin}/v3` }, sender)
  return Object.assign(client, { close: () => pool.destroy() })
}
