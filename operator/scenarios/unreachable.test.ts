// Whom HAProxy takes for unreachable, on a real one: as many servers as it can look after, and none because somebody was in a hurry.

import { expect } from 'chai'
import { once } from 'node:events'
import { createServer, request } from 'node:http'
import { connect, type Socket } from 'node:net'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { setTimeout as sleep } from 'node:timers/promises'
import { Worker } from 'node:worker_threads'

import { freePorts } from '../../e2e/lib/free-ports.ts'
import type { KubernetesObject } from '../model/kubernetes.ts'

import { findHaproxy } from './haproxy-files.ts'
import { cartSlice, oneRoute } from './one-route.ts'
import { serving } from './serve.ts'

const haproxy = findHaproxy()
const once503 = { retry: { attempts: 0 } }

describe('servers that a real HAProxy spares', function () {
  this.timeout(30_000)

  before(function () {
    if (haproxy === undefined) this.skip()
  })

  it('a route whose timeout leaves no time to connect takes no server from the others', async () => {
    const slow: Slow[] = []
    try {
      while (slow.length < 2) slow.push(await slowToAccept())
      const hurried = { ...once503, timeouts: { request: '300ms' } }
      await withServers(
        hurried,
        slow.map(({ port }) => port),
        async (ask, spared) => {
          for (let round = 0; round < 4; round += 1) expect(await ask()).to.equal(503)
          expect(await spared()).to.equal(0)
        },
      )
      await withServers(
        once503,
        slow.map(({ port }) => port),
        async (ask, spared) => {
          expect(await ask()).to.equal(503)
          expect(await spared(), 'with all the time there is').to.equal(1)
        },
      )
    } finally {
      for (const { close } of slow) await close()
    }
  })

  it('not the last one, also when the others went later', async () => {
    const there = createServer().listen(0, '127.0.0.1')
    await once(there, 'listening')
    try {
      const address = there.address()
      const alive = typeof address === 'object' && address !== null ? address.port : 0
      const [dead = 0] = await freePorts(1)
      await withServers(once503, [alive, dead], async (ask, spared, root) => {
        there.on('request', (_, response) => response.end())
        await ask()
        await ask()
        expect(await spared()).to.equal(1)
        await command(root, `set server shop_cart_80.retry.0/10-0-0-1_${alive} state maint`)
        await sleep(1200)
        expect(await spared()).to.equal(0)
      })
    } finally {
      there.closeAllConnections()
      there.close()
    }
  })

  it('the answer is the one that HAProxy gives by itself', async () => {
    const [port = 0, dead = 0] = await freePorts(2)
    const usual =
      '<html><body><h1>503 Service Unavailable</h1>\nNo server is available to handle this request.\n</body></html>\n'
    for (const [what, servers] of [
      ['a server that takes no connections', [dead]],
      ['no server', []],
    ] as const) {
      await serving(haproxy ?? '', { objects: objectsOf(once503, port, servers), gateway: 'shop/web' }, async () => {
        const answer = await fetch(`http://127.0.0.1:${port}/`)
        expect(answer.status, what).to.equal(503)
        expect(answer.headers.get('content-type'), what).to.equal('text/html')
        expect(answer.headers.get('cache-control'), what).to.equal('no-cache')
        expect(await answer.text(), what).to.equal(usual)
      })
    }
  })

  it('as many as it can look after, however many there are', async () => {
    const dead = await freePorts(700)
    await withServers(once503, dead, async (ask, spared) => {
      for (let round = 0; round < 40; round += 1) await Promise.all(Array.from({ length: 30 }, ask))
      const threads = availableParallelism()
      expect(await spared()).to.be.within(200, 250 * threads)
    })
  })
})

type Work = (ask: () => Promise<number>, spared: () => Promise<number>, root: string) => Promise<void>

async function withServers(rule: object, ports: readonly number[], work: Work): Promise<void> {
  const [port = 0] = await freePorts(1)
  await serving(haproxy ?? '', { objects: objectsOf(rule, port, ports), gateway: 'shop/web' }, (root) =>
    work(
      () => statusOf(port),
      () => countSpared(root),
      root,
    ),
  )
}

function objectsOf(rule: object, port: number, servers: readonly number[]): readonly KubernetesObject[] {
  const route = oneRoute({ ...rule, backendRefs: [{ name: 'cart', port: 80 }] }, port, { cart: 1 })
  return route.filter(({ kind }) => kind !== 'EndpointSlice').concat(servers.flatMap(cartSlice))
}

async function statusOf(port: number): Promise<number> {
  const [response] = await once(request({ host: '127.0.0.1', port, agent: false }).end(), 'response')
  response.resume()
  return Number(response.statusCode)
}

// Servers with the weight 0.
async function countSpared(root: string): Promise<number> {
  const lines = await command(root, 'show servers state')
  return lines.split('\n').filter((line) => /^\d/.test(line) && line.split(' ')[7] === '0').length
}

function command(root: string, line: string): Promise<string> {
  return text(connect(join(root, 'run/worker.sock')).end(`${line}\n`))
}

type Slow = { readonly port: number; readonly close: () => Promise<void> }

// Listens, but its queue is full: the system answers nobody who wants to connect.
async function slowToAccept(): Promise<Slow> {
  const program = `
    const { createServer } = require('node:net')
    const { parentPort } = require('node:worker_threads')
    const server = createServer().listen({ port: 0, host: '127.0.0.1', backlog: 1 }, () => {
      parentPort.postMessage(server.address().port)
      setTimeout(() => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0), 50)
    })`
  const thread = new Worker(program, { eval: true })
  const [port] = await once(thread, 'message')
  const queued: Socket[] = []
  await sleep(100)
  for (let i = 0; i < 6; i += 1) queued.push(connect({ host: '127.0.0.1', port: Number(port) }).on('error', () => {}))
  await sleep(100)
  return {
    port: Number(port),
    close: async () => {
      for (const socket of queued) socket.destroy()
      await thread.terminate()
    },
  }
}
