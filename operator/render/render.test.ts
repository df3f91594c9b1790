import { expect } from 'chai'
import fc from 'fast-check'
import { join } from 'node:path'

import { httpFrontends } from '../model/frontends.ts'
import { certificateFile } from '../model/names.ts'
import type { ProxyModel, SniCertificate, VirtualHost } from '../model/proxy-model.ts'
import type { MapEntry, RenderedConfig } from '../model/rendered.ts'
import { Secret } from '../model/secret.ts'
import { defaultDataPlane } from '../model/settings.ts'

import { loadRenderer } from './render.ts'
import { loadTemplates } from './templates.ts'
import { virtualHosts } from './testing/arbitraries.ts'
import { machineView } from './view.ts'
import { shopWeb } from './testing/shop-web.ts'
import { itemsOf, leafOfItems, noParts, together } from '../lib/parts.ts'

const folder = join(import.meta.dirname, '../../templates')
const render = loadRenderer(folder, defaultDataPlane)

describe('render', () => {
  it('keeps the sections of hosts and backends that did not change', () => {
    const before = render(proxy([host('a.org'), host('b.org')]))
    const [first] = httpFrontends(proxy([host('a.org')]))
    const hosts = [itemsOf(first?.hosts)[0] ?? host('a.org'), host('b.org')]
    const one = render(proxy(hosts))
    const two = render(proxy([...hosts.slice(0, 1), host('b.org', '/new')]))
    expect(two.maps.get('paths-80.map')?.get('80/a.org')).to.equal(one.maps.get('paths-80.map')?.get('80/a.org'))
    expect(two.maps.get('paths-80.map')?.get('80/b.org')).not.to.equal(one.maps.get('paths-80.map')?.get('80/b.org'))
    expect(before.generation).to.equal(one.generation)
    expect(two.generation).not.to.equal(one.generation)
  })

  it('gives the identical map of backends while none of them changes', () => {
    const backends = leafOfItems([{ id: 'shop/cart:80', profile: 'plain', servers: [] } as const])
    const one = render({ ...proxy([host('a.org')]), backends })
    const two = render({ ...proxy([host('b.org')]), backends })
    expect(two.backends).to.equal(one.backends)
    expect(one.backends.size).to.equal(1)
  })

  it('renders the same machine for other routes and another one for a new condition name', () => {
    const { machine } = render(proxy([host('a.org')]))
    expect(render(proxy([host('b.org', '/x')])).machine.hash).to.equal(machine.hash)
    const named = render({ ...proxy([]), conditionNames: { headers: ['x-a', `odd'name`], queries: [] } })
    expect(named.machine.hash).not.to.equal(machine.hash)
    expect(named.machine.reasons).to.deep.equal(['port 80', 'header x-a'])
  })

  it('has every map that the machine reads, filled or not', () => {
    const { machine, maps } = render(proxy([]))
    const read = new Set(
      [...`${machine.text}${[...machine.scripts.values()].join('')}`.matchAll(/maps\/([\w-]+\.map)/g)].map(
        ([, file]) => file,
      ),
    )
    expect([...read]).to.have.members([...maps.keys(), 'meta.map'])
  })

  it('writes the servers of a backend, IPv6 in brackets', () => {
    const { backends } = render({
      ...proxy([]),
      backends: leafOfItems([
        {
          id: 'shop/cart:80',
          profile: 'filtered',
          servers: [
            { address: '10.0.0.7', port: 80 },
            { address: 'fd00::7', port: 81 },
          ],
        },
      ]),
    })
    expect(backends.get('shop_cart_80.f')?.text).to.equal(
      'backend shop_cart_80.f from filtered\n    server 10-0-0-7_80 10.0.0.7:80\n    server fd00--7_81 [fd00::7]:81\n',
    )
  })

  it('says of servers what they speak besides HTTP/1.1, in their line, in their name and to who adds them at run time', () => {
    const backend = { id: 'shop/cart:80/h2', profile: 'plain', servers: [{ address: '10.0.0.7', port: 80 }] } as const
    const { backends } = render({ ...proxy([]), backends: leafOfItems([backend]) })
    const section = backends.get('shop_cart_80.h2')
    expect(section?.text).to.equal(
      'backend shop_cart_80.h2 from plain\n    server 10-0-0-7_80.h2 10.0.0.7:80 proto h2\n',
    )
    expect([...(section?.servers ?? [])]).to.deep.equal([
      ['10-0-0-7_80.h2', { address: '10.0.0.7', port: 80, options: { proto: 'h2' } }],
    ])
  })

  it('lets a file stand in for the default certificate: the first of those for any hostname, or else the first of all', () => {
    const orders: readonly (readonly [shown: readonly string[], first: string])[] = [
      [['a=a.org', 'b=*.b.org', 'any=', 'other='], 'any'],
      [['b=*.b.org', 'other=', 'any='], 'other'],
      [['b=*.b.org', 'a=a.org'], 'b'],
      [['a=a.org', 'b=*.b.org'], 'a'],
    ]
    for (const [shown, first] of orders) {
      const some = shown.map((text, at) => certificate(text.split('=')[0] ?? '', text.split('=')[1] ?? '', String(at)))
      // The order in which they stand in the tree means nothing.
      for (const certificates of [leafOfItems(some), together([leafOfItems(some.toReversed())])]) {
        const frontends: ProxyModel['frontends'] = [{ kind: 'http', port: 443, hosts: noParts, tls: { certificates } }]
        const { certificateLists, certificates: files } = render({ ...proxy([]), frontends })
        const list = certificateLists.get('certificates-443.txt')
        const file = 'default-443.pem'
        expect(list?.first).to.equal(file)
        expect(files.get(file)?.fingerprint, shown.join(' ')).to.equal(first)
        const own = some.map(({ certificate: { id }, hostnames }) => ({ file: certificateFile(id), sni: hostnames }))
        const entries = [{ file, sni: ['!*'] }, ...own].map((entry) => [entry.file, entry] as const)
        expect(new Map(list?.entries)).to.deep.equal(new Map(entries))
      }
    }
  })

  it('keeps the files of certificates, identically, while neither they nor the default one change', () => {
    const certificates = leafOfItems([certificate('a', 'a.org', '1'), certificate('b', 'b.org', '2')])
    const secure = (hosts: readonly VirtualHost[]): ProxyModel => ({
      ...proxy([]),
      frontends: [{ kind: 'http', port: 443, hosts: leafOfItems(hosts), tls: { certificates } }],
    })
    const [one, two] = [render(secure([host('a.org')])), render(secure([host('b.org')]))]
    expect(two.certificates).to.equal(one.certificates)
    const other = leafOfItems([certificate('a', 'a.org', '3'), certificate('b', 'b.org', '2')])
    const changed = render({
      ...proxy([]),
      frontends: [{ kind: 'http', port: 443, hosts: leafOfItems([host('a.org')]), tls: { certificates: other } }],
    })
    expect(changed.generation).to.not.equal(one.generation)
    expect(changed.certificates.get('default-443.pem')?.fingerprint).to.equal('b')
  })

  it('names the list of certificates in the machine', () => {
    const certificates = leafOfItems([certificate('a', 'a.org', '')])
    const { machine } = render({
      ...proxy([]),
      frontends: [{ kind: 'http', port: 443, hosts: noParts, tls: { certificates } }],
    })
    expect(machine.text).to.include('bind :443 ssl crt-list /gw/ssl/certificates-443.txt alpn h2,http/1.1')
  })

  it('gives templates every value that they ask for', () => {
    const strict = <View extends object>(view: View): View =>
      new Proxy(view, {
        get(target, key, receiver): unknown {
          if (typeof key === 'string' && !(key in target)) throw new Error(`a template asks for ${key}`)
          const value: unknown = Reflect.get(target, key, receiver)
          return typeof value === 'object' && value !== null && !Array.isArray(value) ? strict(value) : value
        },
      })
    const view = machineView({ ...proxy([]), conditionNames: { headers: ['x-a'], queries: ['q'] } }, defaultDataPlane)
    const frontends = view.frontends.map((frontend) => strict(frontend))
    expect(loadTemplates(folder).machine(strict({ ...view, frontends }))).to.include('url_param(q)')
  })

  it('law: maps hold nothing that a line cannot, read back they are the same, and no key stands in two sections', () => {
    fc.assert(
      fc.property(virtualHosts(80), (hosts) => {
        const rendered = render(proxy(hosts))
        for (const sections of rendered.maps.values()) {
          const entries = [...sections.values()].flatMap((section) => section.entries)
          expect(parsed(entries.map(({ key, value }) => `${key} ${value}\n`).join(''))).to.deep.equal(
            entries.map(({ key, value }) => ({ key, value })),
          )
          expect(new Set(entries.map(({ key }) => key)).size).to.equal(entries.length)
        }
      }),
      { numRuns: 60 },
    )
  })

  it('law: every value leads somewhere', () => {
    fc.assert(
      fc.property(virtualHosts(80), (hosts) => {
        const rendered = render(proxy(hosts))
        const known = new Set([
          ...keysOf(rendered, 'tree.map').map((key) => key.split('|')[0]),
          ...keysOf(rendered, 'actions.map'),
          ...keysOf(rendered, 'candidates.map'),
        ])
        const named = ['paths-80.map', 'tree.map', 'candidates.map'].flatMap((map) =>
          entriesOf(rendered, map).flatMap(({ value }) => value.split('|').slice(0, 2)),
        )
        expect(named.filter((value) => value.startsWith('@') && !known.has(value))).to.deep.equal([])
        const requests = entriesOf(rendered, 'subrequests.map')
        const asked = entriesOf(rendered, 'actions.map').flatMap(({ value }) => value.match(/@[xa]\.[0-9a-f]+/g) ?? [])
        expect(new Set(asked)).to.deep.equal(new Set(requests.map(({ key }) => key)))
        for (const { value, backend } of requests) expect(backend).to.equal(value.split('|')[0])
      }),
      { numRuns: 60 },
    )
  })
})

