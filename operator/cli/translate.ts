// Shows the rooms' work without a cluster: manifests in, everything that would go out as text.

import { routeId, routeKinds } from '../model/report.ts'
import { existsSync } from 'node:fs'
import { stringify } from 'yaml'

import { entriesInOrder } from '../model/certificate-list.ts'
import { controllerName } from '../model/kinds.ts'
import type { KubernetesObject } from '../model/kubernetes.ts'
import type { CertificateListEntry, MapSection, Outcome, RenderedConfig } from '../model/rendered.ts'
import type { ObjectKey, Snapshot } from '../model/snapshot.ts'
import { udpConfigFile } from '../model/udp.ts'

import { provision } from '../provision/provision.ts'
import { createBuilder, type Built } from '../reconcile.ts'
import { loadRenderer } from '../render/render.ts'
import type { Settings } from '../settings.ts'
import { createStatuses } from '../status/status.ts'
import { createTranslator, supportedFeatures, type Translation } from '../translate/translate.ts'
import { readManifests, snapshotFromObjects, unreadKinds } from '../watch/files.ts'

import { withThrowAwayPairs } from './blanked.ts'

/** Prints what the manifests of a file or folder come to; on standard error, what of them comes to nothing, and why. */
export async function printTranslation(path: string, settings: Settings): Promise<void> {
  if (!existsSync(path)) throw new Error(`${path} does not exist; name a file of manifests, or a folder of them.`)
  const { objects, replaced } = await withThrowAwayPairs(readManifests(path))
  for (const name of replaced)
    process.stderr.write(
      `The private key of Secret ${name} was blanked by snapshot; a self-signed pair for this once stands in its place, certificate included.\n`,
    )
  const { text, notes } = describeTranslation(objects, settings, new Date())
  for (const note of notes) process.stderr.write(`${note}\n`)
  process.stdout.write(text)
}

type Description = { readonly text: string; readonly notes: readonly string[] }

/**
 * HAProxy's files, Kubernetes objects and statuses, each under a line with its name; and a sentence for what is not among them. Private
 * keys are not shown.
 */
export function describeTranslation(objects: readonly KubernetesObject[], settings: Settings, now: Date): Description {
  const snapshot = snapshotFromObjects(objects)
  const { proxies, report } = createTranslator(snapshot, settings.dataPlane)()
  const build = createBuilder(
    (proxy) => provision(proxy, settings.dataPlane),
    loadRenderer(settings.templates, settings.dataPlane),
  )
  const outcomes = new Map<ObjectKey, Outcome>()
  const patches = createStatuses()({ snapshot, report, outcomes, features: supportedFeatures, now })
  const sections = [
    ...proxies.flatMap((proxy) => describeProxy(proxy.id, build(proxy))),
    ...patches.map(({ kind, key, status }) => section(`status of ${kind} ${key}`, plainYaml(status))),
  ]
  return { text: sections.join('\n'), notes: [...unreadNotes(objects), ...unservedNotes(snapshot, report)] }
}

function unreadNotes(objects: readonly KubernetesObject[]): readonly string[] {
  if (objects.length === 0) return ['There are no manifests here, so nothing comes of them.']
  const unread = unreadKinds(objects)
  return unread.length === 0 ? [] : [`Left out, because no rule reads them: ${unread.join(', ')}`]
}

// In a cluster these could be another controller's, and nothing may be said of them; among manifests it is mostly a missing file or a typo.
function unservedNotes(snapshot: Snapshot, { gateways, routes }: Translation['report']): readonly string[] {
  const unknown = [...snapshot.Gateway.keys()].filter((key) => !gateways.has(key))
  const all = routeKinds.flatMap((kind) => [...snapshot[kind].keys()].map((key) => routeId(kind, key)))
  const lost = all.filter((id) => !routes.has(id))
  return [
    ...unknown.map(
      (key) =>
        `Nothing comes of Gateway ${key}: there is no accepted GatewayClass of controller ${controllerName} with the name in its spec.gatewayClassName here; add it, or correct the name.`,
    ),
    ...lost.map(
      (id) =>
        `Nothing comes of ${id}: none of its spec.parentRefs names a Gateway here that is served; add the Gateway, or correct them.`,
    ),
  ]
}

function describeProxy(id: ObjectKey, built: Built): readonly string[] {
  if (built.kind === 'failed') throw built.error
  return [
    ...filesOf(built.rendered).map(([file, text]) => section(`${id} ${file}`, text)),
    ...built.objects.map((object) => section(`${id} ${object.kind} ${object.metadata.name}`, plainYaml(object))),
  ]
}

type NamedText = readonly [name: string, text: string]

function filesOf(rendered: RenderedConfig): readonly NamedText[] {
  const { machine, backends, maps, authorities, certificates, certificateLists, udp } = rendered
  return [
    ['haproxy.cfg', machine.text],
    ['general/backends.cfg', sorted(backends, ({ text }) => text).join('')],
    ...sorted(machine.scripts, (text, name): NamedText => [`general/${name}`, text]),
    ...sorted(authorities, ({ pem }, name): NamedText => [`general/${name}`, pem]),
    ...(udp === undefined ? [] : [[udpConfigFile, udp.text] satisfies NamedText]),
    ...sorted(maps, (sections, name): NamedText => [`maps/${name}`, sorted(sections, mapLines).join('')]),
    ...sorted(
      certificateLists,
      (entries, name): NamedText => [`ssl/${name}`, [...entriesInOrder(entries)].map(listLine).join('')],
    ),
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

// Values that two fields share are written twice: readers of statuses need not know YAML's aliases.
function plainYaml(value: unknown): string {
  return stringify(value, { aliasDuplicateObjects: false })
}

function section(title: string, text: string): string {
  return `##### ${title}\n${text}`
}
