// Configurations for tests: small, with every kind of section, and with identities that stay while the content does.

import type {
  AuthorityFile,
  BackendSection,
  CertificateFile,
  CertificateList,
  MapEntry,
  MapSection,
  RenderedConfig,
} from '../../model/rendered.ts'
import { isRetryProfile } from '../../model/retry.ts'
import { Secret } from '../../model/secret.ts'
import { defaultDataPlane, type DataPlaneSettings, type SpareProfile, spareProfiles } from '../../model/settings.ts'
import { shortHash } from '../../lib/hash.ts'

import { heldList } from '../certificate-change.ts'

export type ConfigSpec = {
  /** Host → path → backend, or `~backend` for a way through the tree. */
  readonly hosts: Readonly<Record<string, Readonly<Record<string, string>>>>
  /** Backend → addresses, with a port behind a colon or without; a name with `.f` is of the profile filtered, one with `.retry.…` of that. */
  readonly backends: Readonly<Record<string, readonly string[]>>
  /** Those of the backends whose servers' certificates must have some names. */
  readonly named?: readonly string[]
  /** File → content. */
  readonly certificates?: Readonly<Record<string, string>>
  /** File and hostnames, in order, of port 443. */
  readonly list?: readonly (readonly [string, readonly string[]])[]
  /** File of authorities → content. */
  readonly authorities?: Readonly<Record<string, string>>
  /** The certificate file for servers. */
  readonly clientCertificate?: string
  readonly reasons?: readonly string[]
  /** haproxy.cfg; absent: something only a fake takes. */
  readonly machine?: string
  /** Of a port for datagrams: what nginx's file says. */
  readonly udp?: string
  /** Of all servers; 80 when left out. */
  readonly port?: number
}

export const testSettings: DataPlaneSettings = {
  ...defaultDataPlane,
  spares: { plain: 3, filtered: 2, named: 2, tcp: 1, 'named-tcp': 1, retry: 2 },
}

const interned = {
  backend: new Map<string, BackendSection>(),
  certificate: new Map<string, CertificateFile>(),
  authority: new Map<string, AuthorityFile>(),
  list: new Map<string, CertificateList>(),
  section: new Map<string, MapSection>(),
}

/** The configuration of a description; equal parts of two configurations are the same objects, as rendering guarantees. */
export function configOf(spec: ConfigSpec): RenderedConfig {
  const reasons = spec.reasons ?? ['port 80', 'port 443']
  const text = spec.machine ?? `# machine of ${reasons.join(', ')}\n`
  const frame = shortHash(spec.machine ?? reasons.filter((reason) => reason.startsWith('port ')).join())
  const retries = reasons.map((reason) => reason.replace(/^profile /, '')).filter(isRetryProfile)
  const spares = new Map([...spareProfiles, ...retries].map((profile): [SpareProfile, string] => [profile, '']))
  const certificates = Object.entries(spec.certificates ?? {}).map(
    ([file, pem]) =>
      [
        file,
        same(interned.certificate, `${file} ${pem}`, { pem: new Secret(pem), fingerprint: shortHash(pem) }),
      ] as const,
  )
  const authorities = Object.entries(spec.authorities ?? {}).map(
    ([file, pem]) => [file, same(interned.authority, pem, { pem, fingerprint: shortHash(pem) })] as const,
  )
  const list = (spec.list ?? []).map(([file, sni]) => ({ file, sni }))
  return {
    generation: shortHash(JSON.stringify(spec)),
    machine: {
      text,
      hash: shortHash(text),
      frame,
      scripts: new Map([['candidates.lua', '-- walk\n']]),
      reasons,
      spares,
    },
    maps: new Map([
      ['hosts-80.map', sectionsOf(spec, (host) => [{ key: `${host}/`, value: host }])],
      ['paths-80.map', sectionsOf(spec, pathEntries)],
      ['tree.map', sectionsOf(spec, treeEntries)],
    ]),
    backends: new Map(
      Object.entries(spec.backends).map(([name, addresses]) => [name, backendOf(name, addresses, spec)]),
    ),
    certificates: new Map(certificates),
    authorities: new Map(authorities),
    ...(spec.clientCertificate === undefined ? {} : { clientCertificate: spec.clientCertificate }),
    ...(spec.udp === undefined ? {} : { udp: udpOf(spec.udp) }),
    certificateLists: new Map([['certificates-443.txt', same(interned.list, JSON.stringify(list), heldList(list))]]),
    size: { hosts: Object.keys(spec.hosts).length, rules: 0 },
  }
}

function udpOf(content: string): NonNullable<RenderedConfig['udp']> {
  const text = `${content}\n# end\n`
  const hash = shortHash(text)
  return { text: `# ${hash}\n${text}`, hash, ports: [53] }
}

type Paths = Readonly<Record<string, string>>

function sectionsOf(
  spec: ConfigSpec,
  entries: (host: string, paths: Paths) => readonly MapEntry[],
): Map<string, MapSection> {
  return new Map(
    Object.entries(spec.hosts).map(([host, paths]) => {
      const sorted = entries(host, paths).toSorted((a, b) => (a.key < b.key ? -1 : 1))
      const section: MapSection = { entries: sorted, hash: [0, 0] }
      return [`80/${host}`, same(interned.section, JSON.stringify(sorted), section)]
    }),
  )
}

function pathEntries(host: string, paths: Paths): readonly MapEntry[] {
  return Object.entries(paths).map(([path, target]) => {
    const key = host + path
    if (target.startsWith('~')) return { key, value: nodeOf(host, path, target) }
    return { key, value: target, backend: target }
  })
}

function treeEntries(host: string, paths: Paths): readonly MapEntry[] {
  return Object.entries(paths).flatMap(([path, target]) => {
    if (!target.startsWith('~')) return []
    const backend = target.slice(1)
    return [{ key: nodeOf(host, path, target), value: `${backend}|then`, backend }]
  })
}

function nodeOf(host: string, path: string, target: string): string {
  return `@n.${shortHash(`${host} ${path} ${target}`)}`
}

function backendOf(name: string, addresses: readonly string[], { port = 80, named = [] }: ConfigSpec): BackendSection {
  const spare = name.endsWith('.f') ? 'filtered' : 'plain'
  const retry = name.slice(name.indexOf('.') + 1)
  const profile = isRetryProfile(retry) ? retry : spare
  const places = addresses.map((text) => {
    const [address = '', own = port] = text.split(':')
    return { address, port: Number(own) }
  })
  const servers = new Map(places.map((line) => [`${line.address.replaceAll('.', '-')}_${line.port}`, line]))
  const lines = [...servers].map(([server, line]) => `    server ${server} ${line.address}:${line.port}\n`)
  const from = named.includes(name) ? 'named' : profile
  const text = `backend ${name} from ${from}\n${lines.join('')}`
  return same(interned.backend, text, {
    name,
    profile,
    from,
    servers,
    text,
    hash: [0, 0],
  })
}

// The id holds everything that the value was made of.
function same<T>(known: Map<string, T>, id: string, value: T): T {
  const before = known.get(id)
  if (before !== undefined) return before
  known.set(id, value)
  return value
}
