import { expect } from 'chai'

import type { GatewayListener, KubernetesObject } from '../model/kubernetes.ts'
import { snapshotFromObjects } from '../watch/files.ts'

import { web, told, toldOf, listenersOf, hosts, refused } from './testing/listener-sets.ts'
import { gatewayClass, listener, listenerSet, service } from './testing/objects.ts'
import { createTranslator, type Translation } from './translate.ts'

function translate(...objects: readonly KubernetesObject[]): Translation {
  return createTranslator(
    snapshotFromObjects([gatewayClass(), service('shop/service'), service('pay/service'), ...objects]),
  )()
}

const lost = (reason: string): readonly string[] => [
  `Conflicted=True/${reason}`,
  `Accepted=False/${reason}`,
  `Programmed=False/${reason}`,
]

describe('translate/listener-claims', () => {
  type Set = readonly [key: string, createdAt: string | undefined, ...listeners: readonly GatewayListener[]]
  type Row = {
    readonly what: string
    readonly own?: readonly GatewayListener[]
    readonly sets: readonly Set[]
    /** Per set, per listener. */
    readonly told: readonly (readonly (readonly string[])[])[]
    /** Of the first listener of the Gateway. */
    readonly gateway?: readonly string[]
  }
  const a = listener({ name: 'a', hostname: 'a.com' })
  const b = listener({ name: 'b', hostname: 'b.com' })
  const tcp = listener({ name: 'tcp', protocol: 'TCP' })
  const [early, late] = ['2026-01-01T00:00:00Z', '2026-01-01T00:00:01Z']
  const rows: readonly Row[] = [
    {
      what: 'the same names in all',
      sets: [
        ['shop/x', early, a],
        ['shop/y', late, { ...b, name: 'a' }],
      ],
      told: [[[]], [[]]],
    },
    {
      what: "a hostname of the Gateway's",
      own: [a],
      sets: [['shop/x', early, a, b]],
      told: [[lost('HostnameConflict'), []]],
    },
    {
      what: 'a hostname in other letters',
      own: [a],
      sets: [['shop/x', early, { ...a, hostname: 'A.com' }]],
      told: [[lost('HostnameConflict')]],
    },
    {
      what: 'the older set',
      sets: [
        ['shop/x', late, a],
        ['shop/y', early, a],
      ],
      told: [[lost('HostnameConflict')], [[]]],
    },
    {
      what: 'sets of one age',
      sets: [
        ['shop/x', early, a],
        ['pay/y', early, a],
      ],
      told: [[lost('HostnameConflict')], [[]]],
    },
    {
      what: 'a set without an age',
      sets: [
        ['shop/x', early, a],
        ['shop/y', undefined, a],
      ],
      told: [[lost('HostnameConflict')], [[]]],
    },
    { what: 'another port', own: [a], sets: [['shop/x', early, { ...a, port: 81 }]], told: [[[]]] },
    { what: 'a protocol that cannot share', sets: [['shop/x', early, tcp, a]], told: [[lost('ProtocolConflict'), []]] },
    { what: 'the port of UDP', sets: [['shop/x', early, { ...tcp, protocol: 'UDP' }]], told: [[[]]] },
    {
      what: 'the first says what is spoken',
      own: [listener({ port: 81 })],
      sets: [
        ['shop/x', late, a],
        ['shop/y', early, tcp],
      ],
      told: [[lost('ProtocolConflict')], [[]]],
    },
    {
      what: 'TCP twice',
      own: [listener({ port: 81 })],
      sets: [
        ['shop/x', early, tcp],
        ['shop/y', late, tcp],
      ],
      told: [[[]], [lost('ProtocolConflict')]],
    },
    {
      what: 'a loser is in nobody else’s way',
      sets: [
        ['shop/x', early, { ...tcp, port: 80 }],
        ['shop/y', late, b],
      ],
      told: [[lost('ProtocolConflict')], [[]]],
    },
    {
      what: 'twins of a Gateway win neither against each other nor for a set',
      own: [a, { ...a, name: 'twin' }, listener({ port: 81 })],
      sets: [['shop/x', early, a]],
      told: [[lost('HostnameConflict')]],
      gateway: ['Conflicted=True/HostnameConflict', 'Accepted=False/HostnameConflict', 'Programmed=False/Invalid'],
    },
    {
      what: 'twins of a set',
      sets: [['shop/x', early, a, { ...a, name: 'twin' }, b]],
      told: [
        [
          ...[0, 1].map(() => [
            'Conflicted=True/HostnameConflict',
            'Accepted=False/HostnameConflict',
            'Programmed=False/Invalid',
          ]),
          [],
        ],
      ],
    },
    {
      what: 'a protocol that nobody knows',
      sets: [['shop/x', early, listener({ protocol: 'no' }), a]],
      told: [[['Accepted=False/UnsupportedProtocol', 'Programmed=False/Invalid'], []]],
    },
  ]
  for (const { what, own = [listener({ hostname: 'web.com' })], sets, told: expected, gateway: first = [] } of rows)
    it(what, () => {
      const objects = sets.map(([key, createdAt, ...listeners]) => listenerSet(key, 'shop/web', listeners, createdAt))
      const result = translate(web(own), ...objects)
      const found = sets.map(([key]) => listenersOf(result, key).map(({ findings }) => told(findings)))
      expect(found).to.deep.equal(expected)
      expect(told(result.report.gateways.get('shop/web')?.listeners[0]?.findings)).to.deep.equal(first)
      expect(translate(web(own), ...objects.toReversed()).report.listenerSets).to.deep.equal(result.report.listenerSets)
    })

  it('tells strangers nothing of each other', () => {
    const result = translate(web(), listenerSet('pay/secret', 'shop/web', [a]), listenerSet('shop/x', 'web', [a]))
    const messages = listenersOf(result, 'shop/x').flatMap(({ findings }) => findings.map(({ message }) => message))
    expect(messages).to.have.length(3)
    expect(messages.join(' ')).to.contain('a.com').and.not.contain('secret').and.not.contain('pay')
  })

  it('a hostname is free again when the set that has it is gone', () => {
    const snapshot = snapshotFromObjects([
      gatewayClass(),
      web(),
      listenerSet('shop/x', 'web', [a]),
      listenerSet('shop/y', 'web', [a]),
    ])
    const translator = createTranslator(snapshot)
    expect(toldOf(translator(), 'shop/y')).to.deep.equal(refused('ListenersNotValid'))
    snapshot.remove('ListenerSet', 'shop/x')
    expect(toldOf(translator(), 'shop/y')).to.deep.equal([])
  })

  it('says that some listeners are not served, and that none is', () => {
    const result = translate(web(), listenerSet('shop/x', 'web', [a, tcp]), listenerSet('shop/y', 'web', [tcp]))
    expect(toldOf(result, 'shop/x')).to.deep.equal(['Accepted=True/ListenersNotValid'])
    expect(toldOf(result, 'shop/y')).to.deep.equal(refused('ListenersNotValid'))
    expect(result.report.gateways.get('shop/web')).to.deep.include({ attachedListenerSets: 1, findings: [] })
  })

  it('keeps a Gateway up whose own listeners are all bad', () => {
    const bad = web([listener({ protocol: 'no' })])
    expect(translate(bad).proxies).to.deep.equal([])
    const result = translate(bad, listenerSet('shop/x', 'web', [a]))
    expect(told(result.report.gateways.get('shop/web')?.findings)).to.deep.equal(['Accepted=True/ListenersNotValid'])
    expect(result.proxies.map(({ workload }) => workload.ports.map(({ port }) => port))).to.deep.equal([[80]])
    expect(hosts(result)).to.deep.equal(['80 a.com: 0'])
  })
})
