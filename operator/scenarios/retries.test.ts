// Retry policies as a real HAProxy keeps them: how often a backend that fails in one way or another is asked, and how long it takes.

import { expect } from 'chai'
import { once } from 'node:events'
import { createServer, request as httpRequest, type IncomingMessage } from 'node:http'

import type { HTTPRoute, KubernetesObject } from '../model/kubernetes.ts'
import { parseManifests } from '../watch/files.ts'
import { freePorts } from '../../e2e/lib/free-ports.ts'

import { findHaproxy } from './haproxy-files.ts'
import { serving } from './serve.ts'

const haproxy = findHaproxy()
type Rule = NonNullable<HTTPRoute['spec']['rules']>[number]
type Policy = Pick<Rule, 'retry' | 'timeouts'>
/** `seen`: requests that reached an endpoint. `took`: milliseconds. */
type Seen = { readonly status: number; readonly seen: number; readonly took: number }
type Send = (path: string, body?: string) => Promise<Seen>

describe('retries of a real HAProxy', function () {
  this.timeout(20_000)
  before(function () {
    if (haproxy === undefined) this.skip()
  })

  it('sends again after the codes of the policy, as often as it says', async () => {
    await withPolicy({ retry: { attempts: 3, codes: [500, 502] } }, async (send) => {
      expect(await outcome(send, '/fail/2?500')).to.deep.equal({ status: 200, seen: 3 })
      expect(await outcome(send, '/fail/9?500')).to.deep.equal({ status: 500, seen: 4 })
      expect(await outcome(send, '/fail/9?503')).to.deep.equal({ status: 503, seen: 1 })
    })
  })

  it('sends again when the connection breaks, with and without codes', async () => {
    await withPolicy({ retry: { attempts: 1 } }, async (send) => {
      expect(await outcome(send, '/drop/1')).to.deep.equal({ status: 200, seen: 2 })
      expect(await outcome(send, '/drop/9')).to.deep.equal({ status: 502, seen: 2 })
      expect(await outcome(send, '/fail/9?500')).to.deep.equal({ status: 500, seen: 1 })
    })
  })

  it('does nothing of that without a policy', async () => {
    await withPolicy({}, async (send) => {
      expect(await outcome(send, '/drop/1')).to.deep.equal({ status: 502, seen: 1 })
      expect(await outcome(send, '/fail/1?500')).to.deep.equal({ status: 500, seen: 1 })
    })
  })

  it('finds another endpoint after a refused connection; with 0 attempts it does not look for one', async () => {
    const [nobody = 0] = await freePorts(1)
    for (const policy of [{ retry: { attempts: 1 } }, {}])
      await withPolicy(policy, async (send) => void expect(await statuses(send)).to.deep.equal([200]), nobody)
    const never = { retry: { attempts: 0, codes: [500] } }
    await withPolicy(never, async (send) => void expect(await statuses(send)).to.deep.equal([200, 503]), nobody)
    await withPolicy(never, async (send) => {
      expect(await outcome(send, '/fail/9?500')).to.deep.equal({ status: 500, seen: 1 })
    })
  })

  it('gives every attempt its backendRequest timeout', async () => {
    await withPolicy({ retry: { attempts: 2 }, timeouts: { backendRequest: '200ms' } }, async (send) => {
      expect(await outcome(send, '/hang/2')).to.deep.equal({ status: 200, seen: 3 })
      const { took, ...rest } = await send('/hang/9')
      expect(rest).to.deep.equal({ status: 504, seen: 3 })
      expect(took).to.be.within(590, 1500)
    })
  })

  it('waits before it sends again, and not before it gives up', async () => {
    const retry = { attempts: 2, codes: [500, 502], backoff: '300ms' }
    await withPolicy({ retry }, async (send) => {
      const failed = await send('/fail/9?502')
      expect(failed).to.include({ status: 502, seen: 3 })
      expect(failed.took).to.be.within(590, 880)
      const repeated = await send('/fail/1?500', 'x'.repeat(10_000))
      expect(repeated).to.include({ status: 200, seen: 2 })
      expect(repeated.took).to.be.within(290, 590)
      const passedOn = await send('/fail/9?503')
      expect(passedOn).to.include({ status: 503, seen: 1 })
      expect(passedOn.took).to.be.below(250)
    })
    await withPolicy({ retry }, async (send) => {
      expect(await outcome(send, '/drop/9')).to.deep.equal({ status: 502, seen: 1 })
    })
  })

  it('takes no longer than the request timeout, with all attempts together', async () => {
    const timeouts = { request: '600ms', backendRequest: '500ms' }
    await withPolicy({ retry: { attempts: 2, codes: [500] }, timeouts }, async (send) => {
      const { took, status } = await send('/hang/9')
      expect(status).to.equal(504)
      expect(took).to.be.within(590, 900)
    })
  })

  it('sends bodies again up to what fits into a buffer, and longer ones once', async () => {
    await withPolicy({ retry: { attempts: 1, codes: [500] } }, async (send) => {
      expect(await outcome(send, '/fail/1?500', 'x'.repeat(10_000))).to.deep.equal({ status: 200, seen: 2 })
      expect(await outcome(send, '/fail/1?500', 'x'.repeat(20_000))).to.deep.equal({ status: 500, seen: 1 })
    })
  })
})

