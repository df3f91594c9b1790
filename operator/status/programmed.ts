import type { Condition, Gateway } from '../model/kubernetes.ts'
import type { GatewayAddress, Outcome } from '../model/rendered.ts'
import type { Finding } from '../model/report.ts'
import { no, yes } from './conditions.ts'

export type Judged = { readonly outcome: Outcome | undefined; readonly generation: number | undefined }

/** What came of the configuration. Before anything is known of it, the present condition stands, if it is about this generation. */
export function programmed(
  { outcome, generation, present }: Judged & { readonly present: readonly Condition[] },
  message: string,
): Finding {
  if (outcome === undefined)
    return standing(present, generation) ?? no('Programmed', 'Pending', 'Waiting for the data plane.')
  const refused = `The configuration was refused; the one before stays in place: ${outcome.message}`
  const findings = {
    waiting: no('Programmed', 'Pending', outcome.message),
    rejected: no('Programmed', 'Invalid', refused),
    programmed: yes('Programmed', 'Programmed', message),
  } as const satisfies Record<Outcome['kind'], Finding>
  return findings[outcome.kind]
}

/** What is wrong with the addresses of a Gateway that is programmed otherwise. */
export function missingAddresses(gateway: Gateway, given: readonly GatewayAddress[]): Finding | undefined {
  const asked = (gateway.spec.addresses ?? []).flatMap(({ value }) =>
    value === undefined || value === '' ? [] : [value],
  )
  const usable = new Set(given.map(({ value }) => canonical(value)))
  const missing = asked.filter((value) => !usable.has(canonical(value)))
  const assigned = given.length === 0 ? 'none' : given.map(({ value }) => value).join(', ')
  if (missing.length > 0) {
    const message = `The load balancer did not assign ${missing.join(', ')} of spec.addresses to the Service (assigned: ${assigned}). Ask for one address that it can assign, or leave spec.addresses out.`
    return no('Programmed', 'AddressNotUsable', message)
  }
  if (given.length > 0) return undefined
  const message =
    'The Service of type LoadBalancer has no address yet; check that the cluster has a load balancer and that addresses are left.'
  return no('Programmed', 'AddressNotAssigned', message)
}

function standing(present: readonly Condition[], generation: number | undefined): Finding | undefined {
  const before = present.find(({ type }) => type === 'Programmed')
  if (before === undefined || before.status === 'Unknown' || before.observedGeneration !== generation) return undefined
  return { type: before.type, status: before.status, reason: before.reason, message: before.message }
}

// An IPv6 address has many spellings.
function canonical(address: string): string {
  return address.includes(':') ? (URL.parse(`http://[${address}]/`)?.hostname ?? address) : address.toLowerCase()
}
