// How identities become Kubernetes and HAProxy names: short, stable, unique. Nobody else makes up a name.

import type {
  BackendId,
  BackendProfile,
  CaBundle,
  Frontend,
  Hostname,
  Port,
  Server,
  WorkloadPort,
} from './proxy-model.ts'
import type { ServerOptions } from './rendered.ts'
import { isRetryProfile } from './retry.ts'
import { type SpareProfile, spareProfiles } from './settings.ts'
import type { ObjectKey } from './snapshot.ts'
import { shortHash } from '../lib/hash.ts'

/** GEP-1762: every object made for a Gateway carries this label with the Gateway's name. */
export const gatewayNameLabel = 'gateway.networking.k8s.io/gateway-name'
export const gatewayClassLabel = 'gateway.networking.k8s.io/gateway-class-name'
export const managedByLabel = 'app.kubernetes.io/managed-by'

/**
 * Deployment, Service and ServiceAccount of a Gateway, after GEP-1762: `GATEWAY-CLASS`. A hash ends the names of Gateways that another one
 * could share its name with: the class has a `-` (`a` of class `b-c` and `a-b` of class `c`) or reads like such a hash, one of the two has a
 * dot, both together are longer than 63 characters, or the Gateway begins with a digit. Names of Services must not (RFC 1035), so that
 * Gateway's begin with `gw-`.
 */
export function workloadName(gateway: string, className: string): string {
  const name = `${gateway}-${className}`
  const isPlain =
    /^[a-z][a-z0-9-]*$/.test(gateway) && /^[a-z0-9]+$/.test(className) && !/^[0-9a-f]{20}$/.test(className)
  if (isPlain && name.length <= 63) return name
  const start = `${/^\d/.test(gateway) ? 'gw-' : ''}${name.replaceAll('.', '-')}`
  return `${start.slice(0, 42).replace(/-+$/, '')}-${shortHash(`${gateway} ${className}`)}`
}
/** The Secret that new pods start from. */
export function stateSecretName(workload: string): string {
  return `${bounded(workload, 57)}-state`
}
/** The Secret with the data plane's side of mutual TLS. */
export function pkiSecretName(workload: string): string {
  return `${bounded(workload, 57)}-pki`
}
/** Authorities are the only objects of Gateways in the operator's namespace. */
export const authorityPrefix = 'authority-'
/** The Secret in the operator's namespace with a Gateway's CA and the operator's side of mutual TLS. */
export function authoritySecretName(gateway: ObjectKey): string {
  return `${authorityPrefix}${shortHash(gateway, 20)}`
}
/** A label value: at most 63 characters. */
export function labelValue(name: string): string {
  return bounded(name, 63)
}

/** `shop_cart_8080`; with `.h2` where only HTTP/2 is spoken; its twins end with their profile: `.f` for filtered, `.tcp`. */
export function backendName(id: BackendId, profile: BackendProfile): string {
  const name = id
    .replace('/', '_')
    .replace(/:(\d+)/, '_$1')
    .replace('/', '.')
  return `${name}${profileSuffix(profile)}`
}
function profileSuffix(profile: BackendProfile): string {
  if (profile === 'plain') return ''
  return profile === 'filtered' ? '.f' : `.${profile}`
}
/** `spare0007`, `spare.f0007`, `spare.retry.3.500.0007`: the n-th spare backend of a profile, written empty, given to a Service that appears at run time. */
export function spareName(profile: SpareProfile, n: number): string {
  return `spare${spareSuffix(profile)}${String(n).padStart(4, '0')}`
}
/** The profile of a spare; undefined for a name that is none's. */
export function spareProfileOf(spare: string): SpareProfile | undefined {
  const retry = /^spare\.(retry\..+)\.\d{4,}$/.exec(spare)?.[1] ?? ''
  if (isRetryProfile(retry)) return retry
  const n = Number(/\d{4,}$/.exec(spare)?.[0] ?? 0)
  return spareProfiles.find((profile) => spare === spareName(profile, n))
}
function spareSuffix(profile: SpareProfile): string {
  if (isRetryProfile(profile)) return `.${profile}.`
  return profile === 'named' || profile === 'named-tcp' ? `.${profile}` : profileSuffix(profile)
}
/**
 * `10-0-0-7_8080`; of IPv6 the colons become dashes too. With options the name tells which: `.h2`, `.t` and a hash for those of TLS, `.n` and the
 * key of the names that its certificate needs one of.
 */
