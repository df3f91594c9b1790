import { expect } from 'chai'

import { applyExample, deleteExample, kubectl } from '../lib/cluster.ts'
import { eventually } from '../lib/eventually.ts'
import { applyExamples, prepareExamples, removeExamples, type ExampleAddresses } from '../lib/examples.ts'
import { expectCondition, getRoute, operatorRestarts } from '../lib/gateway.ts'
import { ask, keepAsking, seenHeader, share, type WebAnswer, type WebRequest } from '../lib/web.ts'
import type { KeyPair } from '../lib/certificates.ts'
import { noReloads, watchReloadsOf } from '../lib/reloads.ts'

describe('the examples', () => {
  let addresses: ExampleAddresses
  let certificate: KeyPair
  let restartsBefore: number

  const edge = (host: string, more: Partial<WebRequest> = {}): Promise<WebAnswer> =>
    ask({ address: addresses.edge, host, tls: true, ...more })

  before(async function () {
    this.timeout(300_000)
    restartsBefore = await operatorRestarts()
    await removeExamples()
    certificate = await prepareExamples()
    addresses = await applyExamples()
  })
  after(async function () {
    this.timeout(120_000)
    await removeExamples()
  })

  it('give each Gateway an address of its own', () => {
    expect(addresses.edge).to.not.equal(addresses.blue)
  })

  it('checkout is served over HTTPS with the Gateway’s certificate', async () => {
    const answer = await eventually('checkout answers', async () => {
      const got = await edge('shop.example.com', { path: '/checkout/cart?id=7' })
      expect(got.status).to.equal(200)
      return got
    })
    expect(answer.echo?.namespace).to.equal('apps')
    expect(answer.echo?.service).to.equal('checkout-v1')
    expect(answer.echo?.path).to.equal('/checkout/cart?id=7')
    expect(answer.echo?.host).to.equal('shop.example.com')
    expect(answer.certificate).to.equal(certificate.fingerprint)
  })

  it('checkout is not served outside its path, nor for other hosts', async () => {
    expect((await edge('shop.example.com', { path: '/' })).status).to.equal(404)
    expect((await edge('shop.example.com', { path: '/checkouts' })).status).to.equal(404)
    expect((await edge('other.example.com', { path: '/checkout' })).status).to.equal(404)
  })

  it('plain HTTP is redirected to HTTPS, and never reaches checkout', async () => {
    const answer = await ask({ address: addresses.edge, host: 'shop.example.com', path: '/checkout?a=b' })
    expect(answer.status).to.equal(301)
    expect(answer.headers['location']).to.equal('https://shop.example.com/checkout?a=b')
  })

  it('store uses the Service of another namespace only while the grant is there', async function () {
    this.timeout(60_000)
    const blue = keepAsking({ address: addresses.blue, host: 'blue.example.com' })
    const checkout = keepAsking({ address: addresses.edge, host: 'shop.example.com', path: '/checkout', tls: true })
    const reloads = await watchReloadsOf('infra', 'edge')
    expect((await edge('store.example.com')).echo?.namespace).to.equal('shared-services')

    await deleteExample('store-grant.yaml')
    await eventually('store stops', async () => expect((await edge('store.example.com')).status).to.equal(500))
    await eventually('the route says why', async () => {
      const { metadata, status } = await getRoute('apps', 'store')
      const said = expectCondition(
        status.parents[0]?.conditions ?? [],
        { type: 'ResolvedRefs', status: 'False', reason: 'RefNotPermitted' },
        metadata.generation,
      )
      expect(said.message).to.contain('catalog').and.to.contain('ReferenceGrant')
    })

    await applyExample('store-grant.yaml')
    await eventually('store is back', async () => expect((await edge('store.example.com')).status).to.equal(200))
    expect(await reloads()).to.deep.equal(noReloads)
    expect((await blue.stop()).failures, 'the other team').to.deep.equal([])
    expect((await checkout.stop()).failures, 'the other route').to.deep.equal([])
  })

  it('beta orders get the added header, others do not', async () => {
    const beta = { path: '/checkout', method: 'POST', headers: { 'x-release-channel': 'beta' } }
    expect(seenHeader(await edge('shop.example.com', beta), 'x-checkout-channel')).to.deep.equal(['beta'])
    for (const other of [
      { ...beta, method: 'GET' },
      { ...beta, headers: { 'x-release-channel': 'stable' } },
      { ...beta, headers: {} },
    ]) {
      const answer = await edge('shop.example.com', other)
      expect(answer.echo?.service).to.equal('checkout-v1')
      expect(seenHeader(answer, 'x-checkout-channel')).to.deep.equal([])
    }
  })

  it('beta orders are split 90 to 10', async function () {
    this.timeout(60_000)
    const counts = await share(300, {
      address: addresses.edge,
      host: 'shop.example.com',
      tls: true,
      path: '/checkout',
      method: 'POST',
      headers: { 'x-release-channel': 'beta' },
    })
    // 300 draws at 10 %: 30 expected, standard deviation 5.2; five of them to either side
    expect(counts.get('checkout-v2')).to.be.within(4, 56)
    expect((counts.get('checkout-v1') ?? 0) + (counts.get('checkout-v2') ?? 0)).to.equal(300)
  })

  it('beta orders that take longer than the backend may are answered with 504', async function () {
    this.timeout(20_000)
    const slow = {
      path: '/checkout?delay=4s',
      method: 'POST',
      headers: { 'x-release-channel': 'beta' },
      deadline: 9_000,
    }
    const began = performance.now()
    expect((await edge('shop.example.com', slow)).status).to.equal(504)
    expect(performance.now() - began).to.be.within(1_800, 3_900)
    const unlimited = { path: '/checkout?delay=3s', deadline: 9_000 }
    expect((await edge('shop.example.com', unlimited)).status, 'the plain route has no such limit').to.equal(200)
  })

  it('the second team’s Gateway serves its own route and nobody else’s', async () => {
    const own = await ask({ address: addresses.blue, host: 'blue.example.com' })
    expect(own.echo?.namespace).to.equal('team-blue')
    expect((await ask({ address: addresses.blue, host: 'shop.example.com', path: '/checkout' })).status).to.equal(404)
    expect((await edge('blue.example.com')).status).to.equal(404)
  })

  it('connections of a TCP port are split by weight, and another weight needs no reload', async function () {
    this.timeout(60_000)
    const port = { address: addresses.connections, host: 'any.example.com', port: 9000 }
    await eventually('the port answers', async () => expect((await ask(port)).status).to.equal(200))
    const reloads = await watchReloadsOf('infra', 'connections')
    const counts = await share(100, port)
    // 100 draws at 50 %: standard deviation 5; five of them to either side
    expect(counts.get('checkout-v1')).to.be.within(25, 75)
    expect((counts.get('checkout-v1') ?? 0) + (counts.get('checkout-v2') ?? 0)).to.equal(100)

    const first = '/spec/rules/0/backendRefs/0/weight'
    const patch = JSON.stringify([{ op: 'replace', path: first, value: 0 }])
    await kubectl(['-n', 'apps', 'patch', 'tcproute', 'checkout', '--type=json', '-p', patch])
    await eventually('the second version gets everything', async () =>
      expect([...(await share(20, port)).keys()]).to.deep.equal(['checkout-v2']),
    )
    expect(await reloads()).to.deep.equal(noReloads)
  })

  it('the name that a client asks for decides whether its connection is decrypted, passes through or is closed', async () => {
    const port = { address: addresses.connections, tls: true, port: 8443 }
    await eventually('both hostnames answer', async () => {
      const shop = await ask({ ...port, host: 'shop.example.com' })
      expect(shop.echo?.service, 'without the Gateway’s HTTP in between').to.equal('checkout-v1')
      expect(shop.certificate).to.equal(certificate.fingerprint)
      const store = await ask({ ...port, host: 'store.example.com' })
      expect(store.echo?.namespace, 'by the Gateway behind').to.equal('shared-services')
    })
    const refused = await ask({ ...port, host: 'other.example.com' }).catch(() => 'closed')
    expect(refused).to.equal('closed')
  })

  it('needed no restart of the operator', async () => {
    expect(await operatorRestarts()).to.equal(restartsBefore)
  })
})
