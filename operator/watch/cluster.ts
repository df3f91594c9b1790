// Source: a cluster. The only file that knows @dot-i/k8s-operator. Its contract is kept (init, start, stop, watchResource, status and
// finalizer methods), every method that touches the network is replaced: the base class ends the process on any interruption of a watch,
// loses deletions, and swallows refused writes.

import dotI, {
  ResourceEventType,
  ResourceMetaImpl,
  type OperatorLogger,
  type ResourceEvent,
  type ResourceMeta,
} from '@dot-i/k8s-operator'
import {
  CoreV1Api,
  loadYaml,
  type V1CustomResourceDefinition,
  type V1CustomResourceDefinitionVersion,
} from '@kubernetes/client-node'
import { readFile } from 'node:fs/promises'

import type { KubeRequest } from '../model/kube-call.ts'
import { kinds, managedBy, type KindRow } from '../model/kinds.ts'
import type { Kind, KubernetesObject } from '../model/kubernetes.ts'
import { managedByLabel } from '../model/names.ts'

import type { Logger } from '../lib/log.ts'

import type { KubeClient, PooledKubeConfig } from './kube.ts'
import type { WatchMetrics } from './metrics.ts'
import { Reflector } from './reflector.ts'
import { kindNames } from './slim.ts'
import { parseObject, parseStatus } from './wire.ts'

// A CommonJS module's default export, as an ES module sees it.
const Operator = dotI.default

export type ClusterOptions = {
  readonly config: PooledKubeConfig
  readonly client: KubeClient
  /** Empty: all. */
  readonly namespaces: readonly string[]
  readonly onEvent: (kind: Kind, object: KubernetesObject, gone: boolean) => void
  readonly metrics: WatchMetrics
  readonly logger: Logger
}

/** Watches every kind of model/kinds.ts. `start()` resolves when all of them were listed once. */
export class Cluster extends Operator {
  readonly #options: ClusterOptions
  readonly #reflectors: Reflector[] = []
  readonly #paths = new Map<string, (meta: ResourceMeta) => string>()

  constructor(options: ClusterOptions) {
    super(operatorLogger(options.logger))
    this.#options = options
    this.kubeConfig = options.config
    this.k8sApi = options.config.makeApiClient(CoreV1Api)
  }

  override stop(): void {
    void this.stopped()
  }

