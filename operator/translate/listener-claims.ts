import type { GatewayListener } from '../model/kubernetes.ts'
import type { ObjectKey } from '../model/snapshot.ts'

import { compareTexts } from '../lib/compare-texts.ts'
import { Gathering, Grove, type Members, settled } from '../lib/derive.ts'
import { fold } from '../lib/fold.ts'

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
  const claimsAt = (placeOf: PlaceOf) => (parent: ParentId) =>
    // Listeners that cannot be read are nobody's.
    attempt(
      () => claimsOf(parent, claimantOf(parent), placeOf),
      () => [],
    )
  // A port may be asked for by thousands.
  const ofPorts = new Grove(
    members,
    claimsAt((port) => port),
  )
  const ofHostnames = new Gathering(
    members,
    claimsAt((port, hostname) => `${port}|${hostname}`),
  )
  // Settled, for thousands of listeners of one port hear of it only when its first claimant becomes another.
  const firstAtPort = settled(ofPorts, (port) => firstInTree(ofPorts.tree(port)))
  const firstAtHostname = settled(ofHostnames, (place): Claim | undefined => {
    const spoken = firstAtPort(place.slice(0, place.lastIndexOf('|')))?.speeches ?? []
    return firstOf(ofHostnames.values(place).filter(({ speeches }) => speeches.some((one) => spoken.includes(one))))
  })

  return (parent, gateway, listener) => {
    const protocol = protocolOf(listener)
    if (protocol === undefined) return undefined
    const port = portPlace(gateway, listener)
    const owner = firstAtPort(port)
    if (owner === undefined) return undefined
    const hears = owner.speeches.length === 1 && owner.speeches[0] === speechOf(protocol)
    if (owner.parent !== parent && !hears) return otherProtocol(listener, gateway)
    const host = firstAtHostname(`${port}|${hostnameIn(listener)}`)
    if (host === undefined || host.parent === parent) return undefined
    return hasHostnames(protocol.lane) ? otherHostname(listener, gateway) : otherProtocol(listener, gateway)
  }
}

/** What a listener asks for: its port, or a hostname there. */
type PlaceOf = (port: string, hostname: string) => string

function claimsOf(
  parent: ParentId,
  claimant: Claimant | undefined,
  placeOf: PlaceOf,
): readonly (readonly [string, Claim])[] {
  if (claimant === undefined) return []
  const { gateway, precedence } = claimant
  const known = claimant.listeners.filter((listener) => protocolOf(listener) !== undefined)
  const byPlace = Map.groupBy(known, (listener) => placeOf(portPlace(gateway, listener), hostnameIn(listener)))
  return [...byPlace].map(([place, same]) => {
    const speeches = [...new Set(same.map(speechIn))].toSorted()
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

const firstInTree = fold(firstOf, (found: readonly (Claim | undefined)[]) =>
  firstOf(found.filter((claim) => claim !== undefined)),
)

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
