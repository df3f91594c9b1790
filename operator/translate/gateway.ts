import { workloadName } from '../model/names.ts'
import type { Gateway } from '../model/kubernetes.ts'
import type { Certificate, Port, Workload, WorkloadPort } from '../model/proxy-model.ts'
import type { Finding } from '../model/report.ts'
import { keyOf, type ObjectKey, type Snapshot } from '../model/snapshot.ts'

import { compareTexts } from '../lib/compare-texts.ts'
import { family } from '../lib/derive.ts'

import { createListenerCertificates } from './certificates.ts'
import { createClientCertificates } from './client-certificate.ts'
import { createClientValidation, insecureFallbacks } from './client-validation.ts'
import { defaultGateway } from './default-gateways.ts'
import { addressTypeOf } from './defaults.ts'
import { attempt } from './fault.ts'
import type { Classes } from './gateway-class.ts'
import { type ListenerPlan, planListeners, type Problem } from './listeners.ts'
import type { ListenerSets } from './listener-sets.ts'
import { openPorts } from './parents.ts'
import type { References } from './references.ts'

/** What a Gateway of ours asks for, but for its routes. */
export type GatewayPlan = {
  readonly id: ObjectKey
  /** False: it has no proxy, and Accepted is False. */
  readonly accepted: boolean
  readonly workload: Workload
  /** Its own. */
  readonly listeners: readonly ListenerPlan[]
  readonly attachedListenerSets: number
  /** Shown to servers with TLS that ask for one. */
  readonly clientCertificate?: Certificate
  readonly findings: readonly Finding[]
}

/** A Gateway of ours and its own listeners, before anybody asks for its ListenerSets. */
export type GatewayDraft = {
  readonly gateway: Gateway
  /** Why it has no proxy, whatever its listeners are; nothing is served then. */
  readonly problems: readonly Problem[]
  readonly listeners: readonly ListenerPlan[]
}

/** What listeners refer to, the same for those of Gateways and of ListenerSets. Tracked. */
export type ListenerNeeds = {
  readonly certificatesOf: ReturnType<typeof createListenerCertificates>
  readonly clientsOf: ReturnType<typeof createClientValidation>
  /** Ports that the data plane needs for itself. */
  readonly reservedPorts: readonly Port[]
}

/** @param reservedPorts ports that the data plane needs for itself */
export function createListenerNeeds(references: References, reservedPorts: readonly Port[]): ListenerNeeds {
  const [certificatesOf, clientsOf] = [createListenerCertificates(references), createClientValidation(references)]
  return { certificatesOf, clientsOf, reservedPorts }
}

type DraftTools = { readonly classes: Classes; readonly needs: ListenerNeeds }

/** Gateways of accepted classes of ours, by key; undefined for any other key. Tracked. */
export function createGatewayDrafts(
  snapshot: Snapshot,
  { classes, needs }: DraftTools,
): (key: ObjectKey) => GatewayDraft | undefined {
  function draft(gateway: Gateway): GatewayDraft {
    const namespace = gateway.metadata.namespace ?? ''
    const listeners = planListeners({
      listeners: gateway.spec.listeners,
      namespace,
      reservedPorts: needs.reservedPorts,
      certificatesOf: (listener, field) => needs.certificatesOf(listener, { kind: 'Gateway', namespace, field }),
      clientsOf: (port) => needs.clientsOf(gateway, port),
    })
    const problems = problemsOf(gateway)
    return { gateway, problems, listeners: problems.length === 0 ? listeners : listeners.map(withdraw) }
  }

  function draftOf(key: ObjectKey): GatewayDraft | undefined {
    const gateway = snapshot.Gateway.get(key)
    if (gateway === undefined || classes.standing(gateway.spec.gatewayClassName) !== 'accepted') return undefined
    return attempt(
      () => draft(gateway),
      (message) => ({ gateway, problems: [{ type: 'Accepted', reason: 'Invalid', message }], listeners: [] }),
    )
  }

  // A Gateway whose class cannot even be read is nobody's.
  return family((key) =>
    attempt(
      () => draftOf(key),
      () => undefined,
    ),
  )
}

type Tools = {
  readonly drafts: (key: ObjectKey) => GatewayDraft | undefined
  readonly references: References
  readonly sets: Pick<ListenerSets, 'attached' | 'ports'>
}

/** What the Gateways of `drafts` ask for, their ListenerSets included. Tracked. */
export function createGateways({ drafts, references, sets }: Tools): (key: ObjectKey) => GatewayPlan | undefined {
  const clientCertificateOf = createClientCertificates(references)

  function plan(key: ObjectKey, draft: GatewayDraft): GatewayPlan {
    const judged = judge(draft, { attached: sets.attached(key), ports: sets.ports(key) })
    const { findings, ...shown } = clientCertificateOf(draft.gateway)
    return { ...judged, ...shown, findings: [...judged.findings, ...findings, ...defaultGateway(draft.gateway)] }
  }

  const planOf = family((key): GatewayPlan | undefined => {
    const draft = drafts(key)
    if (draft === undefined) return undefined
    return attempt(
      () => plan(key, draft),
      (message) => ({
        ...emptyPlan(draft.gateway),
        findings: rejection([{ type: 'Accepted', reason: 'Invalid', message }]),
      }),
    )
  })
  // Keeps its identity when the rest changes, as it does with each ListenerSet: much is made of it.
  const workload = family((key) => planOf(key)?.workload)
  return family((key) => {
    const [found, kept] = [planOf(key), workload(key)]
    return found === undefined || kept === undefined ? undefined : { ...found, workload: kept }
  })
}

