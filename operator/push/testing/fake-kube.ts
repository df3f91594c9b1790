// A small API server: objects by path, resourceVersions, server-side apply without its finer points, and answers on demand.

import { isDeepStrictEqual } from 'node:util'

import type { KubeCaller, KubeRequest, KubeResponse } from '../../model/kube-call.ts'

type Stored = { [field: string]: unknown; metadata: { [field: string]: unknown } }

export class FakeKube {
  readonly objects = new Map<string, Stored>()
  readonly requests: KubeRequest[] = []
  /** An answer of its own for a request; undefined: as usual. May wait. */
  answer: (request: KubeRequest) => KubeResponse | undefined | Promise<KubeResponse | undefined> = () => undefined
  #version = 0

  readonly call: KubeCaller = async (request) => {
    this.requests.push(request)
    return (await this.answer(request)) ?? this.#handle(request)
  }

  /** Paths of the requests with this method, without their query. */
  paths(method: KubeRequest['method']): readonly string[] {
    return this.requests.filter((request) => request.method === method).map(({ path }) => bare(path))
  }

  put(path: string, object: object): void {
    const fields: Record<string, unknown> = { ...object }
    const metadata = { uid: `uid-${path}`, ...record(fields['metadata']), resourceVersion: this.#next() }
    this.objects.set(path, { ...fields, metadata })
  }

  #handle(request: KubeRequest): KubeResponse {
    const path = bare(request.path)
    const isStatus = path.endsWith('/status')
    const target = isStatus ? path.slice(0, -'/status'.length) : path
    const found = this.objects.get(target)
    if (request.method === 'GET') return found === undefined ? this.#list(path) : { status: 200, body: found }
    if (request.method === 'DELETE') return { status: this.objects.delete(target) ? 200 : 404, body: {} }
    if (request.method === 'POST') return this.#create(path, record(request.body))
    if (isStatus && found === undefined) return missing
    const body = record(request.body)
    const asked = record(body['metadata'])['resourceVersion']
    if (asked !== undefined && asked !== found?.metadata['resourceVersion'])
      return { status: 409, body: { message: 'conflict' } }
    const uid = record(body['metadata'])['uid']
    if (uid !== undefined && uid !== found?.metadata['uid']) return { status: 409, body: { message: 'uid mismatch' } }
    return this.#change(target, isStatus ? { ...found, status: merged(found?.['status'], body['status']) } : body)
  }

  #list(path: string): KubeResponse {
    const plural = path.slice(path.lastIndexOf('/') + 1)
    const isCollection = ['deployments', 'services', 'serviceaccounts', 'secrets', 'poddisruptionbudgets'].includes(
      plural,
    )
    if (!isCollection) return missing
    const items = [...this.objects].filter(([at]) => at.split('/').at(-2) === plural).map(([, object]) => object)
    return { status: 200, body: { items, metadata: {} } }
  }

  #create(path: string, body: Record<string, unknown>): KubeResponse {
    const at = `${path}/${String(record(body['metadata'])['name'])}`
    if (this.objects.has(at)) return { status: 409, body: { message: 'exists' } }
    this.put(at, body)
    return { status: 201, body: this.objects.get(at) }
  }

  // As the real one: a write that changes nothing leaves the version as it is.
  #change(path: string, body: Record<string, unknown>): KubeResponse {
    const before = this.objects.get(path)
    const { resourceVersion: _, ...metadata } = record(body['metadata'])
    const after = { ...before, ...body, metadata: { uid: `uid-${path}`, ...before?.metadata, ...metadata } }
    if (!isDeepStrictEqual(before, after)) this.put(path, after)
    return { status: 200, body: this.objects.get(path) }
  }

  #next(): string {
    this.#version += 1
    return String(this.#version)
  }
}

const missing: KubeResponse = { status: 404, body: { message: 'not found' } }

function bare(path: string): string {
  return path.split('?')[0] ?? ''
}

function record(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? Object.fromEntries(Object.entries(value)) : {}
}

// JSON merge patch, one level deep: all that a status needs.
function merged(before: unknown, patch: unknown): unknown {
  const fields = Object.entries({ ...record(before), ...record(patch) })
  return Object.fromEntries(fields.filter(([, value]) => value !== null))
}
