import { expect } from 'chai'

import { readSettings } from '../settings.ts'
import { parseManifests } from '../watch/files.ts'

import { describeTranslation } from './translate.ts'

const manifests = `
apiVersion: gateway.networking.k8s.io/v1
kind: GatewayClass
metadata: { name: haproxy }
spec: { controllerName: haproxy-gateway.dev/controller }
---
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: { name: web, namespace: shop }
spec: { gatewayClassName: haproxy, listeners: [{ name: http, port: 80, protocol: HTTP }] }
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: { name: cart, namespace: shop }
spec:
  parentRefs: [{ name: web }]
  hostnames: [shop.example.com]
  rules: [{ matches: [{ path: { type: PathPrefix, value: /cart } }], backendRefs: [{ name: cart, port: 8080 }] }]
---
kind: Namespace
metadata: { name: shop }
---
kind: Service
metadata: { name: cart, namespace: shop }
spec: { ports: [{ port: 8080 }] }
---
kind: EndpointSlice
metadata: { name: cart-1, namespace: shop, labels: { kubernetes.io/service-name: cart } }
addressType: IPv4
ports: [{ port: 8080 }]
endpoints: [{ addresses: [10.0.0.1] }]
`

describe('cli/translate', () => {
  it('shows files, objects and statuses, each under its name', () => {
    const text = describeTranslation(parseManifests(manifests, 'x'), readSettings({}, {}), new Date(0))
    const titles = [...text.matchAll(/^##### (.*)$/gm)].map(([, title]) => title)
    expect(titles).to.include.members([
      'shop/web haproxy.cfg',
      'shop/web general/backends.cfg',
      'shop/web maps/paths-80.map',
      'shop/web Deployment web-haproxy',
      'status of HTTPRoute shop/cart',
    ])
    expect(text).to.contain('server 10-0-0-1_8080 10.0.0.1:8080')
    expect(text).to.match(/^shop\.example\.com\/cart\S* shop_cart_8080$/m)
  })

  it('shows nothing for manifests without a Gateway of ours', () => {
    expect(describeTranslation([], readSettings({}, {}), new Date(0))).to.equal('')
  })
})
