import { isDeepStrictEqual } from 'node:util'
import type { GatewayClass } from '../model/kubernetes.ts'
import type { StatusPatch } from '../model/rendered.ts'
import type { ClassReport } from '../model/report.ts'
import { keyOf } from '../model/snapshot.ts'
import { complete, sameConditions, toConditions, yes } from './conditions.ts'

const healthy = [
  yes('Accepted', 'Accepted', 'Gateways of this class are served.'),
  yes('SupportedVersion', 'SupportedVersion', 'The Gateway API is installed in a version that is supported.'),
]
/** As many as the schema of GatewayClass allows. */
const mostFeatures = 64

/** A patch for a GatewayClass of ours, unless its status says everything already. */
export function judgeClass(
  gatewayClass: GatewayClass,
  report: ClassReport,
  { features, now }: { readonly features: readonly string[]; readonly now: Date },
): StatusPatch | undefined {
  const present = gatewayClass.status
  const stamp = { generation: gatewayClass.metadata.generation, now }
  const conditions = toConditions(complete(report.findings, healthy), present?.conditions ?? [], stamp)
  const supportedFeatures = features
    .toSorted()
    .slice(0, mostFeatures)
    .map((name) => ({ name }))
  const same =
    sameConditions(present?.conditions ?? [], conditions) &&
    isDeepStrictEqual(present?.supportedFeatures ?? [], supportedFeatures)
  if (same) return undefined
  return { kind: 'GatewayClass', key: keyOf(gatewayClass), status: { ...present, conditions, supportedFeatures } }
}
