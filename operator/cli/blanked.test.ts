import { expect } from 'chai'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'

import { readSettings } from '../settings.ts'
import { parseManifests, snapshotFromObjects } from '../watch/files.ts'

import { withThrowAwayPairs } from './blanked.ts'
import { describeSnapshot } from './snapshot.ts'
import { describeTranslation } from './translate.ts'

const scenario = join(import.meta.dirname, '../scenarios/https-listener-with-a-certificate/input.yaml')
const manifests = readFileSync(scenario, 'utf8')
const settings = readSettings({}, {})

describe('cli/blanked', () => {
  const objects = parseManifests(manifests, 'x')
  const seen = describeSnapshot(snapshotFromObjects(objects))
  const statuses = (text: string) => text.slice(text.indexOf('##### status of'))
  const translated = (of: typeof objects) => statuses(describeTranslation(of, settings, new Date(0)).text)

  it('keeps certificates and marks keys', () => {
    const [secret] = parseManifests(seen, 'x').filter(({ kind }) => kind === 'Secret')
    expect(JSON.stringify(secret)).to.contain('"tls.key":"blanked by haproxy-gateway snapshot"')
    const certificate = /-----BEGIN CERTIFICATE-----\n *(\S+)/.exec(manifests)?.[1] ?? 'none'
    const [, kept] = /tls\.crt: \|?-?>?-?\s*([\w+/=\s]+?)\n\s*stringData/.exec(seen) ?? []
    expect(Buffer.from((kept ?? '').replaceAll(/\s/g, ''), 'base64').toString()).to.contain(certificate)
  })

  it('a snapshot comes to the statuses of what it was taken from', async () => {
    const { objects: whole, replaced } = await withThrowAwayPairs(parseManifests(seen, 'x'))
    expect(replaced).to.have.length(1)
    expect(translated(whole)).to.equal(translated(objects))
    expect(translated(parseManifests(seen, 'x')), 'without a pair').to.contain('InvalidCertificateRef')
  })

  it('a key that did not fit its certificate still does not', async () => {
    const unfit = manifests.replace(/-----BEGIN PRIVATE KEY-----/, '-----BEGIN NOTHING-----')
    const dump = describeSnapshot(snapshotFromObjects(parseManifests(unfit, 'x')))
    const { objects: same, replaced } = await withThrowAwayPairs(parseManifests(dump, 'x'))
    expect(replaced).to.deep.equal([])
    expect(translated(same)).to.contain('InvalidCertificateRef')
  })

  it('a key among the certificates is not shown', () => {
    const careless = manifests.replace(
      'tls.crt: |',
      'tls.crt: |\n    -----BEGIN PRIVATE KEY-----\n    c2VjcmV0\n    -----END PRIVATE KEY-----',
    )
    const dump = describeSnapshot(snapshotFromObjects(parseManifests(careless, 'x')))
    const { Secret } = snapshotFromObjects(parseManifests(dump, 'x'))
    const [secret] = [...Secret.keys()].map((key) => Secret.get(key))
    const text = Buffer.from(secret?.data?.['tls.crt'] ?? '', 'base64').toString()
    expect(text).to.contain('BEGIN CERTIFICATE').and.not.contain('c2VjcmV0')
  })
})
