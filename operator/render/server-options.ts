import { certificateFile } from '../model/names.ts'
import type { Backend, BackendTls } from '../model/proxy-model.ts'
import type { ServerOptions, ServerSsl } from '../model/rendered.ts'
import type { ObjectKey } from '../model/snapshot.ts'

import { altNamesKey } from './alt-names.ts'
import { authoritiesName } from './ca-files.ts'

const http2: ServerOptions = { proto: 'h2' }

/** What is said of every server of a backend besides its address; undefined when its address is all there is to say. */
export function serverOptions(backend: Backend, root: string): ServerOptions | undefined {
  const { id, tls } = backend
  const protocol = id.endsWith('/h2') ? http2 : undefined
  if (tls === undefined) return protocol
  const names = altNamesKey(backend)
  const ssl = sslOf(tls, root)
  return { ...protocol, ssl: names === undefined ? ssl : { ...ssl, names } }
}

function sslOf({ hostname, authorities, clientCertificate }: BackendTls, root: string): ServerSsl {
  const certificate = clientCertificate === undefined ? {} : { certificate: certificatePath(root, clientCertificate) }
  return { caFile: authoritiesName(authorities), sni: hostname, ...certificate }
}

/** Where HAProxy finds a certificate and its key. */
export function certificatePath(root: string, id: ObjectKey): string {
  return `${root}/ssl/${certificateFile(id)}`
}
