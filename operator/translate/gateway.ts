import { workloadName } from '../model/names.ts'
import type { Gateway } from '../model/kubernetes.ts'
import type { Port, Workload } from '../model/proxy-model.ts'
import type { Finding } from '../model/report.ts'
import { keyOf, type ObjectKey, type Snapshot } from '../model/snapshot.ts'

import { family } from '../lib/derive.ts'

import { createListenerCertificates } from './certificates.ts'
import { addressTypeOf } from './defaults.ts'
import { attempt } from './fault.ts'
import type { Classes } from './gateway-class.ts'
import { type ListenerPlan, planListeners, type Problem } from './listeners.ts'
import type { References } from './references.ts'

/** What a Gateway of ours asks for, but for its routes. */
export type GatewayPlan = {
  readonly id: ObjectKey
  /** False: Accepted is False; it has no proxy. */
  readonly accepted: boolean
  readonly workload: Workload
  readonly listeners: readonly ListenerPlan[]
  readonly findings: readonly Finding[]
}

type Tools = {
  readonly classes: Classes
  readonly references: References
  readonly reservedPorts: readonly Port[]
}

/** Gateways of accepted classes of ours, by key; undefined for any other key. Tracked. */
export function createGateways(snapshot: Snapshot, tools: Tools): (key: ObjectKey) => GatewayPlan | undefined {
  const certificatesOf = createListenerCertificates(tools.references)

  function plan(gateway: Gateway): GatewayPlan {
    const listeners = planListeners({
      gateway,
      reservedPorts: tools.reservedPorts,
      certificatesOf: (listener, field) =>
        certificatesOf(listener, { namespace: gateway.metadata.namespace ?? '', field }),
    })
    return judge(gateway, listeners)
  }

  function planOf(key: ObjectKey): GatewayPlan | undefined {
    const gateway = snapshot.Gateway.get(key)
    if (gateway === undefined || tools.classes.standing(gateway.spec.gatewayClassName) !== 'accepted') return undefined
    return attempt(
      () => plan(gateway),
      (message) => ({ ...emptyPlan(gateway), findings: rejection([{ type: 'Accepted', reason: 'Invalid', message }]) }),
    )
  }

  // A Gateway whose class cannot even be read is nobody's.
  return family((key) =>
    attempt(
      () => planOf(key),
      () => undefined,
    ),
  )
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

function judge(gateway: Gateway, listeners: readonly ListenerPlan[]): GatewayPlan {
  const refused = listeners.filter(({ accepted }) => !accepted)
  const problems = [...problemsOf(gateway), ...(refused.length === listeners.length ? [noListener(gateway)] : [])]
  if (problems.length > 0)
    return { ...emptyPlan(gateway), listeners: listeners.map(withdraw), findings: rejection(problems) }
  const findings = [
    ...(refused.length > 0 ? [someListenersNotValid(listeners)] : []),
    ...(listeners.some(({ served }) => served) ? [] : [nothingServed(gateway)]),
  ]
  return { ...emptyPlan(gateway, listeners), accepted: true, findings }
}

function emptyPlan(gateway: Gateway, listeners: readonly ListenerPlan[] = []): GatewayPlan {
  return { id: keyOf(gateway), accepted: false, workload: workloadOf(gateway, listeners), listeners, findings: [] }
}

function workloadOf({ metadata, spec }: Gateway, listeners: readonly ListenerPlan[]): Workload {
  const accepted = listeners.filter((listener) => listener.accepted)
  return {
    name: workloadName(metadata.name ?? '', spec.gatewayClassName),
    namespace: metadata.namespace ?? '',
    uid: metadata.uid ?? '',
    className: spec.gatewayClassName,
    labels: spec.infrastructure?.labels ?? {},
    annotations: spec.infrastructure?.annotations ?? {},
    // An address without a value asks for any, which is what happens anyway.
    addresses: (spec.addresses ?? []).flatMap(({ value }) => (value === undefined || value === '' ? [] : [value])),
    ports: [
      ...new Map(accepted.map(({ port, tls }) => [port, { port, tls, transport: 'TCP' as const }])).values(),
    ].toSorted((a, b) => a.port - b.port),
  }
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
    ...(spec.tls?.backend?.clientCertificateRef === undefined
      ? []
      : [refuse('Invalid', 'has spec.tls.backend.clientCertificateRef, which is not supported yet; remove it.')]),
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
