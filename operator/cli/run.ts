// The operator: opens the two doors, builds the rooms between them, and starts the loop. Everything is constructed here.

import { setFlagsFromString } from 'node:v8'
import { collectDefaultMetrics, Registry } from 'prom-client'

import { watchEventLoop } from '../event-loop.ts'
import { serveHealth } from '../health.ts'
import { createLog, errorText, type Logger } from '../lib/log.ts'
import { Loop } from '../loop.ts'
import { createBuilder, preparing, reconcile, type Tools } from '../reconcile.ts'
import type { Settings } from '../settings.ts'

import { provision } from '../provision/provision.ts'
import { openPush } from '../push/push.ts'
import { loadRenderer } from '../render/render.ts'
import { createStatuses } from '../status/status.ts'
import { createTranslator, supportedFeatures } from '../translate/translate.ts'
import { openWatch } from '../watch/watch.ts'

// How long a run is held for objects that are being fetched, in milliseconds. Longer at the start: the data planes have what they had, and
// to take a Secret that a busy API server has not sent yet for one that does not exist would cost them their certificates.
const patience = { first: 30_000, later: 2000 }
/** Less than a Pod's usual grace period. */
const stopDeadline = 10_000

/** Runs until SIGTERM or SIGINT. Rejects when something is wrong with the start: settings, kubeconfig, templates, port. */
export async function runOperator(settings: Settings): Promise<void> {
  // Where processors are few and busy, the collector's helpers have to be waited for: its pauses are half as long without them.
  setFlagsFromString('--no-parallel-scavenge')
  const logger = createLog(settings.logLevel)
  const registry = new Registry()
  collectDefaultMetrics({ register: registry })
  const operator = construct(settings, { logger, registry })
  const health = await serveHealth({
    port: settings.healthPort,
    registry,
    notReady: () => (operator.loop.published ? undefined : 'The cluster was not read completely yet.'),
  })
  surviveMistakes(logger)
  // What the program's start takes is nobody's wait.
  watchEventLoop(registry)
  const uptime = Math.round(process.uptime() * 1000)
  logger.info('started', { uptime, health: health.port, namespaces: settings.namespaces })
  const signal = await stopSignal()
  logger.info('stopping', { signal })
  operator.loop.stop()
  await withDeadline(Promise.all([operator.stop(), health.close()]), logger)
  logger.info('stopped')
  process.exit(0)
}

type Instruments = { readonly logger: Logger; readonly registry: Registry }

function construct(settings: Settings, { logger, registry }: Instruments) {
  const render = loadRenderer(settings.templates, settings.dataPlane)
  const watch = openWatch({ ...settings, logger, registry })
  const translate = createTranslator(watch.snapshot, settings.dataPlane)
  const push = openPush({
    call: watch.call,
    snapshot: watch.snapshot,
    settings: settings.dataPlane,
    operatorNamespace: settings.operatorNamespace,
    namespaces: settings.namespaces,
    logger,
    registry,
    onOutcome: () => loop.changed(),
  })
  const statuses = createStatuses(watch.snapshot)
  const tools: Tools = {
    translate,
    pendingDemands: () => watch.pendingDemands(loop.published ? patience.later : patience.first),
    build: createBuilder((proxy) => provision(proxy, settings.dataPlane), render),
    statuses,
    preparing: { proxy: render.preparing, statuses: statuses.preparing },
    features: supportedFeatures,
    push,
  }
  const loop: Loop = new Loop({
    prepare: () => preparing(watch.snapshot, tools, new Date()),
    run: () => reconcile(watch.snapshot, tools, new Date()),
    synced: watch.synced,
    logger,
    registry,
  })
  watch.onChange((change) => (change === 'status' ? loop.changedStatus() : loop.changed()))
  // What is under way goes out through the connections that the watch closes.
  return { loop, stop: () => push.stop().then(() => watch.stop()) }
}

// One mistake must not end the service for everybody: whatever was under way is retried by its queue or the next run.
function surviveMistakes(logger: Logger): void {
  const tell = (what: string) => (error: unknown) => {
    const stack = error instanceof Error ? error.stack : undefined
    logger.error(what, { error: errorText(error), stack })
  }
  process.on('uncaughtException', tell('an exception was caught by nobody'))
  process.on('unhandledRejection', tell('a rejection was handled by nobody'))
}

function stopSignal(): Promise<NodeJS.Signals> {
  const { promise, resolve } = Promise.withResolvers<NodeJS.Signals>()
  process.once('SIGTERM', resolve)
  process.once('SIGINT', resolve)
  return promise
}

async function withDeadline(work: Promise<unknown>, logger: Logger): Promise<void> {
  const late = setTimeout(() => {
    logger.warn('stopping takes too long; ending anyway')
    process.exit(0)
  }, stopDeadline)
  await work.catch((error: unknown) => logger.warn('something did not stop cleanly', { error: errorText(error) }))
  clearTimeout(late)
}
