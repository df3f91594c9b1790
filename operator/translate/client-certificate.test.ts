import { expect } from 'chai'

import type { KubernetesObject } from '../model/kubernetes.ts'
import type { Finding } from '../model/report.ts'
import { snapshotFromObjects } from '../watch/files.ts'

import { pem } from './testing/certificates.ts'
import { gateway, gatewayClass, grant, listener, tlsSecret } from './testing/objects.ts'
import { createTranslator } from './translate.ts'

type Ref = { readonly name: string; readonly namespace?: string; readonly kind?: string; readonly group?: string }

function translated(ref: Ref, ...objects: readonly KubernetesObject[]) {
  const web = gateway('shop/web', [listener()], { tls: { backend: { clientCertificateRef: ref } } })
  const { proxies, report } = createTranslator(snapshotFromObjects([gatewayClass(), web, ...objects]))()
  return { proxy: proxies[0], findings: report.gateways.get('shop/web')?.findings ?? [] }
}

function told(findings: readonly Finding[]): readonly string[] {
  return findings.map(({ type, status, reason }) => `${type}=${status}/${reason}`)
}

const other = { name: 'client', namespace: 'other' }
const permission = grant('other/a', {
  from: [{ group: 'gateway.networking.k8s.io', kind: 'Gateway', namespace: 'shop' }],
  to: [{ group: '', kind: 'Secret' }],
})

describe('the certificate that a Gateway shows to backends', () => {
  it('is that of the Secret, also of another namespace that permits it', () => {
    const own = translated({ name: 'client' }, tlsSecret('shop/client'))
    expect([own.proxy?.clientCertificate?.id, own.findings]).to.deep.equal(['shop/client', []])
    const granted = translated(other, tlsSecret('other/client'), permission)
    expect([granted.proxy?.clientCertificate?.id, granted.findings]).to.deep.equal(['other/client', []])
  })

  const invalid = ['ResolvedRefs=False/InvalidClientCertificateRef']
  const unusable: readonly (readonly [string, Ref, readonly KubernetesObject[], readonly string[]])[] = [
    ['is missing', { name: 'client' }, [], invalid],
    ['is no Secret', { name: 'client', kind: 'Key' }, [tlsSecret('shop/client')], invalid],
    ['is of another group', { name: 'client', group: 'example.com' }, [tlsSecret('shop/client')], invalid],
    ['is no certificate', { name: 'client' }, [tlsSecret('shop/client', 'none')], invalid],
    ['has another’s key', { name: 'client' }, [tlsSecret('shop/client', pem.server, pem.otherKey)], invalid],
    [
      'is of a namespace that permits nothing',
      other,
      [tlsSecret('other/client')],
      ['ResolvedRefs=False/RefNotPermitted'],
    ],
  ]
  for (const [what, ref, objects, findings] of unusable)
    it(`is none when what is named ${what}: the Gateway says so and goes on`, () => {
      const found = translated(ref, ...objects)
      expect(told(found.findings)).to.deep.equal(findings)
      expect(found.findings[0]?.message).to.contain('spec.tls.backend.clientCertificateRef')
      expect(found.proxy).to.not.equal(undefined)
      expect(found.proxy).to.not.have.property('clientCertificate')
    })
})
