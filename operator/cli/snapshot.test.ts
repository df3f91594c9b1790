import { expect } from 'chai'

import { parseManifests, snapshotFromObjects } from '../watch/files.ts'

import { describeSnapshot } from './snapshot.ts'

describe('cli/snapshot', () => {
  const objects = parseManifests(
    `
kind: Secret
metadata: { name: tls, namespace: shop, resourceVersion: "7", uid: u }
type: kubernetes.io/tls
stringData: { tls.key: very-private }
---
kind: ConfigMap
metadata: { name: ca, namespace: shop }
data: { ca.crt: public }
`,
    'x',
  )

  it('blanks what secrets hold, and nothing else', () => {
    const text = describeSnapshot(snapshotFromObjects(objects))
    expect(text).to.not.contain('very-private')
    expect(text).to.not.contain(Buffer.from('very-private').toString('base64'))
    expect(text).to.contain('tls.key: blanked').and.to.contain('ca.crt: public')
  })

  it('can be read again as manifests', () => {
    const text = describeSnapshot(snapshotFromObjects(objects))
    const again = snapshotFromObjects(parseManifests(text, 'dump'))
    expect([...again.Secret.keys(), ...again.ConfigMap.keys()]).to.deep.equal(['shop/tls', 'shop/ca'])
    expect(again.Secret.get('shop/tls')?.type).to.equal('kubernetes.io/tls')
    expect(describeSnapshot(again)).to.equal(text)
  })
})
