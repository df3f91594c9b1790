// The backends of all worlds: servers that tell who they are and what reached them.

import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import { createServer as createHttp2Server, type Http2ServerRequest, type Http2ServerResponse } from 'node:http2'
import { createServer as createSocketServer } from 'node:net'

import { pem } from '../../operator/translate/testing/certificates.ts'

import { compared } from './client.ts'
import { backendHeaders } from './oracle-answers.ts'

export type Backends = { readonly ports: ReadonlyMap<string, number>; readonly stop: () => Promise<void> }

/** One server per id, which answers with its id and with what reached it. */
export async function startBackends(ids: readonly string[]): Promise<Backends> {
  const started = await Promise.all(ids.map(startBackend))
  return {
    ports: new Map(started.map(({ port }, index) => [ids[index] ?? '', port])),
    async stop() {
      await Promise.all(started.map(({ stop }) => stop()))
    },
  }
}

// Speaks TLS with whoever begins with a TLS handshake.
async function startBackend(id: string): Promise<{ readonly port: number; readonly stop: () => Promise<void> }> {
  const answer =
    (sees: 'TLS' | 'clear text') =>
    (request: IncomingMessage | Http2ServerRequest, response: ServerResponse | Http2ServerResponse) => {
      const { url: target, headers } = request
      request.resume()
      const host = headers.host ?? headers[':authority']
      const reached = { backend: id, sees, target, host, requestHeaders: compared(headers) }
      for (const [name, value] of Object.entries(backendHeaders)) response.setHeader(name, value)
      response.end(JSON.stringify(reached))
    }
  const clear = createServer(answer('clear text'))
  const tls = createTlsServer({ cert: pem.server, key: pem.serverKey }, answer('TLS'))
  const http2 = createHttp2Server(answer('clear text'))
  const server = createSocketServer((socket) => {
    socket.on('error', () => socket.destroy())
    socket.once('data', (first) => {
      socket.pause().unshift(first)
      if (Buffer.from(first)[0] === tlsHandshake) tls.emit('connection', socket)
      else if (Buffer.from(first).toString('latin1').startsWith(http2Preface)) http2.emit('connection', socket)
      else clear.emit('connection', socket.resume())
    })
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  return {
    port: typeof address === 'object' && address !== null ? address.port : 0,
    async stop() {
      clear.closeAllConnections()
      tls.closeAllConnections()
      await once(server.close(), 'close')
    },
  }
}

const tlsHandshake = 22
const http2Preface = 'PRI * HTTP/2'
