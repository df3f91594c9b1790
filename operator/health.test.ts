import { expect } from 'chai'
import { Counter, Registry } from 'prom-client'

import { serveHealth, type Health } from './health.ts'

describe('health', () => {
  let health: Health
  let reason: string | undefined

  beforeEach(async () => {
    reason = 'The cluster was not read completely yet.'
    const registry = new Registry()
    new Counter({ name: 'apples_total', help: 'Apples.', registers: [registry] }).inc(3)
    health = await serveHealth({ port: 0, registry, notReady: () => reason })
  })

  afterEach(() => health.close())

  async function ask(path: string): Promise<readonly [number, string]> {
    const response = await fetch(`http://127.0.0.1:${health.port}${path}`)
    return [response.status, await response.text()]
  }

  it('is live from the start', async () => {
    expect(await ask('/livez')).to.deep.equal([200, 'ok\n'])
  })

  it('is ready when it is, and says why when it is not', async () => {
    expect(await ask('/readyz?verbose')).to.deep.equal([503, 'The cluster was not read completely yet.\n'])
    reason = undefined
    expect(await ask('/readyz')).to.deep.equal([200, 'ok\n'])
  })

  it('shows the metrics', async () => {
    const [status, text] = await ask('/metrics')
    expect(status).to.equal(200)
    expect(text).to.contain('apples_total 3')
  })

  it('has nothing else', async () => {
    expect((await ask('/debug'))[0]).to.equal(404)
  })

  it('rejects when the port is taken', async () => {
    const error: unknown = await serveHealth({
      port: health.port,
      registry: new Registry(),
      notReady: () => undefined,
    }).catch((thrown: unknown) => thrown)
    expect(error).to.have.property('code', 'EADDRINUSE')
  })
})
