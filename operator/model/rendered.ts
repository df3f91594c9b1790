// What crosses towards the doors: HAProxy's files as sections, Kubernetes objects, statuses, and what came of them.

import type { KubernetesObject, Kind } from './kubernetes.ts'
import type { BackendProfile } from './proxy-model.ts'
import type { SpareProfile } from './settings.ts'
import type { Secret } from './secret.ts'
import type { ObjectKey } from './snapshot.ts'
import type { Users } from './users.ts'

/**
 * HAProxy's configuration for one proxy. Sections keep their identity from run to run as long as their content is the same,
 * so comparing two configurations walks sections, not lines.
 */
export type RenderedConfig = {
  /** Fingerprint of all that follows; hexadecimal, never empty. Same content, same generation, in every process. */
  readonly generation: string
  readonly machine: Machine
  /** Map file name (`paths-80.map`) → section name → entries. A key stands in at most one section of its map. */
  readonly maps: ReadonlyMap<string, ReadonlyMap<string, MapSection>>
  /** Backend name → section of backends.cfg. */
  readonly backends: ReadonlyMap<string, BackendSection>
  /** Certificate file name (`shop_tls_1a2b3c4d.pem`) → content. */
  readonly certificates: ReadonlyMap<string, CertificateFile>
  /** Certificate list file name (`certificates-443.txt`) → its certificates. */
  readonly certificateLists: ReadonlyMap<string, CertificateList>
  /** Files with certificates of authorities (`ca-1a2b3c4d.pem`, `clients-443.pem`) → content. HAProxy knows them by these names, without folder. */
  readonly authorities: ReadonlyMap<string, AuthorityFile>
  /** The certificate file for servers with TLS that ask for one, loaded also while there is no such server. */
  readonly clientCertificate?: string
  /** nginx's configuration; absent for a proxy without UDP ports. */
  readonly udp?: UdpConfig
  /** Who asks for what takes a reload. Absent: nobody can tell. */
  readonly users?: Users
  /** Counts for the log line. */
  readonly size: { readonly hosts: number; readonly rules: number }
}

/** haproxy.cfg and what goes with it: changing it takes a reload. */
export type Machine = {
  /** haproxy.cfg */
  readonly text: string
  /** Fingerprint of `text` and `scripts`. */
  readonly hash: string
  /** The same without the lines for condition names and retry policies. With it and `reasons`, `text` is told. */
  readonly frame: string
  /** Further files that HAProxy loads at start (Lua), by name under the general storage. */
  readonly scripts: ReadonlyMap<string, string>
  /** What the machine was made for, e.g. `port 443 with TLS`, `header x-canary`, `profile retry.2.500`. Holds no `/`. */
  readonly reasons: readonly string[]
  /** What stands in a spare section behind its first line, by profile. */
  readonly spares: ReadonlyMap<SpareProfile, string>
}

/** What carries UDP is told in one file, which it loads again as a whole. */
export type UdpConfig = {
  /** The first line is `# HASH`. */
  readonly text: string
  /** Fingerprint of the other lines. */
  readonly hash: string
  readonly ports: readonly number[]
}

export type MapSection = {
  /** Sorted by key; neither key nor value holds white space, a line break or a semicolon. */
  readonly entries: readonly MapEntry[]
  /** Two 32-bit halves of a fingerprint of the entries. */
  readonly hash: Hash
}
export type MapEntry = {
  readonly key: string
  readonly value: string
  /** The backend that `value` begins with (up to `|` or its end), when it names one: a pod may know it by another name for a while. */
  readonly backend?: string
}

export type BackendSection = {
  readonly name: string
  readonly profile: BackendProfile
  /** What the section inherits; its lines besides servers depend on this alone, so a spare of this profile can stand for it until the next reload. */
  readonly from: SpareProfile
  readonly servers: ReadonlyMap<string, ServerLine>
  /** The section as in backends.cfg: the first line is exactly `backend NAME from FROM`, the last ends with a line break. */
  readonly text: string
  readonly hash: Hash
}
export type ServerLine = { readonly address: string; readonly port: number; readonly options?: ServerOptions }
/** What is said of a server besides its address. Part of its name: with other options it is another server. */
export type ServerOptions = { readonly proto?: 'h2'; readonly ssl?: ServerSsl }
/** With TLS, and the certificate always verified. Files are those that HAProxy has loaded. */
export type ServerSsl = {
  /** `@system-ca`, or the name of a file of authorities. */
  readonly caFile: string
  /** The hostname that is asked for, and that the certificate must have. */
  readonly sni: string
  /** The path of the certificate that is shown when the server asks for one. */
  readonly certificate?: string
  /** Key of the names of which the certificate must have one, in the map of such names; it changes with them. */
  readonly names?: string
}

export type CertificateFile = { readonly pem: Secret; readonly fingerprint: string }
export type AuthorityFile = { readonly pem: string; readonly fingerprint: string }
export type CertificateList = {
  /** The file of the default certificate, which serves names that no other covers: its entry stands first, the order of the others means nothing. */
  readonly first: string
  /** By file. */
  readonly entries: ReadonlyMap<string, CertificateListEntry>
}
export type CertificateListEntry = { readonly file: string; readonly sni: readonly string[] }

/** Hashes add up: the sum over a set of sections does not depend on their order. */
export type Hash = readonly [number, number]

export type Outcome = {
  readonly kind: 'programmed' | 'waiting' | 'rejected'
  /** programmed: the generation that every ready pod acknowledged. */
  readonly generation?: string
  /** waiting: for what. rejected: HAProxy's words. */
  readonly message: string
  /** Addresses under which the Service can be reached, as the cluster reports them. */
  readonly addresses: readonly GatewayAddress[]
  /** programmed: what HAProxy was last reloaded for since the operator runs, and because of whom. */
  readonly reload?: string
  /** rejected: the guilty object, when it was found. */
  readonly guilty?: { readonly kind: Kind; readonly key: ObjectKey }
}
export type GatewayAddress = { readonly type: 'IPAddress' | 'Hostname'; readonly value: string }

/** An object as it should be: only the fields that are ours, written by server-side apply. */
export type DesiredObject = KubernetesObject & {
  readonly apiVersion: string
  readonly kind: string
  readonly metadata: { readonly name: string; readonly namespace: string }
}

export type StatusPatch = {
  readonly kind: Kind
  readonly key: ObjectKey
  /** What the whole status should be, seen from the object of the snapshot it was computed from. Foreign entries are kept as they are. */
  readonly status: unknown
}
