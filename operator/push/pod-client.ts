// `PodApi` on the generated client: the only file of this room that knows it.

import {
  ApiError,
  createClient,
  type Answer,
  type ClientOptions,
  type DataPlaneClient,
  type NewServer,
} from 'haproxy-dataplane-api'

import type { CertificateListEntry, ServerOptions } from '../model/rendered.ts'
import { Secret } from '../model/secret.ts'
import type { DataPlaneSettings } from '../model/settings.ts'
import type { Logger } from '../lib/log.ts'

import { baseName } from './files.ts'
import { serverName, type Identity } from './identity.ts'
import { HAProxyDown, PodError, type Endpoint, type PodApi } from './pod-api.ts'
import { RuntimeConnection } from './runtime-connection.ts'
import { sameAddress } from './same-address.ts'

export type ConnectPod = (address: string, identity: Identity) => PodApi

/** Milliseconds. A reload waits for the old and the new worker; everything else is quick or broken. */
const deadlines = { quick: 5_000, slow: 60_000 }

/** Connects lazily: the first call finds out whether the pod answers. */
export function podConnector(settings: DataPlaneSettings, log: Logger): ConnectPod {
  return (address, identity) => {
    const { authority, client, server: _ } = identity
    const options = {
      address,
      port: settings.apiPort,
      ca: authority.certificate,
      cert: client.certificate,
      key: client.key.reveal(),
      servername: serverName,
    }
    const quick = createClient({ ...options, timeoutMs: deadlines.quick })
    const slow = createClient({ ...options, timeoutMs: deadlines.slow, connections: 1 })
    const { upload: uploading, client: storing } = certificateUploads(options)
    const runtime = new RuntimeConnection({
      address,
      settings,
      identity,
      workerPid: () => workerPid(quick),
      renewCertificates: () => renewCertificates(quick, settings, identity),
      log,
    })
    return {
      runtime,
      ...mapCalls(quick, slow),
      ...serverCalls(quick),
      ...certificateCalls(quick, `${settings.root}/ssl`),
      ...authorityCalls(slow),
      ...uploading,
      ...fileCalls(slow),
      isRunning: () => isRunning(quick),
      close: async () => {
        runtime.close()
        await Promise.all([quick.close(), slow.close(), storing.close()])
      },
    }
  }
}

// Authorities first: with the leaf of a new one, nobody gets in who trusts only the former.
async function renewCertificates(
  { caFiles, certificates }: DataPlaneClient,
  { pki }: DataPlaneSettings,
  { authority, server }: Identity,
): Promise<void> {
  await done(caFiles.replaceCaFile({ name: `${pki}/ca.crt`, formData: upload('ca.crt', authority.certificate) }))
  const pem = server.certificate + server.key.reveal()
  await done(certificates.replaceCertificate({ name: `${pki}/tls.crt`, formData: upload('tls.crt', pem) }))
}

function mapCalls(
  client: DataPlaneClient,
  slow: DataPlaneClient,
): Pick<PodApi, 'readEntry' | 'listMap' | 'addEntry' | 'replaceEntry' | 'deleteEntry' | 'putMap'> {
  const { maps } = client
  const told = <T>(call: Promise<T>) => toldByHAProxy(client, call)
  return {
    readEntry: async (map, key) => {
      const entry = await orNothing(told(maps.getEntry({ parentName: map, id: key })))
      return entry?.value
    },
    listMap: async (map) => {
      const entries = await orNothing(told(slow.maps.listEntries({ parentName: map })))
      return entries?.map(({ key = '', value = '' }) => ({ key, value }))
    },
    addEntry: (map, key, value) => done(told(maps.addEntry({ parentName: map, requestBody: { key, value } }))),
    replaceEntry: (map, key, value) =>
      done(told(maps.replaceEntry({ parentName: map, id: key, requestBody: { value } }))),
    deleteEntry: (map, key) => done(told(maps.deleteEntry({ parentName: map, id: key }))),
    putMap: (map, entries) => done(told(slow.maps.putMap({ name: map, requestBody: [...entries] }))),
  }
}

function serverCalls(
  client: DataPlaneClient,
): Pick<PodApi, 'listServers' | 'addServer' | 'readyServer' | 'moveServer' | 'deleteServer'> {
  const { servers } = client
  const told = <T>(call: Promise<T>) => toldByHAProxy(client, call)
  // A change that HAProxy cannot take is answered with 200 and the server as it was.
  const change = async (backend: string, name: string, wanted?: Endpoint) => {
    const requestBody = { admin_state: 'ready', ...(wanted && { address: wanted.address, port: wanted.port }) } as const
    const server = await told(servers.replaceServer({ parentName: backend, name, requestBody }))
    const isThere =
      wanted === undefined || (sameAddress(server.address ?? '', wanted.address) && server.port === wanted.port)
    if (server.admin_state !== 'ready' || !isThere)
      throw new PodError(409, `HAProxy did not take the change of server ${backend}/${name}`)
  }
  return {
    listServers: async (backend) => {
      const list = await orNothing(told(servers.listServers({ parentName: backend })))
      return list?.map(({ name = '', address = '', port, admin_state }) => ({
        name,
        address,
        port: port ?? 0,
        ready: admin_state === 'ready',
      }))
    },
    addServer: (backend, { options, ...endpoint }) =>
      done(told(servers.addServer({ parentName: backend, requestBody: { ...endpoint, ...optionFields(options) } }))),
    readyServer: (backend, server) => change(backend, server),
    moveServer: (backend, server) => change(backend, server.name, server),
    deleteServer: (backend, server) => done(told(servers.deleteServer({ parentName: backend, name: server }))),
  }
}