async function outcome(send: Send, path: string, body?: string): Promise<Omit<Seen, 'took'>> {
  const { status, seen } = await send(path, body)
  return { status, seen }
}

// Of a few requests, each status once, sorted: with two endpoints, both are tried.
async function statuses(send: Send): Promise<readonly number[]> {
  const all: number[] = []
  for (let i = 0; i < 6; i += 1) all.push((await send('/fail/0?500')).status)
  return [...new Set(all)].toSorted((a, b) => a - b)
}

async function withPolicy(policy: Policy, work: (send: Send) => Promise<void>, deadPort?: number): Promise<void> {
  const [port = 0] = await freePorts(1)
  const backend = await startFailing()
  const endpoints = [backend.port, ...(deadPort === undefined ? [] : [deadPort])]
  const objects = manifests(port, policy, endpoints)
  try {
    await serving(haproxy ?? '', { objects, gateway: 'shop/web' }, () =>
      work(async (path, body) => {
        const [before, began] = [backend.count(), performance.now()]
        const status = await statusOf(port, path, body)
        return { status, seen: backend.count() - before, took: performance.now() - began }
      }),
    )
  } finally {
    await backend.stop()
  }
}

function manifests(port: number, policy: Policy, endpointPorts: readonly number[]): readonly KubernetesObject[] {
  const route = { parentRefs: [{ name: 'web' }], rules: [{ ...policy, backendRefs: [{ name: 'cart', port: 80 }] }] }
  const slices = endpointPorts.map(
    (target, i) => `
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: { namespace: shop, name: cart-${i}, labels: { kubernetes.io/service-name: cart } }
addressType: IPv4
ports: [{ port: ${target} }]
endpoints: [{ addresses: [10.0.0.1], conditions: { ready: true } }]`,
  )
  return parseManifests(
    `
apiVersion: gateway.networking.k8s.io/v1
kind: GatewayClass
metadata: { name: haproxy }
spec: { controllerName: haproxy-gateway.dev/controller }
---
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: { namespace: shop, name: web }
spec: { gatewayClassName: haproxy, listeners: [{ name: http, protocol: HTTP, port: ${port} }] }
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: { namespace: shop, name: cart }
spec: ${JSON.stringify(route)}
---
apiVersion: v1
kind: Service
metadata: { namespace: shop, name: cart }
spec: { ports: [{ port: 80 }] }${slices.join('')}`,
    'retries',
  )
}

// `/fail/2?500`: 500 for the first two times, then 200. `/drop/…` closes the connection instead, `/hang/…` says nothing.
async function startFailing(): Promise<{ port: number; count: () => number; stop: () => Promise<void> }> {
  const asked = new Map<string, number>()
  let count = 0
  const server = createServer((request, response) => {
    count += 1
    const [, path = '', code] = /^([^?]*)\??(\d*)/.exec(request.url ?? '') ?? []
    const id = String(request.headers['x-id'])
    const times = (asked.get(id) ?? 0) + 1
    asked.set(id, times)
    const [, how, failures] = path.split('/')
    if (times > Number(failures)) request.resume().once('end', () => response.end('fine'))
    else if (how === 'drop') request.socket.destroy()
    else if (how === 'fail') response.writeHead(Number(code)).end()
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  return {
    port: typeof address === 'object' && address !== null ? address.port : 0,
    count: () => count,
    async stop() {
      server.closeAllConnections()
      await once(server.close(), 'close')
    },
  }
}

let requests = 0

async function statusOf(port: number, path: string, body = ''): Promise<number> {
  requests += 1
  const method = body === '' ? 'GET' : 'POST'
  const outgoing = httpRequest({ host: '127.0.0.1', port, path, method, headers: { 'x-id': String(requests) } })
  const [response]: IncomingMessage[] = await once(outgoing.end(body), 'response')
  response?.resume()
  return response?.statusCode ?? 0
}
