import { expect } from 'chai'

import { httpFrontends } from '../model/frontends.ts'
import type { GatewayListener, HTTPRoute, KubernetesObject } from '../model/kubernetes.ts'
import type { Report } from '../model/report.ts'
import { snapshotFromObjects } from '../watch/files.ts'

import { allows, type LabelSelector, selects } from './namespaces.ts'
import { gateway, gatewayClass, listener, namespace, route, service } from './testing/objects.ts'
import { createTranslator, type Translation } from './translate.ts'
import { itemsOf } from '../lib/parts.ts'

function translate(objects: readonly KubernetesObject[]): Translation {
  return createTranslator(
    snapshotFromObjects([gatewayClass(), service('shop/service'), service('pay/service'), ...objects]),
  )()
}
// Per parent its gateway, listener and refusal; per listener of shop/web how many routes count.
function parents(report: Report, key: string): readonly string[] {
  return (report.routes.get(`HTTPRoute ${key}`)?.parents ?? []).map(({ gateway: to, findings }) =>
    [to, ...findings.map(({ reason }) => reason)].join(' '),
  )
}
function counts(report: Report): readonly number[] {
  return (report.gateways.get('shop/web')?.listeners ?? []).map(({ attachedRoutes }) => attachedRoutes)
}
function virtualHosts({ proxies }: Translation): readonly string[] {
  return proxies.flatMap((proxy) =>
    httpFrontends(proxy).flatMap(({ port, hosts }) => {
      const sorted = itemsOf(hosts).toSorted((a, b) => (a.hostname < b.hostname ? -1 : 1))
      return sorted.map(({ hostname, rules }) => `${port} ${hostname || '*'}: ${rules.length}`)
    }),
  )
}

