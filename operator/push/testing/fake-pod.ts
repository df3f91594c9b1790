// A pod in memory: what HAProxy holds, what its files hold, and a Data Plane API between them with the traps of the real one.

import { entriesInOrder } from '../../model/certificate-list.ts'
import type { CertificateListEntry } from '../../model/rendered.ts'
import { Secret } from '../../model/secret.ts'
import type { DataPlaneSettings } from '../../model/settings.ts'

import { baseName, parseFiles, parseMap } from '../files.ts'
import { metaMapFile, sparesOf } from '../held.ts'
import { PodError, type PlainEntry, type PodApi, type PodServer, type RuntimeApi } from '../pod-api.ts'

export type Memory = {
  readonly maps: Map<string, Map<string, string>>
  readonly backends: Map<string, Map<string, PodServer>>
  readonly lists: Map<string, CertificateListEntry[]>
  /** File → what is served. */
  readonly certificates: Map<string, string>
  /** File → who is trusted. */
  readonly authorities: Map<string, string>
}

export class FakePod {
  readonly disk = new Map<string, string>()
  memory: Memory = {
    maps: new Map(),
    backends: new Map(),
    lists: new Map(),
    certificates: new Map(),
    authorities: new Map(),
  }
  /** Names of the calls, in order. */
  readonly calls: string[] = []
  reloads = 0
  /** Connections to the Runtime API that were asked for. */
  connections = 0
  /** Called before each call; may throw, wait, or do something to the pod. */
  before: (call: string, ...details: readonly string[]) => void | Promise<void> = () => {}
  /** HAProxy's words on the next configuration, if it refuses. */
  refusal: string | undefined
  readonly busyServers = new Set<string>()
  readonly #settings: DataPlaneSettings

  constructor(settings: DataPlaneSettings) {
    this.#settings = settings
  }

