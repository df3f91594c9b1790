import { controllerName } from '../model/kinds.ts'
import type { GatewayClass } from '../model/kubernetes.ts'
import type { ClassReport, Finding } from '../model/report.ts'
import type { ObjectKey, Snapshot } from '../model/snapshot.ts'

import { family } from '../lib/derive.ts'

import { attempt } from './fault.ts'

export type Classes = {
  /** What there is to say about a GatewayClass; undefined when it names another controller. Tracked. */
  readonly report: (name: ObjectKey) => ClassReport | undefined
  /** Whether Gateways of this class are ours to serve. Tracked. */
  readonly isAccepted: (name: ObjectKey) => boolean
}

/** Which classes are ours. https://gateway-api.sigs.k8s.io/api-types/gatewayclass/ */
export function createClasses(snapshot: Snapshot): Classes {
  // A class whose controller cannot even be read is nobody's.
  const report = family((name) =>
    attempt(
      () => reportOf(snapshot.GatewayClass.get(name)),
      () => undefined,
    ),
  )
  // A class is accepted when nothing is wrong with it: it has no other findings than reasons for refusal.
  const isAccepted = family((name) => report(name)?.findings.length === 0)
  return { report, isAccepted }
}

function reportOf(gatewayClass: GatewayClass | undefined): ClassReport | undefined {
  if (gatewayClass?.spec.controllerName !== controllerName) return undefined
  return { findings: gatewayClass.spec.parametersRef === undefined ? [] : [invalidParameters(gatewayClass)] }
}

function invalidParameters(gatewayClass: GatewayClass): Finding {
  return {
    type: 'Accepted',
    status: 'False',
    reason: 'InvalidParameters',
    message: `GatewayClass ${gatewayClass.metadata.name ?? ''} has spec.parametersRef, but this controller takes no parameters; remove it.`,
  }
}