describe('translate/attachment', () => {
  const from = (namespaces: NonNullable<GatewayListener['allowedRoutes']>['namespaces']) => ({
    allowedRoutes: namespaces === undefined ? {} : { namespaces },
  })
  const two = [listener({ name: 'a', hostname: 'a.com' }), listener({ name: 'b', hostname: 'b.com', port: 81 })]
  const selector = { matchLabels: { team: 'x' } }
  type Spec = Partial<HTTPRoute['spec']>
  type Row = {
    readonly what: string
    readonly listeners?: readonly GatewayListener[]
    readonly key?: string
    readonly refs?: HTTPRoute['spec']['parentRefs']
    readonly spec?: Spec
    readonly outcome: readonly string[]
    readonly attached: readonly number[]
  }
  const web = { name: 'web', namespace: 'shop' }
  const rows: readonly Row[] = [
    { what: 'the whole gateway', listeners: two, outcome: ['shop/web'], attached: [1, 1] },
    {
      what: 'a section',
      listeners: two,
      refs: [{ ...web, sectionName: 'b' }],
      outcome: ['shop/web'],
      attached: [0, 1],
    },
    {
      what: 'an empty section name, which is none',
      refs: [{ ...web, sectionName: '' }],
      outcome: ['shop/web'],
      attached: [1],
    },
    { what: 'a port', listeners: two, refs: [{ ...web, port: 81 }], outcome: ['shop/web'], attached: [0, 1] },
    {
      what: 'a section that is not there',
      listeners: two,
      refs: [{ ...web, sectionName: 'c' }],
      outcome: ['shop/web NoMatchingParent'],
      attached: [0, 0],
    },
    {
      what: 'a section at another port',
      listeners: two,
      refs: [{ ...web, sectionName: 'a', port: 81 }],
      outcome: ['shop/web NoMatchingParent'],
      attached: [0, 0],
    },
    {
      what: 'both sections, one by one',
      listeners: two,
      refs: [
        { ...web, sectionName: 'a' },
        { ...web, sectionName: 'b' },
      ],
      outcome: ['shop/web', 'shop/web'],
      attached: [1, 1],
    },
    {
      what: 'the same listener twice counts once',
      listeners: [two[0] ?? listener()],
      refs: [web, { ...web, sectionName: 'a' }],
      outcome: ['shop/web', 'shop/web'],
      attached: [1],
    },
    { what: 'without a namespace, the route’s own', refs: [{ name: 'web' }], outcome: ['shop/web'], attached: [1] },
    { what: 'a gateway that is not there', refs: [{ name: 'x' }, web], outcome: ['shop/web'], attached: [1] },
    { what: 'another kind', refs: [{ kind: 'Service', group: '', name: 'web' }], outcome: [], attached: [0] },
    { what: 'another group', refs: [{ group: 'x.io', name: 'web' }], outcome: [], attached: [0] },
    {
      what: 'from another namespace, by default',
      key: 'pay/r',
      refs: [web],
      outcome: ['shop/web NotAllowedByListeners'],
      attached: [0],
    },
    {
      what: 'from another namespace, when all may',
      key: 'pay/r',
      refs: [web],
      listeners: [listener(from({ from: 'All' }))],
      outcome: ['shop/web'],
      attached: [1],
    },
    {
      what: 'from a selected namespace',
      key: 'pay/r',
      refs: [web],
      listeners: [listener(from({ from: 'Selector', selector }))],
      outcome: ['shop/web'],
      attached: [1],
    },
    {
      what: 'from a namespace that is not selected',
      listeners: [listener(from({ from: 'Selector', selector }))],
      outcome: ['shop/web NotAllowedByListeners'],
      attached: [0],
    },
    {
      what: 'from a namespace selected by its name',
      listeners: [
        listener(from({ from: 'Selector', selector: { matchLabels: { 'kubernetes.io/metadata.name': 'shop' } } })),
      ],
      outcome: ['shop/web'],
      attached: [1],
    },
    {
      what: 'through a selector that is invalid',
      listeners: [listener(from({ from: 'Selector' }))],
      outcome: ['shop/web NotAllowedByListeners'],
      attached: [0],
    },
    {
      what: 'a listener for other kinds',
      listeners: [listener({ protocol: 'TLS', allowedRoutes: { kinds: [{ kind: 'TLSRoute' }] } })],
      outcome: ['shop/web NotAllowedByListeners'],
      attached: [0],
    },
    {
      what: 'other hostnames',
      listeners: two,
      spec: { hostnames: ['c.com'] },
      outcome: ['shop/web NoMatchingListenerHostname'],
      attached: [0, 0],
    },
    {
      what: 'one of the hostnames',
      listeners: two,
      spec: { hostnames: ['c.com', 'B.com'] },
      outcome: ['shop/web'],
      attached: [0, 1],
    },
    {
      what: 'a backend that is not there',
      spec: { rules: [{ backendRefs: [{ name: 'none', port: 1 }] }] },
      outcome: ['shop/web BackendNotFound'],
      attached: [1],
    },
    {
      what: 'a filter that is not supported',
      spec: { rules: [{ filters: [{ type: 'ExtensionRef', extensionRef: { group: 'a', kind: 'B', name: 'c' } }] }] },
      outcome: ['shop/web UnsupportedValue'],
      attached: [0],
    },
    {
      what: 'refused by the parent and by itself',
      refs: [{ ...web, sectionName: 'x' }],
      spec: { rules: [{ filters: [{ type: 'ExtensionRef', extensionRef: { group: 'a', kind: 'B', name: 'c' } }] }] },
      outcome: ['shop/web NoMatchingParent UnsupportedValue'],
      attached: [0],
    },
    {
      what: 'a conflicting listener',
      listeners: [listener(), listener({ name: 'twin' }), listener({ name: 'x', port: 81 })],
      outcome: ['shop/web'],
      attached: [1, 1, 1],
    },
  ]
  for (const { what, listeners, key = 'shop/r', refs = [web], spec, outcome, attached } of rows)
    it(`${what}: ${outcome.join(', ') || 'no entry'}`, () => {
      const namespaces = [namespace('shop'), namespace('pay', { team: 'x' })]
      const { report } = translate([gateway('shop/web', listeners), route(key, refs, spec), ...namespaces])
      expect(parents(report, key)).to.deep.equal(outcome)
      expect(counts(report)).to.deep.equal(attached)
    })

  it('repeats the parentRef as the user wrote it', () => {
    const { report } = translate([gateway('shop/web'), route('shop/r', [{ name: 'web', port: 80 }])])
    expect(report.routes.get('HTTPRoute shop/r')?.parents.map(({ parentRef }) => parentRef)).to.deep.equal([
      { name: 'web', port: 80 },
    ])
  })

  it('keeps the hostnames of listeners apart', () => {
    const names = ['', '*.example.com', '*.foo.example.com', 'abc.foo.example.com']
    const listeners = names.map((hostname, index) =>
      listener({ name: `l${index}`, ...(hostname === '' ? {} : { hostname }) }),
    )
    const hostnames = ['bar.com', '*.example.com', '*.foo.example.com', 'abc.foo.example.com']
    const routes = (own: boolean) =>
      names.map((_, index) =>
        route(`shop/r${index}`, [{ name: 'web', sectionName: `l${index}` }], own ? { hostnames } : {}),
      )
    const hosts = (own: boolean): readonly string[] =>
      virtualHosts(translate([gateway('shop/web', listeners), ...routes(own)]))
    const isolated = ['80 *.example.com: 1', '80 *.foo.example.com: 1', '80 abc.foo.example.com: 1']
    expect(hosts(false)).to.deep.equal(['80 *: 1', ...isolated])
    expect(hosts(true)).to.deep.equal(['80 *: 0', ...isolated, '80 bar.com: 1'])
  })

  it('programs nothing at a listener that is not served, though the route counts', () => {
    const listeners = [
      listener({ name: 'a', hostname: 'a.com' }),
      listener({ name: 'b', hostname: 'A.com' }),
      listener({ name: 'c' }),
    ]
    const translation = translate([
      gateway('shop/web', listeners),
      route('shop/r', [{ name: 'web', sectionName: 'a' }]),
    ])
    expect(virtualHosts(translation)).to.deep.equal(['80 *: 0', '80 a.com: 0'])
    expect(counts(translation.report)).to.deep.equal([1, 0, 0])
    expect(itemsOf(translation.proxies[0]?.backends)).to.deep.equal([])
  })
})

