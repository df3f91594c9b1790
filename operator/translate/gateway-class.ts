import { controllerName } from '../model/kinds.ts'
import type { GatewayClass } from '../model/kubernetes.ts'
import type { ClassReport, Finding } from '../model/report.ts'
import type { ObjectKey, Snapshot } from '../model/snapshot.ts'

import { family } from '../lib/derive.ts'

import { attempt } from './fault.ts'

/**
 * What becomes of the Gateways of a class. suspended: the class does not exist, or is ours and not accepted; what its Gateways have stays
 * as it is, for a mistake with one object must not end the service of all of them. foreign: it is another controller's.
 */
export type Standing = 'accepted' | 'suspended' | 'foreign'

export type Classes = {
  /** What there is to say about a GatewayClass; undefined when it names another controller. Tracked. */
  readonly report: (name: ObjectKey) => ClassReport | undefined
  /** Tracked. */
  readonly standing: (name: ObjectKey) => Standing
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
  const standing = family((name): Standing => {
    const found = report(name)
    if (found !== undefined) return found.findings.some(({ type }) => type === 'Accepted') ? 'suspended' : 'accepted'
    return snapshot.GatewayClass.get(name) === undefined ? 'suspended' : 'foreign'
  })
  return { report, standing }
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
