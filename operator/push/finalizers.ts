// The finalizer on GatewayClasses: a class that Gateways use is not gone before them. Ours is the one field that we apply.

import type { KubeCaller } from '../model/kube-call.ts'
import { kinds, managedBy } from '../model/kinds.ts'
import type { Report } from '../model/report.ts'
import type { ObjectKey, Snapshot } from '../model/snapshot.ts'
import type { Logger } from '../lib/log.ts'

import { ask, pathOf } from './kube-objects.ts'
import type { PushMetrics } from './push-metrics.ts'
import { Queues } from './queues.ts'

export type FinalizersOptions = {
  readonly call: KubeCaller
  readonly snapshot: Pick<Snapshot, 'GatewayClass'>
  readonly longestPause: number
  readonly log: Logger
  readonly metrics: PushMetrics
}

type Wish = { readonly uid: string; readonly isUsed: boolean }

const finalizer = 'gateway-exists-finalizer.gateway.networking.k8s.io'

export class Finalizers {
  readonly #options: FinalizersOptions
  readonly #queues: Queues
  readonly #wishes = new Map<ObjectKey, Wish>()

  constructor(options: FinalizersOptions) {
    this.#options = options
    const { log, metrics, longestPause } = options
    this.#queues = new Queues({
      limit: 2,
      longestPause,
      onFailure: (gatewayClass, { message: cause }, attempt) => {
        metrics.failed('object')
        log.warn('finalizer cannot be written', { gatewayClass, cause, attempt })
      },
    })
  }

  /** All classes of ours. Those that are used have the finalizer. */
  want(classes: Report['classes']): void {
    for (const name of this.#wishes.keys()) {
      if (classes.has(name)) continue
      this.#wishes.delete(name)
      this.#queues.drop(name)
    }
    for (const [name, { isUsed }] of classes) {
      const uid = this.#options.snapshot.GatewayClass.get(name)?.metadata.uid ?? ''
      const before = this.#wishes.get(name)
      if (before?.uid === uid && before.isUsed === isUsed) continue
      this.#wishes.set(name, { uid, isUsed })
      this.#queues.put(name, (signal) => this.#write(name, { uid, isUsed }, signal))
    }
  }

  idle(): Promise<void> {
    return this.#queues.idle()
  }

  stop(): Promise<void> {
    return this.#queues.stop()
  }

  // With its uid, for an apply would create a class that is gone. Without the finalizer, our field ceases to be there.
  async #write(name: ObjectKey, { uid, isUsed }: Wish, signal: AbortSignal): Promise<void> {
    const row = kinds.GatewayClass
    await ask(this.#options.call, {
      method: 'PATCH',
      path: `${pathOf(row, undefined, name)}?fieldManager=${managedBy}&force=true`,
      contentType: 'application/apply-patch+yaml',
      body: {
        apiVersion: `${row.group}/${row.version}`,
        kind: 'GatewayClass',
        metadata: { name, uid, ...(isUsed ? { finalizers: [finalizer] } : {}) },
      },
      signal,
    })
    this.#options.metrics.wrote('object')
  }
}
