// Source of a snapshot: manifests, from a file, a folder, or as objects. Everything in them counts, nothing changes by itself.

import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { parseAllDocuments } from 'yaml'

import type { Kind, KubernetesObject, V1Secret } from '../model/kubernetes.ts'
import type { ObjectKey, Snapshot } from '../model/snapshot.ts'
import { kinds } from '../model/kinds.ts'

import { isKind, isKnownKind } from './slim.ts'
import { Store } from './store.ts'

/** A snapshot that can be edited between two runs. */
export type EditableSnapshot = Snapshot & {
  /** Adds or replaces an object; false when nothing changed or no rule reads its kind. */
  readonly put: (object: KubernetesObject) => boolean
  readonly remove: (kind: Kind, key: ObjectKey) => boolean
}

/** A snapshot of these objects. Objects of kinds that no rule reads are left out; namespaced ones without a namespace are in `default`. */
export function snapshotFromObjects(objects: readonly KubernetesObject[]): EditableSnapshot {
  const store = new Store()
  const put = (object: KubernetesObject): boolean =>
    isKnownKind(object.kind) &&
    isOfOurGroup(object.kind, object) &&
    store.put(object.kind, asStored(object.kind, structuredClone(object))) !== undefined
  for (const object of objects) put(object)
  return { ...store.snapshot, put, remove: (kind, key) => store.remove(kind, key) }
}

/** The snapshot of a manifest file, or of all `.yaml`, `.yml` and `.json` files of a folder and its subfolders. */
export function snapshotFromFiles(path: string): EditableSnapshot {
  return snapshotFromObjects(readManifests(path))
}

/** Objects of a manifest file or folder, in the order of file names and documents; the items of a `List` one by one. */
export function readManifests(path: string): readonly KubernetesObject[] {
  return manifestFiles(path).flatMap((file) => parseManifests(readFileSync(file, 'utf8'), file))
}

/** Objects of a text of YAML documents; `origin` names it in error messages. */
export function parseManifests(text: string, origin: string): readonly KubernetesObject[] {
  return parseAllDocuments(text).flatMap((document) => {
    const [problem] = document.errors
    // Only the first line: the others quote the text, which may be a Secret's.
    if (problem !== undefined) throw new Error(`${origin} is not valid YAML: ${problem.message.split('\n', 1)[0]}`)
    const content: unknown = document.toJS()
    return content === null || content === undefined ? [] : objectsIn(content, origin)
  })
}

/** Kinds among these objects that no rule reads, each once. */
export function unreadKinds(objects: readonly KubernetesObject[]): readonly string[] {
  const unread = objects.filter((object) => !isKnownKind(object.kind) || !isOfOurGroup(object.kind, object))
  return [...new Set(unread.map(({ kind }) => kind ?? ''))]
}

// Other groups have kinds of the same name.
function isOfOurGroup(kind: Kind, { apiVersion }: KubernetesObject): boolean {
  if (apiVersion === undefined) return true
  const slash = apiVersion.indexOf('/')
  return kinds[kind].group === apiVersion.slice(0, Math.max(0, slash))
}

function objectsIn(content: unknown, origin: string): readonly KubernetesObject[] {
  if (!isRecord(content) || typeof content['kind'] !== 'string')
    throw new Error(`${origin} holds a document without a kind; every document must be a Kubernetes object.`)
  if (Array.isArray(content['items'])) return content['items'].flatMap((entry) => objectsIn(entry, origin))
  const { metadata } = content
  if (!isRecord(metadata) || typeof metadata['name'] !== 'string')
    throw new Error(`${origin} holds a ${content['kind']} without metadata.name; give it one.`)
  return [content]
}

function manifestFiles(path: string): readonly string[] {
  if (!statSync(path).isDirectory()) return [path]
  return readdirSync(path, { recursive: true, encoding: 'utf8' })
    .filter((name) => /\.(ya?ml|json)$/.test(name))
    .toSorted()
    .map((name) => join(path, name))
}

// What the API server does on admission, as far as rules depend on it.
function asStored(kind: Kind, object: KubernetesObject): KubernetesObject {
  const { metadata } = object
  if (metadata !== undefined && kinds[kind].namespaced) metadata.namespace ??= 'default'
  return isKind('Secret', object) ? withDataOnly(object) : object
}

function withDataOnly(secret: V1Secret): V1Secret {
  const { stringData } = secret
  if (stringData === undefined) return secret
  delete secret.stringData
  secret.data ??= {}
  for (const [key, text] of Object.entries(stringData)) secret.data[key] = Buffer.from(text).toString('base64')
  return secret
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
