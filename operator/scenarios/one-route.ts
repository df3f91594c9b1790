// For tests only: the smallest cluster that serves one rule.

import type { KubernetesObject } from '../model/kubernetes.ts'
import { parseManifests } from '../watch/files.ts'

/**
 * Gateway shop/web with an HTTP listener on `port`, an HTTPRoute with this rule, and a Service of port 80 for each name, whose one endpoint
 * listens on the port beside the name.
 */
export function oneRoute(
  rule: unknown,
  port: number,
  services: Readonly<Record<string, number>>,
): readonly KubernetesObject[] {
  return parseManifests(
    `
apiVersion: gateway.networking.k8s.io/v1
kind: GatewayClass
metadata: { name: haproxy }
spec: { controllerName: haproxy-gateway.dev/controller }
---
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: { namespace: shop, name: web }
spec: { gatewayClassName: haproxy, listeners: [{ name: http, protocol: HTTP, port: ${port} }] }
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: { namespace: shop, name: main }
spec: { parentRefs: [{ name: web }], rules: [${JSON.stringify(rule)}] }
${Object.entries(services).map(service).join('')}
`,
    'one route',
  )
}

function service([name, target]: readonly [string, number]): string {
  return `
---
apiVersion: v1
kind: Service
metadata: { namespace: shop, name: ${name} }
spec: { ports: [{ port: 80 }] }
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: { namespace: shop, name: ${name}-1, labels: { kubernetes.io/service-name: ${name} } }
addressType: IPv4
ports: [{ name: "", port: ${target}, protocol: TCP }]
endpoints: [{ addresses: [10.0.0.1], conditions: { ready: true } }]`
}

/** Endpoints of Service shop/cart: one more EndpointSlice, at this port of the address that requests to it go to. */
export function cartSlice(port: number): readonly KubernetesObject[] {
  return parseManifests(
    `
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: { namespace: shop, name: cart-${port}, labels: { kubernetes.io/service-name: cart } }
addressType: IPv4
ports: [{ name: "", port: ${port}, protocol: TCP }]
endpoints: [{ addresses: [10.0.0.1] }]`,
    'endpoints',
  )
}
