// What clients see of endpoints that take no connections, on a real HAProxy.

import { expect } from 'chai'
import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import {
  Agent,
  createServer,
  request as httpRequest,
  type ClientRequest,
  type IncomingMessage,
  type Server,
} from 'node:http'
import { connect, type AddressInfo, type Socket } from 'node:net'
import { join } from 'node:path'
import type { Duplex } from 'node:stream'
import { text } from 'node:stream/consumers'
import { setTimeout as sleep } from 'node:timers/promises'

import { freePorts } from '../../e2e/lib/free-ports.ts'

import { findHaproxy } from './haproxy-files.ts'
import { cartSlice, oneRoute } from './one-route.ts'
import { serving } from './serve.ts'

const haproxy = findHaproxy()
const filters = [{ type: 'RequestHeaderModifier', requestHeaderModifier: { set: [{ name: 'x-a', value: 'b' }] } }]
const profiles = { plain: {}, filtered: { filters }, 'retry.0': { retry: { attempts: 0 } } } as const
type Ask = (count: number, method?: string) => Promise<readonly number[]>
type Place = { readonly port: number; readonly root: string }
type Work = (ask: Ask, place: Place) => Promise<void>

describe('endpoints of a real HAProxy', function () {
  this.timeout(20_000)
  let origins: readonly Server[]
  let nobody: number

  before(async function () {
    if (haproxy === undefined) this.skip()
    origins = await Promise.all([1, 2, 3].map(() => originOn(0)))
    nobody = (await freePorts(1))[0] ?? 0
  })
  after(async () => {
    await Promise.all([...opened].map(closed))
  })

  const withRule = (rule: object, ports: readonly number[], work: Work) =>
    withEndpoints(haproxy ?? '', { rule, ports }, work)

  for (const profile of ['plain', 'filtered'] as const)
    it(`one of four that refuses costs no request, whatever its method (${profile})`, async () => {
      await withRule(profiles[profile], [...origins.map(portOf), nobody], async (ask) => {
        expect(failed(await ask(40))).to.deep.equal([])
        expect(failed(await ask(40, 'POST'))).to.deep.equal([])
      })
    })

  for (const profile of ['plain', 'filtered'] as const)
    it(`nearly all that refuse cost a request each at most (${profile})`, async () => {
      const dead = await freePorts(6)
      await withRule(profiles[profile], [...origins.slice(0, 1).map(portOf), ...dead], async (ask) => {
        expect(failed(await ask(100)).length).to.be.at.most(dead.length)
        expect(failed(await ask(50))).to.deep.equal([])
      })
    })

  it('one of four that refuses costs a request without attempts, and is found again when it answers', async () => {
    await withRule(profiles['retry.0'], [...origins.map(portOf), nobody], async (ask) => {
      const first = await ask(100)
      expect(failed(first)).to.deep.equal([503])
      for (let round = 0; round < 10; round += 1) {
        expect(failed(await ask(20)), 'while it is looked after').to.deep.equal([])
        await sleep(100)
      }
      const revived = await originOn(nobody)
      await sleep(1100)
      expect(failed(await ask(40))).to.deep.equal([])
      expect(askedOf(revived)).to.be.greaterThan(5)
      await closed(revived)
      expect(failed(await ask(100))).to.deep.equal([503])
    })
  })

  it('the only one keeps its requests, so that it serves as soon as it can', async () => {
    const [port = 0] = await freePorts(1)
    await withRule(profiles['retry.0'], [port], async (ask) => {
      expect(await ask(3)).to.deep.equal([503, 503, 503])
      const revived = await originOn(port)
      expect(await ask(3)).to.deep.equal([200, 200, 200])
      await closed(revived)
    })
  })

  it('an endpoint that answers 503 itself is nobody to be spared', async () => {
    const busy = await originOn(0, 503)
    await withRule(profiles['retry.0'], [...origins.map(portOf), portOf(busy)], async (ask) => {
      await ask(40)
      expect(askedOf(busy)).to.equal(10)
    })
    await closed(busy)
  })

  it('what one that is removed still answers goes on, WebSockets too, and everything new goes elsewhere at once', async () => {
    const [first, second] = await Promise.all([originOn(0), originOn(0)])
    await withRule({}, [portOf(first), portOf(second)], async (ask, { port, root }) => {
      const kept = new Agent({ keepAlive: true })
      for (let n = 0; n < 4; n += 1) await answered(httpRequest({ host: '127.0.0.1', port, agent: kept }).end())
      const [one, other] = [await talk(port), await talk(port)]
      const slow = Promise.all(
        [1, 2].map(() => answered(httpRequest({ host: '127.0.0.1', port, path: '/slow' }).end())),
      )
      await sleep(100)
      const before = [askedOf(first), askedOf(second)]
      const place = `shop_cart_80/10-0-0-1_${portOf(first)}`
      const remove = async () => {
        await command(root, `set server ${place} state maint`)
        return command(root, `del server ${place}`)
      }
      expect(await remove()).to.include('still has connections')
      expect(failed(await ask(20))).to.deep.equal([])
      expect([askedOf(first), askedOf(second)]).to.deep.equal([before[0], (before[1] ?? 0) + 20])
      expect(await slow).to.deep.equal([200, 200])
      expect(await remove(), 'with the WebSocket alone').to.include('still has connections')
      expect([await one.say('a'), await other.say('b')]).to.deep.equal(['a', 'b'])
      await command(root, `set server ${place} state ready`)
      await ask(4)
      expect(askedOf(first), 'taken back').to.be.greaterThan(before[0] ?? 0)
      for (const { end } of [one, other]) end()
      await sleep(50)
      expect(await remove(), 'with idle connections only').to.include('deleted')
      kept.destroy()
    })
    await Promise.all([closed(first), closed(second)])
  })

  it('a request that waits while its backend is given to another Service does not get there', async () => {
    const mirror = { type: 'RequestMirror', requestMirror: { backendRef: { name: 'cart', port: 80 } } }
    await withRule({ filters: [mirror] }, origins.map(portOf), async (_, { port, root }) => {
      const owner = (name: string) => command(root, `add map ${root}/maps/meta.map @be.shop_cart_80.f ${name}`)
      await owner('shop_cart_80.f')
      expect(await slowly(port, () => sleep(50))).to.equal(200)
      const taken = async () => {
        await command(root, `del map ${root}/maps/meta.map @be.shop_cart_80.f`)
        await owner('shop_stock_80.f')
      }
      expect(await slowly(port, taken)).to.equal(503)
    })
  })

  it('a Service without any is answered with 503', async () => {
    await withRule({}, [], async (ask) => void expect(await ask(2)).to.deep.equal([503, 503]))
  })
})

