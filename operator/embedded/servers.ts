import {
  jsonBody,
  numberOf,
  objectFrom,
  param,
  Refusal,
  textOf,
  type Call,
  type JsonObject,
  type Reply,
} from './exchange.ts'
import { CommandError, type RuntimeSocket } from './runtime-socket.ts'

/** Servers in HAProxy's memory, of backends of any file. */
export class Servers {
  readonly #socket: RuntimeSocket

  constructor(socket: RuntimeSocket) {
    this.#socket = socket
  }

  list = async (call: Call): Promise<Reply> => {
    const backend = param(call, 'parent_name')
    return { status: 200, json: await this.#states(backend, backend) }
  }

  get = async (call: Call): Promise<Reply> => {
    return { status: 200, json: await this.#find(call) }
  }

  /** A server begins in maintenance, whatever the request says. */
  add = async (call: Call): Promise<Reply> => {
    const server = objectFrom(jsonBody(call))
    const name = textOf(server, 'name')
    if (name === undefined || name === '') throw new Refusal(400, 'the new server must have a name')
    checkAddress(server)
    checkOptions(server)
    const address = textOf(server, 'address') ?? ''
    const port = numberOf(server, 'port')
    const place = `${param(call, 'parent_name')}/${name} `
    const words = [`add server ${place}`, port === undefined ? address : `${address}:${port}`, ...addArguments(server)]
    try {
      await this.#socket.command(words.join(' '))
    } catch (error) {
      throw addRefusal(error)
    }
    return { status: 201, json: Object.fromEntries([...server].filter(([key]) => known.has(key))) }
  }

  replace = async (call: Call): Promise<Reply> => {
    const change = objectFrom(jsonBody(call))
    const current = await this.#find(call)
    checkAddress(change)
    const state = oneOf(change, 'admin_state', ['ready', 'maint', 'drain'])
    const health = oneOf(change, 'operational_state', ['up', 'down', 'stopping'])
    const weight = numberOf(change, 'weight')
    if (weight !== undefined && (weight < 0 || weight > 256)) throw new Refusal(500, `${this.#socket.path} bad request`)
    const place = `${current.backend_name}/${current.name}`
    const address = textOf(change, 'address')
    const port = numberOf(change, 'port')
    const commands: string[] = []
    if (address !== undefined || port !== undefined)
      commands.push(`set server ${place} addr ${address ?? current.address} port ${port ?? current.port}`)
    if (weight !== undefined) commands.push(`set server ${place} weight ${weight}`)
    if (health !== undefined) commands.push(`set server ${place} health ${health}`)
    if (state !== undefined) commands.push(`set server ${place} state ${state}`)
    await this.#or500(async () => {
      for (const command of commands) await this.#socket.command(command)
    })
    return { status: 200, json: await this.#find(call) }
  }

  /** Maintenance first, since HAProxy removes no other server; one with connections stays there. */
  remove = async (call: Call): Promise<Reply> => {
    const { backend_name: backend, name } = await this.#find(call)
    await this.#or500(async () => {
      await this.#socket.command(`set server ${backend}/${name} state maint`)
      await this.#socket.command(`del server ${backend}/${name}`)
    })
    return { status: 204 }
  }

  async #find(call: Call): Promise<State> {
    const backend = param(call, 'parent_name')
    const name = param(call, 'name')
    const found = (await this.#states(backend, `${backend}/${name}`)).find((server) => server.name === name)
    if (found === undefined) throw new Refusal(404, `no data for ${backend}/${name}: not found`)
    return found
  }

  async #states(backend: string, wanted: string): Promise<readonly State[]> {
    const missing = new Refusal(404, `no data for ${wanted}: not found`)
    const text = await this.#socket.command(`show servers state ${backend}`).catch(() => {
      throw missing
    })
    const lines = text.split('\n')
    const head = lines.find((line) => line.startsWith('# '))
    if (head === undefined) throw missing
    const columns = head.slice(2).split(' ')
    const rows = lines.slice(lines.indexOf(head) + 1).filter((line) => line !== '')
    return rows.map((row) => stateFrom(new Map(row.split(' ').map((value, index) => [columns[index] ?? '', value]))))
  }

  async #or500<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work()
    } catch (error) {
      if (error instanceof CommandError) throw new Refusal(500, error.message)
      throw error
    }
  }
}

type State = ReturnType<typeof stateFrom>

