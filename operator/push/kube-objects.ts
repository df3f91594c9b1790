// Calls to the API server for the kinds that this room writes.

import type { KubeCaller, KubeRequest, KubeResponse } from '../model/kube-call.ts'
import { managedBy } from '../model/kinds.ts'
import { managedByLabel } from '../model/names.ts'
import type { DesiredObject } from '../model/rendered.ts'

import { ComeBack } from './queues.ts'

type Row = { readonly group: string; readonly version: string; readonly plural: string; readonly namespaced?: boolean }

export const writtenKinds = {
  Deployment: { group: 'apps', version: 'v1', plural: 'deployments' },
  PodDisruptionBudget: { group: 'policy', version: 'v1', plural: 'poddisruptionbudgets' },
  Service: { group: '', version: 'v1', plural: 'services' },
  ServiceAccount: { group: '', version: 'v1', plural: 'serviceaccounts' },
  Secret: { group: '', version: 'v1', plural: 'secrets' },
} as const satisfies Record<string, Row>
export type WrittenKind = keyof typeof writtenKinds

/** Told once and left alone. */
export const eventKind = { group: 'events.k8s.io', version: 'v1', plural: 'events' } as const satisfies Row

export type Place = { readonly kind: WrittenKind; readonly namespace: string; readonly name: string }

/** Where an object of ours stands. Throws for a kind that has no row: provisioning made something nobody can write. */
export function placeOf(object: DesiredObject): Place {
  const { kind, metadata } = object
  if (!isWrittenKind(kind))
    throw new Error(`objects of kind ${kind} cannot be written: the kind has no row in kube-objects.ts`)
  return { kind, namespace: metadata.namespace, name: metadata.name }
}

function isWrittenKind(kind: string): kind is WrittenKind {
  return Object.hasOwn(writtenKinds, kind)
}

export function placeText({ kind, namespace, name }: Place): string {
  return `${kind} ${namespace}/${name}`
}

/** `/apis/apps/v1/namespaces/shop/deployments/web`; without a name the collection; without a namespace all of them, or a kind without any. */
export function pathOf({ group, version, plural }: Row, namespace?: string, name?: string): string {
  const root = group === '' ? `/api/${version}` : `/apis/${group}/${version}`
  const parts = [
    root,
    ...(namespace === undefined ? [] : ['namespaces', namespace]),
    plural,
    ...(name === undefined ? [] : [name]),
  ]
  return parts.join('/')
}

export function placePath({ kind, namespace, name }: Place): string {
  return pathOf(writtenKinds[kind], namespace, name)
}

/** The API server's words on a request that it did not carry out. */
export class KubeRefusal extends Error {
  readonly status: number
  /** The message without the request. */
  readonly words: string
  /** Reasons of the causes in the answer's details. */
  readonly causes: readonly string[]

  constructor(request: KubeRequest, { status, body }: KubeResponse) {
    const words = wordsOf(body)
    super(`${request.method} ${request.path}: HTTP ${status}: ${words}`)
    this.name = 'KubeRefusal'
    this.status = status
    this.words = words
    this.causes = causesOf(body)
  }
}

/** Waits for a write; undefined when it was refused because the namespace is being deleted, so that asking again is of no use. */
export async function unlessTerminating<T>(write: Promise<T>): Promise<T | undefined> {
  try {
    return await write
  } catch (error) {
    if (error instanceof KubeRefusal && error.status === 403 && error.causes.includes('NamespaceTerminating'))
      return undefined
    throw error
  }
}

/** Resolves for 2xx and for `accepted` statuses; 429 and 503 with a Retry-After become `ComeBack`, the rest `KubeRefusal`. */
export async function ask(
  call: KubeCaller,
  request: KubeRequest,
  ...accepted: readonly number[]
): Promise<KubeResponse> {
  const response = await call(request)
  const { status, retryAfter } = response
  if ((status >= 200 && status < 300) || accepted.includes(status)) return response
  const refusal = new KubeRefusal(request, response)
  if (retryAfter !== undefined || status === 429) throw new ComeBack(retryAfter ?? 1000, refusal.message)
  throw refusal
}

/**
 * Deletes an object that is certainly ours: with our label, and either owned by a Gateway or, in `ownNamespace`, nobody's.
 * Looks before it deletes, and deletes nothing but what it looked at.
 */
export async function deleteOurs(call: KubeCaller, place: Place, ownNamespace: string): Promise<boolean> {
  const path = placePath(place)
  const { status, body } = await ask(call, { method: 'GET', path }, 404)
  if (status === 404) return false
  const { labels, owners, uid } = metadataOf(body)
  const isOurs =
    labels.get(managedByLabel) === managedBy &&
    (owners.some(({ kind }) => kind === 'Gateway') || place.namespace === ownNamespace)
  if (!isOurs || uid === '') return false
  const preconditions = {
    apiVersion: 'v1',
    kind: 'DeleteOptions',
    propagationPolicy: 'Background',
    preconditions: { uid },
  }
  await ask(call, { method: 'DELETE', path, contentType: 'application/json', body: preconditions }, 404, 409)
  return true
}

export type Metadata = {
  readonly namespace: string
  readonly name: string
  readonly uid: string
  readonly resourceVersion: string
  readonly generation: number
  readonly labels: ReadonlyMap<string, string>
  readonly owners: readonly { readonly kind: string; readonly name: string }[]
}

/** What an answer says about its object; empty where it says nothing. */
export function metadataOf(body: unknown): Metadata {
  const metadata = fieldOf(body, 'metadata')
  const text = (name: string) => textIn(metadata, name)
  const generation = fieldOf(metadata, 'generation')
  const owners = fieldOf(metadata, 'ownerReferences')
  const labels = Object.entries(fieldOf(metadata, 'labels') ?? {})
  return {
    namespace: text('namespace'),
    name: text('name'),
    uid: text('uid'),
    resourceVersion: text('resourceVersion'),
    generation: typeof generation === 'number' ? generation : 0,
    labels: new Map(labels.map(([name, value]) => [name, String(value)])),
    owners: Array.isArray(owners)
      ? owners.map((owner) => ({ kind: textIn(owner, 'kind'), name: textIn(owner, 'name') }))
      : [],
  }
}

function textIn(value: unknown, name: string): string {
  const text = fieldOf(value, name)
  return typeof text === 'string' ? text : ''
}

/** A field of something unknown; undefined when it is not there. */
export function fieldOf(value: unknown, name: string): unknown {
  if (typeof value !== 'object' || value === null) return undefined
  return Object.entries(value).find(([key]) => key === name)?.[1]
}

function causesOf(body: unknown): readonly string[] {
  const causes = fieldOf(fieldOf(body, 'details'), 'causes')
  return Array.isArray(causes) ? causes.map((cause) => String(fieldOf(cause, 'reason'))) : []
}

// An admission webhook may repeat what was sent: whatever could be an encoded key is withheld.
function wordsOf(body: unknown): string {
  const message = fieldOf(body, 'message')
  if (typeof message !== 'string') return 'no message'
  const withoutKeys = message.replaceAll(/-----BEGIN[\s\S]*|[\w+/=]{64,}/g, '***')
  return withoutKeys.slice(0, 500)
}
