import { expect } from 'chai'

import type { V1ConfigMap, V1Secret } from '../model/kubernetes.ts'

import { bundleOfConfigMap, bundleOfSecret, mergeBundles } from './ca-bundles.ts'
import { pem } from './testing/certificates.ts'

describe('translate/ca-bundles', () => {
  const metadata = { namespace: 'shop', name: 'ca' }
  const configMap = (text: string): V1ConfigMap => ({ kind: 'ConfigMap', metadata, data: { 'ca.crt': text } })
  const secret = (text: string): V1Secret => ({
    kind: 'Secret',
    metadata,
    data: { 'ca.crt': Buffer.from(text).toString('base64') },
  })

  type Row = readonly [what: string, text: string, expected: string | RegExp]
  const rows: readonly Row[] = [
    ['one certificate', pem.root, pem.root],
    ['several, with text between', `the root\n${pem.root}\r\nand another:${pem.issuer}`, pem.root + pem.issuer],
    ['the same one twice', pem.root + pem.root, pem.root],
    ['an expired one', pem.expired, pem.expired],
    ['none', 'Hello world', /ConfigMap shop\/ca has no readable PEM certificates in ca.crt/],
    ['a broken one', pem.root + pem.issuer.replace('MII', 'AAA'), /no readable PEM certificates/],
    ['a key', pem.serverKey, /no readable PEM certificates/],
    ['too many', pem.root.repeat(501), /501 certificates in ca.crt; leave 500 at most/],
  ]
  for (const [what, text, expected] of rows)
    it(`${what}: ${typeof expected === 'string' ? 'usable' : String(expected)}`, () => {
      const checked = bundleOfConfigMap(configMap(text))
      if (typeof expected === 'string') expect(checked).to.deep.equal({ kind: 'usable', bundle: { pem: expected } })
      else expect(checked.kind === 'unusable' && checked.message).to.match(expected)
    })

  it('reads binary data of a ConfigMap and data of a Secret', () => {
    const usable = { kind: 'usable', bundle: { pem: pem.root } }
    const { data = {} } = secret(pem.root)
    expect(bundleOfConfigMap({ metadata, binaryData: data })).to.deep.equal(usable)
    expect(bundleOfSecret(secret(pem.root))).to.deep.equal(usable)
    expect(bundleOfSecret({ kind: 'Secret', metadata }).kind).to.equal('unusable')
  })

  it('merges, each certificate once', () => {
    const merged = mergeBundles([{ pem: pem.root + pem.issuer }, { pem: pem.issuer + pem.expired }])
    expect(merged.pem).to.equal(pem.root + pem.issuer + pem.expired)
  })
})
