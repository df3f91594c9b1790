import { expect } from 'chai'

import { apply, createNamespaces, deleteNamespaces, kubectl } from '../lib/cluster.ts'
import { selfSigned, tlsSecret } from '../lib/certificates.ts'
import { eventually } from '../lib/eventually.ts'
import { acceptedRoute, programmedAddress, readyDataPlane } from '../lib/gateway.ts'
import { documents, echo, forward, gateway, httpListener, route } from '../lib/manifests.ts'
import { noReloads, watchReloadsOf } from '../lib/reloads.ts'
import { ask, keepAsking, seenHeader, share, type WebAnswer } from '../lib/web.ts'

const namespace = 'e2e-changes'
const hostnames = ['changes.example.com']
const tlsListener = { name: 'https', port: 443, protocol: 'HTTPS', tls: { certificateRefs: [{ name: 'web-tls' }] } }

const setHeader = (value: string): Readonly<Record<string, unknown>> => ({
  filters: [{ type: 'RequestHeaderModifier', requestHeaderModifier: { set: [{ name: 'x-version', value }] } }],
})
const splitRule = (one: number, two: number): Readonly<Record<string, unknown>> => ({
  matches: [{ path: { type: 'PathPrefix', value: '/split' } }],
  backendRefs: [
    { name: 'one', port: 8080, weight: one },
    { name: 'two', port: 8080, weight: two },
  ],
})

