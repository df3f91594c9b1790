import { expect } from 'chai'

import { apply, createNamespaces, deleteNamespaces, kubectl } from '../lib/cluster.ts'
import { eventually } from '../lib/eventually.ts'
import { acceptedRoute, programmedAddress, readyDataPlane } from '../lib/gateway.ts'
import { documents, echo, forward, gateway, httpListener, route } from '../lib/manifests.ts'
import { noReloads, watchReloadsOf } from '../lib/reloads.ts'
import { ask, keepAsking, type WebAnswer } from '../lib/web.ts'

const namespace = 'e2e-endpoints'
const host = 'endpoints.example.com'

describe('endpoints', () => {
  let address: string

  const at = (path: string): Promise<WebAnswer> => ask({ address, host, path })
  const scale = (name: string, replicas: number): Promise<string> =>
    kubectl(['-n', namespace, 'scale', `deployment/${name}`, `--replicas=${replicas}`])
  const rolledOut = (name: string): Promise<string> =>
    kubectl(['-n', namespace, 'rollout', 'status', `deployment/${name}`, '--timeout=90s'])

  before(async function () {
    this.timeout(240_000)
    await createNamespaces([namespace])
    await apply(documents(...echo(namespace, 'many', 3), ...echo(namespace, 'one')))
    // Serves on for a moment when it is told to end, as pods should: what it is answering then is nobody else's to answer.
    const containers = [{ name: 'echo', lifecycle: { preStop: { sleep: { seconds: 2 } } } }]
    const spec = { template: { spec: { terminationGracePeriodSeconds: 10, containers } } }
    await kubectl(['-n', namespace, 'patch', 'deployment', 'many', '-p', JSON.stringify({ spec })])
    await apply(documents(gateway(namespace, 'web', [httpListener])))
    const once = { retry: { attempts: 1 } }
    const rules = [forward('many'), forward('many', '/once', once), forward('one', '/one')]
    await apply(documents(route(namespace, 'rules', { gateway: 'web', hostnames: [host], rules })))
    address = await programmedAddress(namespace, 'web')
    await Promise.all([rolledOut('many'), rolledOut('one')])
    await readyDataPlane(namespace, 'web')
    await acceptedRoute(namespace, 'rules')
    for (const path of ['/', '/once', '/one'])
      await eventually(`first request to ${path}`, async () => expect((await at(path)).status).to.equal(200))
  })
  after(async function () {
    this.timeout(120_000)
    await deleteNamespaces([namespace])
  })

  it('a Deployment is replaced pod by pod, and no request fails, whatever its method', async function () {
    this.timeout(150_000)
    const reloads = await watchReloadsOf(namespace, 'web')
    const kinds = [{}, { method: 'POST' }, { path: '/once' }]
    const traffic = kinds.map((kind) => keepAsking({ address, host, ...kind }))
    await kubectl(['-n', namespace, 'rollout', 'restart', 'deployment/many'])
    await rolledOut('many')
    await eventually('the end of the old pods', async () => {
      const pods = await kubectl(['-n', namespace, 'get', 'pods', '-l', 'app=many', '-o', 'name'])
      expect(pods.trim().split('\n')).to.have.lengthOf(3)
    })
    for (const { failures, sent } of await Promise.all(traffic.map((one) => one.stop())))
      expect(failures, `of ${sent} requests`).to.deep.equal([])
    expect(await reloads()).to.deep.equal(noReloads)
  })

  it('a Service without pods answers 503, and serves again with its first', async function () {
    this.timeout(90_000)
    await scale('one', 0)
    await eventually('503', async () => expect((await at('/one')).status).to.equal(503))
    await scale('one', 1)
    let answer = await at('/one')
    await eventually('an answer of the pod', async () => {
      answer = await at('/one')
      expect(answer.status).to.not.equal(503)
    })
    expect([answer.status, answer.echo?.service]).to.deep.equal([200, 'one'])
  })
})
