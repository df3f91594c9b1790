import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Registry } from 'prom-client'

export type HealthOptions = {
  /** 0: any free one. */
  readonly port: number
  readonly registry: Registry
  /** Why the operator is not ready; undefined when it is. */
  readonly notReady: () => string | undefined
}

export type Health = { readonly port: number; readonly close: () => Promise<void> }

/**
 * Serves /livez (200 as long as the process answers at all), /readyz (200 once a run has handed out a result, else 503 with the reason)
 * and /metrics. Rejects when the port cannot be had.
 */
export async function serveHealth({ port, registry, notReady }: HealthOptions): Promise<Health> {
  const server = createServer((request, response) => {
    const path = request.url?.split('?')[0]
    if (path === '/metrics') void sendMetrics(registry, response)
    else if (path === '/livez') answer(response, 200, 'ok')
    else if (path === '/readyz') answer(response, notReady() === undefined ? 200 : 503, notReady() ?? 'ok')
    else answer(response, 404, 'There are /livez, /readyz and /metrics.')
  })
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  server.once('error', reject)
  server.listen(port, resolve)
  await promise
  const address = server.address()
  return {
    port: isAddressInfo(address) ? address.port : port,
    close: async () => {
      const closed = Promise.withResolvers<void>()
      server.close(() => closed.resolve())
      server.closeAllConnections()
      await closed.promise
    },
  }
}

async function sendMetrics(registry: Registry, response: ServerResponse): Promise<void> {
  try {
    const text = await registry.metrics()
    response.setHeader('content-type', registry.contentType)
    response.end(text)
  } catch {
    answer(response, 500, 'The metrics could not be collected.')
  }
}

function answer(response: ServerResponse, status: number, text: string): void {
  response.statusCode = status
  response.setHeader('content-type', 'text/plain; charset=utf-8')
  response.end(`${text}\n`)
}

function isAddressInfo(address: string | AddressInfo | null): address is AddressInfo {
  return typeof address === 'object' && address !== null
}
