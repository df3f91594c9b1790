// Shows what the operator sees: the seed of a scenario, or of a bug report.

import { once } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'
import { Registry } from 'prom-client'
import { stringify } from 'yaml'

import { kinds } from '../model/kinds.ts'
import type { KubernetesObject } from '../model/kubernetes.ts'
import type { Snapshot } from '../model/snapshot.ts'

import type { Table } from '../lib/derive.ts'
import { createLog } from '../lib/log.ts'

import type { Settings } from '../settings.ts'
import { createTranslator } from '../translate/translate.ts'
import { openWatch, type WatchDoor } from '../watch/watch.ts'

import { blankedSecret } from './blanked.ts'

const patience = 60_000

/** Prints everything that rules read of the cluster, as YAML documents; of secrets only certificates are shown. */
export async function printSnapshot(settings: Settings): Promise<void> {
  const watch = openWatch({
    namespaces: settings.namespaces,
    ...(settings.kubeconfig === undefined ? {} : { kubeconfig: settings.kubeconfig }),
    registry: new Registry(),
    logger: createLog('error'),
  })
  try {
    await withinPatience(watch.synced)
    await withinPatience(fetchReferred(watch))
    const text = describeSnapshot(watch.snapshot)
    if (!process.stdout.write(text)) await once(process.stdout, 'drain')
  } finally {
    await watch.stop()
  }
}

/** The objects of a snapshot as a stream of YAML documents, sorted by kind and key. */
export function describeSnapshot(snapshot: Snapshot): string {
  const tables: Readonly<Record<string, Table<KubernetesObject>>> = snapshot
  return Object.entries(tables)
    .filter(([kind]) => Object.hasOwn(kinds, kind))
    .flatMap(([kind, table]) =>
      [...table.keys()]
        .toSorted()
        .flatMap((key) => table.get(key) ?? [])
        .map((object) => stringify(blanked(kind, object))),
    )
    .join('---\n')
}

// Secrets and config maps are seen only when a rule refers to them, and rules read in translation only.
async function fetchReferred(watch: WatchDoor): Promise<void> {
  const translate = createTranslator(watch.snapshot)
  do {
    translate()
    await delay(20)
  } while (watch.pendingDemands(patience) > 0)
}

async function withinPatience(work: Promise<void>): Promise<void> {
  const giveUp = new AbortController()
  const late = delay(patience, 'late' as const, { signal: giveUp.signal, ref: false })
  const winner = await Promise.race([work, late]).finally(() => giveUp.abort())
  if (winner === 'late')
    throw new Error(
      `The cluster did not answer all questions within ${patience / 1000} seconds; run again with --kubeconfig of a reachable cluster and an account that may list what the operator reads.`,
    )
}

function blanked(kind: string, object: KubernetesObject): KubernetesObject {
  const { apiVersion, ...rest } = structuredClone(object)
  const shown: KubernetesObject = Object.assign(apiVersion === undefined ? {} : { apiVersion }, { kind }, rest)
  delete shown.metadata?.resourceVersion
  return kind === 'Secret' ? blankedSecret(shown) : shown
}
