import { expect } from 'chai'

import { derive, settle } from '../lib/derive.ts'

import { parseManifests, snapshotFromObjects } from '../watch/files.ts'
import { createBackends } from './backends.ts'

const service = `
apiVersion: v1
kind: Service
metadata: { name: cart, namespace: shop }
spec:
  ports:
  - { name: http, port: 80, targetPort: web }
  - { name: admin, port: 81, targetPort: 9000 }
  - { name: dns, port: 53, protocol: UDP }
`

function slice(name: string, ports: string, endpoints: readonly string[], serviceName = 'cart'): string {
  return `
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: { name: ${name}, namespace: shop, labels: { kubernetes.io/service-name: ${serviceName} } }
addressType: IPv4
ports: ${ports}
endpoints: [${endpoints.join(', ')}]
`
}

const web = '[{ name: http, port: 8080 }, { name: admin, port: 9000 }]'
const ready = '{ addresses: [10.0.0.9, 10.0.0.10], conditions: { ready: true } }'
const unknown = '{ addresses: [10.0.0.1] }'
const unready = '{ addresses: [10.0.0.2], conditions: { ready: false, serving: false, terminating: false } }'
const draining = '{ addresses: [10.0.0.3], conditions: { ready: false, serving: true, terminating: true } }'

function serversWith(manifests: readonly string[], id = 'shop/cart:80') {
  const backendOf = createBackends(snapshotFromObjects(parseManifests(manifests.join('\n---\n'), 'test')))
  settle()
  return backendOf(id, 'plain').servers.map(({ address, port }) => `${address} ${port}`)
}

