import { expect } from 'chai'

import { selfSigned, tlsSecret } from '../lib/certificates.ts'
import { apply, applyExample, createNamespaces, deleteNamespaces, kubectl } from '../lib/cluster.ts'
import { eventually } from '../lib/eventually.ts'
import { programmedAddress, readyDataPlane } from '../lib/gateway.ts'
import { noReloads, watchReloadsOf } from '../lib/reloads.ts'
import { ask, type WebAnswer } from '../lib/web.ts'

const namespace = 'payments'

describe('TLS to backends', () => {
  let address: string

  const pay = (): Promise<WebAnswer> => ask({ address, host: 'payments.example.com', deadline: 15_000 })
  const answers = (status: number) =>
    eventually(`${status} is answered`, async () => expect((await pay()).status).to.equal(status))
  const authority = (certificate: string): string => {
    const metadata = { namespace, name: 'authority' }
    return JSON.stringify({ apiVersion: 'v1', kind: 'ConfigMap', metadata, data: { 'ca.crt': certificate } })
  }
  const change = (field: string, value: unknown) => {
    const patch = JSON.stringify([{ op: 'replace', path: `/spec/validation/${field}`, value }])
    return kubectl(['-n', namespace, 'patch', 'backendtlspolicy', 'ledger', '--type=json', '-p', patch])
  }

  let certificate: string
  before(async function () {
    this.timeout(240_000)
    await createNamespaces([namespace])
    const pair = await selfSigned(['ledger.example.com'])
    certificate = pair.certificate
    await apply(tlsSecret(namespace, 'ledger', pair))
    await apply(authority(certificate))
    await applyExample('backend-tls.yaml')
    address = await programmedAddress(namespace, 'payments')
    await kubectl(['-n', namespace, 'rollout', 'status', 'deployment', '--timeout=90s'])
    await readyDataPlane(namespace, 'payments')
  })
  after(async function () {
    this.timeout(120_000)
    await deleteNamespaces([namespace])
  })

  it('servers with the right certificate answer, and more of them need no reload', async function () {
    this.timeout(90_000)
    await answers(200)
    expect((await pay()).echo?.service).to.equal('ledger')
    const reloads = await watchReloadsOf(namespace, 'payments')
    await kubectl(['-n', namespace, 'scale', 'deployment', 'ledger', '--replicas=2'])
    await kubectl(['-n', namespace, 'rollout', 'status', 'deployment', '--timeout=60s'])
    await eventually('both answer', async () => {
      const pods = new Set<string | undefined>()
      for (let n = 0; n < 10; n += 1) pods.add((await pay()).echo?.pod)
      expect(pods).to.have.property('size', 2)
    })
    expect(await reloads()).to.deep.equal(noReloads)
  })

  it('a certificate that does not fit is refused, whatever it is that does not fit', async function () {
    this.timeout(180_000)
    await answers(200)
    await change('hostname', 'other.example.com')
    await answers(503)
    await change('hostname', 'ledger.example.com')
    await answers(200)
    await change('subjectAltNames/0/hostname', 'other.example.com')
    await answers(502)
    await change('subjectAltNames/0/hostname', 'ledger.example.com')
    await answers(200)
    await apply(authority((await selfSigned(['ledger.example.com'])).certificate))
    await answers(503)
    await kubectl(['-n', namespace, 'delete', 'configmap', 'authority'])
    await answers(503)
    await apply(authority(certificate))
    await answers(200)
  })
})
