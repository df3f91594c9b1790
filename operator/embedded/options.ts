import { readFileSync } from 'node:fs'

import { parse } from 'yaml'

/** What the program takes from dataplaneapi.yaml; other keys are upstream's alone and are passed over. */
export type Options = {
  readonly host: string
  readonly port: number
  readonly certificate: string
  readonly key: string
  readonly ca: string
  /** Milliseconds that an idle connection is kept. */
  readonly idleMs: number
  readonly transactionFolder: string
  readonly folders: { readonly maps: string; readonly certificates: string; readonly general: string }
  readonly configFile: string
  readonly haproxy: string
  readonly masterSocket: string
  /** Milliseconds from a change to the reload it asked for. */
  readonly reloadDelayMs: number
  /** Further files that are checked together with haproxy.cfg. */
  readonly filesBefore: readonly string[]
  readonly filesAfter: readonly string[]
}

/** Reads dataplaneapi.yaml. Throws when a key is missing, or when the API would be served without client certificates. */
export function readOptions(file: string, environment: NodeJS.ProcessEnv): Options {
  const root: unknown = parse(readFileSync(file, 'utf8'))
  const text = (...path: string[]): string => textAt(root, path)
  const schemes = listAt(root, ['dataplaneapi', 'scheme'])
  if (schemes.length !== 1 || schemes[0] !== 'https')
    throw new Error('dataplaneapi.scheme must be [https]; another scheme would be open to everybody')
  return {
    host: optional(root, ['dataplaneapi', 'tls', 'tls_host']) ?? environment['TLS_HOST'] ?? 'localhost',
    port: numberOf(text('dataplaneapi', 'tls', 'tls_port')),
    certificate: text('dataplaneapi', 'tls', 'tls_certificate'),
    key: text('dataplaneapi', 'tls', 'tls_key'),
    ca: text('dataplaneapi', 'tls', 'tls_ca'),
    idleMs: duration(optional(root, ['dataplaneapi', 'cleanup_timeout']) ?? '10s'),
    transactionFolder: text('dataplaneapi', 'transaction', 'transaction_dir'),
    folders: {
      maps: text('dataplaneapi', 'resources', 'maps_dir'),
      certificates: text('dataplaneapi', 'resources', 'ssl_certs_dir'),
      general: text('dataplaneapi', 'resources', 'general_storage_dir'),
    },
    configFile: text('haproxy', 'config_file'),
    haproxy: text('haproxy', 'haproxy_bin'),
    masterSocket: text('haproxy', 'master_runtime'),
    reloadDelayMs: 1000 * numberOf(optional(root, ['haproxy', 'reload', 'reload_delay']) ?? '5'),
    filesBefore: listAt(root, ['haproxy', 'reload', 'validate_files_before']),
    filesAfter: listAt(root, ['haproxy', 'reload', 'validate_files_after']),
  }
}

function valueAt(root: unknown, path: readonly string[]): unknown {
  return path.reduce<unknown>((value, key) => {
    if (typeof value !== 'object' || value === null) return undefined
    return Object.getOwnPropertyDescriptor(value, key)?.value
  }, root)
}

function optional(root: unknown, path: readonly string[]): string | undefined {
  const value = valueAt(root, path)
  return typeof value === 'string' || typeof value === 'number' ? String(value) : undefined
}

function textAt(root: unknown, path: readonly string[]): string {
  const value = optional(root, path)
  if (value === undefined || value === '') throw new Error(`${path.join('.')} is missing`)
  return value
}

function listAt(root: unknown, path: readonly string[]): readonly string[] {
  const value = valueAt(root, path)
  return Array.isArray(value) ? value.map(String) : []
}

function numberOf(text: string): number {
  const value = Number(text)
  if (!Number.isFinite(value)) throw new Error(`${text} is not a number`)
  return value
}

const units: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 }

function duration(text: string): number {
  const found = /^(\d+)(ms|s|m|h)?$/.exec(text)
  if (found === null) throw new Error(`${text} is not a duration such as 10s or 1h`)
  return Number(found[1]) * (units[found[2] ?? 's'] ?? 1000)
}
