// What is measured: a Gateway with many routes, and backends fast enough not to be what is measured. All Services lead to one pod
// through EndpointSlices of our own, so that none of Kubernetes' controllers works meanwhile.

import { z } from 'zod'

import { apply, callApi, createNamespaces, deleteNamespaces, get, kubectl } from '../lib/cluster.ts'
import { programmedAddress, readyDataPlane } from '../lib/gateway.ts'
import { documents, gateway, httpListener } from '../lib/manifests.ts'

export type Body = Readonly<Record<string, unknown>>

const image = 'haproxytech/haproxy-debian:3.4'
/** As many as the API server of a small machine can use. */
const writers = 12

const gatewayApi = 'gateway.networking.k8s.io/v1'
const discoveryApi = 'discovery.k8s.io/v1'
export const routesPerService = 10

/** Runs the action for every element, this many at a time. */
export async function inParallel<T>(
  elements: readonly T[],
  action: (element: T) => Promise<unknown>,
  width = writers,
): Promise<void> {
  const left = elements.values()
  await Promise.all(
    Array.from({ length: width }, async () => {
      for (const element of left) await action(element)
    }),
  )
}

const groups = {
  services: '/api/v1',
  secrets: '/api/v1',
  endpointslices: `/apis/${discoveryApi}`,
  gateways: `/apis/${gatewayApi}`,
  httproutes: `/apis/${gatewayApi}`,
  listenersets: `/apis/${gatewayApi}`,
  backendtlspolicies: `/apis/${gatewayApi}`,
} as const

/** API path of a namespace's objects of one of the kinds that benches make. */
export function pathOf(namespace: string, plural: keyof typeof groups, name = ''): string {
  return `${groups[plural]}/namespaces/${namespace}/${plural}${name === '' ? '' : `/${name}`}`
}

/** Creates an object under the path of its kind; throws unless it is new. */
export async function create(path: string, body: Body): Promise<void> {
  const { status, text } = await callApi({ method: 'POST', path, body })
  if (status !== 201) throw new Error(`POST ${path}: ${status} ${text.slice(0, 300)}`)
}

/** Merges into the object under the path. */
export async function patch(path: string, body: Body): Promise<void> {
  const { status, text } = await callApi({ method: 'PATCH', path, body, contentType: 'application/merge-patch+json' })
  if (status !== 200) throw new Error(`PATCH ${path}: ${status} ${text.slice(0, 300)}`)
}

/** Deletes the object under the path; it may be gone already. */
export async function remove(path: string): Promise<void> {
  const { status, text } = await callApi({ method: 'DELETE', path })
  if (status !== 200 && status !== 202 && status !== 404)
    throw new Error(`DELETE ${path}: ${status} ${text.slice(0, 300)}`)
}

/** A pod that runs HAProxy of the data plane's image with this configuration; it is ready when it answers on port 8080. */
export function handWritten(namespace: string, name: string, configuration: string): readonly Body[] {
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
  ]
}

/** Ports of the responder; each answers 200 with the word. */
export const responderPorts = { hello: 8080, blue: 8081, green: 8082 } as const

const responder = `
global
    nbthread 1
defaults
    mode http
    timeout client 60s
${Object.entries(responderPorts)
  .map(
    ([word, port]) => `
frontend ${word}
    bind :${port}
    http-request return status 200 content-type text/plain string "${word}"
`,
  )
  .join('')}`

const podsShape = z.object({ items: z.array(z.object({ status: z.object({ podIP: z.string() }) })) })

/** Starts the one pod that answers for all Services of a namespace; its address. */
export async function startResponder(namespace: string): Promise<string> {
  await apply(documents(...handWritten(namespace, 'web', responder)))
  await kubectl(['-n', namespace, 'rollout', 'status', 'deployment', 'web', '--timeout=90s'])
  const { items } = await get(`/api/v1/namespaces/${namespace}/pods?labelSelector=app%3Dweb`, podsShape)
  const address = items[0]?.status.podIP
  if (address === undefined) throw new Error(`no pod with app=web in ${namespace}`)
  return address
}

