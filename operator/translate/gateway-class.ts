import { controllerName } from '../model/kinds.ts'
import type { GatewayClass, KubernetesObject } from '../model/kubernetes.ts'
import type { ClassReport, Finding } from '../model/report.ts'
import type { ObjectKey, Snapshot } from '../model/snapshot.ts'

import { derive, family, Gathering } from '../lib/derive.ts'

import { attempt } from './fault.ts'

/** All patches of this minor version. */
const supportedVersion = 'v1.6'
const versionAnnotation = 'gateway.networking.k8s.io/bundle-version'
const definitionName = 'gatewayclasses.gateway.networking.k8s.io'

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
  const version = derive(() => versionFinding(snapshot.CustomResourceDefinition.get(definitionName)))
  const gatewaysOf = new Gathering(snapshot.Gateway, (key) =>
    attempt(
      () => [[snapshot.Gateway.get(key)?.spec.gatewayClassName ?? '', true]],
      () => [],
    ),
  )
  // About a class whose controller cannot even be read there is nothing to say.
  const report = family((name) =>
    attempt(
      () => {
        const findings = findingsOf(snapshot.GatewayClass.get(name), version())
        return findings === undefined ? undefined : { findings, isUsed: gatewaysOf.size(name) > 0 }
      },
      () => undefined,
    ),
  )
  const standing = family(
    (name): Standing =>
      attempt(
        () => standingOf(snapshot.GatewayClass.get(name)),
        () => 'suspended',
      ),
  )
  return { report, standing }
}

function standingOf(gatewayClass: GatewayClass | undefined): Standing {
  if (gatewayClass === undefined) return 'suspended'
  if (gatewayClass.spec.controllerName !== controllerName) return 'foreign'
  return gatewayClass.spec.parametersRef === undefined ? 'accepted' : 'suspended'
}

function findingsOf(
  gatewayClass: GatewayClass | undefined,
  version: Finding | undefined,
): readonly Finding[] | undefined {
  if (gatewayClass?.spec.controllerName !== controllerName) return undefined
  const parameters = gatewayClass.spec.parametersRef === undefined ? [] : [invalidParameters(gatewayClass)]
  return version === undefined ? parameters : [...parameters, version]
}

// Another version than ours is served as well as it can be. The annotation is what the specification says to look at; without the
// definition, as in a folder of manifests, nothing is known against the version.
function versionFinding(definition: KubernetesObject | undefined): Finding | undefined {
  if (definition === undefined) return undefined
  const version = definition.metadata?.annotations?.[versionAnnotation]
  if (version?.startsWith(`${supportedVersion}.`)) return undefined
  const found =
    version === undefined
      ? `CustomResourceDefinition ${definitionName} has no annotation ${versionAnnotation}, so the version of the Gateway API is not known`
      : `The Gateway API is installed in version ${version} (annotation ${versionAnnotation} of CustomResourceDefinition ${definitionName})`
  return {
    type: 'SupportedVersion',
    status: 'False',
    reason: 'UnsupportedVersion',
    message: `${found}; this controller supports ${supportedVersion} and serves Gateways of other versions as well as it can. Install the Gateway API ${supportedVersion}, or a controller made for the version that is installed.`,
  }
}

function invalidParameters(gatewayClass: GatewayClass): Finding {
  return {
    type: 'Accepted',
    status: 'False',
    reason: 'InvalidParameters',
    message: `GatewayClass ${gatewayClass.metadata.name ?? ''} has spec.parametersRef, but this controller takes no parameters; remove it.`,
  }
}
