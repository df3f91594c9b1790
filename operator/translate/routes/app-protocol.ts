/** What is spoken to a Service port, in clear text unless a policy wants TLS. */
export type AppProtocol = {
  readonly http2: boolean
  /** Only over TLS, which takes a policy that says whom to trust. */
  readonly needsTls: boolean
}

/**
 * What the appProtocol of a Service port asks for: the names of KEP-3726, and those that are in common use. Any other name is taken as a
 * hint that changes nothing. Undefined: the route's requests cannot be sent that way.
 * https://kubernetes.io/docs/concepts/services-networking/service/#application-protocol
 */
export function spokenTo(appProtocol: string | undefined, speaks: 'http' | 'grpc'): AppProtocol | undefined {
  const name = appProtocol?.toLowerCase() ?? ''
  // gRPC is HTTP/2 whatever is said, unless what is said rules it out.
  if (speaks === 'grpc' && webSockets.has(name)) return undefined
  return { http2: speaks === 'grpc' || http2Only.has(name), needsTls: encrypted.has(name) }
}

const webSockets = new Set(['kubernetes.io/ws', 'kubernetes.io/wss'])
const http2Only = new Set(['kubernetes.io/h2c', 'h2c', 'http2', 'grpc', 'grpcs'])
const encrypted = new Set(['kubernetes.io/wss', 'https', 'grpcs', 'tls'])
