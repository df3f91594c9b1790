// One Gateway's wish as data: nouns that Kubernetes people and HAProxy people both know. No Kubernetes type, no HAProxy syntax.
// Values are frozen and replaced, never edited: the same identity means the same content.

import type { RetryProfile } from './retry.ts'
import type { ObjectKey } from './snapshot.ts'
import type { Secret } from './secret.ts'
import type { Users } from './users.ts'
import type { Parts } from '../lib/parts.ts'

export type Port = number
/** Lower case; `*.` in front of a wildcard; empty for any host. */
export type Hostname = string

export type ProxyModel = {
  /** The Gateway's key. */
  readonly id: ObjectKey
  readonly workload: Workload
  /** Sorted by port; of one port `tls` before the `http` behind it, and `udp` last. */
  readonly frontends: readonly Frontend[]
  /** Every backend that a rule of this proxy names, once per profile. */
  readonly backends: Parts<Backend>
  /** Every certificate that a frontend or `clientCertificate` names, each once. */
  readonly certificates: Parts<Certificate>
  /** What is shown to servers with TLS that ask for a certificate. */
  readonly clientCertificate?: Certificate
  /** Sorted; names of request headers (lower case) and query parameters that some rule compares with a text; not those for regular expressions. */
  readonly conditionNames: ConditionNames
  /** Who asks for what takes a reload. Absent: nobody can tell. */
  readonly users?: Users
}

export type ConditionNames = { readonly headers: readonly string[]; readonly queries: readonly string[] }

/** What the provisioner needs to know of the Gateway. */
export type Workload = {
  readonly name: string
  readonly namespace: string
  readonly uid: string
  readonly className: string
  /** spec.infrastructure, to be propagated to everything created for the Gateway (GEP-1762). */
  readonly labels: Readonly<Record<string, string>>
  readonly annotations: Readonly<Record<string, string>>
  /** spec.addresses of type IPAddress, asked for. */
  readonly addresses: readonly string[]
  /** Sorted; ports of all accepted listeners, also of those that cannot be served for the moment: the address outlives a missing certificate. */
  readonly ports: readonly WorkloadPort[]
}

export type WorkloadPort = {
  readonly port: Port
  readonly tls: boolean
  readonly transport: 'TCP' | 'UDP'
  /** What is behind it; tls before the http that shares its port. */
  readonly kind: Frontend['kind']
}

export type Frontend = HttpFrontend | TlsFrontend | TcpFrontend | UdpFrontend

/**
 * A port with listeners of protocol HTTP or HTTPS. Where there is a TlsFrontend of the same port too, it takes over the connections for
 * HTTPS listeners from that.
 */
export type HttpFrontend = {
  readonly kind: 'http'
  readonly port: Port
  /** Absent: plain HTTP. Never empty: a port none of whose listeners has a usable certificate has no frontend. */
  readonly tls?: FrontendTls
  /** Each hostname once. */
  readonly hosts: Parts<VirtualHost>
  /**
   * Hostnames of the HTTPS listeners, each once, where there are several: a request over a connection whose SNI is another listener's than its
   * host is misdirected. https://gateway-api.sigs.k8s.io/geps/gep-3567/
   */
  readonly listeners?: PortListeners
}
/** Apart from its frontend, so that it keeps its identity when routes change. */
export type PortListeners = { readonly port: Port; readonly hostnames: Parts<Hostname> }

/** A port with listeners of protocol TLS, and maybe of HTTPS: the SNI of a connection decides what becomes of it. */
export type TlsFrontend = {
  readonly kind: 'tls'
  readonly port: Port
  /** Some listener forwards connections as they are: what the SNI says must be read before anybody decrypts. */
  readonly passthrough: boolean
  /** What connections are terminated with that a TLSRoute gets decrypted. Absent: no such listener has a usable certificate. */
  readonly tls?: FrontendTls
  /** Each hostname once, those of HTTPS listeners among them. A connection for none of them is closed. */
  readonly hosts: Parts<TlsHost>
}
export type TlsHost = {
  readonly port: Port
  readonly hostname: Hostname
  /** passthrough: forwarded as it is. terminate: decrypted and forwarded. http: left to the HttpFrontend of the port. */
  readonly end: 'passthrough' | 'terminate' | 'http'
  /** In order of precedence; the first one's action counts. None: connections are closed. */
  readonly rules: readonly Rule[]
}

