// What push/ needs of one pod's Data Plane API: one small interface, carried by `pod-client.ts` on the real thing and by a fake in tests.

import type { CertificateListEntry, ServerOptions } from '../model/rendered.ts'
import type { Secret } from '../model/secret.ts'

export type PlainEntry = { readonly key: string; readonly value: string }
export type Endpoint = { readonly name: string; readonly address: string; readonly port: number }
export type NewServer = Endpoint & { readonly options?: ServerOptions }
export type PodServer = Endpoint & {
  /** false: in maintenance; it was added and not made ready, or is on its way out. */
  readonly ready: boolean
}

/** HAProxy's own Runtime API: many commands at once, and none of its traps taken away. It may be missing at any time. */
export type RuntimeApi = {
  /** Connected to the process that is HAProxy now. */
  readonly isOpen: boolean
  /** The folder of the map files, by whose path HAProxy knows them. */
  readonly maps: string
  /** Commands in order, each without semicolon, and without line break but for the payload of a single one; one answer for each. Rejects when it is not known how many were carried out. */
  readonly ask: (commands: readonly string[]) => Promise<readonly string[]>
  /** HAProxy may be another process now: connects again, in the background. */
  readonly renew: () => void
}

/**
 * Calls reject with a `PodError` when the pod answered with a refusal, and with any other error when there was no answer, be it from the
 * API or from the HAProxy behind it: that something is missing is only said of a HAProxy that runs.
 * Files are named as in `files.ts`, without folder: `paths-80.map`, `shop_tls_1a2b3c4d.pem`.
 */
export type PodApi = {
  readonly runtime: RuntimeApi
  /** Undefined when HAProxy has no such entry. Do not use it for values with `=` or `,`: they come back cut. */
  readonly readEntry: (map: string, key: string) => Promise<string | undefined>
  /** Undefined when HAProxy has no such map. */
  readonly listMap: (map: string) => Promise<readonly PlainEntry[] | undefined>
  /** 409 when the key is there already. */
  readonly addEntry: (map: string, key: string, value: string) => Promise<void>
  /** 404 when the key is not there. */
  readonly replaceEntry: (map: string, key: string, value: string) => Promise<void>
  readonly deleteEntry: (map: string, key: string) => Promise<void>
  /** The raw call with its traps; `padded.ts` makes a list that it replaces the whole map with. */
  readonly putMap: (map: string, entries: readonly PlainEntry[]) => Promise<void>

  /** Undefined when HAProxy has no such backend. */
  readonly listServers: (backend: string) => Promise<readonly PodServer[] | undefined>
  /** In maintenance until `readyServer`; 409 when the backend has a server of this name, whatever its address and state. */
  readonly addServer: (backend: string, server: NewServer) => Promise<void>
  /** 404 when the server is not there, 409 when HAProxy took the call and changed nothing. */
  readonly readyServer: (backend: string, server: string) => Promise<void>
  /** Address and port, and ready. As `readyServer` otherwise. */
  readonly moveServer: (backend: string, server: Endpoint) => Promise<void>
  /** 500 while connections are attached; it is in maintenance from then on. */
  readonly deleteServer: (backend: string, server: string) => Promise<void>

  /** HAProxy answers its API. Rejects when the API itself does not answer. */
  readonly isRunning: () => Promise<boolean>

  /** File and memory, at once. 202 when memory did not take it, so that the API will reload on its own account. */
  readonly newCertificate: (file: string, pem: Secret) => Promise<void>
  readonly putCertificate: (file: string, pem: Secret) => Promise<void>
  /** In memory. */
  readonly hasCertificate: (file: string) => Promise<boolean>
  /** Memory only; the file stays until `deleteCertificateFile`. 500 when there is none, or when something uses it. */
  readonly deleteCertificate: (file: string) => Promise<void>
  readonly listListEntries: (list: string) => Promise<readonly CertificateListEntry[]>
  readonly addListEntry: (list: string, entry: CertificateListEntry) => Promise<void>
  readonly deleteListEntry: (list: string, file: string) => Promise<void>

  /** Certificates of authorities in memory, and there only. 500 when there is a file of this name. */
  readonly newAuthorities: (file: string, pem: string) => Promise<void>
  /** New connections are verified by them at once, and no session of before is resumed. 500 when there is no file of this name. */
  readonly putAuthorities: (file: string, pem: string) => Promise<void>
  /** 500 when there is none, or when a port or a server that shows a certificate uses it. */
  readonly deleteAuthorities: (file: string) => Promise<void>

  /** Writes a file and nothing else: no reload, no change in memory. Names as in `files.ts`: `maps/hosts-80.map`. */
  readonly putFile: (name: string, content: string | Secret) => Promise<void>
  /** The text of a file of the general or the map storage; undefined when there is none. */
  readonly readFile: (name: string) => Promise<string | undefined>
  readonly listCertificateFiles: () => Promise<readonly string[]>
  readonly deleteCertificateFile: (file: string) => Promise<void>
  readonly listGeneralFiles: () => Promise<readonly string[]>
  readonly deleteGeneralFile: (file: string) => Promise<void>

  /** Writes haproxy.cfg, reloads and waits for it. 400 with HAProxy's words when it refused; then haproxy.cfg is as it was. */
  readonly reload: (config: string) => Promise<void>
  /** Each refused configuration leaves a copy in the pod's memory. */
  readonly dropFailedTransactions: () => Promise<void>
  readonly close: () => Promise<void>
}

/** The API answered, HAProxy behind it did not. */
export class HAProxyDown extends Error {
  constructor(words = '') {
    super(`HAProxy does not answer its Data Plane API${words === '' ? '' : `: ${words}`}`)
    this.name = 'HAProxyDown'
  }
}

/** The pod answered, and refused. The message never holds the content of a certificate call. */
export class PodError extends Error {
  readonly status: number

  constructor(status: number, message: string) {
    super(message)
    this.name = 'PodError'
    this.status = status
  }
}

/** Waits for a call and takes these statuses for success. */
export async function tolerate(call: Promise<void>, ...statuses: readonly number[]): Promise<boolean> {
  try {
    await call
    return true
  } catch (error) {
    if (error instanceof PodError && statuses.includes(error.status)) return false
    throw error
  }
}
