import { expect } from 'chai'
import { createPrivateKey, X509Certificate } from 'node:crypto'
import { connect, createServer } from 'node:tls'
import { once } from 'node:events'

import { authorityData, newIdentity, podData, readIdentity, renewed, serverName, type Identity } from './identity.ts'

const now = new Date('2026-03-01T00:00:00Z')
const later = (days: number) => new Date(now.getTime() + days * 86_400_000)

describe('identity', () => {
  it('both leaves are of the authority, and only it is an authority', async () => {
    const { authority, client, server } = await newIdentity('shop/web', now)
    const ca = new X509Certificate(authority.certificate)
    for (const { certificate, key } of [client, server]) {
      const leaf = new X509Certificate(certificate)
      expect(leaf.verify(ca.publicKey)).to.equal(true)
      expect(leaf.ca).to.equal(false)
      expect(leaf.checkPrivateKey(createPrivateKey(key.reveal()))).to.equal(true)
    }
    expect(ca.ca).to.equal(true)
    expect(new X509Certificate(server.certificate).checkHost(serverName)).to.equal(serverName)
  })

  it('pod and operator trust each other, and nobody of another authority', async () => {
    const ours = await newIdentity('shop/web', new Date())
    const others = await newIdentity('shop/other', new Date())
    expect(await handshake(ours, ours)).to.equal('welcome')
    expect(await handshake(ours, others)).to.not.equal('welcome')
  })

  it('leaves are renewed when less than a third of their life remains, the authority stays', async () => {
    const identity = await newIdentity('shop/web', now)
    expect(await renewed(identity, 'shop/web', later(59))).to.equal(identity)
    const next = await renewed(identity, 'shop/web', later(61))
    expect(next.authority).to.equal(identity.authority)
    expect(new X509Certificate(next.client.certificate).validToDate.getTime()).to.equal(later(61 + 90).getTime())
    expect(next.server.certificate).to.not.equal(identity.server.certificate)
  })

  it('an authority near its end gets a successor, and stays trusted', async () => {
    const identity = await newIdentity('shop/web', now)
    const next = await renewed(identity, 'shop/web', later(3650 - 300))
    const [first = '', second = ''] = next.authority.certificate.match(/-----BEGIN[\s\S]+?END CERTIFICATE-----/g) ?? []
    expect(new X509Certificate(second).fingerprint256).to.equal(
      new X509Certificate(identity.authority.certificate).fingerprint256,
    )
    expect(new X509Certificate(next.client.certificate).verify(new X509Certificate(first).publicKey)).to.equal(true)
  })

  it('while one authority follows another, pods and operator trust the certificates of both', async () => {
    const old = await newIdentity('shop/web', new Date())
    const next = await newIdentity('shop/web', new Date(), old.authority.certificate)
    expect(await handshake({ ...next, server: old.server }, next), 'a pod that has not got its own yet').to.equal(
      'welcome',
    )
    expect(await handshake(next, { ...next, client: old.client }), 'an operator of before').to.equal('welcome')
    expect(await handshake(next, next)).to.equal('welcome')
  })

  it('comes back from its Secret, and the pods get no key of the authority', async () => {
    const identity = await newIdentity('shop/web', now)
    const back = readIdentity({ data: authorityData(identity) })
    expect(back?.authority.key.reveal()).to.equal(identity.authority.key.reveal())
    expect(back?.client.certificate).to.equal(identity.client.certificate)
    expect(Object.keys(podData(identity))).to.deep.equal(['ca.crt', 'tls.crt', 'tls.key'])
    expect(JSON.stringify(identity)).to.not.include('PRIVATE KEY')
  })

  const broken = [undefined, {}, { data: {} }, { data: { 'ca.crt': 'eA==', 'ca.key': 'eA==' } }]
  for (const secret of broken)
    it(`a Secret of ${JSON.stringify(secret)} has no identity`, () => {
      expect(readIdentity(secret)).to.equal(undefined)
    })
})

async function handshake(pod: Identity, operator: Identity): Promise<string> {
  const { server, authority } = pod
  const options = { cert: server.certificate, key: server.key.reveal(), ca: authority.certificate }
  const listener = createServer({ ...options, requestCert: true, rejectUnauthorized: true }, (socket) =>
    socket.end('welcome'),
  )
  listener.on('tlsClientError', () => {})
  listener.listen(0, '127.0.0.1')
  await once(listener, 'listening')
  const address = listener.address()
  const port = typeof address === 'object' && address !== null ? address.port : 0
  const { client } = operator
  const socket = connect({
    port,
    host: '127.0.0.1',
    servername: serverName,
    ca: authority.certificate,
    cert: client.certificate,
    key: client.key.reveal(),
  })
  const words: string[] = []
  socket.on('data', (chunk: Buffer) => words.push(chunk.toString()))
  socket.on('error', (error) => words.push(error.message))
  // An error is one of the words; `once` would throw it.
  await new Promise((resolve) => {
    socket.once('close', resolve)
  })
  listener.close()
  return words.join('')
}
