// What came of a proxy, from what its pods and its Service say. Pure.

import type { V1Deployment, V1Pod, V1Service } from '../model/kubernetes.ts'
import { backendName, certificateFile } from '../model/names.ts'
import type { GatewayAddress, Outcome, RenderedConfig } from '../model/rendered.ts'
import { keyFor } from '../model/snapshot.ts'

import type { HeldMachine } from './held.ts'
import { covers } from './machine-change.ts'
import type { PodState } from './pod-options.ts'

export type PodReport = {
  readonly name: string
  readonly ready: boolean
  /** Absent: the pod cannot be called yet. */
  readonly state?: PodState
  /** What its HAProxy has loaded. */
  readonly machine?: HeldMachine
}

export type Judged = {
  readonly rendered: RenderedConfig
  readonly workload: string
  /** Why one of the proxy's objects cannot be written, if so. */
  readonly trouble: string | undefined
  readonly pods: readonly PodReport[]
  readonly service: V1Service | undefined
  readonly deployment: V1Deployment | undefined
  /** The newest configuration that all ready pods had acknowledged. */
  readonly acknowledged: RenderedConfig | undefined
  /** What HAProxy was last reloaded for. */
  readonly reload?: string | undefined
}

export function outcomeOf(judged: Judged): Outcome {
  const { rendered, pods, service } = judged
  const addresses = addressesOf(service)
  const rejection = pods
    .map(({ state }) => state)
    .find((state) => state?.kind === 'rejected' && state.generation === rendered.generation)
  if (rejection?.kind === 'rejected') {
    const guilty = guiltyOf(rejection.message, rendered)
    return { kind: 'rejected', message: rejection.message, addresses, ...(guilty === undefined ? {} : { guilty }) }
  }
  const waiting = waitingFor(judged, addresses)
  if (waiting !== undefined) return { kind: 'waiting', message: waiting, addresses }
  const generation = hasAll(pods, rendered) ? rendered.generation : (judged.acknowledged?.generation ?? '')
  const { reload } = judged
  return { kind: 'programmed', generation, message: '', addresses, ...(reload === undefined ? {} : { reload }) }
}

/** True when at least one pod is ready, and every ready pod holds this configuration. */
export function hasAll(pods: readonly PodReport[], rendered: RenderedConfig): boolean {
  const ready = pods.filter((pod) => pod.ready)
  return ready.length > 0 && ready.every(({ state }) => holds(state, rendered.generation))
}

function holds(state: PodState | undefined, generation: string): boolean {
  return state?.kind === 'programmed' && state.generation === generation
}

function waitingFor(judged: Judged, addresses: readonly GatewayAddress[]): string | undefined {
  const { rendered, workload, trouble, pods, acknowledged } = judged
  if (trouble !== undefined) return trouble
  const ready = pods.filter((pod) => pod.ready)
  if (ready.length === 0) {
    if (pods.length === 0) return withoutPods(judged)
    const cause = pods.map(({ state }) => state).find((state) => state?.kind === 'waiting')
    const because = cause?.kind === 'waiting' ? `: ${cause.message}` : ''
    return `Waiting for one of ${pods.length} data plane pods of Deployment ${workload} to become ready${because}.`
  }
  for (const { name, state, machine } of ready) {
    if (state === undefined) return `Waiting for data plane pod ${name} to be reached.`
    if (state.kind === 'waiting') return `Waiting for data plane ${state.message}.`
    // A change that is on its way in milliseconds is no reason to take Programmed back; a reload is.
    const canChange = machine !== undefined && covers(machine, rendered.machine)
    const isClose = acknowledged !== undefined && canChange && sameUdpPorts(acknowledged, rendered)
    if (!holds(state, rendered.generation) && !isClose)
      return `Waiting for data plane pod ${name} to load the newest configuration.`
  }
  return addresses.length === 0 ? `Waiting for Service ${workload} to be given an address.` : undefined
}

