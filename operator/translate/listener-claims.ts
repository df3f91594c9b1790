import type { GatewayListener } from '../model/kubernetes.ts'
import type { ObjectKey } from '../model/snapshot.ts'

import { compareTexts } from '../lib/compare-texts.ts'
import { Gathering, type Members, settled } from '../lib/derive.ts'

import { hostnameOf } from './defaults.ts'
import { attempt } from './fault.ts'
import type { Conflict } from './listener-conflicts.ts'
import type { ParentId } from './parent-ids.ts'
import { hasHostnames, protocolOf, speechOf, transportOf } from './protocols.ts'

/** Listeners as their author wrote them, and the order in which Gateways and ListenerSets are asked for theirs. */
export type Claimant = {
  readonly gateway: ObjectKey
  readonly precedence: string
  readonly listeners: readonly GatewayListener[]
}

type Claim = { readonly parent: ParentId; readonly precedence: string; readonly speeches: readonly string[] }

/** Why a listener of a parent loses to a listener of a parent that comes before it; undefined: it does not. Tracked. */
export type LostTo = (parent: ParentId, gateway: ObjectKey, listener: GatewayListener) => Conflict | undefined

/**
 * Which parent a port and its hostnames belong to, where several ask for them: to the first in order of precedence, whether it can be
 * served or not. The first also says what is spoken at the port. https://gateway-api.sigs.k8s.io/geps/gep-1713/#listener-precedence
 * @param members the parents
 * @param claimantOf what a parent asks for; undefined: nothing
 */
export function createClaims(members: Members, claimantOf: (parent: ParentId) => Claimant | undefined): LostTo {
  const claims = new Gathering(members, (parent) =>
    // Listeners that cannot be read are nobody's.
    attempt(
      () => claimsOf(parent, claimantOf(parent)),
      () => [],
    ),
  )
  // Settled, for thousands of listeners of one port hear of it only when its first claimant becomes another.
  const first = settled(claims, (place): Claim | undefined => {
    const [gateway, transport, port, hostname] = place.split('|')
    const all = claims.values(place)
    if (hostname === undefined) return firstOf(all)
    const spoken = first([gateway, transport, port].join('|'))?.speeches ?? []
    return firstOf(all.filter(({ speeches }) => speeches.some((speech) => spoken.includes(speech))))
  })

  return (parent, gateway, listener) => {
    const protocol = protocolOf(listener)
    if (protocol === undefined) return undefined
    const port = portPlace(gateway, listener)
    const owner = first(port)
    if (owner === undefined) return undefined
    const hears = owner.speeches.length === 1 && owner.speeches[0] === speechOf(protocol)
    if (owner.parent !== parent && !hears) return otherProtocol(listener, gateway)
    const host = first(`${port}|${hostnameIn(listener)}`)
    if (host === undefined || host.parent === parent) return undefined
    return hasHostnames(protocol.lane) ? otherHostname(listener, gateway) : otherProtocol(listener, gateway)
  }
}

function claimsOf(parent: ParentId, claimant: Claimant | undefined): readonly (readonly [string, Claim])[] {
  if (claimant === undefined) return []
  const { gateway, precedence } = claimant
  const known = claimant.listeners.filter((listener) => protocolOf(listener) !== undefined)
  const places = known.flatMap((listener) => {
    const port = portPlace(gateway, listener)
    return [port, `${port}|${hostnameIn(listener)}`].map((place) => ({ place, listener }))
  })
  return [...Map.groupBy(places, ({ place }) => place)].map(([place, same]) => {
    const speeches = [...new Set(same.map(({ listener }) => speechIn(listener)))].toSorted()
    return [place, { parent, precedence, speeches }] as const
  })
}

function portPlace(gateway: ObjectKey, listener: GatewayListener): string {
  return `${gateway}|${transportOf(protocolOf(listener)?.lane ?? 'tcp')}|${listener.port}`
}

function hostnameIn(listener: GatewayListener): string {
  return hasHostnames(protocolOf(listener)?.lane ?? 'tcp') ? hostnameOf(listener) : ''
}

function speechIn(listener: GatewayListener): string {
  const protocol = protocolOf(listener)
  return protocol === undefined ? '' : speechOf(protocol)
}

function firstOf(claims: readonly Claim[]): Claim | undefined {
  let found: Claim | undefined
  for (const claim of claims)
    if (found === undefined || compareTexts(claim.precedence, found.precedence) < 0) found = claim
  return found
}

// Whose the other listener is stays untold: the authors of two sets may be strangers.
function otherProtocol({ port, protocol }: GatewayListener, gateway: ObjectKey): Conflict {
  const message = `Port ${port} of Gateway ${gateway} is taken by a listener that comes before this one and cannot share it with ${protocol}; choose another port.`
  return { reason: 'ProtocolConflict', message }
}

function otherHostname(listener: GatewayListener, gateway: ObjectKey): Conflict {
  const hostname = hostnameOf(listener) === '' ? 'Any hostname' : `Hostname ${hostnameOf(listener)}`
  const message = `${hostname} on port ${listener.port} of Gateway ${gateway} is taken by a listener that comes before this one; choose another hostname.`
  return { reason: 'HostnameConflict', message }
}
