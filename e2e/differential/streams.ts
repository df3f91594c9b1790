// Random connections to listeners of protocol TLS and TCP, and what comes of them.

import { connect, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'

import type { Connection, Reached } from './oracle-streams.ts'
import type { Random } from './random.ts'
import { hosts } from './requests.ts'
import type { World } from './world.ts'

export function randomConnection(random: Random, { gateway, tlsRoutes }: World): Connection {
  const listeners = gateway.spec.listeners.filter(({ protocol }) => ['TLS', 'TCP'].includes(protocol))
  const { port = 0, protocol } = listeners[random.number(listeners.length)] ?? {}
  if (protocol === 'TCP') return { port }
  const hostnames = tlsRoutes.flatMap(({ spec }) => spec.hostnames)
  const hostname = random.chance(0.6) ? hostnames[random.number(hostnames.length)] : undefined
  return { port, sni: hostname?.replace(/^\*/, 'x') ?? random.pick(hosts) }
}

/** Says a word and waits for the answer. */
export async function reach({ port, sni }: Connection): Promise<Reached> {
  const socket =
    sni === undefined
      ? connect(port, '127.0.0.1')
      : connectTls({ host: '127.0.0.1', port, servername: sni, rejectUnauthorized: false })
  try {
    return await conversation(socket)
  } catch {
    return { backend: 'nobody' }
  } finally {
    socket.destroy()
  }
}

async function conversation(socket: Socket): Promise<Reached> {
  socket.setTimeout(5000, () => socket.destroy(new Error('no answer')))
  socket.write('GET / HTTP/1.0\r\n\r\n')
  let text = ''
  for await (const chunk of socket.setEncoding('utf8')) text += String(chunk)
  const [, answer = ''] = text.split('\r\n\r\n')
  if (answer === '') return { backend: 'nobody' }
  const { backend, sees }: { readonly backend: string; readonly sees: 'TLS' | 'clear text' } = JSON.parse(answer)
  return { backend, sees }
}
