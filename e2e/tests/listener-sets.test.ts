import { expect } from 'chai'
import { z } from 'zod'

import { applyExample, deleteNamespaces, get, kubectl } from '../lib/cluster.ts'
import { eventually } from '../lib/eventually.ts'
import { expectCondition, programmedAddress, readyDataPlane } from '../lib/gateway.ts'
import { noReloads, watchReloadsOf } from '../lib/reloads.ts'
import { ask, type WebAnswer } from '../lib/web.ts'

const namespaces = ['platform', 'team-red', 'team-green']

const condition = z.object({
  type: z.string(),
  status: z.string(),
  reason: z.string(),
  message: z.string(),
  observedGeneration: z.number().optional(),
  lastTransitionTime: z.string(),
})
const setShape = z.object({
  metadata: z.object({ generation: z.number() }),
  status: z.object({
    conditions: z.array(condition),
    listeners: z
      .array(z.object({ name: z.string(), attachedRoutes: z.number(), conditions: z.array(condition) }))
      .default([]),
  }),
})
const gatewayShape = z.object({ status: z.object({ attachedListenerSets: z.number() }) })

describe('ListenerSets', () => {
  let address: string

  const at = (host: string): Promise<WebAnswer> => ask({ address, host })
  const api = '/apis/gateway.networking.k8s.io/v1/namespaces'
  const setOf = (namespace: string, name: string) => get(`${api}/${namespace}/listenersets/${name}`, setShape)
  const attached = async () => (await get(`${api}/platform/gateways/shared`, gatewayShape)).status.attachedListenerSets

  before(async function () {
    this.timeout(240_000)
    await deleteNamespaces(namespaces)
    await applyExample('listener-sets.yaml')
    address = await programmedAddress('platform', 'shared')
    await kubectl(['-n', 'team-red', 'rollout', 'status', 'deployment', '--timeout=90s'])
    await readyDataPlane('platform', 'shared')
  })
  after(async function () {
    this.timeout(120_000)
    await deleteNamespaces(namespaces)
  })

  it('bring hostnames of their own to the Gateway of another namespace', async function () {
    this.timeout(60_000)
    await eventually('red answers', async () =>
      expect((await at('red.example.com')).echo?.namespace).to.equal('team-red'),
    )
    await eventually('green redirects', async () =>
      expect((await at('green.example.com')).headers['location']).to.equal('http://red.example.com/'),
    )
    expect((await at('platform.example.com')).status).to.equal(404)
    await eventually('both are counted', async () => expect(await attached()).to.equal(2))
  })

  it('lose a hostname to a listener of the Gateway, and are told so', async function () {
    this.timeout(60_000)
    await eventually('the status says it', async () => {
      const { metadata, status } = await setOf('team-green', 'green')
      const accepted = { type: 'Accepted', status: 'True', reason: 'ListenersNotValid' }
      expectCondition(status.conditions, accepted, metadata.generation)
      const taken = status.listeners.find(({ name }) => name === 'taken')
      const conflicted = { type: 'Conflicted', status: 'True', reason: 'HostnameConflict' }
      expectCondition(taken?.conditions ?? [], conflicted, metadata.generation)
    })
  })

  it('come and go without a reload, also when their namespace is not let in any more', async function () {
    this.timeout(90_000)
    const reloads = await watchReloadsOf('platform', 'shared')
    await kubectl(['label', 'namespace', 'team-red', 'listeners-'])
    await eventually('red is gone', async () => expect((await at('red.example.com')).status).to.equal(404))
    await eventually('the status says why', async () => {
      const { metadata, status } = await setOf('team-red', 'red')
      expectCondition(
        status.conditions,
        { type: 'Accepted', status: 'False', reason: 'NotAllowed' },
        metadata.generation,
      )
    })
    await kubectl(['label', 'namespace', 'team-red', 'listeners=allowed'])
    await eventually('red is back', async () => expect((await at('red.example.com')).status).to.equal(200))
    expect(await reloads()).to.deep.equal(noReloads)
  })
})
