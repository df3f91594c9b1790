// What answers in the benches: runs by Node.js alone in pods (`responders.ts` brings it there) and listens on many ports, each of which
// stands for a Service. An answer is the number of the port; under /events it never ends; WebSockets get back what they send.
// Another port is for orders: /close?port=N refuses connections at that port from now on and resets those there are, /open?port=N undoes it,
// /count?port=N tells how many requests it answered.

import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { Socket } from 'node:net'

const trickleMilliseconds = 500
const webSocketSalt = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11'

const portsOf = (variable: string): readonly number[] => {
  const [first = 0, last = -1] = (process.env[variable] ?? '').split('-').map(Number)
  return Array.from({ length: last - first + 1 }, (_, n) => first + n)
}

type Port = { readonly server: Server; readonly sockets: Set<Socket>; answered: number }
const ports = new Map<number, Port>()

function answerAs(port: number): (request: IncomingMessage, response: ServerResponse) => void {
  return (request, response) => {
    request.resume()
    response.setHeader('content-type', 'text/plain')
    if (request.url?.endsWith('/events') === true) trickle(response, port)
    else response.end(`${port}\n`)
  }
}

function trickle(response: ServerResponse, port: number): void {
  const timer = setInterval(() => response.write(`${port}\n`), trickleMilliseconds)
  response.once('close', () => clearInterval(timer))
  response.write(`${port}\n`)
}

// Text frames of less than 126 bytes, which is all that the benches send: https://www.rfc-editor.org/rfc/rfc6455#section-5.2
function echo(request: IncomingMessage, socket: Socket): void {
  const accept = createHash('sha1').update(`${request.headers['sec-websocket-key']}${webSocketSalt}`).digest('base64')
  const lines = ['HTTP/1.1 101 Switching Protocols', 'Upgrade: websocket', 'Connection: Upgrade']
  socket.write(`${lines.join('\r\n')}\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`)
  socket.on('error', () => socket.destroy())
  let got = Buffer.alloc(0)
  socket.on('data', (chunk: Buffer) => {
    got = Buffer.concat([got, chunk])
    for (let size = frameSize(got); size !== undefined; size = frameSize(got)) {
      const [mask, payload] = [got.subarray(2, 6), got.subarray(6, size)]
      const clear = payload.map((byte, at) => byte ^ (mask[at % 4] ?? 0))
      socket.write(Buffer.concat([Buffer.of(0x81, clear.length), clear]))
      got = got.subarray(size)
    }
  })
}

function frameSize(got: Buffer): number | undefined {
  const size = 6 + ((got[1] ?? 0) & 127)
  return got.length < 6 || got.length < size ? undefined : size
}

function open(number: number, server: Server): void {
  const sockets = new Set<Socket>()
  server.on('connection', (socket: Socket) => {
    sockets.add(socket.once('close', () => sockets.delete(socket)))
  })
  server.keepAliveTimeout = 120_000
  server.on('upgrade', echo)
  const port: Port = { server: server.listen(number), sockets, answered: 0 }
  server.on('request', () => (port.answered += 1))
  ports.set(number, port)
}

function order(request: IncomingMessage, response: ServerResponse): void {
  const { pathname, searchParams } = new URL(request.url ?? '/', 'http://responder')
  const number = Number(searchParams.get('port'))
  const port = ports.get(number)
  if (pathname === '/close' && port) {
    port.server.close()
    for (const socket of port.sockets) socket.resetAndDestroy()
  }
  if (pathname === '/open' && port) port.server.listen(number)
  response.end(`${port?.answered}\n`)
}

for (const number of portsOf('PORTS')) open(number, createServer(answerAs(number)))
for (const number of portsOf('TLS_PORTS')) {
  const pair = { cert: readFileSync('/tls/tls.crt'), key: readFileSync('/tls/tls.key') }
  open(number, createTlsServer(pair, answerAs(number)))
}
createServer(order).listen(Number(process.env['ORDERS']))