function sameUdpPorts(before: RenderedConfig, { udp }: RenderedConfig): boolean {
  return before.udp?.ports.join() === udp?.ports.join()
}

// A quota or an admission webhook may take the Deployment and refuse its pods.
function withoutPods({ workload, deployment }: Judged): string {
  const failure = deployment?.status?.conditions?.find(({ type }) => type === 'ReplicaFailure')
  return failure?.status === 'True'
    ? `The data plane pods of Deployment ${workload} cannot be made: ${failure.message ?? failure.reason ?? ''}`
    : `Waiting for the first data plane pod of Deployment ${workload} to run.`
}

/** Where the Service can be reached: what the load balancer reports, or the cluster's address for a Service that has none. */
export function addressesOf(service: V1Service | undefined): readonly GatewayAddress[] {
  if (service?.spec?.type === 'LoadBalancer')
    return (service.status?.loadBalancer?.ingress ?? []).flatMap(({ ip, hostname }): GatewayAddress[] => {
      if (ip !== undefined && ip !== '') return [{ type: 'IPAddress', value: ip }]
      return hostname === undefined || hostname === '' ? [] : [{ type: 'Hostname', value: hostname }]
    })
  const value = service?.spec?.clusterIP
  return value === undefined || value === '' || value === 'None' ? [] : [{ type: 'IPAddress', value }]
}

/** Made by a ReplicaSet of this Deployment: labels alone are anybody's to set, and other pods hold nothing that is meant for HAProxy. */
export function isPodOf({ metadata }: V1Pod, deployment: string): boolean {
  const hash = metadata?.labels?.['pod-template-hash']
  const owner = metadata?.ownerReferences?.find(({ controller }) => controller === true)
  return hash !== undefined && owner?.kind === 'ReplicaSet' && owner.name === `${deployment}-${hash}`
}

/** A pod that can be called: it runs, has an address and is not on its way out. */
export function isCallable(pod: V1Pod): boolean {
  return pod.status?.phase === 'Running' && addressOf(pod) !== '' && pod.metadata?.deletionTimestamp === undefined
}

export function addressOf(pod: V1Pod): string {
  return pod.status?.podIP ?? ''
}

export function isReady(pod: V1Pod): boolean {
  const condition = pod.status?.conditions?.find(({ type }) => type === 'Ready')
  return condition?.status === 'True' && pod.metadata?.deletionTimestamp === undefined
}

/** The object that HAProxy's words name by one of our names; undefined when they name none. */
export function guiltyOf(words: string, { backends, certificates }: RenderedConfig): Outcome['guilty'] {
  const named = new Set(words.split(/[\s'"[\]()/:,;]+/).map((word) => word.replace(/\.+$/, '')))
  for (const [file, { fingerprint }] of certificates)
    if (named.has(file)) return secretOf(file) ?? secretOf(fileLike(fingerprint, certificates))
  for (const { name, profile } of backends.values()) {
    if (!named.has(name)) continue
    const [namespace = '', service = '', rest = ''] = name.split('_')
    const [port = '', protocol] = rest.split('.')
    const id = `${namespace}/${service}:${port}${protocol === 'h2' || protocol === 'tls' ? `/${protocol}` : ''}`
    if (backendName(id, profile) === name) return { kind: 'Service', key: keyFor(namespace, service) }
  }
  return undefined
}

// A default certificate is a copy.
function fileLike(fingerprint: string, certificates: RenderedConfig['certificates']): string {
  for (const [file, content] of certificates)
    if (content.fingerprint === fingerprint && secretOf(file) !== undefined) return file
  return ''
}

// File names are made one way; a name is read back only where that is without doubt.
function secretOf(file: string): Outcome['guilty'] {
  const [namespace = '', ...rest] = file.replace(/_[0-9a-f]+\.pem$/, '').split('_')
  const key = keyFor(namespace, rest.join('.'))
  return certificateFile(key) === file ? { kind: 'Secret', key } : undefined
}
