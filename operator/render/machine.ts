// haproxy.cfg and the scripts beside it: what only a reload changes, and what it depends on.

import type { Frontend, ProxyModel, Workload } from '../model/proxy-model.ts'
import type { Machine } from '../model/rendered.ts'
import { type DataPlaneSettings, type SpareProfile, spareProfiles } from '../model/settings.ts'
import { shortHash } from '../lib/hash.ts'

import { isPlainName } from './escape.ts'
import { retryViews } from './retries.ts'
import type { Templates } from './templates.ts'
import { bareView, machineView, type MachineView, scriptFile, scriptNames, scriptView } from './view.ts'

/** Renders the machine of a proxy; as long as what it is made of is the same, the same machine, identically. */
export function machineRenderer(templates: Templates, settings: DataPlaneSettings): (proxy: ProxyModel) => Machine {
  const scripts = new Map(scriptNames.map((name) => [scriptFile(name), templates.scripts[name](scriptView(settings))]))
  const known = new WeakMap<Workload, { readonly key: string; readonly machine: Machine }>()
  const spareOf = (profile: SpareProfile) => {
    const text = templates.backend(bareView('spare', profile))
    return [profile, text.slice(text.indexOf('\n') + 1)] as const
  }
  const hashOf = (text: string) => shortHash([text, ...scripts.values()].join('\0'), 16)
  return (proxy) => {
    const view = machineView(proxy, settings)
    const reasons = reasonsOf(proxy)
    // What the text is made of is small, and few of many changes make another one.
    const key = JSON.stringify([view, reasons])
    const before = known.get(proxy.workload)
    if (before?.key === key) return before.machine
    const text = templates.machine(view)
    const frame = hashOf(templates.machine(frameOf(view)))
    const spares = new Map([...spareProfiles, ...view.retries.map(({ name }) => name)].map(spareOf))
    const machine = { text, hash: hashOf(text), frame, scripts, reasons, spares }
    known.set(proxy.workload, { key, machine })
    return machine
  }
}

// What nobody asks for any more may stay: a line for a name that no rule tests, and a profile that no backend has, do nothing.
function frameOf(view: MachineView): MachineView {
  return {
    ...view,
    retries: [],
    frontends: view.frontends.map((frontend) => ({ ...frontend, headers: [], queries: [] })),
  }
}

function reasonsOf(proxy: ProxyModel): readonly string[] {
  const { frontends, conditionNames } = proxy
  const { headers, queries } = conditionNames
  return [
    ...frontends.flatMap(reasonOf),
    ...frontends.flatMap(clientReasons),
    ...headers.filter(isPlainName).map((name) => `header ${name}`),
    ...queries.filter(isPlainName).map((name) => `query parameter ${name}`),
    ...retryViews(proxy).map(({ name }) => `profile ${name}`),
  ]
}

function clientReasons(frontend: Frontend): readonly string[] {
  if (frontend.kind !== 'http') return []
  const { port, tls } = frontend
  return tls?.clients === undefined ? [] : [`client certificates of port ${port}: ${tls.clients.mode}`]
}

// UDP is not HAProxy's.
function reasonOf(frontend: Frontend): readonly string[] {
  const { kind, port } = frontend
  if (kind === 'http') return [`port ${port}${frontend.tls === undefined ? '' : ' with TLS'}`]
  if (kind === 'tcp') return [`port ${port} for TCP`]
  if (kind === 'udp') return []
  return [
    `port ${port} by SNI${frontend.passthrough ? ' with passthrough' : ''}${frontend.tls === undefined ? '' : ' with termination'}`,
  ]
}