// In the words of the template: what is added at run time is the server that a reload would make.
function optionFields({ proto, ssl }: ServerOptions = {}): Partial<NewServer> {
  const protocol = proto === undefined ? {} : { proto }
  if (ssl === undefined) return protocol
  const { caFile, sni, certificate } = ssl
  return {
    ...protocol,
    ssl: 'enabled',
    verify: 'required',
    ssl_cafile: caFile,
    sni: `str(${sni})`,
    ...(proto !== undefined && { alpn: proto }),
    ...(certificate !== undefined && { ssl_certificate: certificate }),
  }
}

// The run-time calls name certificates and lists by path, the storage calls by bare name.
function certificateCalls(
  client: DataPlaneClient,
  folder: string,
): Pick<
  PodApi,
  | 'hasCertificate'
  | 'deleteCertificate'
  | 'listListEntries'
  | 'addListEntry'
  | 'deleteListEntry'
  | 'listCertificateFiles'
  | 'deleteCertificateFile'
> {
  const { certificates, certificateLists, storageCertificates } = client
  const told = <T>(call: Promise<T>) => toldByHAProxy(client, call)
  return {
    hasCertificate: async (file) =>
      (await orNothing(told(certificates.getCertificate({ name: `${folder}/${file}` })))) !== undefined,
    deleteCertificate: (file) => done(told(certificates.deleteCertificate({ name: `${folder}/${file}` }))),
    listListEntries: async (list) => {
      const entries = await told(certificateLists.listEntries({ name: `${folder}/${list}` }))
      return entries.map(
        ({ file = '', sni_filter }): CertificateListEntry => ({
          file: baseName(file),
          sni: sni_filter ?? [],
        }),
      )
    },
    addListEntry: (list, { file, sni }) =>
      done(
        told(
          certificateLists.addEntry({
            name: `${folder}/${list}`,
            requestBody: { file: `${folder}/${file}`, ...(sni.length > 0 ? { sni_filter: [...sni] } : {}) },
          }),
        ),
      ),
    deleteListEntry: (list, file) =>
      done(told(certificateLists.deleteEntry({ name: `${folder}/${list}`, certFile: `${folder}/${file}` }))),
    listCertificateFiles: async () => {
      const files = await answered(storageCertificates.listCertificates())
      return files.flatMap(({ storage_name }) => (storage_name?.endsWith('.pem') ? [storage_name] : []))
    },
    deleteCertificateFile: (file) => done(storageCertificates.deleteCertificate({ name: file, skipReload: true })),
  }
}

// A port with thousands of certificates takes a while: each is set up anew.
function authorityCalls({
  caFiles,
}: DataPlaneClient): Pick<PodApi, 'newAuthorities' | 'putAuthorities' | 'deleteAuthorities'> {
  return {
    newAuthorities: (file, pem) => done(caFiles.createCaFile({ formData: upload(file, pem) })),
    putAuthorities: (file, pem) => done(caFiles.replaceCaFile({ name: file, formData: upload(file, pem) })),
    deleteAuthorities: (file) => done(caFiles.deleteCaFile({ name: file })),
  }
}

// What memory does not take is answered with success and a reload that the API has put off. The answers' headers come apart from the calls,
// so these calls have a client of their own and are made one at a time.
function certificateUploads(options: Omit<ClientOptions, 'timeoutMs' | 'connections' | 'onResponse'>): {
  readonly client: DataPlaneClient
  readonly upload: Pick<PodApi, 'newCertificate' | 'putCertificate'>
} {
  let reloadId: string | undefined
  let last: Promise<unknown> = Promise.resolve()
  const onResponse = (answer: Answer) => {
    reloadId = answer.reloadId
  }
  const client = createClient({ ...options, timeoutMs: deadlines.quick, connections: 1, onResponse })
  const inMemory = (file: string, call: () => Promise<unknown>): Promise<void> => {
    const next = last.then(async () => {
      await answered(call())
      if (reloadId !== undefined) throw new PodError(202, `HAProxy did not take certificate ${file} without a reload`)
    })
    last = next.catch(() => undefined)
    return next
  }
  const { storageCertificates } = client
  return {
    client,
    upload: {
      newCertificate: (file, pem) =>
        inMemory(file, () => storageCertificates.createCertificate({ formData: upload(file, pem.reveal()) })),
      putCertificate: (file, pem) =>
        inMemory(file, () => storageCertificates.replaceCertificate({ name: file, requestBody: pem.reveal() })),
    },
  }
}

