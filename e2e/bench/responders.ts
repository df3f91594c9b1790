// Pods that answer (`responder.ts`), and Services whose EndpointSlices the benches write themselves: so that endpoints come and go without pods
// that start and end, which is the kubelet's work and not what is measured.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'

import manifest from '../../package.json' with { type: 'json' }
import { selfSigned, tlsSecret } from '../lib/certificates.ts'
import { apply, get, kubectl } from '../lib/cluster.ts'
import { podText } from '../lib/gateway.ts'
import { documents } from '../lib/manifests.ts'

export type Manifest = Readonly<Record<string, unknown>>

const firstPort = 9_000
const portCount = 64
const firstTlsPort = 9_100
const tlsPortCount = 4
const orders = 9_999
const label = { app: 'responder' }

/** The name that the certificates of all TLS ports have, under any of which they can be asked for: `NAME.backend.example.com`. */
export const backendDomain = 'backend.example.com'
/** ConfigMap in the responders' namespace with the authority of the TLS ports. */
export const authorityName = 'responder-authority'

/** Port of the responders that stands for the n-th Service, 0 to 63; what it answers is this number. */
export function portOf(n: number): number {
  if (n >= portCount) throw new Error(`responders have ${portCount} ports, none for Service ${n}`)
  return firstPort + n
}
/** The same of a Service with TLS, 0 to 3. */
export function tlsPortOf(n: number): number {
  if (n >= tlsPortCount) throw new Error(`responders have ${tlsPortCount} ports with TLS, none for Service ${n}`)
  return firstTlsPort + n
}

/** Starts responders in a namespace that exists and waits until they answer; the addresses of their pods, sorted. */
export async function startResponders(namespace: string, replicas: number): Promise<readonly string[]> {
  const pair = await selfSigned(['a', 'b'].map((name) => `${name}.${backendDomain}`))
  const authority = { namespace, name: authorityName }
  await apply(tlsSecret(namespace, 'responder-tls', pair))
  await apply(
    documents(
      { apiVersion: 'v1', kind: 'ConfigMap', metadata: authority, data: { 'ca.crt': pair.certificate } },
      program(namespace),
      deployment(namespace, replicas),
    ),
  )
  await kubectl(['-n', namespace, 'rollout', 'status', 'deployment', 'responder', '--timeout=90s'])
  const { items } = await get(`/api/v1/namespaces/${namespace}/pods?labelSelector=app%3Dresponder`, podAddresses)
  return items.map(({ status }) => status.podIP).toSorted()
}

const podAddresses = z.object({ items: z.array(z.object({ status: z.object({ podIP: z.string() }) })) })

function program(namespace: string): Manifest {
  const text = readFileSync(join(import.meta.dirname, 'responder.ts'), 'utf8')
  return {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { namespace, name: 'responder' },
    data: { 'responder.mts': text },
  }
}

// The operator's image is in the cluster, and Node.js in it.
function deployment(namespace: string, replicas: number): Manifest {
  const container = {
    name: 'responder',
    image: `haproxy-gateway-operator:${manifest.version}`,
    imagePullPolicy: 'IfNotPresent',
    command: ['node', '/program/responder.mts'],
    env: [
      { name: 'PORTS', value: `${firstPort}-${firstPort + portCount - 1}` },
      { name: 'TLS_PORTS', value: `${firstTlsPort}-${firstTlsPort + tlsPortCount - 1}` },
      { name: 'ORDERS', value: String(orders) },
    ],
    readinessProbe: { tcpSocket: { port: orders }, periodSeconds: 1 },
    resources: { requests: { cpu: '10m', memory: '64Mi' } },
    volumeMounts: [
      { name: 'program', mountPath: '/program' },
      { name: 'tls', mountPath: '/tls' },
    ],
  }
  const volumes = [
    { name: 'program', configMap: { name: 'responder' } },
    { name: 'tls', secret: { secretName: 'responder-tls' } },
  ]
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { namespace, name: 'responder' },
    spec: {
      replicas,
      selector: { matchLabels: label },
      template: {
        metadata: { labels: label },
        spec: { terminationGracePeriodSeconds: 1, containers: [container], volumes },
      },
    },
  }
}

/** Gives one responder an order (`close?port=N`; see `responder.ts`); its answer. */
export async function order(namespace: string, address: string, what: string): Promise<string> {
  const { items } = await get(`/api/v1/namespaces/${namespace}/pods?labelSelector=app%3Dresponder`, podNames)
  const name = items.find(({ status }) => status.podIP === address)?.metadata.name
  if (name === undefined) throw new Error(`no responder in ${namespace} has the address ${address}`)
  return podText(namespace, name, `${orders}/${what}`)
}

const podNames = z.object({
  items: z.array(z.object({ metadata: z.object({ name: z.string() }), status: z.object({ podIP: z.string() }) })),
})

/** A Service without a selector; its one port is 8080. */
export function service(namespace: string, name: string): Manifest {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { namespace, name },
    spec: { clusterIP: 'None', ports: [{ name: 'http', port: 8080, targetPort: 8080 }] },
  }
}

/** The EndpointSlice of the same name: these addresses at a port of the responders, all ready. */
export function endpointSlice(
  namespace: string,
  name: string,
  { port, addresses }: { readonly port: number; readonly addresses: readonly string[] },
): Manifest {
  return {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: { namespace, name, labels: { 'kubernetes.io/service-name': name } },
    addressType: 'IPv4',
    ports: [{ name: 'http', port, protocol: 'TCP' }],
    endpoints: endpoints(addresses),
  }
}

/** `endpoints` of an EndpointSlice. */
export function endpoints(addresses: readonly string[]): readonly Manifest[] {
  return addresses.map((address) => ({ addresses: [address], conditions: { ready: true } }))
}
