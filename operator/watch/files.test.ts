import { expect } from 'chai'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { parseManifests, snapshotFromFiles, snapshotFromObjects, unreadKinds } from './files.ts'

const gateway = `
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: { name: web, namespace: shop }
spec: { gatewayClassName: haproxy, listeners: [] }
`

describe('watch/files', () => {
  it('reads a folder and its subfolders, several documents to a file', () => {
    const folder = mkdtempSync(join(tmpdir(), 'manifests-'))
    try {
      mkdirSync(join(folder, 'more'))
      writeFileSync(join(folder, 'a.yaml'), `# a comment only\n---\n${gateway}---\n${gateway.replace('web', 'blog')}`)
      writeFileSync(join(folder, 'more', 'b.yml'), 'kind: Secret\nmetadata: { name: tls }\nstringData: { key: text }\n')
      writeFileSync(join(folder, 'notes.txt'), 'not a manifest')
      const snapshot = snapshotFromFiles(folder)
      expect([...snapshot.Gateway.keys()]).to.deep.equal(['shop/web', 'shop/blog'])
      expect(snapshot.Secret.get('default/tls')).to.deep.include({ data: { key: 'dGV4dA==' } })
    } finally {
      rmSync(folder, { recursive: true })
    }
  })

  it('takes the items of a list one by one', () => {
    const text = '{kind: List, items: [{kind: Namespace, metadata: {name: a}}, {kind: Namespace, metadata: {name: b}}]}'
    expect([...snapshotFromObjects(parseManifests(text, 'x')).Namespace.keys()]).to.deep.equal(['a', 'b'])
  })

  it('leaves out, and can name, kinds that no rule reads', () => {
    const objects = parseManifests(`{kind: Ingress, metadata: {name: a}}\n---${gateway}`, 'x')
    expect(unreadKinds(objects)).to.deep.equal(['Ingress'])
    expect(snapshotFromObjects(objects).Gateway.size).to.equal(1)
  })

  it('does not take a kind of another group for ours', () => {
    const objects = parseManifests('{apiVersion: networking.istio.io/v1, kind: Gateway, metadata: {name: a}}', 'x')
    expect(unreadKinds(objects)).to.deep.equal(['Gateway'])
    expect(snapshotFromObjects(objects).Gateway.size).to.equal(0)
  })

  it('quotes nothing of a text that is not YAML', () => {
    expect(() => parseManifests('stringData: {password: "hunter2" oops', 'x'))
      .to.throw(/^x is not valid YAML/)
      .with.property('message')
      .that.does.not.include('hunter2')
  })

  it('can be edited, and leaves the objects it was given alone', () => {
    const objects = parseManifests(gateway, 'x')
    const snapshot = snapshotFromObjects(objects)
    expect(objects.some((object) => Object.isFrozen(object))).to.equal(false)
    expect(objects.map((object) => snapshot.put(object))).to.deep.equal([false])
    expect(snapshot.remove('Gateway', 'shop/web')).to.equal(true)
    expect(snapshot.Gateway.get('shop/web')).to.equal(undefined)
  })

  for (const [text, words] of [
    ['a: [', 'shop.yaml is not valid YAML'],
    ['hello', 'shop.yaml holds a document without a kind'],
    ['kind: Gateway', 'shop.yaml holds a Gateway without metadata.name'],
  ] as const)
    it(`says of ${JSON.stringify(text)}: ${words}`, () => {
      expect(() => parseManifests(text, 'shop.yaml')).to.throw(words)
    })
})