describe('translate/backends', () => {
  it('takes ready endpoints of all slices of the Service, sorted, each once', () => {
    const slices = [slice('b', web, [ready, unready]), slice('a', web, [unknown, ready])]
    expect(serversWith([service, ...slices])).to.deep.equal(['10.0.0.1 8080', '10.0.0.10 8080', '10.0.0.9 8080'])
  })

  it('a slice that cannot be read has no endpoints, and costs no other its own', () => {
    const broken = slice('b', web, ['{ addresses: null }'])
    const noList = slice('c', '5', [ready])
    expect(serversWith([service, broken, noList, slice('a', web, [unknown])])).to.deep.equal(['10.0.0.1 8080'])
  })

  it('finds the target port by the name of the port', () => {
    expect(serversWith([service, slice('a', web, [unknown])], 'shop/cart:81')).to.deep.equal(['10.0.0.1 9000'])
  })

  it('finds the target port of a port without a name', () => {
    const unnamed = service.replace('name: http, ', '')
    expect(serversWith([unnamed, slice('a', '[{ name: "", port: 8080 }]', [unknown])])).to.deep.equal(['10.0.0.1 8080'])
  })

  it('falls back to endpoints that still serve while they end', () => {
    expect(serversWith([service, slice('a', web, [unready, draining])])).to.deep.equal(['10.0.0.3 8080'])
    expect(serversWith([service, slice('a', web, [unknown, draining])])).to.deep.equal(['10.0.0.1 8080'])
  })

  describe('takes an endpoint by its conditions', () => {
    // Absent means true for ready, what ready says for serving, and false for terminating. A Service with publishNotReadyAddresses has
    // nothing but ready endpoints. https://kubernetes.io/docs/concepts/services-networking/endpoint-slices/#conditions
    const states = [true, false, undefined]
    const table = states.flatMap((isReady) =>
      states.flatMap((serving) => states.map((terminating) => ({ ready: isReady, serving, terminating }))),
    )
    for (const conditions of table) {
      const { ready: isReady = true, serving = isReady, terminating = false } = conditions
      const use = isReady ? 'always' : serving && terminating ? 'when no other is ready' : 'never'
      it(`${JSON.stringify(conditions)}: ${use}`, () => {
        const endpoint = `{ addresses: [10.0.0.7], conditions: ${JSON.stringify(conditions)} }`
        const alone = serversWith([service, slice('a', web, [endpoint])])
        expect(alone).to.deep.equal(use === 'never' ? [] : ['10.0.0.7 8080'])
        const beside = serversWith([service, slice('a', web, [endpoint]), slice('b', web, [unknown])])
        expect(beside).to.deep.equal(use === 'always' ? ['10.0.0.1 8080', '10.0.0.7 8080'] : ['10.0.0.1 8080'])
      })
    }
  })

  it('takes IPv6 beside IPv4, and neither domain names nor zones', () => {
    const other = '{ addresses: ["fd00::7", example.com, "fe80::1%eth0", "10.1", "1.2.3.256", ":::1", "1.2.3.4\\nx"] }'
    const slices = [slice('a', web, [unknown]), slice('b', web, [other])]
    expect(serversWith([service, ...slices])).to.deep.equal(['10.0.0.1 8080', 'fd00::7 8080'])
  })

  const empties: readonly (readonly [string, readonly string[]])[] = [
    ['no slices', [service]],
    ['only slices of another Service', [service, slice('a', web, [unknown], 'other')]],
    ['only endpoints that are not ready', [service, slice('a', web, [unready])]],
    ['no port of that name in the slices', [service, slice('a', '[{ name: other, port: 8080 }]', [unknown])]],
    ['only a UDP port in the slices', [service, slice('a', '[{ name: http, port: 8080, protocol: UDP }]', [unknown])]],
  ]
  for (const [sentence, manifests] of empties)
    it(`has no servers with ${sentence}`, () => {
      expect(serversWith(manifests)).to.deep.equal([])
    })

  it('shares the servers between profiles, and follows only what matters', () => {
    const snapshot = snapshotFromObjects(parseManifests([service, slice('a', web, [unknown])].join('---'), 'test'))
    const backendOf = createBackends(snapshot)
    const both = derive(() => [backendOf('shop/cart:80', 'plain'), backendOf('shop/cart:80', 'filtered')])
    settle()
    const [plain, filtered] = both()
    expect(plain?.servers).to.equal(filtered?.servers)
    expect([plain?.profile, filtered?.profile]).to.deep.equal(['plain', 'filtered'])

    const first = both()
    for (const object of parseManifests(slice('b', web, [unready]), 'test')) snapshot.put(object)
    settle()
    expect(both()).to.equal(first)

    for (const object of parseManifests(slice('b', web, [ready]), 'test')) snapshot.put(object)
    settle()
    expect(both()[0]?.servers).to.have.lengthOf(3)

    snapshot.remove('EndpointSlice', 'shop/b')
    snapshot.remove('EndpointSlice', 'shop/a')
    settle()
    expect(both()[0]?.servers).to.deep.equal([])
  })

  it('takes no endpoint that only the data plane could reach, and no port that HAProxy would refuse', () => {
    const forged = '{ addresses: [127.0.0.1, 169.254.169.254, 10.0.0.8] }'
    expect(serversWith([service, slice('a', web, [forged])])).to.deep.equal(['10.0.0.8 8080'])
    const names = slice('a', web, [forged]).replace('addressType: IPv4', 'addressType: FQDN')
    expect(serversWith([service, names])).to.deep.equal([])
    for (const port of [0, -1, 65_536, 99_999, 1.5])
      expect(serversWith([service, slice('a', `[{ name: http, port: ${port} }]`, [unknown])])).to.deep.equal([])
  })

  it('gives two spellings of one address one server, and two addresses two names', () => {
    const twice = '{ addresses: ["2001:db8::1", "2001:DB8:0::1"] }'
    expect(serversWith([service, slice('a', web, [twice])])).to.deep.equal(['2001:db8::1 8080'])
    const alike = '{ addresses: ["::ffff:1.2.3.4", "2001::ffff:1:2:3:4"] }'
    expect(serversWith([service, slice('a', web, [alike])])).to.deep.equal(['1.2.3.4 8080', '2001::ffff:1:2:3:4 8080'])
  })

  it('takes 5,000 endpoints and no more', () => {
    const addresses = Array.from({ length: 6000 }, (_, i) => `10.0.${Math.floor(i / 250)}.${i % 250}`)
    const many = slice('a', web, [`{ addresses: [${addresses.join(', ')}] }`])
    expect(serversWith([service, many])).to.have.lengthOf(5000)
  })
})
