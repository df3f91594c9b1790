import { expect } from 'chai'

import { readSettings } from '../settings.ts'
import { parseManifests } from '../watch/files.ts'

import { describeTranslation, printTranslation } from './translate.ts'

const settings = readSettings({}, {})
const start = new Date(0)

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
    const { text, notes } = describeTranslation(parseManifests(manifests, 'x'), settings, start)
    const titles = [...text.matchAll(/^##### (.*)$/gm)].map(([, title]) => title)
    expect(titles).to.include.members([
      'shop/web haproxy.cfg',
      'shop/web general/backends.cfg',
      'shop/web maps/paths-80.map',
      'shop/web Deployment web-haproxy',
      'status of HTTPRoute shop/cart',
    ])
    expect(text).to.contain('server 10-0-0-1_8080 10.0.0.1:8080')
    expect(notes).to.deep.equal([])
    expect(text).to.match(/^shop\.example\.com\/cart\S* shop_cart_8080$/m)
  })

  it('says of everything that comes to nothing why', () => {
    const wrong = manifests.replace('gatewayClassName: haproxy', 'gatewayClassName: haproxi')
    const described = describeTranslation(
      parseManifests(`${wrong}---\nkind: Ingress\nmetadata: { name: old }`, 'x'),
      settings,
      start,
    )
    expect(described.notes).to.have.length(3)
    expect(described.notes[0]).to.contain('Ingress')
    expect(described.notes[1]).to.match(/Gateway shop\/web: .*spec\.gatewayClassName/)
    expect(described.notes[2]).to.match(/HTTPRoute shop\/cart: .*spec\.parentRefs/)
    expect(described.text).not.to.contain('shop')
    expect(describeTranslation([], settings, start)).to.deep.equal({
      text: '',
      notes: ['There are no manifests here, so nothing comes of them.'],
    })
  })

  it('writes no aliases, which readers of a status would have to look up', () => {
    const two = manifests.replace('protocol: HTTP }', 'protocol: HTTP }, { name: other, port: 81, protocol: HTTP }')
    const { text } = describeTranslation(parseManifests(two, 'x'), settings, start)
    expect(text).to.contain('name: other')
    expect(text).not.to.match(/[&*]a\d/)
  })

  it('names a path that does not exist', async () => {
    const failure: unknown = await printTranslation('no-such-folder/shop.yaml', settings).catch((error) => error)
    expect(String(failure)).to.contain('no-such-folder/shop.yaml does not exist; name a file of manifests')
  })
})
