// For tests only: a rendered configuration as files, and the HAProxy that reads them. In the product push/ writes files.

import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'

import { entriesInOrder } from '../model/certificate-list.ts'
import * as names from '../model/names.ts'
import type { RenderedConfig } from '../model/rendered.ts'
import { defaultDataPlane, type DataPlaneSettings } from '../model/settings.ts'
import { preloads } from '../push/preloads.ts'
import { writePki } from '../push/testing/pki.ts'

/** A data plane whose files are all below `root`, the certificates of its control channel among them. One that runs needs ports of its own. */
export function settingsAt(root: string, ports: OwnPorts = {}): DataPlaneSettings {
  return { ...defaultDataPlane, root, pki: join(root, 'pki'), ...ports }
}
type OwnPorts = Partial<Pick<DataPlaneSettings, 'statusPort' | 'runtimePort'>>

/** File name relative to the root → content, sorted. Certificates are left out: their keys are secret. */
export function filesOf(rendered: RenderedConfig, root = defaultDataPlane.root): ReadonlyMap<string, string> {
  const { machine, maps, backends, authorities, certificateLists, udp } = rendered
  const first = preloads(rendered, { ...defaultDataPlane, root })
  const files: [string, string][] = [
    ['haproxy.cfg', machine.text],
    [
      'backends.cfg',
      [
        ...(first === '' ? [] : [first]),
        ...[...backends].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([, { text }]) => text),
      ].join('\n'),
    ],
    ...(udp === undefined ? [] : [['general/udp.conf', udp.text] satisfies [string, string]]),
    ...[...machine.scripts].map(([file, text]): [string, string] => [`general/${file}`, text]),
    ...[...authorities].map(([file, { pem }]): [string, string] => [`general/${file}`, pem]),
    ...[...maps].map(([file, sections]): [string, string] => [`maps/${file}`, mapText(sections)]),
    ...[...certificateLists].map(([file, entries]): [string, string] => [
      `ssl/${file}`,
      [...entriesInOrder(entries)]
        .map((entry) => [entry.file, ...entry.sni].join(' '))
        .join('\n')
        .concat('\n'),
    ]),
  ]
  return new Map(files.toSorted(([a], [b]) => (a < b ? -1 : 1)))
}

/** Writes everything that HAProxy reads below `root`; it must have been rendered with `settingsAt(root)`. */
export function writeFiles(root: string, rendered: RenderedConfig): void {
  for (const [file, text] of filesOf(rendered, root))
    write(root, file, text.replaceAll(/^(?=\S+\.pem\b)/gm, `${root}/ssl/`))
  write(root, `maps/${names.metaMap}`, `@gen ${rendered.generation}\n`)
  for (const [file, { pem }] of rendered.certificates) write(root, `ssl/${file}`, pem.reveal())
  mkdirSync(join(root, 'run'), { recursive: true })
  writePki(join(root, 'pki'))
}

/** A new empty folder and how to remove it. */
export function temporaryFolder(): { readonly root: string; readonly remove: () => void } {
  const root = mkdtempSync(join(tmpdir(), 'haproxy-gateway-'))
  return { root, remove: () => rmSync(root, { recursive: true, force: true }) }
}

/** The HAProxy of the data plane, or undefined where none can be had. */
export function findHaproxy(): string | undefined {
  const script = join(import.meta.dirname, '../../e2e/cluster/haproxy.sh')
  const found = spawnSync(script, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'], timeout: 60_000 })
  return found.status === 0 ? found.stdout.trim() : undefined
}

/** What `haproxy -c` has to say; empty when it has nothing to complain about, not even a warning. */
export function checkFiles(haproxy: string, root: string): string {
  const checked = spawnSync(haproxy, ['-c', '-V', ...configFiles(root)], { encoding: 'utf8' })
  const complaints = checked.stderr.split('\n').filter((line) => /^\[(WARNING|ALERT)\]/.test(line))
  return checked.status === 0 && complaints.length === 0 ? '' : `${checked.stdout}${checked.stderr}`
}

/** Runs HAProxy on written files until `stop`; resolves when it serves. */
export async function startHaproxy(haproxy: string, root: string): Promise<{ readonly stop: () => Promise<void> }> {
  execFileSync(haproxy, ['-c', '-q', ...configFiles(root)], { stdio: ['ignore', 'ignore', 'inherit'] })
  const child = spawn(haproxy, ['-W', '-db', ...configFiles(root)], { stdio: ['ignore', 'ignore', 'pipe'] })
  let log = ''
  child.stderr.setEncoding('utf8')
  for await (const chunk of child.stderr.iterator({ destroyOnReturn: false })) {
    log += String(chunk)
    if (log.includes('Loading success')) break
  }
  child.stderr.resume()
  if (!log.includes('Loading success')) throw new Error(`HAProxy did not start: ${log}`)
  return {
    async stop() {
      const ended = once(child, 'exit')
      child.kill('SIGTERM')
      await ended
    },
  }
}

function configFiles(root: string): readonly string[] {
  return ['-f', join(root, 'haproxy.cfg'), '-f', join(root, 'backends.cfg')]
}

function mapText(
  sections: ReadonlyMap<string, { readonly entries: readonly { key: string; value: string }[] }>,
): string {
  const lines = [...sections.values()].flatMap(({ entries }) => entries.map(({ key, value }) => `${key} ${value}\n`))
  return lines.toSorted().join('')
}

function write(root: string, file: string, text: string): void {
  const path = join(root, file)
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, text, { mode: 0o600 })
}
