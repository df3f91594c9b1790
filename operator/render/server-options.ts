import { certificateFile } from '../model/names.ts'
import type { Backend, BackendTls } from '../model/proxy-model.ts'
import type { ServerOptions, ServerSsl } from '../model/rendered.ts'
import type { ObjectKey } from '../model/snapshot.ts'

import { authoritiesName } from './ca-files.ts'

const http2: ServerOptions = { proto: 'h2' }

/** What is said of every server of a backend besides its address; undefined when its address is all there is to say. */
export function serverOptions({ id, tls }: Backend, root: string): ServerOptions | undefined {
  const protocol = id.endsWith('/h2') ? http2 : undefined
  return tls === undefined ? protocol : { ...protocol, ssl: sslOf(tls, root) }
}

function sslOf({ hostname, authorities, clientCertificate }: BackendTls, root: string): ServerSsl {
  const ssl = { caFile: authoritiesName(authorities), sni: hostname }
  return clientCertificate === undefined ? ssl : { ...ssl, certificate: certificatePath(root, clientCertificate) }
}

/** Where HAProxy finds a certificate and its key. */
export function certificatePath(root: string, id: ObjectKey): string {
  return `${root}/ssl/${certificateFile(id)}`
}
