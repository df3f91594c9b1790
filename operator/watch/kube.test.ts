import { expect } from 'chai'
import { getEventListeners } from 'node:events'
import { createServer, type Server } from 'node:http'

import { createKubeClient, PooledKubeConfig, type KubeClient } from './kube.ts'

describe('watch/kube', () => {
  let server: Server
  let client: KubeClient
  let config: PooledKubeConfig
  let connections: number
  let seen: { readonly headers: Record<string, unknown>; readonly body: string }[]

  beforeEach(async () => {
    connections = 0
    seen = []
    server = createServer((request, response) => {
      const chunks: Buffer[] = []
      request.on('data', (chunk: Buffer) => chunks.push(chunk))
      request.on('end', () => {
        seen.push({ headers: request.headers, body: Buffer.concat(chunks).toString() })
        if (request.url === '/never') return
        if (request.url === '/later') response.setHeader('retry-after', new Date(Date.now() + 5000).toUTCString())
        response.end(request.url === '/text' ? 'starting' : '{"ok":true}')
      })
    })
    server.on('connection', () => {
      connections += 1
    })
    const { promise, resolve } = Promise.withResolvers<void>()
    server.listen(0, '127.0.0.1', resolve)
    await promise
    const address = server.address()
    const port = typeof address === 'object' ? address?.port : 0
    config = new PooledKubeConfig()
    config.loadFromClusterAndUser(
      { name: 'c', server: `http://127.0.0.1:${port}/`, skipTLSVerify: true },
      { name: 'u', username: 'me', password: 'pass' },
    )
    client = createKubeClient(config)
  })

  afterEach(async () => {
    await client.close()
    server.closeAllConnections()
    server.close()
  })

  it('sends many requests over few connections', async () => {
    for (let i = 0; i < 20; i++)
      expect((await client.call({ method: 'GET', path: '/x' })).body).to.deep.equal({ ok: true })
    expect(connections).to.be.at.most(2)
  })

  it('shows who it is, and sends JSON in the asked form', async () => {
    await client.call({ method: 'PATCH', path: '/x', body: { a: 1 }, contentType: 'application/apply-patch+yaml' })
    expect(seen[0]?.headers).to.deep.include({
      authorization: `Basic ${Buffer.from('me:pass').toString('base64')}`,
      'content-type': 'application/apply-patch+yaml',
    })
    expect(seen[0]?.body).to.equal('{"a":1}')
  })

  it('gives up a call that is not answered', async () => {
    const error: unknown = await client
      .call({ method: 'GET', path: '/never' }, { deadline: 50 })
      .catch((thrown: unknown) => thrown)
    expect(error).to.have.property('name', 'TimeoutError')
  })

  it('gives up a call whose caller lost interest', async () => {
    const interest = new AbortController()
    const call = client
      .call({ method: 'GET', path: '/never', signal: interest.signal })
      .catch((thrown: unknown) => thrown)
    interest.abort()
    expect(await call).to.have.property('name', 'AbortError')
  })

  it('leaves nothing behind of a call that has ended', async () => {
    const timers = () => process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length
    const interest = new AbortController()
    const call = () => client.call({ method: 'GET', path: '/x', signal: interest.signal })
    // The connection has a timer of its own from the first call on.
    await call()
    const before = timers()
    for (let n = 0; n < 5; n += 1) await call()
    expect(getEventListeners(interest.signal, 'abort')).to.have.length(0)
    expect(timers()).to.be.at.most(before)
  })

  it('looks at its files now and then, not for every call', async () => {
    let looks = 0
    Object.assign(config, { applyToHTTPSOptions: async () => void (looks += 1) })
    for (let n = 0; n < 5; n += 1) await client.call({ method: 'GET', path: '/x' })
    expect(looks).to.equal(1)
  })

  it('understands a Retry-After that is a date, and bodies that are no JSON', async () => {
    const { retryAfter } = await client.call({ method: 'GET', path: '/later' })
    expect(retryAfter).to.be.within(3000, 5000)
    expect((await client.call({ method: 'GET', path: '/text' })).body).to.equal('starting')
  })

  it('rejects when there is no server', async () => {
    server.closeAllConnections()
    server.close()
    const error: unknown = await client.call({ method: 'GET', path: '/x' }).catch((thrown: unknown) => thrown)
    expect(error).to.be.instanceOf(Error)
  })
})
