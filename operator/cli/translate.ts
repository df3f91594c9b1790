// Shows the rooms' work without a cluster: manifests in, everything that would go out as text.

import { stringify } from 'yaml'

import type { KubernetesObject } from '../model/kubernetes.ts'
import type { CertificateListEntry, MapSection, Outcome, RenderedConfig } from '../model/rendered.ts'
import type { ObjectKey } from '../model/snapshot.ts'

import { provision } from '../provision/provision.ts'
import { createBuilder, type Built } from '../reconcile.ts'
import { loadRenderer } from '../render/render.ts'
import type { Settings } from '../settings.ts'
import { createStatuses } from '../status/status.ts'
import { createTranslator, supportedFeatures } from '../translate/translate.ts'
import { readManifests, snapshotFromObjects, unreadKinds } from '../watch/files.ts'

/** Prints what the manifests of a file or folder come to; kinds that no rule reads are named on standard error. */
export function printTranslation(path: string, settings: Settings): void {
  const objects = readManifests(path)
  const unread = unreadKinds(objects)
  if (unread.length > 0) process.stderr.write(`Left out, because no rule reads them: ${unread.join(', ')}\n`)
  process.stdout.write(describeTranslation(objects, settings, new Date()))
}

/** HAProxy's files, Kubernetes objects and statuses, each under a line with its name. Private keys are not shown. */
export function describeTranslation(objects: readonly KubernetesObject[], settings: Settings, now: Date): string {
  const snapshot = snapshotFromObjects(objects)
  const { proxies, report } = createTranslator(snapshot)()
  const build = createBuilder(
    (proxy) => provision(proxy, settings.dataPlane),
    loadRenderer(settings.templates, settings.dataPlane),
  )
  const outcomes = new Map<ObjectKey, Outcome>()
  const patches = createStatuses()({ snapshot, report, outcomes, features: supportedFeatures, now })
  return [
    ...proxies.flatMap((proxy) => describeProxy(proxy.id, build(proxy))),
    ...patches.map(({ kind, key, status }) => section(`status of ${kind} ${key}`, stringify(status))),
  ].join('\n')
}

function describeProxy(id: ObjectKey, built: Built): readonly string[] {
  if (built.kind === 'failed') throw built.error
  return [
    ...filesOf(built.rendered).map(([file, text]) => section(`${id} ${file}`, text)),
    ...built.objects.map((object) => section(`${id} ${object.kind} ${object.metadata.name}`, stringify(object))),
  ]
}

type NamedText = readonly [name: string, text: string]

function filesOf({ machine, backends, maps, certificates, certificateLists }: RenderedConfig): readonly NamedText[] {
  return [
    ['haproxy.cfg', machine.text],
    ['general/backends.cfg', sorted(backends, ({ text }) => text).join('')],
    ...sorted(machine.scripts, (text, name): NamedText => [`general/${name}`, text]),
    ...sorted(maps, (sections, name): NamedText => [`maps/${name}`, sorted(sections, mapLines).join('')]),
    ...sorted(certificateLists, (entries, name): NamedText => [`ssl/${name}`, entries.map(listLine).join('')]),
    ...sorted(certificates, ({ fingerprint }, name): NamedText => [`ssl/${name}`, `# SHA-256 ${fingerprint}\n`]),
  ]
}

// Keys of maps end a path with DEL, which a terminal would not show.
function mapLines({ entries }: MapSection): string {
  return entries.map(({ key, value }) => `${key.replaceAll('\x7f', '\u2421')} ${value}\n`).join('')
}

function listLine({ file, sni }: CertificateListEntry): string {
  return `${[file, ...sni].join(' ')}\n`
}

function sorted<V, R>(named: ReadonlyMap<string, V>, show: (value: V, name: string) => R): readonly R[] {
  return [...named].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([name, value]) => show(value, name))
}

function section(title: string, text: string): string {
  return `##### ${title}\n${text}`
}