describe('changes at run time', () => {
  let address: string

  const at = (path: string, host = 'changes.example.com'): Promise<WebAnswer> => ask({ address, host, path })
  const applyRules = (one: number, two: number, header: string): Promise<string> =>
    apply(
      documents(
        route(namespace, 'rules', {
          gateway: 'web',
          hostnames,
          rules: [splitRule(one, two), forward('one', '/filtered', setHeader(header))],
        }),
      ),
    )

  // Runs a change, and fails when it replaced a worker or cost another route a request.
  const withoutReload = async (change: () => Promise<void>): Promise<void> => {
    const reloads = await watchReloadsOf(namespace, 'web')
    const steady = keepAsking({ address, host: 'steady.example.com' })
    await change()
    const { failures, sent } = await steady.stop()
    expect(await reloads()).to.deep.equal(noReloads)
    expect(failures, `of ${sent} requests to another route`).to.deep.equal([])
  }

  before(async function () {
    this.timeout(240_000)
    await createNamespaces([namespace])
    await apply(tlsSecret(namespace, 'web-tls', await selfSigned(hostnames)))
    await apply(documents(...echo(namespace, 'one'), ...echo(namespace, 'two'), ...echo(namespace, 'steady')))
    await apply(documents(gateway(namespace, 'web', [httpListener, tlsListener])))
    await apply(
      documents(
        route(namespace, 'steady', { gateway: 'web', hostnames: ['steady.example.com'], rules: [forward('steady')] }),
      ),
    )
    await applyRules(1, 1, 'first')
    address = await programmedAddress(namespace, 'web')
    await kubectl(['-n', namespace, 'rollout', 'status', 'deployment', '--timeout=90s'])
    await readyDataPlane(namespace, 'web')
    await acceptedRoute(namespace, 'rules')
    await eventually('first request', async () => expect((await at('/filtered')).status).to.equal(200))
    await eventually('first steady request', async () =>
      expect((await at('/', 'steady.example.com')).status).to.equal(200),
    )
  })
  after(async function () {
    this.timeout(120_000)
    await deleteNamespaces([namespace])
  })

  it('weights take effect without a reload', async function () {
    this.timeout(60_000)
    await withoutReload(async () => {
      await applyRules(0, 1, 'first')
      await eventually('all to two', async () => {
        const counts = await share(30, { address, host: 'changes.example.com', path: '/split' })
        expect(counts.get('two')).to.equal(30)
      })
      await applyRules(1, 1, 'first')
      await eventually('both again', async () => {
        const counts = await share(60, { address, host: 'changes.example.com', path: '/split' })
        expect(counts.get('one')).to.be.within(10, 50)
        expect(counts.get('two')).to.be.within(10, 50)
      })
    })
  })

  it('filters take effect without a reload', async () => {
    await withoutReload(async () => {
      await applyRules(1, 1, 'second')
      await eventually('the new header', async () => {
        expect(seenHeader(await at('/filtered'), 'x-version')).to.deep.equal(['second'])
      })
    })
  })

  it('a new route to a new Service is served without a reload', async function () {
    this.timeout(60_000)
    await withoutReload(async () => {
      await apply(documents(...echo(namespace, 'three')))
      await apply(
        documents(
          route(namespace, 'three', { gateway: 'web', hostnames: ['three.example.com'], rules: [forward('three')] }),
        ),
      )
      await eventually('the new route', async () => {
        expect((await at('/', 'three.example.com')).echo?.service).to.equal('three')
      })
      await kubectl(['-n', namespace, 'delete', 'httproute', 'three'])
      await eventually('its end', async () => expect((await at('/', 'three.example.com')).status).to.equal(404))
    })
  })

  it('endpoints come and go without a reload or a lost request', async function () {
    this.timeout(90_000)
    const busy = keepAsking({ address, host: 'steady.example.com' })
    await withoutReload(async () => {
      await kubectl(['-n', namespace, 'scale', 'deployment/one', '--replicas=3'])
      await eventually('three pods answer', async () => {
        const pods = new Set<string>()
        for (let n = 0; n < 30; n++) pods.add((await at('/filtered')).echo?.pod ?? '')
        expect(pods.size).to.equal(3)
      })
      await kubectl(['-n', namespace, 'scale', 'deployment/one', '--replicas=1'])
      await eventually('one pod answers', async () => {
        const pods = new Set<string>()
        for (let n = 0; n < 30; n++) pods.add((await at('/filtered')).echo?.pod ?? '')
        expect(pods.size).to.equal(1)
        expect([...pods][0]).to.match(/^one-/)
      })
    })
    expect((await busy.stop()).failures).to.deep.equal([])
  })

  it('a Service without endpoints answers 503, and serves again when they are back', async function () {
    this.timeout(60_000)
    await kubectl(['-n', namespace, 'scale', 'deployment/two', '--replicas=0'])
    await applyRules(0, 1, 'second')
    await eventually('503', async () => expect((await at('/split')).status).to.equal(503))
    await kubectl(['-n', namespace, 'scale', 'deployment/two', '--replicas=1'])
    await eventually('200', async () => expect((await at('/split')).status).to.equal(200))
    await applyRules(1, 1, 'second')
  })

  it('a renewed certificate is served without a reload', async () => {
    const renewed = await selfSigned(hostnames)
    await withoutReload(async () => {
      await apply(tlsSecret(namespace, 'web-tls', renewed))
      await eventually('the new certificate', async () => {
        const answer = await ask({ address, host: 'changes.example.com', path: '/filtered', tls: true })
        expect(answer.certificate).to.equal(renewed.fingerprint)
      })
    })
  })

  it('a new port is served, and nobody else notices', async function () {
    this.timeout(60_000)
    const steady = keepAsking({ address, host: 'steady.example.com' })
    await apply(
      documents(gateway(namespace, 'web', [httpListener, tlsListener, { name: 'more', port: 8081, protocol: 'HTTP' }])),
    )
    await eventually('the new port', async () => {
      const answer = await ask({ address, host: 'changes.example.com', path: '/filtered', port: 8081 })
      expect(answer.status).to.equal(200)
    })
    expect((await steady.stop()).failures).to.deep.equal([])
  })

  it('a new pod serves what the old ones serve', async function () {
    this.timeout(120_000)
    const old = await readyDataPlane(namespace, 'web')
    await kubectl(['-n', namespace, 'delete', 'pod', ...old.map((pod) => pod.metadata.name)])
    await readyDataPlane(namespace, 'web')
    await eventually('all of it', async () => {
      expect(seenHeader(await at('/filtered'), 'x-version')).to.deep.equal(['second'])
      expect((await at('/split')).status).to.equal(200)
      expect((await at('/', 'three.example.com')).status).to.equal(404)
    })
  })

  it('of a reload for a header that no rule named before, the Gateway says because of whom', async function () {
    this.timeout(60_000)
    const reloads = await watchReloadsOf(namespace, 'web')
    const matches = [{ headers: [{ name: 'x-new-here', value: 'yes' }] }]
    const rules = [forward('one', '/', { matches })]
    await apply(documents(route(namespace, 'header', { gateway: 'web', hostnames: ['header.example.com'], rules })))
    const because = 'header x-new-here (HTTPRoute e2e-changes/header)'
    await eventually('Programmed', async () => {
      const message = '{.status.conditions[?(@.type=="Programmed")].message}'
      const told = await kubectl(['-n', namespace, 'get', 'gateway', 'web', '-o', `jsonpath=${message}`])
      expect(told).to.include(because)
    })
    await eventually('the Event', async () => {
      const events = await kubectl(['-n', namespace, 'get', 'events.events.k8s.io', '-o', 'jsonpath={.items[*].note}'])
      expect(events).to.include(because)
    })
    const { reasons, seen } = await reloads()
    expect(reasons, 'one for each pod').to.deep.equal({ header: 2 })
    expect(seen.join('\n')).to.include(because)
  })
})