  /** Stops and waits until no watch is left. */
  async stopped(): Promise<void> {
    await Promise.all(this.#reflectors.map((reflector) => reflector.stop()))
  }

  protected override async init(): Promise<void> {
    const { namespaces, onEvent } = this.#options
    const watches = kindNames.flatMap((kind) => {
      const { group, version, plural, namespaced }: KindRow = kinds[kind]
      const scopes = namespaced && namespaces.length > 0 ? namespaces : [undefined]
      return scopes.map((namespace) =>
        this.watchResource(
          group,
          version,
          plural,
          async ({ type, object }) => onEvent(kind, object, type === ResourceEventType.Deleted),
          namespace,
        ),
      )
    })
    await Promise.all(watches)
  }

  /** Resolves after the first list. `onEvent` is called in the order of events and not waited for. */
  protected override async watchResource(...watched: WatchParameters): Promise<void> {
    const [group, version, plural, onEvent, namespace] = watched
    const { client, metrics, logger } = this.#options
    const apiVersion = group === '' ? version : `${group}/${version}`
    const kind = kindNames.find((name) => kinds[name].group === group && kinds[name].plural === plural)
    if (kind === undefined) throw new Error(`model/kinds.ts has no row for ${plural}.${apiVersion}`)
    this.#paths.set(`${plural}.${apiVersion}`, (meta) => collectionPath(group, version, plural, meta.namespace))
    const reflector = new Reflector({
      client,
      path: collectionPath(group, version, plural, namespace),
      apiVersion,
      kind,
      ...scopeOf(kinds[kind]),
      onChange: (type, object) => {
        const meta = ResourceMetaImpl.createWithPlural(plural, object)
        return onEvent({ meta, type: eventTypes[type], object })
      },
      count: (what) => metrics.count(kind, what),
      logger,
    })
    this.#reflectors.push(reflector)
    reflector.start()
    await reflector.synced
  }

  protected override getCustomResourceApiUri(...place: Parameters<typeof collectionPath>): string {
    return `${this.kubeConfig.getCurrentCluster()?.server ?? ''}${collectionPath(...place)}`
  }

  protected override async registerCustomResourceDefinition(
    crdFile: string,
  ): Promise<{ group: string; versions: V1CustomResourceDefinitionVersion[]; plural: string }> {
    const definition = loadYaml<V1CustomResourceDefinition>(await readFile(crdFile, 'utf8'))
    const { group, versions, names } = definition.spec
    const path = collectionPath('apiextensions.k8s.io', 'v1', 'customresourcedefinitions')
    await this.#write({ method: 'POST', path, body: definition }, [409])
    return { group, versions, plural: names.plural }
  }

  protected override async setResourceStatus(meta: ResourceMeta, status: unknown): Promise<ResourceMeta | null> {
    return this.#writeStatus(meta, { method: 'PUT', path: this.#pathOf(meta, '/status'), body: status })
  }

  protected override async patchResourceStatus(meta: ResourceMeta, status: unknown): Promise<ResourceMeta | null> {
    const contentType = 'application/merge-patch+json'
    return this.#writeStatus(meta, { method: 'PATCH', path: this.#pathOf(meta, '/status'), body: status, contentType })
  }

  // With the resourceVersion: without it, the finalizer of another controller could be overwritten.
  protected override async setResourceFinalizers(meta: ResourceMeta, finalizers: string[]): Promise<void> {
    const body = { metadata: { finalizers, resourceVersion: meta.resourceVersion } }
    const contentType = 'application/merge-patch+json'
    await this.#write({ method: 'PATCH', path: this.#pathOf(meta), body, contentType }, [404])
  }

  async #writeStatus(meta: ResourceMeta, request: KubeRequest): Promise<ResourceMeta | null> {
    const { apiVersion, kind, name, namespace, resourceVersion } = meta
    const metadata = { name, resourceVersion, ...(namespace === undefined ? {} : { namespace }) }
    const written = await this.#write({ ...request, body: { apiVersion, kind, metadata, status: request.body } }, [404])
    return written === undefined ? null : ResourceMetaImpl.createWithId(meta.id, parseObject(written))
  }

  // A refusal is an error, but for the statuses that mean that there is nothing to do.
  async #write(request: KubeRequest, harmless: readonly number[]): Promise<unknown> {
    const { status, body } = await this.#options.client.call(request)
    if (harmless.includes(status)) return undefined
    if (status >= 300) throw new Error(`${request.method} ${request.path}: HTTP ${status} ${parseStatus(body)}`)
    return body
  }

  #pathOf(meta: ResourceMeta, subresource = ''): string {
    const collection = this.#paths.get(meta.id)
    if (collection === undefined) throw new Error(`${meta.id} is not watched`)
    return `${collection(meta)}/${meta.name}${subresource}`
  }
}

/** The path of all objects of a kind, in one namespace or in all. */
export function collectionPath(group: string, version: string, plural: string, namespace?: string): string {
  const api = group === '' ? `/api/${version}` : `/apis/${group}/${version}`
  return namespace === undefined ? `${api}/${plural}` : `${api}/namespaces/${namespace}/${plural}`
}

type WatchParameters = [
  group: string,
  version: string,
  plural: string,
  onEvent: (event: ResourceEvent) => Promise<void>,
  namespace?: string,
]

const eventTypes = {
  ADDED: ResourceEventType.Added,
  MODIFIED: ResourceEventType.Modified,
  DELETED: ResourceEventType.Deleted,
} as const

function scopeOf({ keep }: KindRow): { readonly metadataOnly?: boolean; readonly labelSelector?: string } {
  if (keep === 'referred') return { metadataOnly: true }
  return keep === 'owned' ? { labelSelector: `${managedByLabel}=${managedBy}` } : {}
}

function operatorLogger(logger: Logger): OperatorLogger {
  return {
    debug: (message) => logger.debug(message),
    info: (message) => logger.info(message),
    warn: (message) => logger.warn(message),
    error: (message) => logger.error(message),
  }
}