describe('translate/namespaces', () => {
  type Row = readonly [selector: LabelSelector, labels: Readonly<Record<string, string>>, selected: boolean]
  const expression = (operator: string, ...values: readonly string[]): LabelSelector => ({
    matchExpressions: [{ key: 'a', operator, values }],
  })
  const rows: readonly Row[] = [
    [{}, {}, true],
    [{ matchLabels: { a: '1', b: '2' } }, { a: '1', b: '2', c: '3' }, true],
    [{ matchLabels: { a: '1', b: '2' } }, { a: '1' }, false],
    [expression('In', '1', '2'), { a: '2' }, true],
    [expression('In', '1', '2'), { a: '3' }, false],
    [expression('In', '1'), {}, false],
    [expression('NotIn', '1'), { a: '2' }, true],
    [expression('NotIn', '1'), { a: '1' }, false],
    [expression('NotIn', '1'), {}, true],
    [expression('Exists'), { a: '' }, true],
    [expression('Exists'), {}, false],
    [{ matchExpressions: [{ key: 'constructor', operator: 'Exists' }] }, {}, false],
    [expression('DoesNotExist'), {}, true],
    [expression('DoesNotExist'), { a: '' }, false],
    [{ matchLabels: { b: '1' }, ...expression('Exists') }, { a: '1' }, false],
  ]
  for (const [selector, labels, selected] of rows)
    it(`${JSON.stringify(selector)} ${selected ? 'selects' : 'does not select'} ${JSON.stringify(labels)}`, () => {
      expect(selects(selector, labels)).to.equal(selected)
    })

  it('a namespace that is not known is not selected', () => {
    expect(allows({ from: 'Selector', selector: expression('DoesNotExist') }, 'shop', () => undefined)).to.equal(false)
  })
})