const failed = (statuses: readonly number[]) => statuses.filter((status) => status !== 200)

async function withEndpoints(
  program: string,
  { rule, ports }: { readonly rule: object; readonly ports: readonly number[] },
  work: Work,
): Promise<void> {
  const [port = 0] = await freePorts(1)
  const route = oneRoute({ ...rule, backendRefs: [{ name: 'cart', port: 80 }] }, port, { cart: 1 })
  const objects = route.filter(({ kind }) => kind !== 'EndpointSlice').concat(ports.flatMap(cartSlice))
  const ask: Ask = async (count, method = 'GET') => {
    const statuses: number[] = []
    for (let i = 0; i < count; i += 1) statuses.push(await statusOf(port, method))
    return statuses
  }
  await serving(program, { objects, gateway: 'shop/web' }, (root) => work(ask, { port, root }))
}

/** Whatever a test leaves behind when it fails. */
const opened = new Set<Server>()
const asked = new WeakMap<Server, number>()
const askedOf = (server: Server) => asked.get(server) ?? 0

async function originOn(port: number, status = 200): Promise<Server> {
  const server: Server = createServer((request, response) => {
    asked.set(server, askedOf(server) + 1)
    const answer = () => response.writeHead(status).end()
    request.resume().once('end', () => (request.url === '/slow' ? setTimeout(answer, 400) : answer()))
  })
  server.on('upgrade', ({ headers }, socket: Duplex) => {
    asked.set(server, askedOf(server) + 1)
    const accept = createHash('sha1').update(`${headers['sec-websocket-key']}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`)
    socket.write(
      `HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\nsec-websocket-accept: ${accept.digest('base64')}\r\n\r\n`,
    )
    socket.on('error', () => {}).pipe(socket)
  })
  server.listen(port, '127.0.0.1')
  await once(server, 'listening')
  opened.add(server)
  return server
}

function portOf(server: Server): number {
  const address: AddressInfo | string | null = server.address()
  return typeof address === 'object' && address !== null ? address.port : 0
}

async function closed(server: Server): Promise<void> {
  opened.delete(server)
  server.closeAllConnections()
  await once(server.close(), 'close')
}

async function statusOf(port: number, method: string): Promise<number> {
  const outgoing = httpRequest({ host: '127.0.0.1', port, method, agent: false })
  return answered(outgoing.end(method === 'POST' ? 'x' : undefined))
}

// A request whose body comes in two parts, with something between them.
async function slowly(port: number, between: () => Promise<void>): Promise<number> {
  const headers = { 'content-length': 2 }
  const outgoing = httpRequest({ host: '127.0.0.1', port, method: 'POST', agent: false, headers })
  const status = answered(outgoing)
  outgoing.write('a')
  await sleep(50)
  await between()
  outgoing.end('b')
  return status
}

async function answered(outgoing: ClientRequest): Promise<number> {
  const [response]: IncomingMessage[] = await once(outgoing, 'response')
  response?.resume()
  return response?.statusCode ?? 0
}

type Talk = { readonly say: (word: string) => Promise<string>; readonly end: () => void }

async function talk(port: number): Promise<Talk> {
  const key = randomBytes(16).toString('base64')
  const headers = {
    connection: 'upgrade',
    upgrade: 'websocket',
    'sec-websocket-version': '13',
    'sec-websocket-key': key,
  }
  const outgoing = httpRequest({ host: '127.0.0.1', port, headers, agent: false }).end()
  const [, socket]: [IncomingMessage, Socket] = await Promise.race([
    once(outgoing, 'upgrade').then(([response, open]): [IncomingMessage, Socket] => [response, open]),
    once(outgoing, 'response').then(([{ statusCode }]) => {
      throw new Error(`no WebSocket: ${statusCode}`)
    }),
  ])
  return {
    say: async (word) => {
      socket.write(word)
      const [said] = await once(socket, 'data')
      return String(said)
    },
    end: () => socket.destroy(),
  }
}

async function command(root: string, line: string): Promise<string> {
  const socket = connect(join(root, 'run/worker.sock')).end(`${line}\n`)
  return text(socket)
}