/** A port with a listener of protocol TCP. The action of the first rule counts; without one, connections are closed. */
export type TcpFrontend = { readonly kind: 'tcp'; readonly port: Port; readonly rules: readonly Rule[] }
/** A port with a listener of protocol UDP. The action of the first rule counts; without one, datagrams are dropped. */
export type UdpFrontend = { readonly kind: 'udp'; readonly port: Port; readonly rules: readonly Rule[] }

export type FrontendTls = {
  /** Each certificate once; never empty. */
  readonly certificates: Parts<SniCertificate>
  /** What is asked of clients. Absent: nothing. Of HttpFrontends only. */
  readonly clients?: ClientValidation
}

/** valid-only: no connection without a certificate that an authority of `ca` signed. insecure-fallback: clients are asked for one, and let in without. */
export type ClientValidation = { readonly mode: 'valid-only' | 'insecure-fallback'; readonly ca: CaBundle }

/** Certificates of authorities that are trusted, in PEM, checked: each parses and stands there once. */
export type CaBundle = { readonly pem: string }

export type SniCertificate = {
  readonly certificate: Certificate
  /** Hostnames for which it is chosen; empty: any. */
  readonly hostnames: readonly Hostname[]
  /** For sorting: that of its first listener, in the order of listeners. Where it counts, each certificate has its own. */
  readonly precedence: string
}

export type Certificate = {
  /** The Secret's key. */
  readonly id: ObjectKey
  /** Certificate chain and private key, checked: they parse and belong together. */
  readonly pem: Secret
  /** SHA-256 of `pem`, hexadecimal. */
  readonly fingerprint: string
}

/** A hostname on a port, and its rules in order of precedence. Without rules it answers 404. */
export type VirtualHost = {
  readonly port: Port
  readonly hostname: Hostname
  readonly rules: readonly Rule[]
}

export type Rule = {
  /** Stable across runs: kind, route key, position of rule and match. Rules of TLSRoutes, TCPRoutes and UDPRoutes match everything. */
  readonly id: string
  /** One match; a rule with three matches becomes three Rules. */
  readonly match: Match
  readonly action: Action
}

/** All parts must hold. */
export type Match = {
  readonly path: PathMatch
  readonly method?: string
  /** Sorted by name; names in lower case, each once. */
  readonly headers: readonly ValueMatch[]
  /** Sorted by name, each once. */
  readonly queries: readonly ValueMatch[]
  /** How many characters of a gRPC service and method the path was made of: they decide about precedence, in place of the path. */
  readonly grpc?: { readonly service: number; readonly method: number }
}
export type PathMatch = { readonly kind: 'exact' | 'prefix' | 'regex'; readonly value: string }
export type ValueMatch = { readonly name: string; readonly kind: 'exact' | 'regex'; readonly value: string }

export type Action =
  | { readonly kind: 'forward'; readonly targets: readonly Target[] }
  | { readonly kind: 'redirect'; readonly redirect: Redirect; readonly filters: readonly Filter[] }
  | { readonly kind: 'respond'; readonly status: 404 | 500 | 503 }

/** One weighted way to end a forwarding rule. Weights of a rule's targets add up to more than 0; 0 weights are left out. */
export type Target =
  | {
      readonly kind: 'backend'
      readonly weight: number
      readonly backend: BackendId
      readonly profile: BackendProfile
      /** The rule's filters and then the backendRef's, merged: at most one of each kind. */
      readonly filters: readonly Filter[]
      readonly timeouts: Timeouts
    }
  | {
      readonly kind: 'redirect'
      readonly weight: number
      readonly redirect: Redirect
      readonly filters: readonly Filter[]
    }
  | { readonly kind: 'respond'; readonly weight: number; readonly status: 500 | 503 }

export type Timeouts = {
  /** Milliseconds; absent: the default; 0: none. */
  readonly request?: number
  /** Milliseconds; absent: the default; 0: none. */
  readonly backendRequest?: number
  /** A stream: client and backend may both be silent for an hour. */
  readonly stream?: true
}

