// Certificates of the frontends, and the one for servers → files and certificate lists.

import { certificateFile, certificateListFile, defaultCertificateFile, tlsCertificateListFile } from '../model/names.ts'
import type { Certificate, ProxyModel, SniCertificate } from '../model/proxy-model.ts'
import type { CertificateFile, CertificateList, CertificateListEntry, Hash, RenderedConfig } from '../model/rendered.ts'
import { type Entry, memo } from '../lib/derive.ts'
import { halves, sumOfHashes } from '../lib/hash.ts'
import { fold } from '../lib/fold.ts'
import { leafOf, PartedMap, type Parts, together } from '../lib/parts.ts'

/** What the functions below compute from trees, a node each step. */
export function* preparingCertificates({ certificates, frontends }: ProxyModel): Generator<undefined, undefined> {
  yield* filesOf.preparing(certificates)
  for (const frontend of frontends)
    if ('tls' in frontend && frontend.tls !== undefined) yield* entriesOf.preparing(frontend.tls.certificates)
}

type Files = { readonly files: Parts<CertificateFile>; readonly hash: Hash }

/** Certificate file → content; the same certificates give the same map, identically. `hash`: the sum of its files'. */
export function certificateFiles(proxy: ProxyModel): {
  readonly files: RenderedConfig['certificates']
  readonly hash: Hash
} {
  const { files, hash } = filesOf(proxy.certificates)
  const defaults = listsOf(proxy).map(({ standIn }) => standIn)
  return { files: mapOf(files)(defaults), hash: sumOf([{ hash }, ...defaults]) }
}

const filesOf = fold(
  (some: readonly Certificate[]): Files => {
    const files = some.map(fileOf)
    return { files: leafOf(files.map(({ entry }) => entry)), hash: sumOf(files) }
  },
  (found) => ({ files: together(found.map(({ files }) => files)), hash: sumOf(found) }),
)
const mapOf = memo((files: Parts<CertificateFile>) => {
  let last: { readonly defaults: readonly File[]; readonly map: RenderedConfig['certificates'] } | undefined
  return (defaults: readonly File[]): RenderedConfig['certificates'] => {
    const isSame =
      last?.defaults.length === defaults.length && defaults.every((file, at) => last?.defaults[at] === file)
    const all = () => together([files, leafOf(defaults.map(({ entry }) => entry))])
    last = last !== undefined && isSame ? last : { defaults, map: new PartedMap(all()) }
    return last.map
  }
})

type File = { readonly entry: Entry<CertificateFile>; readonly hash: Hash }

const fileOf = memo((certificate: Certificate): File => named(certificateFile(certificate.id), certificate))

function named(member: string, { pem, fingerprint }: Certificate): File {
  const value: CertificateFile = { pem, fingerprint }
  return { entry: { member, value }, hash: halves(`certificate ${member} ${fingerprint}`) }
}

/** Certificate list file → its entries; the same certificates give the same list, identically. `hash`: the sum of the lists'. */
export function certificateLists(proxy: ProxyModel): {
  readonly lists: RenderedConfig['certificateLists']
  readonly hash: Hash
} {
  const lists = listsOf(proxy)
  return {
    lists: new Map(lists.map(({ file, list }) => [file, list])),
    hash: sumOf(lists.map(({ file, text }) => ({ hash: halves(`list ${file} ${text}`) }))),
  }
}

type Listed = { readonly list: CertificateList; readonly text: string; readonly standIn: File }

function listsOf({ frontends }: ProxyModel): readonly (Listed & { readonly file: string })[] {
  return frontends.flatMap((frontend) => {
    if (!('tls' in frontend) || frontend.tls === undefined) return []
    const name = frontend.kind === 'tls' ? tlsCertificateListFile : certificateListFile
    const file = name(frontend.port)
    return [{ file, ...listOf(frontend.tls.certificates)(defaultCertificateFile(file)) }]
  })
}

// HAProxy takes the first entry for names that no other covers, and cannot exchange it at run time; but it can exchange what is in its file. So
// that file stands in for the certificate that is the default one by now, which has an entry of its own for the names that it serves.
const listOf = memo((certificates: Parts<SniCertificate>) => {
  const { entries, hash, first } = entriesOf(certificates)
  return byName((file): Listed => {
    const entry: CertificateListEntry = { file, sni: forNoName }
    const all = together([entries, leafOf([{ member: file, value: entry }])])
    const list = { first: file, entries: new PartedMap(all) }
    return { list, text: hash.join(' '), standIn: standInOf(first.certificate)(file) }
  })
})
const standInOf = memo((certificate: Certificate) => byName((file) => named(file, certificate)))

/** No name chooses such an entry. */
const forNoName = ['!*']

function byName<T>(compute: (name: string) => T): (name: string) => T {
  const known = new Map<string, T>()
  return (name) => {
    const value = known.get(name) ?? compute(name)
    known.set(name, value)
    return value
  }
}

type Ranked = {
  readonly entry: CertificateListEntry
  readonly certificate: Certificate
  readonly precedence: string
  readonly hash: Hash
}
type Entries = { readonly entries: Parts<CertificateListEntry>; readonly first: Ranked; readonly hash: Hash }

const entriesOf = fold(
  (some: readonly SniCertificate[]): Entries => {
    const ranked = some.map(listEntry)
    const entries = leafOf(ranked.map(({ entry }) => ({ member: entry.file, value: entry })))
    return { entries, first: firstOf(ranked), hash: sumOf(ranked) }
  },
  (found) => ({
    entries: together(found.map(({ entries }) => entries)),
    first: firstOf(found.map(({ first }) => first)),
    hash: sumOf(found),
  }),
)

const listEntry = memo(({ certificate, hostnames, precedence }: SniCertificate): Ranked => {
  const entry = { file: certificateFile(certificate.id), sni: [...new Set(hostnames)] }
  return { entry, certificate, precedence, hash: halves([entry.file, ...entry.sni].join(' ')) }
})

// HAProxy takes the first entry for names that no entry covers, so certificates for any hostname stand in front; they have no filter
// and serve the names they were issued for.
function firstOf(ranked: readonly Ranked[]): Ranked {
  return ranked.reduce((first, one) => (standsBefore(one, first) ? one : first))
}

function standsBefore(a: Ranked, b: Ranked): boolean {
  const [anyA, anyB] = [a.entry.sni.length === 0, b.entry.sni.length === 0]
  return anyA === anyB ? a.precedence < b.precedence : anyA
}

function sumOf(parts: readonly { readonly hash: Hash }[]): Hash {
  return sumOfHashes(parts.map(({ hash }) => hash))
}
