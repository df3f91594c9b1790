import { expect } from 'chai'
import fc from 'fast-check'

import type { CertificateFile, CertificateList, CertificateListEntry, RenderedConfig } from '../model/rendered.ts'
import { Secret } from '../model/secret.ts'
import { noParts, PartedMap, withChanges } from '../lib/parts.ts'

import { compareCertificates, heldList, listReload } from './certificate-change.ts'
import { freshlyLoaded, type Held, type HeldList } from './held.ts'
import { configOf, testSettings } from './testing/configs.ts'

const name = 'certificates-443.txt'
const empty = configOf({ hosts: {}, backends: {} })

/** File → hostnames, and version of the certificate; `first` is among them. */
type Shown = {
  readonly first: string
  readonly files: ReadonlyMap<string, { readonly host: string; readonly version: number }>
}

function treeOf<V>(files: ReadonlyMap<string, V>): PartedMap<V> {
  return new PartedMap(
    withChanges<V>(
      noParts,
      [...files].map(([member, value]) => ({ member, entry: { member, value } })),
    ),
  )
}

function mapped<V, W>(files: ReadonlyMap<string, V>, change: (value: V, file: string) => W): ReadonlyMap<string, W> {
  return new Map([...files].map(([file, value]) => [file, change(value, file)]))
}

const pem = new Secret('pem')

function configFor({ first, files }: Shown): RenderedConfig {
  const entries = treeOf(mapped(files, ({ host }, file): CertificateListEntry => ({ file, sni: [host] })))
  const list: CertificateList = { first, entries }
  const certificates = treeOf(mapped(files, ({ version }): CertificateFile => ({ pem, fingerprint: String(version) })))
  return { ...empty, certificates, certificateLists: new Map([[name, list]]) }
}

/** What the commands leave in a pod that holds this, in memory: entries and fingerprints by file. Throws where a pod would refuse. */
function carriedOut(held: Held, wanted: RenderedConfig) {
  const list = held.certificateLists.get(name)
  const entries = new Map([...(list?.entries ?? [])].map(([file, { sni }]) => [file, sni.join()]))
  const fingerprints = new Map([...held.certificates].map(([file, { fingerprint }]) => [file, fingerprint]))
  const loaded = new Set(fingerprints.keys())
  const { added, removed } = compareCertificates(held, wanted)
  for (const command of [...added, ...removed]) {
    if (command.kind === 'put-certificate') {
      expect(command.known, `${command.file} known`).to.equal(loaded.has(command.file))
      loaded.add(command.file)
    } else if (command.kind === 'delete-certificate') {
      expect(entries.has(command.file), `${command.file} is in use`).to.equal(false)
      loaded.delete(command.file)
    } else if (command.kind === 'add-list-entry') {
      expect([loaded.has(command.entry.file), entries.has(command.entry.file)]).to.deep.equal([true, false])
      entries.set(command.entry.file, command.entry.sni.join())
    } else if (command.kind === 'delete-list-entry') expect(entries.delete(command.file)).to.equal(true)
    else if (command.kind === 'set-entry') fingerprints.set(command.key.replace('@crt.', ''), command.value)
    else if (command.kind === 'delete-entry') fingerprints.delete(command.key.replace('@crt.', ''))
  }
  return { entries, fingerprints, loaded }
}

describe('change: certificates', () => {
  const file = fc.nat({ max: 120 }).map((n) => `f${n}.pem`)
  const value = fc.record({ host: fc.constantFrom('a.com', 'b.com'), version: fc.constantFrom(1, 2) })
  const files = fc.array(fc.tuple(file, value), { maxLength: 90, size: 'max' })
  const edits = fc.array(fc.tuple(file, fc.option(value)), { maxLength: 8 })
  const first = { host: 'first.com', version: 1 }

  it('law: the commands lead from any list to any other with the same first entry, whatever tells what a pod holds', () => {
    fc.assert(
      fc.property(files, edits, fc.boolean(), (some, changes, isReadBack) => {
        const before = new Map([['first.pem', first], ...some])
        const after = new Map(before)
        for (const [key, changed] of changes) {
          if (changed === null) after.delete(key)
          else after.set(key, changed)
        }
        const [old, wanted] = [
          configFor({ first: 'first.pem', files: before }),
          configFor({ first: 'first.pem', files: after }),
        ]
        const known = freshlyLoaded(old, testSettings)
        const list = heldList([...before].map(([key, { host }]) => ({ file: key, sni: [host] })))
        const readBack = {
          ...known,
          certificates: new Map(old.certificates),
          certificateLists: new Map([[name, list]]),
        }
        const held = isReadBack ? readBack : known
        expect(listReload(held, wanted)).to.equal(undefined)
        const left = carriedOut(held, wanted)
        expect(left.entries).to.deep.equal(mapped(after, ({ host }) => host))
        expect(left.fingerprints).to.deep.equal(mapped(after, ({ version }) => String(version)))
        expect(left.loaded).to.deep.equal(new Set(after.keys()))
        const isSame = [...after].every(([key, one]) => JSON.stringify(before.get(key)) === JSON.stringify(one))
        const { added, removed } = compareCertificates(held, wanted)
        expect(added.length + removed.length === 0).to.equal(isSame && after.size === before.size)
      }),
    )
  })

  it('only another first entry, an entry that stands there twice, and the first of an empty list take a reload', () => {
    const shown = (start: string, hosts: Readonly<Record<string, string>>): Shown => ({
      first: start,
      files: new Map(Object.entries(hosts).map(([key, host]) => [key, { host, version: 1 }])),
    })
    const before = shown('a', { a: 'a.com', b: 'b.com' })
    const told = (after: Shown, list: HeldList | undefined = configFor(before).certificateLists.get(name)) =>
      listReload(
        { ...freshlyLoaded(configFor(before), testSettings), certificateLists: new Map(list && [[name, list]]) },
        configFor(after),
      )?.reasons.join()
    const another = `default certificate of ${name}`
    expect(told(shown('b', { a: 'a.com', b: 'b.com' }))).to.equal(another)
    expect(told(shown('b', { b: 'b.com' }))).to.equal(another)
    expect(told(shown('a', { a: 'other.com', b: 'b.com' }))).to.equal(another)
    expect(told(shown('a', { a: 'a.com', c: 'c.com' }))).to.equal(undefined)
    const entries: readonly CertificateListEntry[] = [
      { file: 'a', sni: ['a.com'] },
      { file: 'b', sni: ['b.com'] },
    ]
    expect(told(before, heldList(entries))).to.equal(undefined)
    expect(told(before, heldList(entries.toReversed()))).to.equal(another)
    expect(told(before, heldList([...entries, { file: 'b', sni: ['c.com'] }]))).to.equal(`entries of ${name}`)
    expect(told(before, heldList([]))).to.equal(`entries of ${name}`)
  })
})
