// What tests ask about Gateways, their data planes and routes.

import { z } from 'zod'

import { callApi, find, get, kubectl, systemNamespace } from './cluster.ts'
import { eventually } from './eventually.ts'

const condition = z.object({
  type: z.string(),
  status: z.string(),
  reason: z.string(),
  message: z.string(),
  observedGeneration: z.number().optional(),
  lastTransitionTime: z.string(),
})
export type Condition = z.infer<typeof condition>

const metadata = z.object({
  name: z.string(),
  namespace: z.string().optional(),
  generation: z.number().optional(),
  labels: z.record(z.string(), z.string()).optional(),
  annotations: z.record(z.string(), z.string()).optional(),
})
const gatewayShape = z.object({
  metadata,
  status: z
    .object({
      addresses: z.array(z.object({ type: z.string().optional(), value: z.string() })).default([]),
      conditions: z.array(condition).default([]),
      listeners: z
        .array(
          z.object({
            name: z.string(),
            attachedRoutes: z.number(),
            supportedKinds: z.array(z.object({ group: z.string().optional(), kind: z.string() })).default([]),
            conditions: z.array(condition).default([]),
          }),
        )
        .default([]),
    })
    .default({ addresses: [], conditions: [], listeners: [] }),
})
export type GatewayObject = z.infer<typeof gatewayShape>

const routeShape = z.object({
  metadata,
  status: z
    .object({
      parents: z
        .array(
          z.object({
            controllerName: z.string(),
            parentRef: z.object({
              name: z.string(),
              namespace: z.string().optional(),
              sectionName: z.string().optional(),
            }),
            conditions: z.array(condition).default([]),
          }),
        )
        .default([]),
    })
    .default({ parents: [] }),
})
export type RouteObject = z.infer<typeof routeShape>

const podList = z.object({
  items: z.array(
    z.object({
      metadata: metadata.extend({ uid: z.string(), deletionTimestamp: z.string().optional() }),
      status: z.object({
        podIP: z.string().optional(),
        conditions: z.array(z.object({ type: z.string(), status: z.string() })).default([]),
      }),
    }),
  ),
})
export type Pod = z.infer<typeof podList>['items'][number]

const gatewayApi = '/apis/gateway.networking.k8s.io/v1'

export function getGateway(namespace: string, name: string): Promise<GatewayObject> {
  return get(`${gatewayApi}/namespaces/${namespace}/gateways/${name}`, gatewayShape)
}
export function getRoute(namespace: string, name: string): Promise<RouteObject> {
  return get(`${gatewayApi}/namespaces/${namespace}/httproutes/${name}`, routeShape)
}
export async function exists(path: string): Promise<boolean> {
  return (await find(path, z.unknown())) !== undefined
}

/** Throws unless the condition stands there with this status (and reason), for the newest generation. */
export function expectCondition(
  conditions: readonly Condition[],
  wanted: { readonly type: string; readonly status: string; readonly reason?: string },
  generation?: number,
): Condition {
  const found = conditions.find(({ type }) => type === wanted.type)
  if (!found)
    throw new Error(`no condition ${wanted.type} among ${conditions.map(({ type }) => type).join(', ') || 'none'}`)
  const right = found.status === wanted.status && (wanted.reason === undefined || found.reason === wanted.reason)
  if (!right) {
    throw new Error(
      `${wanted.type} is ${found.status}/${found.reason} (${found.message}), not ${wanted.status}/${wanted.reason ?? 'any reason'}`,
    )
  }
  if (generation !== undefined && found.observedGeneration !== generation) {
    throw new Error(
      `${wanted.type} was written for generation ${found.observedGeneration}, the object is at ${generation}`,
    )
  }
  return found
}

/** Waits until the Gateway is Programmed at its newest generation; its first address. */
export function programmedAddress(namespace: string, name: string, within = 90_000): Promise<string> {
  return eventually(
    `Gateway ${namespace}/${name} is Programmed`,
    async () => {
      const {
        metadata: { generation },
        status,
      } = await getGateway(namespace, name)
      expectCondition(status.conditions, { type: 'Programmed', status: 'True' }, generation)
      const address = status.addresses[0]?.value
      if (address === undefined) throw new Error('status.addresses is empty')
      return address
    },
    { within, every: 200 },
  )
}

/** Waits until every parent of the route has Accepted and ResolvedRefs True at its newest generation. */
export function acceptedRoute(namespace: string, name: string): Promise<RouteObject> {
  return eventually(`HTTPRoute ${namespace}/${name} is accepted`, async () => {
    const route = await getRoute(namespace, name)
    if (route.status.parents.length === 0) throw new Error('status.parents is empty')
    for (const { conditions } of route.status.parents) {
      expectCondition(conditions, { type: 'Accepted', status: 'True' }, route.metadata.generation)
      expectCondition(conditions, { type: 'ResolvedRefs', status: 'True' }, route.metadata.generation)
    }
    return route
  })
}

