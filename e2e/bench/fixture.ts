// What is measured: a Gateway with many routes, and backends fast enough not to be what is measured.

import { apply, callApi, createNamespaces, kubectl } from '../lib/cluster.ts'
import { documents, gateway, httpListener } from '../lib/manifests.ts'
import { programmedAddress, readyDataPlane } from '../lib/gateway.ts'

export const namespace = 'bench'
const routesPerService = 10
const routesPath = `/apis/gateway.networking.k8s.io/v1/namespaces/${namespace}/httproutes`

const image = 'haproxytech/haproxy-debian:3.4'

/** A pod that runs HAProxy of the data plane's image with this configuration, and its Service on port 8080. */
export function handWritten(name: string, configuration: string): readonly Readonly<Record<string, unknown>>[] {
  const container = {
    name: 'haproxy',
    image,
    command: ['haproxy', '-W', '-db', '-f', '/config/haproxy.cfg'],
    readinessProbe: { tcpSocket: { port: 8080 }, periodSeconds: 1 },
    volumeMounts: [{ name: 'config', mountPath: '/config' }],
    // Exactly what e2e/install.sh gives the data plane: shares of the processor follow requests, and unequal ones would be what is measured.
    resources: { requests: { cpu: '10m', memory: '128Mi' } },
  }
  const template = {
    metadata: { labels: { app: name } },
    spec: {
      terminationGracePeriodSeconds: 1,
      containers: [container],
      volumes: [{ name: 'config', configMap: { name } }],
    },
  }
  return [
    { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace }, data: { 'haproxy.cfg': configuration } },
    {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name, namespace },
      spec: { selector: { matchLabels: { app: name } }, template },
    },
    service(name, name),
  ]
}

const responder = `
defaults
    mode http
    timeout client 60s
frontend all
    bind :8080
    http-request return status 200 content-type text/plain string "hello"
`

function service(name: string, app: string): Readonly<Record<string, unknown>> {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name, namespace },
    spec: { clusterIP: 'None', selector: { app }, ports: [{ port: 8080, targetPort: 8080 }] },
  }
}

/** Hostname of the route that forwards to the n-th Service. */
export function hostOf(name: string): string {
  return `${name}.bench.example.com`
}

function routeBody(name: string, serviceName: string, gatewayName: string): unknown {
  return {
    apiVersion: 'gateway.networking.k8s.io/v1',
    kind: 'HTTPRoute',
    metadata: { name },
    spec: {
      parentRefs: [{ name: gatewayName }],
      hostnames: [hostOf(name)],
      rules: [{ backendRefs: [{ name: serviceName, port: 8080 }] }],
    },
  }
}

/** Creates one HTTPRoute by the API. */
export async function createRoute(name: string, serviceName: string, gatewayName = 'many'): Promise<void> {
  const { status, text } = await callApi({
    method: 'POST',
    path: routesPath,
    body: routeBody(name, serviceName, gatewayName),
  })
  if (status !== 201) throw new Error(`HTTPRoute ${name}: ${status} ${text.slice(0, 300)}`)
}

export async function deleteRoute(name: string): Promise<void> {
  await callApi({ method: 'DELETE', path: `${routesPath}/${name}` })
}

/** Two Gateways, `many` with this many routes and `one` with one; the address of `many`. */
export async function setUp(routes: number): Promise<string> {
  await createNamespaces([namespace])
  await apply(
    documents(
      ...handWritten('web', responder),
      gateway(namespace, 'many', [httpListener]),
      gateway(namespace, 'one', [httpListener]),
    ),
  )
  await kubectl(['-n', namespace, 'rollout', 'status', 'deployment', 'web', '--timeout=90s'])
  const services = Array.from({ length: Math.ceil(routes / routesPerService) }, (_, n) => service(`s${n}`, 'web'))
  await apply(documents(...services))
  const names = Array.from({ length: routes }, (_, n) => n)
  await Promise.all(
    Array.from({ length: 8 }, async () => {
      for (let n = names.shift(); n !== undefined; n = names.shift())
        await createRoute(`r${n}`, `s${Math.floor(n / routesPerService)}`)
    }),
  )
  await createRoute('single', 'web', 'one')
  const address = await programmedAddress(namespace, 'many')
  await readyDataPlane(namespace, 'many')
  await readyDataPlane(namespace, 'one')
  return address
}