// The columns are HAProxy's: management guide, "show servers state".
function stateFrom(row: ReadonlyMap<string, string>) {
  const text = (column: string): string => row.get(column) ?? '-'
  const number = (column: string): number => Number(row.get(column) ?? 0)
  const weight = number('srv_uweight')
  return {
    id: text('srv_id'),
    name: text('srv_name'),
    address: text('srv_addr'),
    port: number('srv_port'),
    backend_id: number('be_id'),
    backend_name: text('be_name'),
    backend_forced_id: number('bk_f_forced_id'),
    admin_state: adminState(number('srv_admin_state')),
    operational_state: operationalState(number('srv_op_state')),
    weight,
    uweight: weight,
    iweight: number('srv_iweight'),
    last_time_change: number('srv_time_since_last_change'),
    check_status: number('srv_check_status'),
    check_result: number('srv_check_result'),
    check_health: number('srv_check_health'),
    check_state: number('srv_check_state'),
    check_addr: text('srv_check_addr'),
    check_port: number('srv_check_port'),
    agent_state: number('srv_agent_state'),
    agent_addr: text('srv_agent_addr'),
    agent_port: number('srv_agent_port'),
    forced_id: number('srv_f_forced_id'),
    fqdn: text('srv_fqdn'),
    srvrecord: text('srvrecord'),
    use_ssl: number('srv_use_ssl') === 1,
  }
}

// Bits: 0x01, 0x02, 0x04, 0x20 and 0x40 are kinds of maintenance, 0x08 and 0x10 of draining.
function adminState(bits: number): 'ready' | 'maint' | 'drain' {
  if ((bits & 0x67) !== 0) return 'maint'
  return (bits & 0x18) === 0 ? 'ready' : 'drain'
}

function operationalState(state: number): 'up' | 'down' | 'stopping' {
  if (state === 0) return 'down'
  return state === 3 ? 'stopping' : 'up'
}

const switches = ['check', 'backup', 'ssl', 'send-proxy', 'send-proxy-v2']
const values = new Map([
  ['weight', 'weight'],
  ['maxconn', 'maxconn'],
  ['alpn', 'alpn'],
  ['proto', 'proto'],
  ['sni', 'sni'],
  ['ssl_cafile', 'ca-file'],
  ['ssl_certificate', 'crt'],
  ['verify', 'verify'],
  ['verifyhost', 'verifyhost'],
])
const known = new Set(['name', 'address', 'port', 'id', 'maintenance', ...switches, ...values.keys()])

function addArguments(server: JsonObject): readonly string[] {
  const enabled = switches.filter((name) => oneOf(server, name, ['enabled', 'disabled']) === 'enabled')
  const given = [...values].flatMap(([name, keyword]) => {
    const value = server.get(name)
    return typeof value === 'string' || typeof value === 'number' ? [`${keyword} ${value}`] : []
  })
  return [...enabled, ...given]
}

function addRefusal(error: unknown): unknown {
  if (!(error instanceof CommandError)) return error
  if (error.words.startsWith('No such backend')) return new Refusal(404, error.message)
  if (error.words.startsWith('Already exists')) return new Refusal(409, error.message)
  return new Refusal(error.words === 'line break' ? 400 : 500, error.message)
}

function checkAddress(server: JsonObject): void {
  const address = textOf(server, 'address')
  if (address !== undefined && /\s|^$/.test(address)) throw new Refusal(422, "address in body should match '^[^\\s]+$'")
  const port = numberOf(server, 'port')
  if (port !== undefined && port > 65535) throw new Refusal(422, 'port in body should be less than or equal to 65535')
  if (port !== undefined && port < 1) throw new Refusal(422, 'port in body should be greater than or equal to 1')
}

function checkOptions(server: JsonObject): void {
  oneOf(server, 'verify', ['none', 'required'])
  for (const name of ['alpn', 'proto', 'sni', 'ssl_cafile', 'ssl_certificate'])
    if (/\s/.test(textOf(server, name) ?? '')) throw new Refusal(422, `${name} in body should match '^[^\\s]+$'`)
}

function oneOf(object: JsonObject, name: string, allowed: readonly string[]): string | undefined {
  const value = textOf(object, name)
  if (value === undefined || allowed.includes(value)) return value
  throw new Refusal(422, `${name} in body should be one of [${allowed.join(' ')}]`)
}