function fileCalls(
  client: DataPlaneClient,
): Pick<
  PodApi,
  'putFile' | 'readFile' | 'listGeneralFiles' | 'deleteGeneralFile' | 'reload' | 'dropFailedTransactions'
> {
  return {
    putFile: async (name, content) => {
      const { replace, create } = fileStorage(client, name, content instanceof Secret ? content.reveal() : content)
      if ((await orNothing(replace().then(() => true))) === undefined) await done(create())
    },
    readFile: (name) => {
      const file = baseName(name)
      if (name.startsWith('maps/')) return orNothing(client.storageMaps.getMap({ name: file }))
      return orNothing(client.storageGeneral.getFile({ name: file }))
    },
    listGeneralFiles: async () => {
      const files = await answered(client.storageGeneral.listFiles())
      return files.flatMap(({ storage_name }) => storage_name ?? [])
    },
    deleteGeneralFile: (file) => done(client.storageGeneral.deleteFile({ name: file })),
    reload: (config) =>
      done(client.configuration.postRaw({ requestBody: config, skipVersion: true, forceReload: true })),
    dropFailedTransactions: async () => {
      const failed = await answered(client.transactions.listTransactions({ status: 'failed' }))
      for (const { id } of failed) if (id !== undefined) await done(client.transactions.deleteTransaction({ id }))
    },
  }
}

type Storage = { readonly replace: () => Promise<unknown>; readonly create: () => Promise<unknown> }

// Always with skip_reload: what a storage call would do in memory differs from folder to folder.
function fileStorage(client: DataPlaneClient, path: string, text: string): Storage {
  const name = baseName(path)
  const { storageMaps, storageGeneral, storageCertificates, storageCertificateLists } = client
  const formData = upload(name, text)
  if (path.startsWith('maps/'))
    return {
      replace: () => storageMaps.replaceMap({ name, requestBody: text, skipReload: true }),
      create: () => storageMaps.createMap({ formData }),
    }
  if (path.startsWith('general/'))
    return {
      replace: () => storageGeneral.replaceFile({ name, formData, skipReload: true }),
      create: () => storageGeneral.createFile({ formData }),
    }
  if (path.endsWith('.txt'))
    return {
      replace: () => storageCertificateLists.replaceCertificateList({ name, requestBody: text, skipReload: true }),
      create: () => storageCertificateLists.createCertificateList({ formData }),
    }
  return {
    replace: () => storageCertificates.replaceCertificate({ name, requestBody: text, skipReload: true }),
    create: () => storageCertificates.createCertificate({ formData, skipReload: true }),
  }
}

function upload(name: string, text: string): { file_upload: Blob } {
  return { file_upload: new File([text], name) }
}

async function done(call: Promise<unknown>): Promise<void> {
  await answered(call)
}

async function orNothing<T>(call: Promise<T>): Promise<T | undefined> {
  try {
    return await answered(call)
  } catch (error) {
    if (error instanceof PodError && error.status === 404) return undefined
    throw error
  }
}

async function answered<T>(call: Promise<T>): Promise<T> {
  try {
    return await call
  } catch (error) {
    throw error instanceof ApiError ? refusal(error) : error
  }
}

// A call whose answer comes from HAProxy's memory. With HAProxy down many of them say 404, which must not be taken for an empty memory.
async function toldByHAProxy<T>(client: DataPlaneClient, call: Promise<T>): Promise<T> {
  try {
    return await answered(call)
  } catch (error) {
    if (error instanceof PodError && error.status === 404 && !(await isRunning(client))) throw new HAProxyDown()
    throw error
  }
}

async function isRunning(client: DataPlaneClient): Promise<boolean> {
  return (await workerPid(client)) > 0
}

// 200 in any case; the body tells. 0: HAProxy does not run.
async function workerPid({ information }: DataPlaneClient): Promise<number> {
  const { info, error = '' } = await answered(information.getProcessInfo())
  return error === '' && typeof info?.pid === 'number' ? info.pid : 0
}

// A HAProxy that is down makes the API answer with the dialling error: that is no refusal. Refusals name the socket too, so its name
// alone says nothing; none of these words can stand in a command, which has no text of ours with white space in it.
function refusal(error: ApiError): Error {
  const words = wordsOf(error.body)
  if (/(?:dial|read|write) unix|connection refused|broken pipe|i\/o timeout|no answer within/.test(words))
    return new HAProxyDown(words)
  return new PodError(error.status, words === '' ? error.message : words)
}

function wordsOf(body: unknown): string {
  if (typeof body !== 'object' || body === null || !('message' in body)) return ''
  return String(body.message)
}
