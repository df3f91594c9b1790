// Everything that installs the operator, as one YAML file.
//
//   node deploy/bundle.ts                          writes deploy/haproxy-gateway.yaml
//   node deploy/bundle.ts --image NAME             prints the bundle with another image of the operator
//     --data-plane-image NAME                      … with another image of HAProxy and its Data Plane API
//     --udp-image NAME                             … with another image of nginx, for UDP listeners
//     --namespaces shop,blog                       … for these namespaces only: Roles there instead of one ClusterRole

import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { stringify } from 'yaml'
import manifest from '../package.json' with { type: 'json' }
import { controllerName } from '../operator/model/kinds.ts'
import { operatorDeployment } from './operator-deployment.ts'
import { clusterRules, namespacedRules, type Rule } from './rules.ts'

export type BundleOptions = {
  /** Default: the released image of this version. */
  readonly image?: string
  /** Default: the operator's own. */
  readonly dataPlaneImage?: string
  /** Default: the operator's own. */
  readonly udpImage?: string
  /** Empty: all. */
  readonly namespaces?: readonly string[]
}

const name = 'haproxy-gateway-operator'
const namespace = 'haproxy-gateway-system'
const rbac = 'rbac.authorization.k8s.io'
const file = join(import.meta.dirname, 'haproxy-gateway.yaml')

if (import.meta.main) main()

/** The bundle's text: same options, same bytes. */
export function bundle({ image, dataPlaneImage, udpImage, namespaces = [] }: BundleOptions = {}): string {
  const settings = {
    'data-plane-image': dataPlaneImage,
    'udp-image': udpImage,
    namespaces: namespaces.length === 0 ? undefined : namespaces.join(','),
  }
  const args = Object.entries(settings).flatMap(([flag, value]) => (value === undefined ? [] : [`--${flag}=${value}`]))
  const objects = [
    {
      apiVersion: 'v1',
      kind: 'Namespace',
      metadata: { name: namespace, labels: { ...labels(), 'pod-security.kubernetes.io/enforce': 'restricted' } },
    },
    { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name, namespace, labels: labels() } },
    ...permissions(namespaces),
    {
      apiVersion: 'scheduling.k8s.io/v1',
      kind: 'PriorityClass',
      metadata: { name, labels: labels() },
      value: 1_000_000,
      description: 'The operator that keeps the data planes of Gateways up to date.',
    },
    operatorDeployment({
      name,
      namespace,
      labels: labels(),
      image: image ?? `${name}:${manifest.version}`,
      args: ['run', ...args],
    }),
    {
      apiVersion: 'gateway.networking.k8s.io/v1',
      kind: 'GatewayClass',
      metadata: { name: 'haproxy', labels: labels() },
      spec: { controllerName, description: 'Gateways served by HAProxy.' },
    },
  ]
  const head = '# The HAProxy gateway operator. Written by `make bundle`; do not edit.\n'
  return head + objects.map((object) => stringify(object, { aliasDuplicateObjects: false, lineWidth: 0 })).join('---\n')
}

/** The bundle that is checked in. */
export function checkedInBundle(): string {
  return readFileSync(file, 'utf8')
}

function main(): void {
  const options = {
    image: { type: 'string' },
    'data-plane-image': { type: 'string' },
    'udp-image': { type: 'string' },
    namespaces: { type: 'string' },
  } as const
  const { values } = parseArgs({ options })
  if (Object.keys(values).length === 0) return writeFileSync(file, bundle())
  const { image, 'data-plane-image': dataPlaneImage, 'udp-image': udpImage, namespaces } = values
  const text = bundle({
    ...(image === undefined ? {} : { image }),
    ...(dataPlaneImage === undefined ? {} : { dataPlaneImage }),
    ...(udpImage === undefined ? {} : { udpImage }),
    ...(namespaces === undefined ? {} : { namespaces: namespaces.split(',') }),
  })
  process.stdout.write(text)
}

function permissions(namespaces: readonly string[]): readonly object[] {
  if (namespaces.length === 0) return grant([...clusterRules(), ...namespacedRules()])
  const homes = new Set([...namespaces, namespace])
  return [...grant(clusterRules()), ...[...homes].flatMap((home) => grant(namespacedRules(), home))]
}

// A role and its binding: in one namespace, or in the cluster.
function grant(rules: readonly Rule[], home?: string): readonly object[] {
  const kind = home === undefined ? 'ClusterRole' : 'Role'
  const metadata = { name, ...(home === undefined ? {} : { namespace: home }), labels: labels() }
  const apiVersion = `${rbac}/v1`
  return [
    { apiVersion, kind, metadata, rules },
    {
      apiVersion,
      kind: `${kind}Binding`,
      metadata,
      roleRef: { apiGroup: rbac, kind, name },
      subjects: [{ kind: 'ServiceAccount', name, namespace }],
    },
  ]
}

// Not managed-by: with that label the operator finds what it made for Gateways.
function labels(): Readonly<Record<string, string>> {
  return { 'app.kubernetes.io/name': name }
}
