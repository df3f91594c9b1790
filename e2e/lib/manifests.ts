// Small manifests that tests vary; whole stories are files in e2e/examples.

import { echoImage, gatewayClass } from './cluster.ts'

type Manifest = Readonly<Record<string, unknown>>

/** Several manifests as one text for kubectl. */
export function documents(...manifests: readonly Manifest[]): string {
  return manifests.map((manifest) => JSON.stringify(manifest)).join('\n---\n')
}

/** A Deployment of echo servers and a Service of the same name on port 8080. */
export function echo(namespace: string, name: string, replicas = 1): readonly [Manifest, Manifest] {
  const field = (env: string, fieldPath: string): Manifest => ({ name: env, valueFrom: { fieldRef: { fieldPath } } })
  const container = {
    name: 'echo',
    image: echoImage,
    env: [
      field('POD_NAME', 'metadata.name'),
      field('NAMESPACE', 'metadata.namespace'),
      { name: 'SERVICE_NAME', value: name },
    ],
    ports: [{ containerPort: 3000 }],
    readinessProbe: { tcpSocket: { port: 3000 }, periodSeconds: 1 },
    resources: { requests: { cpu: '5m', memory: '16Mi' } },
  }
  return [
    {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { namespace, name },
      spec: {
        replicas,
        selector: { matchLabels: { app: name } },
        template: {
          metadata: { labels: { app: name } },
          spec: { terminationGracePeriodSeconds: 1, containers: [container] },
        },
      },
    },
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { namespace, name },
      spec: { selector: { app: name }, ports: [{ port: 8080, targetPort: 3000 }] },
    },
  ]
}

export function gateway(namespace: string, name: string, listeners: readonly Manifest[]): Manifest {
  return {
    apiVersion: 'gateway.networking.k8s.io/v1',
    kind: 'Gateway',
    metadata: { namespace, name },
    spec: { gatewayClassName: gatewayClass, listeners },
  }
}
export const httpListener: Manifest = { name: 'http', port: 80, protocol: 'HTTP' }

export type RouteOptions = {
  readonly gateway: string
  readonly hostnames: readonly string[]
  readonly rules: readonly Manifest[]
  readonly parent?: Manifest
}

export function route(
  namespace: string,
  name: string,
  { gateway: parentName, hostnames, rules, parent }: RouteOptions,
): Manifest {
  return {
    apiVersion: 'gateway.networking.k8s.io/v1',
    kind: 'HTTPRoute',
    metadata: { namespace, name },
    spec: { parentRefs: [{ name: parentName, ...parent }], hostnames, rules },
  }
}

/** A rule that forwards everything under a path prefix to one Service on port 8080. */
export function forward(service: string, prefix = '/', more: Manifest = {}): Manifest {
  return {
    matches: [{ path: { type: 'PathPrefix', value: prefix } }],
    backendRefs: [{ name: service, port: 8080 }],
    ...more,
  }
}
