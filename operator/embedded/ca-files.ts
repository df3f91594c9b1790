import { param, Refusal, upload, type Call, type Reply } from './exchange.ts'
import { CommandError, type RuntimeSocket } from './runtime-socket.ts'
import { linesOf, loadSsl, orRefusal } from './ssl-commands.ts'

type CaFile = { readonly count: string; readonly storage_name: string }

/**
 * Files of authorities in HAProxy's memory, under the names that it was given: a path for those that its configuration names by path, a
 * bare name for those that are added here.
 */
export class CaFiles {
  readonly #socket: RuntimeSocket

  constructor(socket: RuntimeSocket) {
    this.#socket = socket
  }

  list = async (): Promise<Reply> => {
    return { status: 200, json: await this.#all() }
  }

  get = async (call: Call): Promise<Reply> => {
    const name = param(call, 'name')
    const file = (await this.#all()).find(({ storage_name }) => storage_name === name)
    if (file === undefined) throw new Refusal(404, `${name} not found`)
    return { status: 200, json: file }
  }

  create = async (call: Call): Promise<Reply> => {
    const { name, text } = upload(call)
    await orRefusal(500, () => this.#socket.command(`new ssl ca-file ${name}`))
    await this.#load(name, text)
    return { status: 201 }
  }

  replace = async (call: Call): Promise<Reply> => {
    const { text } = upload(call)
    await this.#load(param(call, 'name'), text)
    return { status: 201 }
  }

  /** HAProxy takes a file for used when a port names it, or a server that shows a certificate of its own; other servers keep what they had. */
  remove = async (call: Call): Promise<Reply> => {
    await orRefusal(500, () => this.#socket.command(`del ssl ca-file ${param(call, 'name')}`))
    return { status: 204 }
  }

  async #load(name: string, text: string): Promise<void> {
    await orRefusal(500, async () => {
      if (text === '') throw new CommandError('Argument payload empty', 'Argument payload empty')
      await loadSsl(this.#socket, 'ca-file', { name, text })
    })
  }

  async #all(): Promise<readonly CaFile[]> {
    const text = await orRefusal(404, () => this.#socket.command('show ssl ca-file'))
    return linesOf(text).map((line) => {
      const [name = '', count = ''] = line.split(' - ')
      return { count, storage_name: name }
    })
  }
}
