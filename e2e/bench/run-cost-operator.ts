// What `run-cost.ts` measures: all rooms of the operator in this process, and a pod that takes everything at once.

import { join } from 'node:path'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { Registry } from 'prom-client'

import { recomputed, settle } from '../../operator/lib/derive.ts'
import { silentLog } from '../../operator/lib/log.ts'
import { atOnce } from '../../operator/lib/steps.ts'
import { finished } from '../../operator/lib/turns.ts'
import type { RenderedConfig, StatusPatch } from '../../operator/model/rendered.ts'
import { defaultDataPlane, type DataPlaneSettings } from '../../operator/model/settings.ts'
import type { ObjectKey, Snapshot } from '../../operator/model/snapshot.ts'
import { provision } from '../../operator/provision/provision.ts'
import { allCommands, type Change, change, changing } from '../../operator/push/change.ts'
import { freshlyLoaded, type Held } from '../../operator/push/held.ts'
import { openPush } from '../../operator/push/push.ts'
import { createBuilder, preparing, reconcile, type RunResult, type Tools } from '../../operator/reconcile.ts'
import { loadRenderer } from '../../operator/render/render.ts'
import { createStatuses } from '../../operator/status/status.ts'
import { createTranslator, supportedFeatures } from '../../operator/translate/translate.ts'

/** Changes of each kind that are measured. */
export const samples = 40
const repository = join(import.meta.dirname, '../..')
// Every new backend takes a spare, and a reload is not what is measured here.
const settings: DataPlaneSettings = {
  ...defaultDataPlane,
  spares: { ...defaultDataPlane.spares, plain: 4 * samples, filtered: 50, tcp: 0 },
}

export const rooms = ['translate', 'render', 'provision', 'want', 'statuses', 'change'] as const
type Room = (typeof rooms)[number]
export type Cost = Record<Room | 'run' | 'recomputed', number>

/** A Gateway's configuration that is not its pod's yet. */
type Wish = { readonly id: ObjectKey; readonly wanted: RenderedConfig }

/** An operator on this snapshot, whose cluster takes everything and has nothing. */
export function openOperator(snapshot: Snapshot) {
  const spent: Record<Room, number> = { translate: 0, render: 0, provision: 0, want: 0, statuses: 0, change: 0 }
  const timed =
    <A extends readonly unknown[], R>(room: Room, work: (...input: A) => R): ((...input: A) => R) =>
    (...input) => {
      const began = performance.now()
      const result = work(...input)
      spent[room] += performance.now() - began
      return result
    }
  const push = openPush({
    call: async ({ method }) => {
      await nextTurn()
      return { status: method === 'GET' ? 404 : 200, body: { metadata: { resourceVersion: '1' } } }
    },
    snapshot,
    settings,
    operatorNamespace: 'haproxy-gateway-system',
    logger: silentLog(),
    registry: new Registry(),
    onOutcome: () => {},
  })
  const pod: { config?: RenderedConfig; reloads: number; commands: number } = { reloads: 0, commands: 0 }
  /** What the pod of each Gateway holds. */
  const pods = new Map<ObjectKey, { readonly config: RenderedConfig; readonly held: Held }>()
  const hold = ({ id, wanted }: Wish, plan: Change | undefined): void => {
    pod.config = wanted
    pods.set(id, {
      config: wanted,
      held: plan?.kind === 'commands' ? plan.after : freshlyLoaded(wanted, settings),
    })
    if (plan?.kind === 'reload') pod.reloads += 1
    pod.commands = plan?.kind === 'commands' ? allCommands(plan.stages).length : 0
  }
  const bring = timed('change', (wish: Wish) => {
    const held = pods.get(wish.id)?.held
    hold(wish, held && change(held, wish.wanted))
  })
  // As a pod's worker does it.
  const bringInSlices = async (wish: Wish) => {
    const held = pods.get(wish.id)?.held
    const means = { resting: new Set<string>(), hasLines: true }
    hold(wish, held && (await finished(changing(held, wish.wanted, means))))
  }
  // Steps count for the room whose work they take over.
  const timedSteps = <A>(room: Room, steps: (input: A) => Iterator<undefined, undefined>) =>
    function* takeSteps(input: A): Generator<undefined, undefined> {
      const under = steps(input)
      while (timed(room, () => under.next().done !== true)()) yield
    }
  const renderer = loadRenderer(join(repository, 'templates'), settings)
  const statuses = createStatuses(snapshot)
  const tools: Tools = {
    translate: timed('translate', createTranslator(snapshot)),
    pendingDemands: () => 0,
    build: createBuilder(
      timed('provision', (proxy) => provision(proxy, settings)),
      timed('render', renderer),
    ),
    statuses: timed('statuses', statuses),
    preparing: {
      proxy: timedSteps('render', renderer.preparing),
      statuses: timedSteps('statuses', statuses.preparing),
    },
    features: supportedFeatures,
    push: {
      objects: { want: timed('want', push.objects.want), keepOnly: timed('want', push.objects.keepOnly) },
      dataplane: { want: timed('want', push.dataplane.want), keepOnly: timed('want', push.dataplane.keepOnly) },
      finalizers: { want: timed('want', push.finalizers.want) },
      statuses: { want: timed('want', push.statuses.want) },
      outcomes: timed('want', push.outcomes),
    },
  }
  let patches: readonly StatusPatch[] = []
  const take = (result: RunResult): readonly Wish[] => {
    if (result.kind !== 'done') throw new Error('a run was held')
    patches = result.patches
    return [...result.built].flatMap(([id, built]) => {
      if (built.kind === 'failed') throw built.error
      return pods.get(id)?.config === built.rendered ? [] : [{ id, wanted: built.rendered }]
    })
  }
  const prepare = () => preparing(snapshot, tools, new Date())
  const run = (): Cost => {
    for (const room of rooms) spent[room] = 0
    const recomputedBefore = recomputed()
    const began = performance.now()
    // What preparing would begin with; most of it is translation's.
    timed('translate', settle)()
    atOnce(prepare())
    for (const wish of take(reconcile(snapshot, tools, new Date()))) bring(wish)
    const total = performance.now() - began
    return { ...spent, run: total - spent.change, recomputed: recomputed() - recomputedBefore }
  }
  return {
    prepare,
    /** One run, and what the pod's worker computes for it, with the cost of both. */
    run,
    /** The same for a loop that has prepared it. */
    runPrepared: () => {
      const result = reconcile(snapshot, tools, new Date())
      for (const wish of take(result)) void bringInSlices(wish)
      return result
    },
    /** What the last run asked for. */
    patches: () => patches,
    pod,
    settings,
    stop: push.stop,
  }
}
