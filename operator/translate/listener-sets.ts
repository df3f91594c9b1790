import type { ListenerSet } from '../model/kubernetes.ts'
import type { Finding } from '../model/report.ts'
import type { WorkloadPort } from '../model/proxy-model.ts'
import { keyOf, type ObjectKey, type Snapshot, splitKey } from '../model/snapshot.ts'

import { family, Gathering, settled } from '../lib/derive.ts'

import type { ClientTerms, ListenerClients } from './client-validation.ts'
import { parentGateway } from './defaults.ts'
import { attempt } from './fault.ts'
import type { GatewayDraft, ListenerNeeds } from './gateway.ts'
import { createClaims, type LostTo } from './listener-claims.ts'
import { type ListenerPlan, planListeners } from './listeners.ts'
import { allowedListenersOf, type AllowedNamespaces, allows, createNamespaceLabels } from './namespaces.ts'
import { parentId, parentMembers, splitParentId } from './parent-ids.ts'
import { gatewayPrecedence, openPorts, type ParentPlan } from './parents.ts'
import { timestampOf } from './timestamps.ts'

/** What a ListenerSet of a Gateway of ours means. */
export type ListenerSetPlan = ParentPlan & {
  /** It counts as attached: the Gateway lets it in, and some listener of it can be served. */
  readonly accepted: boolean
  /** Its Gateway does not exist: whether it is or was ours, nobody knows. Nothing else is known then. */
  readonly orphaned: boolean
  readonly findings: readonly Finding[]
}

/** What the ListenerSets of a Gateway bring to it. Tracked. */
export type ListenerSets = {
  /** Undefined: none of our business. */
  readonly plan: (key: ObjectKey) => ListenerSetPlan | undefined
  /** How many are attached to a Gateway. */
  readonly attached: (gateway: ObjectKey) => number
  /** Each once. */
  readonly ports: (gateway: ObjectKey) => readonly WorkloadPort[]
}

type Tools = { readonly drafts: (gateway: ObjectKey) => GatewayDraft | undefined; readonly needs: ListenerNeeds }

/** Of a Gateway what its sets have to know; a change of anything else, like its status, does not disturb thousands of them. */
type Terms = {
  readonly refused: boolean
  readonly allowed: AllowedNamespaces
  readonly gateway: ClientTerms
}

type Standing =
  | { readonly kind: 'orphaned'; readonly gateway: ObjectKey }
  | { readonly kind: 'refused'; readonly gateway: ObjectKey; readonly findings: readonly Finding[] }
  | { readonly kind: 'attached'; readonly gateway: ObjectKey; readonly precedence: string }

/** ListenerSets of Gateways of ours. https://gateway-api.sigs.k8s.io/geps/gep-1713/ */
export function createListenerSets(snapshot: Snapshot, { drafts, needs }: Tools): ListenerSets {
  const standing = createStandings(snapshot, drafts)
  const lostTo = createClaims(parentMembers(snapshot), (parent) => {
    const { kind, key } = splitParentId(parent)
    if (kind === 'Gateway') {
      const draft = drafts(key)
      return draft && { gateway: key, precedence: gatewayPrecedence, listeners: draft.gateway.spec.listeners }
    }
    const found = standing.of(key)
    const set = snapshot.ListenerSet.get(key)
    if (found?.kind !== 'attached' || set === undefined) return undefined
    return { gateway: found.gateway, precedence: found.precedence, listeners: set.spec.listeners }
  })
  const clientsOf = createClients(standing.terms, needs)

  function planOf(key: ObjectKey): ListenerSetPlan | undefined {
    const set = snapshot.ListenerSet.get(key)
    const found = standing.of(key)
    if (set === undefined || found === undefined) return undefined
    if (found.kind === 'orphaned')
      return { ...unattached(found.gateway), orphaned: true, findings: [noGateway(set, found)] }
    if (found.kind === 'refused') return { ...unattached(found.gateway), findings: found.findings }
    return attempt(
      () => attachedPlan(set, found, listenersOf(set, found.gateway, { needs, lostTo, clientsOf })),
      (message) => ({ ...unattached(found.gateway), findings: refusal(message, 'Invalid', 'Invalid') }),
    )
  }

  const plan = family(planOf)
  const attached = new Gathering(snapshot.ListenerSet, (key) => {
    const found = plan(key)
    return found?.accepted === true ? [[found.gateway, true] as const] : []
  })
  return { plan, attached: (gateway) => attached.size(gateway), ports: createPorts(snapshot, plan) }
}

// The oldest first, then by namespace/name.
function precedenceOf({ metadata }: ListenerSet): string {
  return `1 ${timestampOf(metadata.creationTimestamp)} ${keyOf({ metadata })}`
}

function unattached(gateway: ObjectKey): ListenerSetPlan {
  return { gateway, precedence: '', listeners: [], accepted: false, orphaned: false, findings: [] }
}

type Standings = {
  readonly of: (set: ObjectKey) => Standing | undefined
  readonly terms: (gateway: ObjectKey) => Terms | undefined
}