  /** HAProxy starts again and has what its files hold. */
  load(): void {
    const held = parseFiles(this.disk, this.#settings)
    const maps = new Map([...held.maps.keys(), 'meta.map'].map((map) => [map, mapOf(this.disk.get(`maps/${map}`))]))
    const backends = new Map<string, Map<string, PodServer>>()
    for (const name of [...sparesOf(held.machine, this.#settings).values()].flat()) backends.set(name, new Map())
    for (const [name, { servers }] of held.backends)
      backends.set(
        name,
        new Map([...servers].map(([server, line]) => [server, { name: server, ...line, ready: true }])),
      )
    const lists = new Map([...held.certificateLists].map(([list, entries]) => [list, [...entriesInOrder(entries)]]))
    const pems = (folder: string) =>
      new Map(
        [...this.disk].flatMap(([name, text]) =>
          name.startsWith(folder) && name.endsWith('.pem') ? [[baseName(name), text] as const] : [],
        ),
      )
    this.memory = { maps, backends, lists, certificates: pems('ssl/'), authorities: pems('general/') }
  }

  /** `@gen` in memory. */
  get generation(): string | undefined {
    return this.memory.maps.get('meta.map')?.get('@gen')
  }

  api(): PodApi {
    return {
      runtime: { ...noRuntime, renew: () => void (this.connections += 1) },
      ...this.#mapApi(),
      ...this.#serverApi(),
      ...this.#certificateApi(),
      ...this.#authorityApi(),
      ...this.#fileApi(),
      isRunning: async () => {
        await this.#called('isRunning')
        return true
      },
      close: async () => {},
    }
  }

  async #called(call: string, ...details: readonly string[]): Promise<void> {
    this.calls.push(call)
    await Promise.resolve()
    await this.before(call, ...details)
  }

  #mapApi(): Pick<PodApi, 'readEntry' | 'listMap' | 'addEntry' | 'replaceEntry' | 'deleteEntry' | 'putMap'> {
    const mapNamed = (map: string) => this.memory.maps.get(map) ?? refuse(404, `no map ${map}`)
    return {
      readEntry: async (map, key) => {
        await this.#called('readEntry', map, key)
        return this.memory.maps.get(map)?.get(key)
      },
      listMap: async (map) => {
        await this.#called('listMap', map)
        const entries = this.memory.maps.get(map)
        return entries === undefined ? undefined : [...entries].map(([key, value]) => ({ key, value }))
      },
      addEntry: async (map, key, value) => {
        await this.#called('addEntry', map, key)
        if (mapNamed(map).has(key)) refuse(409, 'exists')
        mapNamed(map).set(key, value)
      },
      replaceEntry: async (map, key, value) => {
        await this.#called('replaceEntry', map, key)
        if (unsafeInPath.test(key)) refuse(400, 'id in path does not match')
        if (!mapNamed(map).has(key)) refuse(404, 'missing')
        mapNamed(map).set(key, value)
      },
      deleteEntry: async (map, key) => {
        await this.#called('deleteEntry', map, key)
        if (unsafeInPath.test(key)) refuse(400, 'id in path does not match')
        if (!mapNamed(map).delete(key)) refuse(404, 'missing')
      },
      putMap: async (map, entries) => {
        await this.#called('putMap', map)
        const { replaces, lines } = splitLikeTheApi(entries)
        const target = mapNamed(map)
        if (replaces) target.clear()
        for (const line of lines) target.set(line.slice(0, line.indexOf(' ')), line.slice(line.indexOf(' ') + 1))
      },
    }
  }

  #serverApi(): Pick<PodApi, 'listServers' | 'addServer' | 'readyServer' | 'moveServer' | 'deleteServer'> {
    const serversOf = (backend: string) => this.memory.backends.get(backend) ?? refuse(404, `no backend ${backend}`)
    const serverOf = (backend: string, name: string) => serversOf(backend).get(name) ?? refuse(404, `no server ${name}`)
    return {
      listServers: async (backend) => {
        await this.#called('listServers', backend)
        const servers = this.memory.backends.get(backend)
        return servers === undefined ? undefined : [...servers.values()]
      },
      addServer: async (backend, server) => {
        await this.#called('addServer', backend, server.name)
        if (serversOf(backend).has(server.name)) refuse(409, 'exists')
        serversOf(backend).set(server.name, { ...server, ready: false })
      },
      readyServer: async (backend, name) => {
        await this.#called('readyServer', backend, name)
        serversOf(backend).set(name, { ...serverOf(backend, name), ready: true })
      },
      moveServer: async (backend, server) => {
        await this.#called('moveServer', backend, server.name)
        serverOf(backend, server.name)
        serversOf(backend).set(server.name, { ...server, ready: true })
      },
      deleteServer: async (backend, name) => {
        await this.#called('deleteServer', backend, name)
        serversOf(backend).set(name, { ...serverOf(backend, name), ready: false })
        if (this.busyServers.has(name)) refuse(500, 'Server still has connections attached to it, cannot remove it')
        serversOf(backend).delete(name)
      },
    }
  }

  #certificateApi(): Pick<
    PodApi,
    | 'newCertificate'
    | 'putCertificate'
    | 'hasCertificate'
    | 'deleteCertificate'
    | 'listListEntries'
    | 'addListEntry'
    | 'deleteListEntry'
    | 'listCertificateFiles'
    | 'deleteCertificateFile'
  > {
    const listNamed = (list: string) => this.memory.lists.get(list) ?? refuse(404, `no list ${list}`)
    return {
      newCertificate: async (file, pem) => {
        await this.#called('newCertificate', file)
        if (this.disk.has(`ssl/${file}`)) refuse(409, 'exists')
        this.disk.set(`ssl/${file}`, pem.reveal())
        this.memory.certificates.set(file, pem.reveal())
      },
      putCertificate: async (file, pem) => {
        await this.#called('putCertificate', file)
        if (!this.disk.has(`ssl/${file}`)) refuse(404, 'missing')
        this.disk.set(`ssl/${file}`, pem.reveal())
        if (!this.memory.certificates.has(file)) refuse(202, 'not in memory: a reload on its own account follows')
        this.memory.certificates.set(file, pem.reveal())
      },
      hasCertificate: async (file) => {
        await this.#called('hasCertificate', file)
        return this.memory.certificates.has(file)
      },
      deleteCertificate: async (file) => {
        await this.#called('deleteCertificate', file)
        if (!this.memory.certificates.delete(file)) refuse(404, 'missing')
      },
      listListEntries: async (list) => {
        await this.#called('listListEntries', list)
        return listNamed(list)
      },
      addListEntry: async (list, entry) => {
        await this.#called('addListEntry', list)
        if (!this.memory.certificates.has(entry.file)) refuse(400, 'no such certificate')
        listNamed(list).push(entry)
      },
      deleteListEntry: async (list, file) => {
        await this.#called('deleteListEntry', list)
        const at = listNamed(list).findIndex((entry) => entry.file === file)
        if (at < 0) refuse(404, 'missing')
        listNamed(list).splice(at, 1)
      },
      listCertificateFiles: async () => {
        await this.#called('listCertificateFiles')
        return [...this.disk.keys()].filter((name) => name.startsWith('ssl/') && name.endsWith('.pem')).map(baseName)
      },
      deleteCertificateFile: async (file) => {
        await this.#called('deleteCertificateFile', file)
        if (!this.disk.delete(`ssl/${file}`)) refuse(404, 'missing')
      },
    }
  }

  #authorityApi(): Pick<PodApi, 'newAuthorities' | 'putAuthorities' | 'deleteAuthorities'> {
    return {
      newAuthorities: async (file, pem) => {
        await this.#called('newAuthorities', file)
        if (this.memory.authorities.has(file)) refuse(500, 'exists')
        this.memory.authorities.set(file, pem)
      },
      putAuthorities: async (file, pem) => {
        await this.#called('putAuthorities', file)
        if (!this.memory.authorities.has(file)) refuse(500, 'missing')
        this.memory.authorities.set(file, pem)
      },
      deleteAuthorities: async (file) => {
        await this.#called('deleteAuthorities', file)
        if (!this.memory.authorities.delete(file)) refuse(500, 'missing')
      },
    }
  }