export type Filter =
  | { readonly kind: 'request-headers'; readonly change: HeaderChange }
  | { readonly kind: 'response-headers'; readonly change: HeaderChange }
  | { readonly kind: 'url-rewrite'; readonly hostname?: string; readonly path?: PathChange }
  | { readonly kind: 'cors'; readonly cors: Cors }
  | { readonly kind: 'mirror'; readonly mirrors: readonly Mirror[] }
  | { readonly kind: 'external-auth'; readonly auths: readonly ExternalAuth[] }

/** Which web pages of other origins may ask, and what the gateway tells their browsers. */
export type Cors = {
  /**
   * `scheme://host:port` in lower case, the port always there; the host may be `*` or begin with `*.`, which stands for any number of
   * labels. Any origin: only `*`.
   */
  readonly origins: readonly string[]
  readonly credentials: boolean
  /** Names; any: only `*`. */
  readonly methods: readonly string[]
  readonly requestHeaders: readonly string[]
  readonly responseHeaders: readonly string[]
  /** Seconds for which a browser may remember the answer to a preflight request. */
  readonly maxAge: number
}

/** Before anything else, the backend (in profile plain) is asked whether a request may go on; status 200 means yes. */
export type ExternalAuth = {
  readonly backend: BackendId
  /** What its paths begin with; empty, or without a slash at the end. */
  readonly pathPrefix: string
  /** Lower case; what it gets to see besides Host and Authorization. */
  readonly requestHeaders: readonly string[]
  /** Lower case; what the request takes over from its answer. Empty: everything. */
  readonly responseHeaders: readonly string[]
  /** Bytes of the body that it gets to see; 0: none. Longer ones are refused. */
  readonly bodySize: number
}

/** Copies of `numerator` out of `denominator` requests go to this backend, in profile plain; nobody waits for its answers. */
export type Mirror = { readonly backend: BackendId; readonly numerator: number; readonly denominator: number }

/** In this order: remove, set, add. Names as the user wrote them. */
export type HeaderChange = {
  readonly remove: readonly string[]
  readonly set: readonly Header[]
  readonly add: readonly Header[]
}
export type Header = { readonly name: string; readonly value: string }

/** `prefix` is the rule's matched prefix, replaced by `value`. */
export type PathChange =
  | { readonly kind: 'full'; readonly value: string }
  | { readonly kind: 'prefix'; readonly prefix: string; readonly value: string }

/** What is absent stays as in the request; the port as the specification of HTTPRequestRedirectFilter derives it. */
export type Redirect = {
  readonly scheme?: 'http' | 'https'
  readonly hostname?: string
  /** Absent: the Location has none. */
  readonly port?: Port
  readonly path?: PathChange
  readonly status: 301 | 302 | 303 | 307 | 308
}

/** `namespace/service:port`, with `/h2` behind it when only HTTP/2 is spoken there, and `/tls` when connections were decrypted here and go on encrypted. */
export type BackendId = string
/**
 * What a backend's section inherits. plain: nothing to do for a request on its way. filtered: some rule brings filters or timeouts.
 * retry.…: as filtered, with a retry policy of its own. tcp: for connections of TCPRoutes and TLSRoutes. udp: not HAProxy's, see UdpFrontend.
 */
export type BackendProfile = 'plain' | 'filtered' | 'tcp' | 'udp' | RetryProfile

export type Backend = {
  readonly id: BackendId
  readonly profile: BackendProfile
  /** Sorted by address and port; ready endpoints only. Empty: 503. */
  readonly servers: readonly Server[]
  /** Absent: servers are spoken to in clear text. */
  readonly tls?: BackendTls
}
/** How the servers of a backend are spoken to with TLS. Their certificate is always verified. */
export type BackendTls = {
  /** The hostname that is asked for (SNI), and that the certificate must have. */
  readonly hostname: Hostname
  /** Who must have signed the certificate; system: the well-known authorities of the image. */
  readonly authorities: CaBundle | 'system'
  /** Of these the certificate must have one as well; empty: none in particular. Each once, in the user's order. */
  readonly altNames: readonly AltName[]
  /** The certificate that is shown to servers that ask for one: `clientCertificate` of the proxy. */
  readonly clientCertificate?: ObjectKey
}
/** A name in a certificate, in lower case if it is a hostname. */
export type AltName = { readonly kind: 'hostname' | 'uri'; readonly value: string }
export type Server = { readonly address: string; readonly port: Port }
