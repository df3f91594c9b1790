// All proxies: the newest wanted configuration of each, its pods and Service from the snapshot, its outcome.

import type { V1Pod, V1Service } from '../model/kubernetes.ts'
import { gatewayNameLabel, labelValue } from '../model/names.ts'
import type { Workload } from '../model/proxy-model.ts'
import type { Outcome, RenderedConfig } from '../model/rendered.ts'
import { keyFor, splitKey, type ObjectKey } from '../model/snapshot.ts'
import { Gathering, settle, type Entry } from '../lib/derive.ts'

import { deleteOurs } from './kube-objects.ts'
import { Proxy, type ProxyOptions, type Surroundings } from './proxy.ts'
import { Queues } from './queues.ts'
import { authorityPlace, podSecretPlaces } from './secrets.ts'

export type DataplaneOptions = Omit<ProxyOptions, 'secrets'>

type Known = {
  readonly proxy: Proxy
  seen: { readonly entries: readonly Entry<V1Pod>[]; readonly surroundings: Surroundings }
}

export class Dataplane {
  readonly #options: DataplaneOptions
  readonly #secrets: Queues
  readonly #pods: Gathering<V1Pod>
  readonly #proxies = new Map<ObjectKey, Known>()
  readonly #leaving = new Set<Promise<void>>()
  readonly #renewals: NodeJS.Timeout
  #outcomes: ReadonlyMap<ObjectKey, Outcome> = new Map()

  constructor(options: DataplaneOptions) {
    this.#options = options
    const { snapshot, timing, log, metrics } = options
    this.#secrets = new Queues({
      limit: 4,
      longestPause: timing.longestPause,
      onFailure: (key, cause, attempt) => {
        metrics.failed('object')
        log.warn('secret cannot be written', { secret: key, cause, attempt })
        this.#proxies.get(key.slice(key.indexOf(' ') + 1))?.proxy.secretFailed(`A Secret cannot be written: ${cause}`)
      },
    })
    this.#pods = new Gathering(snapshot.Pod, (key) => {
      const pod = snapshot.Pod.get(key)
      const gateway = pod?.metadata?.labels?.[gatewayNameLabel]
      return pod === undefined || gateway === undefined ? [] : [[keyFor(splitKey(key).namespace, gateway), pod]]
    })
    this.#renewals = setInterval(() => {
      for (const { proxy } of this.#proxies.values()) proxy.checkIdentity()
    }, timing.identity).unref()
  }

  /** The newest configuration of a proxy; looks at its pods and its Service too, so call it in every run. */
  want(id: ObjectKey, workload: Workload, rendered: RenderedConfig): void {
    let known = this.#proxies.get(id)
    if (known === undefined) {
      const proxy = new Proxy({ id, workload }, rendered, { ...this.#options, secrets: this.#secrets })
      known = { proxy, seen: { entries: [], surroundings: { pods: [], service: undefined } } }
      this.#proxies.set(id, known)
    }
    known.proxy.want(workload, rendered, this.#look(id, workload, known))
  }

  keepOnly(ids: readonly ObjectKey[]): void {
    if (ids.length === this.#proxies.size && ids.every((id) => this.#proxies.has(id))) return
    const kept = new Set(ids)
    for (const [id, { proxy }] of this.#proxies) {
      if (kept.has(id)) continue
      this.#proxies.delete(id)
      const leaving = proxy.stop().finally(() => this.#leaving.delete(leaving))
      this.#leaving.add(leaving)
      this.#deleteSecrets(id, proxy.workload)
    }
  }

  /** The same map and the same outcomes while nothing changed. */
  outcomes(): ReadonlyMap<ObjectKey, Outcome> {
    const entries = [...this.#proxies].map(([id, { proxy }]) => [id, proxy.outcome()] as const)
    const before = this.#outcomes
    if (entries.length === before.size && entries.every(([id, outcome]) => before.get(id) === outcome)) return before
    this.#outcomes = new Map(entries)
    return this.#outcomes
  }

  async stop(): Promise<void> {
    clearInterval(this.#renewals)
    await Promise.all([...this.#proxies.values()].map(({ proxy }) => proxy.stop()))
    await this.#secrets.stop()
    await Promise.all(this.#leaving)
  }

  #look(id: ObjectKey, workload: Workload, known: Known): Surroundings {
    settle()
    const { namespace, name } = splitKey(id)
    const entries = this.#pods.bucket(keyFor(namespace, labelValue(name)))
    const service: V1Service | undefined = this.#options.snapshot.Service.get(keyFor(namespace, workload.name))
    const { seen } = known
    if (seen.entries === entries && seen.surroundings.service === service) return seen.surroundings
    const surroundings = { pods: entries.map(({ value }) => value), service }
    known.seen = { entries, surroundings }
    return surroundings
  }

  #deleteSecrets(id: ObjectKey, workload: Workload): void {
    const { call, operatorNamespace } = this.#options
    this.#secrets.put(`gone ${id}`, async () => {
      if (this.#proxies.has(id)) return
      for (const place of [...podSecretPlaces(workload), authorityPlace(id, operatorNamespace)])
        await deleteOurs(call, place, operatorNamespace)
    })
  }
}