/** Pods of a Gateway's data plane that are not going away. */
export async function dataPlanePods(namespace: string, gateway: string): Promise<readonly Pod[]> {
  const label = encodeURIComponent(`gateway.networking.k8s.io/gateway-name=${gateway}`)
  const { items } = await get(`/api/v1/namespaces/${namespace}/pods?labelSelector=${label}`, podList)
  return items.filter((pod) => pod.metadata.deletionTimestamp === undefined)
}

export function isReady(pod: Pod): boolean {
  return pod.status.conditions.some(({ type, status }) => type === 'Ready' && status === 'True')
}

/** Waits until the data plane has this many pods and all are ready. */
export function readyDataPlane(namespace: string, gateway: string, count = 2): Promise<readonly Pod[]> {
  return eventually(
    `${count} data plane pods of Gateway ${namespace}/${gateway} are ready`,
    async () => {
      const pods = await dataPlanePods(namespace, gateway)
      const ready = pods.filter(isReady).length
      if (pods.length !== count || ready !== count) throw new Error(`${pods.length} pods, ${ready} ready`)
      return pods
    },
    { within: 90_000, every: 200 },
  )
}

/** Text under a port and path of a pod, by way of the API server. */
export async function podText(namespace: string, pod: string, place: string): Promise<string> {
  const [port, ...path] = place.split('/')
  const { status, text } = await callApi({
    path: `/api/v1/namespaces/${namespace}/pods/${pod}:${port}/proxy/${path.join('/')}`,
  })
  if (status !== 200) throw new Error(`pod ${namespace}/${pod}, ${place}: ${status} ${text.slice(0, 200)}`)
  return text
}

/** Who serves: one entry per pod, which changes when its HAProxy worker is replaced, so also by any reload. */
export async function workers(namespace: string, gateway: string): Promise<readonly string[]> {
  const pods = await dataPlanePods(namespace, gateway)
  const entries = await Promise.all(
    pods.map(async ({ metadata: { name } }) => {
      const text = await podText(namespace, name, '8404/metrics')
      const started = /^haproxy_process_start_time_seconds (\S+)$/m.exec(text)?.[1]
      if (started === undefined) throw new Error(`pod ${namespace}/${name} does not say since when its worker runs`)
      return `${name} since ${started}`
    }),
  )
  return entries.toSorted()
}

/** Pods of the operator itself. */
export async function operatorPods(): Promise<readonly Pod[]> {
  const { items } = await get(`/api/v1/namespaces/${systemNamespace}/pods`, podList)
  return items.filter((pod) => pod.metadata.deletionTimestamp === undefined)
}

/** The one Deployment of the operator. */
export async function operatorDeployment(): Promise<string> {
  const names = await kubectl(['-n', systemNamespace, 'get', 'deployment', '-o', 'name'])
  const name = names.trim().split('\n')[0]
  if (!name) throw new Error(`no Deployment in ${systemNamespace}; run make e2e, which installs the bundle.`)
  return name
}

/** Scales the operator and waits until that is so. */
export async function scaleOperator(replicas: 0 | 1): Promise<void> {
  await kubectl(['-n', systemNamespace, 'scale', await operatorDeployment(), `--replicas=${replicas}`])
  await eventually(
    `the operator runs ${replicas} times`,
    async () => {
      const pods = await operatorPods()
      const good = pods.length === replicas && pods.every(isReady)
      if (!good) throw new Error(`${pods.length} pods, ${pods.filter(isReady).length} ready`)
    },
    { within: 60_000, every: 200 },
  )
}

const restarts = z.object({
  items: z.array(
    z.object({ status: z.object({ containerStatuses: z.array(z.object({ restartCount: z.number() })).default([]) }) }),
  ),
})

/** How often containers of the operator have ended and been started again. */
export async function operatorRestarts(): Promise<number> {
  const { items } = await get(`/api/v1/namespaces/${systemNamespace}/pods`, restarts)
  return items.flatMap((pod) => pod.status.containerStatuses).reduce((sum, { restartCount }) => sum + restartCount, 0)
}

/** Names of everything of these kinds that carries the Gateway's label. */
export async function objectsOf(namespace: string, gateway: string): Promise<readonly string[]> {
  const kinds = 'deployments,replicasets,pods,services,serviceaccounts,secrets,configmaps,poddisruptionbudgets'
  const selector = `gateway.networking.k8s.io/gateway-name=${gateway}`
  const names = await kubectl(['-n', namespace, 'get', kinds, '-l', selector, '-o', 'name'])
  return names.split('\n').filter((name) => name !== '')
}
