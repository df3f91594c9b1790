// The longest blocks of the operator's event loop, in this process: its loop, rooms, watches and store are the real ones, lists come from
// memory as text, and the cluster takes every write at once.

import { setTimeout as delay } from 'node:timers/promises'
import { Registry } from 'prom-client'

import { watchEventLoop } from '../../operator/event-loop.ts'
import { silentLog } from '../../operator/lib/log.ts'
import { Loop } from '../../operator/loop.ts'
import type { Kind, KubernetesObject } from '../../operator/model/kubernetes.ts'
import { keyOf } from '../../operator/model/snapshot.ts'
import type { KubeClient } from '../../operator/watch/kube.ts'
import { Reflector } from '../../operator/watch/reflector.ts'
import { kindNames } from '../../operator/watch/slim.ts'
import { Store } from '../../operator/watch/store.ts'
import { cluster, gatewayWith, route, type Size } from './run-cost-cluster.ts'
import { openOperator } from './run-cost-operator.ts'

/**
 * start: lists and the first run. relist: every object again, unchanged. rebuild: a change of the Gateway that touches every route and
 * changes none. edits: every route is another, all at once. port: the Gateway's port is another, and so is everything that is rendered.
 */
export const blockPhases = ['start', 'relist', 'rebuild', 'edits', 'port'] as const
type Phase = (typeof blockPhases)[number]
/** Milliseconds: the longest block on the clock and in processor time, and how long all of it took. */
type Block = { readonly longest: number; readonly processor: number; readonly took: number }
export type Blocks = Readonly<Record<Phase, Block>>

const pageSize = 100
/** What a phase sets off later than this is not waited for: debounced files and Secrets come within it. */
const aftermath = 1_000

/** Three phases, one after the other. */
export async function measureBlocks(size: Size): Promise<Blocks> {
  const objects = cluster(size)
  const store = new Store()
  const operator = openOperator(store.snapshot)
  const synced = Promise.withResolvers<void>()
  const registry = new Registry()
  const loop = new Loop({
    prepare: operator.prepare,
    run: operator.runPrepared,
    synced: synced.promise,
    logger: silentLog(),
    registry,
  })
  const unwatch = watchEventLoop(registry)
  const phase = async (work: () => Promise<void>): Promise<Block> => {
    await delay(50)
    await longestBlock(registry)
    const began = performance.now()
    await work()
    const took = performance.now() - began
    await delay(aftermath)
    return { ...(await longestBlock(registry)), took }
  }
  // Until a run has ended for which `edit` was the reason.
  const afterRun = async (edit: () => void): Promise<void> => {
    const before = await runsDone(registry)
    edit()
    loop.changed()
    while ((await runsDone(registry)) === before) await delay(10)
  }
  const others = objects.filter(({ kind }) => kind !== 'HTTPRoute')
  const routes = Array.from({ length: size.routes }, (_, n) => route(n, size, { path: `/other${n}` }))
  const [first, second, third] = [pagesOf(objects, 1), pagesOf(objects, 2), pagesOf([...others, ...routes], 3)]
  const blocks: Blocks = {
    start: await phase(async () => {
      await list(first, store, () => loop.changed())
      await afterRun(() => synced.resolve())
    }),
    relist: await phase(() => list(second, store, () => loop.changed())),
    rebuild: await phase(() =>
      afterRun(() => void store.put('Gateway', structuredClone(gatewayWith({ hostname: '*.example.com' })))),
    ),
    edits: await phase(async () => {
      await list(third, store, () => loop.changed())
      await delay(aftermath)
    }),
    port: await phase(() => afterRun(() => void store.put('Gateway', structuredClone(gatewayWith({ port: 8000 }))))),
  }
  unwatch()
  loop.stop()
  await operator.stop()
  return blocks
}

/** Since it was last asked, in milliseconds. */
async function longestBlock(registry: Registry): Promise<Omit<Block, 'took'>> {
  const read = async (name: string): Promise<number> => {
    const metric = await registry.getSingleMetric(`haproxy_gateway_event_loop_longest_block_${name}`)?.get()
    return (metric?.values[0]?.value ?? Number.NaN) * 1000
  }
  return { longest: await read('seconds'), processor: await read('cpu_seconds') }
}

async function runsDone(registry: Registry): Promise<number> {
  const metric = await registry.getSingleMetric('haproxy_gateway_runs_total')?.get()
  return (metric?.values ?? []).reduce((sum, { value }) => sum + value, 0)
}

type Pages = ReadonlyMap<Kind, readonly string[]>

function pagesOf(objects: readonly KubernetesObject[], version: number): Pages {
  const kindsHere = kindNames.filter((kind) => objects.some((object) => object.kind === kind))
  return new Map(
    kindsHere.map((kind) => {
      const items = objects.filter((object) => object.kind === kind)
      const count = Math.ceil(items.length / pageSize)
      const pages = Array.from({ length: count }, (_, at) =>
        JSON.stringify({
          metadata: { resourceVersion: String(version), ...(at + 1 < count && { continue: String(at + 1) }) },
          items: items.slice(at * pageSize, (at + 1) * pageSize).map((object) => asListed(object, version)),
        }),
      )
      return [kind, pages]
    }),
  )
}

// With what an API server adds.
function asListed(object: KubernetesObject, version: number): object {
  const managedFields = [
    {
      manager: 'kubectl',
      operation: 'Apply',
      time: '2026-01-01T00:00:00Z',
      fieldsV1: { 'f:spec': { 'f:rules': {}, 'f:hostnames': {} } },
    },
  ]
  const creationTimestamp = '2026-01-01T00:00:00Z'
  const resourceVersion = `${version}-${keyOf(object)}`
  const metadata = Object.assign({}, object.metadata, { resourceVersion, creationTimestamp, managedFields })
  return { ...object, metadata }
}

// Every kind at the same time, as the operator does.
async function list(pages: Pages, store: Store, onChange: () => void): Promise<void> {
  const reflectors = [...pages].map(([kind, texts]) => {
    const client: KubeClient = {
      call: async ({ path }) => {
        await delay(5)
        const at = Number(new URLSearchParams(path.slice(path.indexOf('?'))).get('continue') ?? 0)
        return { status: 200, body: JSON.parse(texts[at] ?? '') }
      },
      watch: ({ signal }) =>
        new Promise((_, reject) => signal?.addEventListener('abort', () => reject(new Error('over')))),
      close: async () => {},
    }
    return new Reflector({
      client,
      path: kind,
      apiVersion: 'v1',
      kind,
      pageSize,
      onChange: (_, object) => {
        if (store.put(kind, object) !== undefined) onChange()
      },
      count: () => {},
      logger: silentLog(),
    })
  })
  for (const reflector of reflectors) reflector.start()
  await Promise.all(reflectors.map(({ synced }) => synced))
  await Promise.all(reflectors.map((reflector) => reflector.stop()))
}
