import { CaFiles } from './ca-files.ts'
import { CertificateStorage } from './certificate-storage.ts'
import { Certificates } from './certificates.ts'
import type { Configuration } from './configuration.ts'
import type { Handler } from './exchange.ts'
import { health, info, processInfo } from './information.ts'
import { Maps } from './maps.ts'
import type { Options } from './options.ts'
import type { Reloads } from './reloads.ts'
import type { RuntimeSocket } from './runtime-socket.ts'
import { Servers } from './servers.ts'
import { Storage } from './storage.ts'

export type Methods = Partial<Readonly<Record<'GET' | 'POST' | 'PUT' | 'DELETE', Handler>>>
export type Routes = Readonly<Record<string, Methods>>

export type Parts = {
  readonly options: Options
  readonly socket: RuntimeSocket
  readonly configuration: Configuration
  readonly reloads: Reloads
}

/** Path below /v3 → what each method does. */
export function routes(parts: Parts): Routes {
  const { configuration, reloads, socket } = parts
  return {
    '/info': { GET: info },
    '/health': { GET: health },
    '/services/haproxy/configuration/version': { GET: configuration.getVersion },
    '/services/haproxy/configuration/raw': { GET: configuration.getRaw, POST: configuration.postRaw },
    '/services/haproxy/reloads': { GET: reloads.list },
    '/services/haproxy/reloads/{id}': { GET: reloads.get },
    '/services/haproxy/transactions': { GET: configuration.listTransactions },
    '/services/haproxy/transactions/{id}': { DELETE: configuration.deleteTransaction },
    '/services/haproxy/runtime/info': { GET: () => processInfo(socket) },
    ...runtimeRoutes(parts),
    ...certificateRoutes(parts),
    ...storageRoutes(parts),
  }
}

function runtimeRoutes({ options, socket }: Parts): Routes {
  const maps = new Maps(socket, options.folders.maps)
  const servers = new Servers(socket)
  const root = '/services/haproxy/runtime'
  return {
    [`${root}/maps`]: { GET: maps.list },
    [`${root}/maps/{name}`]: { GET: maps.get, PUT: maps.put, DELETE: maps.clear },
    [`${root}/maps/{parent_name}/entries`]: { GET: maps.entries, POST: maps.add },
    [`${root}/maps/{parent_name}/entries/{id}`]: { GET: maps.entry, PUT: maps.replaceEntry, DELETE: maps.deleteEntry },
    [`${root}/backends/{parent_name}/servers`]: { GET: servers.list, POST: servers.add },
    [`${root}/backends/{parent_name}/servers/{name}`]: {
      GET: servers.get,
      PUT: servers.replace,
      DELETE: servers.remove,
    },
  }
}

function certificateRoutes({ options, socket, reloads }: Parts): Routes {
  const memory = new Certificates(socket)
  const authorities = new CaFiles(socket)
  const files = new Storage({
    folder: options.folders.certificates,
    description: 'managed SSL file',
    extension: '.pem',
    configFile: options.configFile,
    reloads,
  })
  const stored = new CertificateStorage(files, memory)
  const root = '/services/haproxy/runtime'
  const disk = '/services/haproxy/storage/ssl_certificates'
  return {
    [`${root}/ssl_certs`]: { GET: memory.list, POST: memory.create },
    [`${root}/ssl_certs/{name}`]: { GET: memory.get, PUT: memory.replace, DELETE: memory.remove },
    [`${root}/ssl_crt_lists`]: { GET: memory.lists },
    [`${root}/ssl_crt_lists/entries`]: {
      GET: memory.listEntries,
      POST: memory.addListEntry,
      DELETE: memory.removeListEntry,
    },
    [`${root}/ssl_ca_files`]: { GET: authorities.list, POST: authorities.create },
    [`${root}/ssl_ca_files/{name}`]: { GET: authorities.get, PUT: authorities.replace, DELETE: authorities.remove },
    [disk]: { GET: files.list, POST: stored.create },
    [`${disk}/{name}`]: { GET: stored.get, PUT: stored.replace, DELETE: files.removeAndReload },
  }
}

function storageRoutes({ options, reloads }: Parts): Routes {
  const common = { configFile: options.configFile, reloads }
  const { folders } = options
  const maps = new Storage({ ...common, folder: folders.maps, description: 'managed map file', extension: '.map' })
  const general = new Storage({ ...common, folder: folders.general, description: 'managed general use file' })
  const description = 'managed certificate list'
  const lists = new Storage({ ...common, folder: folders.certificates, description, extension: '.txt' })
  const root = '/services/haproxy/storage'
  return {
    [`${root}/maps`]: { GET: maps.list, POST: maps.create },
    [`${root}/maps/{name}`]: { GET: maps.get, PUT: maps.replaceText, DELETE: maps.remove },
    [`${root}/general`]: { GET: general.list, POST: general.create },
    [`${root}/general/{name}`]: { GET: general.get, PUT: general.replaceUpload, DELETE: general.remove },
    [`${root}/ssl_crt_lists`]: { GET: lists.list, POST: lists.createAndReload },
    [`${root}/ssl_crt_lists/{name}`]: {
      GET: lists.get,
      PUT: lists.replaceAndDescribe,
      DELETE: lists.removeAndReload,
    },
  }
}
