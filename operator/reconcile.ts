// One run: the arrows between the rooms, and nothing else. Synchronous; the doors work towards what is wanted at their own pace.

import type { ProxyModel, Workload } from './model/proxy-model.ts'
import type { DesiredObject, Outcome, RenderedConfig, StatusPatch } from './model/rendered.ts'
import type { Report } from './model/report.ts'
import type { ObjectKey, Snapshot } from './model/snapshot.ts'

import { memo, settling } from './lib/derive.ts'

export type Tools = {
  readonly translate: () => Translation
  /** How many objects that translation asked for are on their way. */
  readonly pendingDemands: () => number
  readonly build: (proxy: ProxyModel) => Built
  readonly statuses: (input: StatusInput) => readonly StatusPatch[]
  /** What `build` and `statuses` would compute, ahead of them and in steps. */
  readonly preparing: {
    readonly proxy: (proxy: ProxyModel) => Steps
    readonly statuses: (input: StatusInput) => Steps
  }
  /** Features of the Gateway API that statuses announce. */
  readonly features: readonly string[]
  readonly push: Doors
}

/** Work that may be interrupted between two steps. */
export type Steps = Iterable<undefined>

type Translation = {
  readonly proxies: readonly ProxyModel[]
  readonly suspended: readonly ObjectKey[]
  readonly report: Report
}

export type StatusInput = {
  readonly snapshot: Snapshot
  readonly report: Report
  readonly outcomes: ReadonlyMap<ObjectKey, Outcome>
  readonly features: readonly string[]
  readonly now: Date
}

/** The door out, as far as a run needs it: each part remembers the newest it was told. */
export type Doors = {
  readonly objects: {
    readonly want: (id: ObjectKey, objects: readonly DesiredObject[]) => void
    readonly keepOnly: (ids: readonly ObjectKey[]) => void
  }
  readonly dataplane: {
    readonly want: (id: ObjectKey, workload: Workload, rendered: RenderedConfig) => void
    readonly keepOnly: (ids: readonly ObjectKey[]) => void
  }
  readonly finalizers: { readonly want: (classes: Report['classes']) => void }
  readonly statuses: { readonly want: (patches: readonly StatusPatch[]) => void }
  readonly outcomes: () => ReadonlyMap<ObjectKey, Outcome>
}

/** What one Gateway needs, or why it could not be computed. */
export type Built =
  | { readonly kind: 'built'; readonly objects: readonly DesiredObject[]; readonly rendered: RenderedConfig }
  | { readonly kind: 'failed'; readonly error: unknown; readonly outcome: Outcome }

export type RunResult =
  /** Nothing was handed out: it would have said of objects that are on their way that they do not exist. */
  | { readonly kind: 'held'; readonly pending: number }
  | {
      readonly kind: 'done'
      /** Identities stay while nothing changed. */
      readonly built: ReadonlyMap<ObjectKey, Built>
      readonly patches: readonly StatusPatch[]
    }

/** Cluster → what it should come to. */
export function reconcile(snapshot: Snapshot, tools: Tools, now: Date): RunResult {
  const { translate, pendingDemands, build, statuses, features, push } = tools
  const { proxies, suspended, report } = translate()
  const pending = pendingDemands()
  if (pending > 0) return { kind: 'held', pending }

  const built = new Map(proxies.map((proxy) => [proxy.id, build(proxy)]))
  for (const { id, workload } of proxies) {
    const result = built.get(id)
    if (result?.kind !== 'built') continue
    push.objects.want(id, result.objects)
    push.dataplane.want(id, workload, result.rendered)
  }
  const kept = [...built.keys(), ...suspended]
  push.objects.keepOnly(kept)
  push.dataplane.keepOnly(kept)
  push.finalizers.want(report.classes)

  const outcomes = withFailures(push.outcomes(), built)
  const patches = statuses({ snapshot, report, outcomes, features, now })
  push.statuses.want(patches)
  return { kind: 'done', built, patches }
}

/**
 * Computes in short steps what `reconcile` would otherwise compute at once. It hands nothing out and leaves nothing behind but derivations
 * that are up to date: it may be given up, and inputs may change between two steps.
 */
export function* preparing(snapshot: Snapshot, tools: Tools, now: Date): Generator<undefined, undefined> {
  const { translate, pendingDemands, features, push } = tools
  yield* settling()
  const { proxies, report } = translate()
  if (pendingDemands() > 0) return
  const built = new Map<ObjectKey, Built>()
  for (const proxy of proxies) {
    yield* stepsUntilFault(tools.preparing.proxy(proxy))
    yield void built.set(proxy.id, tools.build(proxy))
  }
  yield* tools.preparing.statuses({ snapshot, report, outcomes: withFailures(push.outcomes(), built), features, now })
}

// A proxy that cannot be rendered is the run's to tell.
function* stepsUntilFault(steps: Steps): Generator<undefined, undefined> {
  try {
    yield* steps
  } catch {
    return
  }
}

/**
 * Provisioning and rendering of one proxy, once per identity. A mistake of ours in one proxy must not hurt the others: this is the
 * boundary where it is caught. What the proxy's pods were told before stays as it is.
 */
export function createBuilder(
  provision: (proxy: ProxyModel) => readonly DesiredObject[],
  render: (proxy: ProxyModel) => RenderedConfig,
): (proxy: ProxyModel) => Built {
  return memo((proxy: ProxyModel): Built => {
    try {
      return { kind: 'built', objects: provision(proxy), rendered: render(proxy) }
    } catch (error) {
      const message = `The configuration of Gateway ${proxy.id} could not be computed (${String(error)}); the operator's log has the details.`
      return { kind: 'failed', error, outcome: { kind: 'rejected', message, addresses: [] } }
    }
  })
}

// A proxy that could not be computed keeps its old configuration, and so its addresses.
function withFailures(
  outcomes: ReadonlyMap<ObjectKey, Outcome>,
  built: ReadonlyMap<ObjectKey, Built>,
): ReadonlyMap<ObjectKey, Outcome> {
  const failed = [...built].flatMap(([id, result]) =>
    result.kind === 'failed' ? [{ id, outcome: result.outcome }] : [],
  )
  if (failed.length === 0) return outcomes
  const all = new Map(outcomes)
  for (const { id, outcome } of failed) all.set(id, { ...outcome, addresses: outcomes.get(id)?.addresses ?? [] })
  return all
}
