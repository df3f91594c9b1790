// All proxies: the newest wanted configuration of each, its pods and Service from the snapshot, its outcome.

import type { V1Pod } from '../model/kubernetes.ts'
import { gatewayNameLabel, labelValue } from '../model/names.ts'
import type { Workload } from '../model/proxy-model.ts'
import type { Outcome, RenderedConfig } from '../model/rendered.ts'
import { keyFor, splitKey, type ObjectKey } from '../model/snapshot.ts'
import { Gathering, settle, type Entry } from '../lib/derive.ts'

import { isRefusal } from './apply.ts'
import { deleteOurs, type Place } from './kube-objects.ts'
import { isPodOf } from './outcome.ts'
import { nothingSeen, Proxy, type ProxyOptions, type Surroundings } from './proxy.ts'
import { Queues } from './queues.ts'
import { authorityPlace, podSecretPlace, proxyOfJob, secretJob } from './secrets.ts'

export type DataplaneOptions = Omit<ProxyOptions, 'secrets' | 'events'>

type Known = {
  readonly proxy: Proxy
  seen: { readonly entries: readonly Entry<V1Pod>[]; readonly workload: string; readonly surroundings: Surroundings }
}

export class Dataplane {
  readonly #options: DataplaneOptions
  readonly #secrets: Queues
  /** What fails here is not tried again. */
  readonly #events = new Queues({ limit: 2, longestPause: 0, onFailure: () => {} })
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
      longestPause: (failure) => (isRefusal(failure) ? timing.refusedObject : timing.longestPause),
      onFailure: (key, failure, attempt, isNews) => {
        metrics.failed('object')
        const level = isNews || !isRefusal(failure) ? 'warn' : 'debug'
        log[level]('secret cannot be written', { secret: key, cause: failure.message, attempt })
        this.#proxies.get(proxyOfJob(key))?.proxy.secretFailed(key, failure, attempt)
      },
    })
    this.#pods = new Gathering(snapshot.Pod, (key) => {
      const pod = snapshot.Pod.get(key)
      const gateway = pod?.metadata?.labels?.[gatewayNameLabel]
      return pod === undefined || gateway === undefined ? [] : [[keyFor(splitKey(key).namespace, gateway), pod]]
    })
    this.#renewals = setInterval(() => {
      for (const { proxy } of this.#proxies.values()) proxy.writeSecretsAgain()
    }, timing.identity).unref()
  }

  /** The newest configuration of a proxy; looks at its pods and its Service too, so call it in every run. */
  want(id: ObjectKey, workload: Workload, rendered: RenderedConfig): void {
    let known = this.#proxies.get(id)
    // Another class: another Deployment with other pods and Secrets.
    if (known !== undefined && known.proxy.workload.name !== workload.name) {
      this.#dismiss(id, known.proxy, [])
      known = undefined
    }
    if (known === undefined) {
      const proxy = new Proxy({ id, workload }, rendered, {
        ...this.#options,
        secrets: this.#secrets,
        events: this.#events,
      })
      known = { proxy, seen: { entries: [], workload: workload.name, surroundings: nothingSeen } }
      this.#proxies.set(id, known)
    }
    known.proxy.want(workload, rendered, this.#look(id, workload, known))
  }

  /** What keeps an object of a proxy from being written; undefined once that is over. */
  trouble(id: ObjectKey, object: string, message: string | undefined): void {
    this.#proxies.get(id)?.proxy.trouble(object, message)
  }

  keepOnly(ids: readonly ObjectKey[]): void {
    if (ids.length === this.#proxies.size && ids.every((id) => this.#proxies.has(id))) return
    const kept = new Set(ids)
    for (const [id, { proxy }] of this.#proxies) {
      if (!kept.has(id)) this.#dismiss(id, proxy, [authorityPlace(id, this.#options.operatorNamespace)])
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
    await Promise.all([this.#secrets.stop(), this.#events.stop()])
    await Promise.all(this.#leaving)
  }

  #look(id: ObjectKey, workload: Workload, known: Known): Surroundings {
    settle()
    const { namespace, name } = splitKey(id)
    const entries = this.#pods.bucket(keyFor(namespace, labelValue(name)))
    const { snapshot } = this.#options
    const key = keyFor(namespace, workload.name)
    const [service, deployment] = [snapshot.Service.get(key), snapshot.Deployment.get(key)]
    const { seen } = known
    const before = seen.surroundings
    const isSame = seen.entries === entries && seen.workload === workload.name
    if (isSame && before.service === service && before.deployment === deployment) return before
    const pods = entries.map(({ value }) => value).filter((pod) => isPodOf(pod, workload.name))
    known.seen = { entries, workload: workload.name, surroundings: { pods, service, deployment } }
    return known.seen.surroundings
  }

  // Deleted by the jobs that wrote them: a Gateway that comes back meanwhile writes its Secrets after that, or instead.
  #dismiss(id: ObjectKey, proxy: Proxy, others: readonly Place[]): void {
    this.#proxies.delete(id)
    const leaving = proxy.stop().finally(() => this.#leaving.delete(leaving))
    this.#leaving.add(leaving)
    const { workload } = proxy
    const deletion = (places: readonly Place[]) => async () => {
      const { call, operatorNamespace } = this.#options
      for (const place of places) await deleteOurs(call, place, operatorNamespace)
    }
    this.#secrets.put(
      secretJob('identity', { id, workload }),
      deletion([podSecretPlace('identity', workload), ...others]),
    )
    this.#secrets.put(secretJob('state', { id, workload }), deletion([podSecretPlace('state', workload)]))
  }
}