// Whether a set is attached to a Gateway of ours, before anybody looks at its listeners.
function createStandings(snapshot: Snapshot, drafts: Tools['drafts']): Standings {
  const labelsOf = createNamespaceLabels(snapshot)
  const terms = settled(snapshot.Gateway, (key): Terms | undefined => {
    const draft = drafts(key)
    return (
      draft &&
      attempt(
        () => termsOf(draft),
        () => undefined,
      )
    )
  })
  // Settled for the same reason: that a Gateway exists is all that counts.
  const exists = settled(snapshot.Gateway, (key) => snapshot.Gateway.get(key) !== undefined)

  function standingOf(key: ObjectKey): Standing | undefined {
    const set = snapshot.ListenerSet.get(key)
    const gateway = set && parentGateway(set.spec.parentRef, splitKey(key).namespace)
    if (set === undefined || gateway === undefined) return undefined
    if (exists(gateway) !== true) return { kind: 'orphaned', gateway }
    const found = terms(gateway)
    if (found === undefined) return undefined
    if (!allows(found.allowed, splitKey(key).namespace, labelsOf))
      return { kind: 'refused', gateway, findings: notAllowed(key, gateway, found.allowed) }
    if (found.refused) return { kind: 'refused', gateway, findings: parentNotAccepted(gateway) }
    return { kind: 'attached', gateway, precedence: precedenceOf(set) }
  }

  // A set whose parentRef cannot be read is nobody's.
  const of = family((key) =>
    attempt(
      () => standingOf(key),
      () => undefined,
    ),
  )
  return { of, terms }
}

function termsOf({ gateway, problems }: GatewayDraft): Terms {
  const { name = '', namespace = '' } = gateway.metadata
  const { tls } = gateway.spec
  const client = {
    metadata: { name, namespace },
    spec: tls?.frontend === undefined ? {} : { tls: { frontend: tls.frontend } },
  }
  return { refused: problems.length > 0, allowed: allowedListenersOf(gateway), gateway: client }
}

type ClientsOf = (gateway: ObjectKey, port: number) => ListenerClients

function createClients(terms: Standings['terms'], needs: ListenerNeeds): ClientsOf {
  const clients = family((place): ListenerClients => {
    const bar = place.lastIndexOf('|')
    const found = terms(place.slice(0, bar))
    return found === undefined ? { problems: [] } : needs.clientsOf(found.gateway, Number(place.slice(bar + 1)))
  })
  return (gateway, port) => clients(`${gateway}|${port}`)
}

type ListenerTools = { readonly needs: ListenerNeeds; readonly lostTo: LostTo; readonly clientsOf: ClientsOf }

function listenersOf(set: ListenerSet, gateway: ObjectKey, tools: ListenerTools): readonly ListenerPlan[] {
  const { needs, lostTo, clientsOf } = tools
  const namespace = set.metadata.namespace ?? ''
  const id = parentId('ListenerSet', keyOf(set))
  return planListeners({
    listeners: set.spec.listeners,
    namespace,
    reservedPorts: needs.reservedPorts,
    certificatesOf: (listener, field) => needs.certificatesOf(listener, { kind: 'ListenerSet', namespace, field }),
    clientsOf: (port) => clientsOf(gateway, port),
    lostTo: (listener) => lostTo(id, gateway, listener),
  })
}

type Attached = Extract<Standing, { readonly kind: 'attached' }>

function attachedPlan(
  set: ListenerSet,
  { gateway, precedence }: Attached,
  listeners: readonly ListenerPlan[],
): ListenerSetPlan {
  const failed = listeners.filter(({ served }) => !served).map(({ name }) => name)
  const accepted = failed.length < listeners.length
  const plan = { gateway, precedence, listeners, accepted, orphaned: false, findings: [] }
  if (!accepted) {
    const message = `No listener of ListenerSet ${keyOf(set)} can be served; the conditions of its listeners say why.`
    return { ...plan, findings: refusal(message, 'ListenersNotValid', 'ListenersNotValid') }
  }
  if (failed.length === 0) return plan
  const message = `Not served: ${failed.join(', ')}; the conditions of these listeners say why. The others are accepted.`
  return { ...plan, findings: [{ type: 'Accepted', status: 'True', reason: 'ListenersNotValid', message }] }
}

// In two steps, so that a set whose ports are others' too disturbs nobody when it comes or goes.
function createPorts(
  snapshot: Snapshot,
  plan: (key: ObjectKey) => ListenerSetPlan | undefined,
): (gateway: ObjectKey) => readonly WorkloadPort[] {
  const places = new Gathering(snapshot.ListenerSet, (key) => {
    const found = plan(key)
    if (found === undefined) return []
    return openPorts(found.listeners).map(
      (port) => [`${found.gateway}|${Object.values(port).join('|')}`, port] as const,
    )
  })
  const byGateway = new Gathering(places, (place) => {
    const port = places.first(place)
    return port === undefined ? [] : [[place.slice(0, place.indexOf('|')), port]]
  })
  return (gateway) => byGateway.values(gateway)
}

function noGateway(set: ListenerSet, { gateway }: { readonly gateway: ObjectKey }): Finding {
  const message = `Gateway ${gateway} does not exist; create it or correct spec.parentRef of ListenerSet ${keyOf(set)}.`
  return { type: 'Accepted', status: 'False', reason: 'ParentNotAccepted', message }
}

function notAllowed(key: ObjectKey, gateway: ObjectKey, allowed: AllowedNamespaces): readonly Finding[] {
  const why =
    allowed.from === 'None' ? `spec.allowedListeners.namespaces ${allowed.fault}` : 'see spec.allowedListeners'
  const message = `Gateway ${gateway} lets no ListenerSets of namespace ${splitKey(key).namespace} in: ${why} there.`
  return refusal(message, 'NotAllowed', 'NotAllowed')
}

function parentNotAccepted(gateway: ObjectKey): readonly Finding[] {
  return refusal(
    `Gateway ${gateway} is not accepted; its conditions say why.`,
    'ParentNotAccepted',
    'ParentNotProgrammed',
  )
}

function refusal(message: string, accepted: string, programmed: string): readonly Finding[] {
  return [
    { type: 'Accepted', status: 'False', reason: accepted, message },
    { type: 'Programmed', status: 'False', reason: programmed, message },
  ]
}
