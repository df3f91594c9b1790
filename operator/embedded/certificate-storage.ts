import { X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'

import { flag, Refusal, textBody, upload, type Call, type Reply } from './exchange.ts'
import type { Certificates } from './certificates.ts'
import { CommandError } from './runtime-socket.ts'
import { type Storage, write } from './storage.ts'

/**
 * Certificate files on disk. Without flags a change goes to HAProxy's memory as well, and only when that fails a reload is asked for;
 * with skip_reload it stays on disk. Whether key and certificate fit together is not checked.
 */
export class CertificateStorage {
  readonly #storage: Storage
  readonly #memory: Certificates

  constructor(storage: Storage, memory: Certificates) {
    this.#storage = storage
    this.#memory = memory
  }

  get = (call: Call): Reply => {
    const { name } = this.#storage.existing(call)
    return { status: 200, json: this.#describe(name) }
  }

  create = async (call: Call): Promise<Reply> => {
    checkPem(upload(call).text)
    const { name, path, text } = this.#storage.createFile(call)
    const loaded = await this.#inMemory(call, () => this.#memory.createInMemory(path, text))
    if (loaded) return { status: 201, json: this.#describe(name) }
    return this.#storage.reloaded(call, { done: 201, json: this.#describe(name) })
  }

  replace = async (call: Call): Promise<Reply> => {
    const text = textBody(call)
    const { name, path } = this.#storage.existing(call)
    checkPem(text)
    write(path, text)
    const loaded = await this.#inMemory(call, () => this.#memory.replaceInMemory(path, text))
    if (loaded) return { status: 200, json: this.#describe(name) }
    return this.#storage.reloaded(call, { done: 200, json: this.#describe(name) })
  }

  async #inMemory(call: Call, load: () => Promise<void>): Promise<boolean> {
    if (flag(call, 'skip_reload') || flag(call, 'force_reload')) return false
    try {
      await load()
      return true
    } catch (error) {
      if (error instanceof CommandError) return false
      throw error
    }
  }

  #describe(name: string): Readonly<Record<string, unknown>> {
    const file = this.#storage.describe(name)
    const certificate = new X509Certificate(readFileSync(String(file['file'])))
    const names = certificate.subjectAltName?.split(', ') ?? []
    const domains = names.filter((each) => each.startsWith('DNS:')).map((each) => each.slice(4))
    return {
      ...file,
      domains: domains.join(', '),
      serial: BigInt(`0x${certificate.serialNumber}`).toString(),
      subject: commonName(certificate.subject),
      issuers: commonName(certificate.issuer),
      not_before: isoDate(certificate.validFrom),
      not_after: isoDate(certificate.validTo),
    }
  }
}

function checkPem(text: string): void {
  if (!isCertificate(text)) throw new Refusal(500, 'failed to parse certificate')
  if (!/-----BEGIN [A-Z ]*PRIVATE KEY-----/.test(text))
    throw new Refusal(500, 'file should contain both certificate and private key')
}

function isCertificate(text: string): boolean {
  try {
    return new X509Certificate(text).raw.length > 0
  } catch {
    return false
  }
}

function commonName(subject: string): string {
  return /^CN=(.*)$/m.exec(subject)?.[1] ?? subject
}

function isoDate(text: string): string {
  return new Date(text).toISOString()
}