function parsed(text: string): readonly { readonly key: string; readonly value: string }[] {
  return text
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => line.trim().split(/\s+/))
    .map(([key = '', ...rest]) => ({ key, value: rest.join(' ') }))
}

function keysOf(rendered: RenderedConfig, map: string): readonly string[] {
  return entriesOf(rendered, map).map(({ key }) => key)
}

function entriesOf(rendered: RenderedConfig, map: string): readonly MapEntry[] {
  return [...(rendered.maps.get(map)?.values() ?? [])].flatMap((section) => section.entries)
}

function certificate(name: string, hostname: string, precedence: string): SniCertificate {
  const hostnames = hostname === '' ? [] : [hostname]
  return { certificate: { id: `shop/${name}`, pem: new Secret('pem'), fingerprint: name }, hostnames, precedence }
}

const hostsByName = new Map<string, VirtualHost>()

function host(hostname: string, path = '/'): VirtualHost {
  const known = hostsByName.get(`${hostname}${path}`)
  if (known !== undefined) return known
  const match = { path: { kind: 'prefix' as const, value: path }, headers: [], queries: [] }
  const made: VirtualHost = {
    port: 80,
    hostname,
    rules: [{ id: 'r', match, action: { kind: 'respond', status: 500 } }],
  }
  hostsByName.set(`${hostname}${path}`, made)
  return made
}

function proxy(hosts: readonly VirtualHost[]): ProxyModel {
  return {
    ...shopWeb,
    frontends: [{ kind: 'http', port: 80, hosts: leafOfItems(hosts) }],
    backends: noParts,
    certificates: noParts,
    conditionNames: { headers: [], queries: [] },
  }
}
