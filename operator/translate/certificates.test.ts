import { expect } from 'chai'
import { X509Certificate } from 'node:crypto'

import type { V1Secret } from '../model/kubernetes.ts'

import { checkCertificate } from './certificates.ts'
import { pem } from './testing/certificates.ts'
import { tlsSecret } from './testing/objects.ts'

describe('translate/certificates', () => {
  type Row = readonly [what: string, secret: V1Secret, expected: string | RegExp]
  const rows: readonly Row[] = [
    ['a pair', tlsSecret('shop/tls'), 'usable'],
    ['a chain in order', tlsSecret('shop/tls', pem.server + pem.issuer + pem.root), 'usable'],
    [
      'a chain with text between',
      tlsSecret('shop/tls', `subject=x\n${pem.server}\nissuer:\r\n${pem.issuer}`),
      'usable',
    ],
    ['an expired certificate', tlsSecret('shop/tls', pem.expired), 'usable'],
    [
      'a chain out of order',
      tlsSecret('shop/tls', pem.server + pem.root + pem.issuer),
      /certificate 2 .* not the issuer of certificate 1/,
    ],
    [
      'a chain with the root first',
      tlsSecret('shop/tls', pem.issuer + pem.server),
      /not the key of the first certificate/,
    ],
    [
      'the key of another certificate',
      tlsSecret('shop/tls', pem.server, pem.otherKey),
      /not the key of the first certificate/,
    ],
    ['a locked key', tlsSecret('shop/tls', pem.server, pem.lockedKey), /private key without passphrase/],
    ['a key that is a certificate', tlsSecret('shop/tls', pem.server, pem.server), /private key/],
    ['no certificate', tlsSecret('shop/tls', 'Hello world'), /no readable PEM certificate in tls.crt/],
    ['a broken certificate', tlsSecret('shop/tls', pem.server.replace('MII', 'AAA')), /no readable PEM certificate/],
    ['an empty Secret', Object.assign({}, tlsSecret('shop/tls'), { data: {} }), /tls.crt/],
    ['a Secret without data', { type: 'kubernetes.io/tls', metadata: { namespace: 'shop', name: 'tls' } }, /tls.crt/],
    [
      'another type of Secret',
      Object.assign({}, tlsSecret('shop/tls'), { type: 'Opaque' }),
      /type Opaque; .* needs type kubernetes.io\/tls/,
    ],
    [
      'a weak key in the chain',
      tlsSecret('shop/tls', pem.underWeak + pem.weak),
      /the key of certificate 2 in tls.crt is an RSA key of 512 bits/,
    ],
    [
      'a thousand certificates',
      tlsSecret('shop/tls', pem.server + pem.root.repeat(1000)),
      /1001 certificates in tls.crt; leave 20 at most/,
    ],
    ['a weak key', tlsSecret('shop/tls', pem.weak, pem.weakKey), /RSA key of 512 bits/],
  ]
  for (const [what, secret, expected] of rows)
    it(`${what}: ${String(expected)}`, () => {
      const result = checkCertificate(secret)
      const text = result.kind === 'usable' ? result.kind : result.message
      expect(text).to.match(new RegExp(expected))
      if (result.kind === 'unusable') expect(text).to.contain('Secret shop/tls')
    })

  it('hands over the chain and the key in one form, whatever surrounded them', () => {
    const plain = checkCertificate(tlsSecret('shop/tls', pem.server + pem.issuer))
    const noisy = checkCertificate(tlsSecret('shop/tls', `# a\n${pem.server}\n\n# b\n${pem.issuer}\n\n`))
    expect(noisy).to.deep.equal(plain)
    if (plain.kind !== 'usable') throw new Error('not usable')
    const text = plain.certificate.pem.reveal()
    expect(text.match(/BEGIN CERTIFICATE/g)).to.have.length(2)
    expect(text).to.not.match(/\n\n|#/)
    expect(new X509Certificate(text).subject).to.equal('CN=shop.example.com')
    expect(plain.certificate.fingerprint).to.match(/^[0-9a-f]{64}$/)
  })

  it('never tells what the Secret holds', () => {
    for (const [, secret] of rows) {
      const shown = JSON.stringify(checkCertificate(secret))
      expect(shown).to.not.match(/PRIVATE KEY|BEGIN CERT/)
      expect(shown).to.not.contain(pem.serverKey.slice(40, 80))
    }
  })
})