export function serverName(server: Server, options: ServerOptions = {}): string {
  const { proto, ssl } = options
  const protocol = proto === undefined ? '' : `.${proto}`
  const tls = ssl === undefined ? '' : `.t${shortHash([ssl.caFile, ssl.sni, ssl.certificate ?? ''].join(' '), 8)}`
  const named = ssl?.names === undefined ? '' : `.n${ssl.names}`
  return `${server.address.replaceAll(/[.:]/g, '-')}_${server.port}${protocol}${tls}${named}`
}
export function frontendName(port: Port, tls: boolean): string {
  return `${tls ? 'https' : 'http'}-${port}`
}
/** `tls-443`, `tcp-5432` and so on: frontends for connections. */
export function streamName(kind: Exclude<Frontend['kind'], 'http'>, port: Port): string {
  return `${kind}-${port}`
}
/** Of a port of the Service: the name of the frontend behind it. */
export function portName({ kind, port, tls }: Pick<WorkloadPort, 'kind' | 'port' | 'tls'>): string {
  return kind === 'http' ? frontendName(port, tls) : streamName(kind, port)
}
/** The id of a virtual host in map keys: the hostname; `@.example.com` for a wildcard, `@` for any host. No Host header can hold an `@`. */
export function virtualHostId(hostname: Hostname): string {
  return hostname === '' ? '@' : hostname.replace(/^\*/, '@')
}
export function hostsMap(port: Port): string {
  return `hosts-${port}.map`
}
export function pathsMap(port: Port): string {
  return `paths-${port}.map`
}
export function listenersMap(port: Port): string {
  return `listeners-${port}.map`
}
/** SNI → what becomes of the connection. */
export function sniMap(port: Port): string {
  return `sni-${port}.map`
}
/** SNI of a connection that was decrypted → where it goes. */
export function terminatedMap(port: Port): string {
  return `terminated-${port}.map`
}
/** Port → where its connections go. */
export const tcpMap = 'tcp.map'
/** In maps: connections are closed. No backend is called so: those of Services have a `_`. */
export const closed = 'close'
/** The backend that leads from the frontend which reads the SNI to another frontend of the port. */
export function hopName(to: 'https' | 'terminate', port: Port): string {
  return `to-${to}-${port}`
}
/** The frontend that decrypts for TLSRoutes. */
export function terminateName(port: Port): string {
  return `terminate-${port}`
}
export const treeMap = 'tree.map'
export const actionsMap = 'actions.map'
export const candidatesMap = 'candidates.map'
/** What the `.n` in a server's name stands for. */
export const altNamesMap = 'alt-names.map'
/** Requests that HAProxy makes itself beside those that it forwards. */
export const subrequestsMap = 'subrequests.map'
/** What the pod holds, about itself: `@gen`, `@machine`, backend names and certificate fingerprints. Written by push/ only. */
export const metaMap = 'meta.map'
export function certificateListFile(port: Port): string {
  return `certificates-${port}.txt`
}
/** Of the frontend that decrypts for TLSRoutes. */
export function tlsCertificateListFile(port: Port): string {
  return `certificates-tls-${port}.txt`
}
/** Of a list of certificates: what stands in its first entry, `default-443.pem`. No certificate's own file has a name without `_`. */
export function defaultCertificateFile(listFile: string): string {
  return listFile.replace(/^certificates-(.*)\.txt$/, 'default-$1.pem')
}
/** Letters, digits, `_` and `-` only: the Data Plane API changes file names with other characters. */
export function certificateFile(id: ObjectKey): string {
  return `${id.replaceAll(/[^A-Za-z0-9-]/g, '_').slice(0, 80)}_${shortHash(id, 8)}.pem`
}
/** Certificates of authorities for servers, under the general storage: other content, another name. */
export function caFile({ pem }: CaBundle): string {
  return `ca-${shortHash(pem)}.pem`
}
/** Whether a file of authorities is one for servers. */
export function isCaFile(file: string): boolean {
  return file.startsWith('ca-')
}
/** Certificates of authorities for the clients of a port, under the general storage: its content changes, its name does not. */
export function clientCaFile(port: Port): string {
  return `clients-${port}.pem`
}

// At most `length` characters; a cut name ends with a hash of the whole, so two cut names stay different.
function bounded(name: string, length: number): string {
  return name.length <= length ? name : `${name.slice(0, length - 21).replace(/[-.]+$/, '')}-${shortHash(name)}`
}
