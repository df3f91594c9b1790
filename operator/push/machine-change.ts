// The machine that a pod runs and the one that is wanted → whether it takes a reload, and what for. Pure.

import type { Machine } from '../model/rendered.ts'
import { memo } from '../lib/derive.ts'

import type { Reload } from './change.ts'
import type { HeldMachine } from './held.ts'

/**
 * Undefined: what runs can do all that is wanted. Lines for names and retry policies that nobody asks for any more do nothing; they stay until
 * another reload takes them along.
 */
export const machineReload = memo((held: HeldMachine) => memo((wanted: Machine) => reloadFor(held, wanted)))

/** A pod with this machine can be brought to the other one's configurations at run time. */
export function covers(held: HeldMachine, wanted: Machine): boolean {
  return machineReload(held)(wanted) === undefined
}

/** What a pod runs of which nothing is known. */
export const unknownMachine: HeldMachine = { frame: '', reasons: [], retries: [] }

function reloadFor(held: HeldMachine, wanted: Machine): Reload | undefined {
  if (held.frame === '') return { kind: 'reload', cause: 'unknown', reasons: ['the state of the pod is not known'] }
  const [before, after] = [new Set(held.reasons), new Set(wanted.reasons)]
  const fresh = after.difference(before)
  const isFramed = held.frame === wanted.frame
  if (isFramed && fresh.size === 0) return undefined
  const gone = isFramed ? [] : [...before.difference(after)].filter((reason) => !isOptional(reason))
  const reasons = [...fresh, ...gone].toSorted()
  return { kind: 'reload', cause: 'machine', reasons: reasons.length > 0 ? reasons : ['template'] }
}

// Lines that the frame leaves out.
function isOptional(reason: string): boolean {
  return /^(?:header|query parameter|profile) /.test(reason)
}