/** Whether a Gateway is suspended, by key; undefined for no. Tracked. */
export function createSuspensions(snapshot: Snapshot, { standing }: Classes): (key: ObjectKey) => true | undefined {
  function suspension(key: ObjectKey): true | undefined {
    const gateway = snapshot.Gateway.get(key)
    return gateway !== undefined && standing(gateway.spec.gatewayClassName) === 'suspended' ? true : undefined
  }
  return (key) =>
    attempt(
      () => suspension(key),
      () => undefined,
    )
}

/** How many ListenerSets are attached, and the ports that they all need. */
type Guests = { readonly attached: number; readonly ports: readonly WorkloadPort[] }

// Bad ListenerSets spoil nothing, and the listeners of good ones are like the Gateway's own.
function judge({ gateway, problems, listeners }: GatewayDraft, { attached, ports }: Guests): GatewayPlan {
  const valid = listeners.filter(({ accepted }) => accepted)
  const plan = { ...emptyPlan(gateway), listeners, attachedListenerSets: attached }
  const none = valid.length === 0 && attached === 0
  const rejected = rejection([...problems, ...(none ? [noListener(gateway)] : [])])
  const insecure = insecureFallbacks(gateway)
  const open = [...openPorts(listeners), ...ports]
  if (problems.length > 0 || open.length === 0) return { ...plan, findings: [...rejected, ...insecure] }
  const kept = { ...plan, accepted: true, workload: { ...plan.workload, ports: workloadPorts(open) } }
  if (none) return { ...kept, findings: [...rejected, ...insecure] }
  const findings = [
    ...(valid.length < listeners.length ? [someListenersNotValid(listeners)] : []),
    ...(attached > 0 || listeners.some(({ served }) => served) ? [] : [nothingServed(gateway)]),
  ]
  return { ...kept, findings: [...findings, ...insecure] }
}

function emptyPlan(gateway: Gateway): GatewayPlan {
  const id = keyOf(gateway)
  const workload = workloadOf(gateway)
  return { id, accepted: false, workload, listeners: [], attachedListenerSets: 0, findings: [] }
}

function workloadOf({ metadata, spec }: Gateway): Workload {
  return {
    name: workloadName(metadata.name ?? '', spec.gatewayClassName),
    namespace: metadata.namespace ?? '',
    uid: metadata.uid ?? '',
    className: spec.gatewayClassName,
    labels: spec.infrastructure?.labels ?? {},
    annotations: spec.infrastructure?.annotations ?? {},
    // An address without a value asks for any, which is what happens anyway.
    addresses: (spec.addresses ?? []).flatMap(({ value }) => (value === undefined || value === '' ? [] : [value])),
    ports: [],
  }
}

// Each port once; of the listeners that share one, TLS says most about it.
function workloadPorts(open: readonly WorkloadPort[]): Workload['ports'] {
  const sorted = open.toSorted(
    (a, b) => Number(a.kind === 'tls') - Number(b.kind === 'tls') || Number(a.tls) - Number(b.tls),
  )
  const byPlace = new Map(sorted.map((port) => [`${port.port}/${port.transport}`, port]))
  return [...byPlace.values()].toSorted((a, b) => a.port - b.port || compareTexts(a.transport, b.transport))
}

// What keeps a Gateway as a whole from being accepted.
function problemsOf({ metadata, spec }: Gateway): readonly Problem[] {
  const name = `Gateway ${keyOf({ metadata })}`
  const foreign = (spec.addresses ?? []).map(addressTypeOf).filter((type) => type !== 'IPAddress')
  const refuse = (reason: string, message: string): Problem => ({
    type: 'Accepted',
    reason,
    message: `${name} ${message}`,
  })
  return [
    ...foreign.map((type) =>
      refuse(
        'UnsupportedAddress',
        `asks in spec.addresses for an address of type ${type}; only IPAddress is supported.`,
      ),
    ),
    ...(spec.infrastructure?.parametersRef === undefined
      ? []
      : [
          refuse('InvalidParameters', 'has spec.infrastructure.parametersRef, but there are no parameters; remove it.'),
        ]),
  ]
}

function noListener(gateway: Gateway): Problem {
  const message = `No listener of Gateway ${keyOf(gateway)} is valid; the conditions of its listeners say why.`
  return { type: 'Accepted', reason: 'ListenersNotValid', message }
}

function rejection(problems: readonly Problem[]): readonly Finding[] {
  const message = problems.map((problem) => problem.message).join(' ')
  const [first] = problems
  return [
    { type: 'Accepted', status: 'False', reason: first?.reason ?? 'Invalid', message },
    { type: 'Programmed', status: 'False', reason: 'Invalid', message },
  ]
}

// Accepted, but not as a whole. https://gateway-api.sigs.k8s.io/reference/spec/#gatewayspec
function someListenersNotValid(listeners: readonly ListenerPlan[]): Finding {
  const names = (accepted: boolean): string =>
    listeners.flatMap((listener) => (listener.accepted === accepted ? [listener.name] : [])).join(', ')
  return {
    type: 'Accepted',
    status: 'True',
    reason: 'ListenersNotValid',
    message: `Not valid: ${names(false)}; the conditions of these listeners say why. Accepted: ${names(true)}.`,
  }
}

function nothingServed(gateway: Gateway): Finding {
  const message = `No listener of Gateway ${keyOf(gateway)} can be served; the conditions of its listeners say why.`
  return { type: 'Programmed', status: 'False', reason: 'Invalid', message }
}

// A listener of a Gateway that is not accepted.
function withdraw(listener: ListenerPlan): ListenerPlan {
  if (!listener.served) return listener
  const message = 'The Gateway is not accepted; its conditions say why.'
  const finding: Finding = { type: 'Programmed', status: 'False', reason: 'Invalid', message }
  return { ...listener, served: false, findings: [...listener.findings, finding] }
}