/** Creates a Service on port 8080 and the EndpointSlice that leads it to a port of the responder. */
export async function createService(
  namespace: string,
  name: string,
  responderAddress: string,
  port: number = responderPorts.hello,
): Promise<void> {
  await create(pathOf(namespace, 'services'), {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name },
    spec: { clusterIP: 'None', ports: [{ port: 8080, targetPort: port }] },
  })
  await create(pathOf(namespace, 'endpointslices'), {
    apiVersion: discoveryApi,
    kind: 'EndpointSlice',
    metadata: { name, labels: { 'kubernetes.io/service-name': name } },
    addressType: 'IPv4',
    endpoints: [{ addresses: [responderAddress], conditions: { ready: true } }],
    ports: [{ port, protocol: 'TCP' }],
  })
}

/** Hostname of a route. */
export function hostOf(name: string): string {
  return `${name}.bench.example.com`
}

export type RouteOptions = { readonly gateway: string; readonly rules: readonly Body[]; readonly label?: string }

/** An HTTPRoute with a hostname of its own; `label` is the value of its label `bench`. */
export function routeBody(name: string, { gateway: parent, rules, label = 'present' }: RouteOptions): Body {
  return {
    apiVersion: gatewayApi,
    kind: 'HTTPRoute',
    metadata: { name, labels: { bench: label } },
    spec: { parentRefs: [{ name: parent }], hostnames: [hostOf(name)], rules },
  }
}

/** A rule that forwards everything to a Service. */
export function forwardTo(service: string): Body {
  return { backendRefs: [{ name: service, port: 8080 }] }
}

/** Starts a Gateway with one HTTP listener in a new namespace that has a responder. */
export async function startGateway(namespace: string, name: string): Promise<{ address: string; responder: string }> {
  await createNamespaces([namespace])
  await apply(documents(gateway(namespace, name, [httpListener])))
  const responderAddress = await startResponder(namespace)
  const address = await programmedAddress(namespace, name)
  await readyDataPlane(namespace, name)
  return { address, responder: responderAddress }
}

export type Span = { readonly from: number; readonly to: number }

/** Creates the routes r`from` … r`to - 1` of a Gateway; ten of them share a Service, which is created with the first. */
export async function createRoutes(
  namespace: string,
  { from, to }: Span,
  { gateway: parent, responder: address, rulesOf }: RoutesOptions,
): Promise<void> {
  const numbers = Array.from({ length: to - from }, (_, n) => from + n)
  const services = numbers.filter((n) => n % routesPerService === 0).map((n) => serviceOf(n))
  await inParallel(services, (name) => createService(namespace, name, address))
  await inParallel(numbers, (n) =>
    create(pathOf(namespace, 'httproutes'), routeBody(`r${n}`, { gateway: parent, rules: rulesOf(n) })),
  )
}

export type RoutesOptions = {
  readonly gateway: string
  readonly responder: string
  readonly rulesOf: (n: number) => readonly Body[]
}

/** The Service of the n-th route. */
export function serviceOf(n: number): string {
  return `s${Math.floor(n / routesPerService)}`
}

const namesShape = z.object({ items: z.array(z.object({ metadata: z.object({ name: z.string() }) })) })

/**
 * Deletes a bench's namespace: routes first, so that nobody writes their statuses once more for a Gateway that has gone; and its pods
 * without the time that they would give their clients.
 */
export async function removeNamespace(namespace: string): Promise<void> {
  const { items } = await get(pathOf(namespace, 'httproutes'), namesShape)
  await inParallel(items, ({ metadata: { name } }) => remove(pathOf(namespace, 'httproutes', name)))
  await kubectl(['delete', 'namespace', '--ignore-not-found', '--wait=false', namespace])
  await kubectl(['-n', namespace, 'delete', 'pods', '--all', '--grace-period=1', '--wait=false'])
  await deleteNamespaces([namespace])
}

/** Acts in a namespace that is removed afterwards, whatever comes of it. */
export async function inNamespace<T>(namespace: string, act: () => Promise<T>): Promise<T> {
  let result: T
  try {
    result = await act()
  } catch (error) {
    // What went wrong first is what is to be known.
    await removeNamespace(namespace).catch(() => undefined)
    throw error
  }
  await removeNamespace(namespace)
  return result
}