  #fileApi(): Pick<
    PodApi,
    'putFile' | 'readFile' | 'listGeneralFiles' | 'deleteGeneralFile' | 'reload' | 'dropFailedTransactions'
  > {
    return {
      listGeneralFiles: async () => {
        await this.#called('listGeneralFiles')
        return [...this.disk.keys()].filter((name) => name.startsWith('general/')).map(baseName)
      },
      deleteGeneralFile: async (file) => {
        await this.#called('deleteGeneralFile', file)
        if (!this.disk.delete(`general/${file}`)) refuse(404, 'missing')
      },
      putFile: async (name, content) => {
        await this.#called('putFile', name)
        const text = content instanceof Secret ? content.reveal() : content
        if (text === '') refuse(400, 'empty payload')
        this.disk.set(name, text)
      },
      readFile: async (name) => {
        await this.#called('readFile', name)
        return this.disk.get(name)
      },
      reload: async (config) => {
        await this.#called('reload')
        if (this.refusal !== undefined) refuse(400, this.refusal)
        this.disk.set('haproxy.cfg', config)
        this.reloads += 1
        this.load()
      },
      dropFailedTransactions: async () => this.#called('dropFailedTransactions'),
    }
  }
}

// HAProxy's own answers are those of the real thing: e2e/contract.
const noRuntime: RuntimeApi = {
  isOpen: false,
  maps: '/gw/maps',
  ask: async () => refuse(501, 'no Runtime API'),
  renew: () => {},
}

/** `@gen` of a pod's files. */
export function storedGeneration(pod: FakePod): string | undefined {
  return mapOf(pod.disk.get(metaMapFile)).get('@gen')
}

/** What the real API does with a whole-map PUT, letter by letter. */
export function splitLikeTheApi(
  entries: readonly PlainEntry[],
  size = 8192,
): { readonly replaces: boolean; readonly lines: readonly string[] } {
  let carried = ''
  let chunk = ''
  let text = ''
  let replaces = false
  const chunks: string[] = []
  for (const { key, value } of entries) {
    const line = `${key} ${value}\n`
    text += carried + line
    carried = ''
    const length = Buffer.byteLength(text)
    if (length < size) chunk = text
    else if (length === size) {
      chunks.push(text)
      text = ''
    } else {
      replaces = true
      chunks.push(chunk === '' ? line : chunk)
      carried = line
      text = ''
      chunk = ''
    }
  }
  if (chunk !== '') chunks.push(chunk)
  const sent = replaces ? chunks.join('') : (chunks[0] ?? '')
  return { replaces, lines: sent.split('\n').slice(0, -1) }
}

const unsafeInPath = /[\r\n<>*;$#&{}"]/

function mapOf(text = ''): Map<string, string> {
  return new Map(parseMap(text).map(({ key, value }) => [key, value]))
}

function refuse(status: number, message: string): never {
  throw new PodError(status, message)
}
