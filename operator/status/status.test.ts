import { expect } from 'chai'
import type { Gateway, GatewayClass, HTTPRoute, ObjectOf } from '../model/kubernetes.ts'
import type { Outcome, StatusPatch } from '../model/rendered.ts'
import type { Finding, GatewayReport, ListenerReport, Report } from '../model/report.ts'
import type { Snapshot } from '../model/snapshot.ts'
import { Table } from '../lib/derive.ts'
import { createStatuses } from './status.ts'

const now = new Date('2026-03-01T10:00:00Z')
const later = new Date('2026-03-01T11:00:00Z')
const group = 'gateway.networking.k8s.io'
const supportedKinds = [{ group, kind: 'HTTPRoute' }]
const served: Outcome = { kind: 'programmed', message: '', addresses: [{ type: 'IPAddress', value: '10.0.0.1' }] }

function snapshot(): Snapshot {
  return {
    GatewayClass: new Table<ObjectOf['GatewayClass']>(),
    Gateway: new Table<ObjectOf['Gateway']>(),
    HTTPRoute: new Table<ObjectOf['HTTPRoute']>(),
    ListenerSet: new Table<ObjectOf['ListenerSet']>(),
    GRPCRoute: new Table<ObjectOf['GRPCRoute']>(),
    TLSRoute: new Table<ObjectOf['TLSRoute']>(),
    TCPRoute: new Table<ObjectOf['TCPRoute']>(),
    UDPRoute: new Table<ObjectOf['UDPRoute']>(),
    BackendTLSPolicy: new Table<ObjectOf['BackendTLSPolicy']>(),
    ReferenceGrant: new Table<ObjectOf['ReferenceGrant']>(),
    Service: new Table<ObjectOf['Service']>(),
    EndpointSlice: new Table<ObjectOf['EndpointSlice']>(),
    Secret: new Table<ObjectOf['Secret']>(),
    ConfigMap: new Table<ObjectOf['ConfigMap']>(),
    Namespace: new Table<ObjectOf['Namespace']>(),
    Deployment: new Table<ObjectOf['Deployment']>(),
    Pod: new Table<ObjectOf['Pod']>(),
    CustomResourceDefinition: new Table(),
  }
}

function gateway(changes: Partial<Gateway['spec']> = {}, status?: Gateway['status']): Gateway {
  const listeners = [{ name: 'http', port: 80, protocol: 'HTTP' }]
  return {
    apiVersion: `${group}/v1`,
    kind: 'Gateway',
    metadata: { name: 'web', namespace: 'shop', generation: 3 },
    spec: { gatewayClassName: 'haproxy', listeners, ...changes },
    ...(status === undefined ? {} : { status }),
  }
}

function listener(
  name = 'http',
  findings: readonly Finding[] = [],
  changes: Partial<ListenerReport> = {},
): ListenerReport {
  return { name, findings, supportedKinds, attachedRoutes: 0, ...changes }
}

type World = {
  readonly object?: Gateway
  readonly report?: Partial<GatewayReport>
  readonly outcome?: Outcome
}

function report(parts: Partial<Report> = {}): Report {
  return {
    classes: new Map(),
    gateways: new Map(),
    listenerSets: new Map(),
    routes: new Map(),
    policies: new Map(),
    ...parts,
  }
}

function judgeGateway({ object = gateway(), report: found = {}, outcome }: World): StatusPatch | undefined {
  const cluster = snapshot()
  cluster.Gateway.set('shop/web', object)
  const gateways = new Map([['shop/web', { findings: [], listeners: [listener()], attachedListenerSets: 0, ...found }]])
  const outcomes = new Map(outcome === undefined ? [] : [['shop/web', outcome]])
  return createStatuses()({ snapshot: cluster, report: report({ gateways }), outcomes, features: [], now })[0]
}

function field(value: unknown, ...path: readonly (string | number)[]): unknown {
  return path.reduce<unknown>(
    (inner, step) => (typeof inner === 'object' && inner !== null ? Reflect.get(inner, step) : undefined),
    value,
  )
}

/** `True/Reason` of a condition in a list. */
function told(conditions: unknown, type: string): string | undefined {
  if (!Array.isArray(conditions)) return undefined
  const found: unknown = conditions.find((condition: unknown) => field(condition, 'type') === type)
  return found === undefined ? undefined : `${String(field(found, 'status'))}/${String(field(found, 'reason'))}`
}

const gatewayTold = (patch: StatusPatch | undefined, type: string) => told(field(patch?.status, 'conditions'), type)
const listenerTold = (patch: StatusPatch | undefined, type: string, at = 0) =>
  told(field(patch?.status, 'listeners', at, 'conditions'), type)

function finding(type: string, status: 'True' | 'False', reason: string): Finding {
  return { type, status, reason, message: `${reason}.` }
}

const notAccepted = finding('Accepted', 'False', 'UnsupportedProtocol')
const unresolved = finding('ResolvedRefs', 'False', 'InvalidCertificateRef')
const unserved = finding('Programmed', 'False', 'Invalid')
const conflicted = finding('Conflicted', 'True', 'HostnameConflict')
const wrongKind = finding('ResolvedRefs', 'False', 'InvalidRouteKinds')

describe('status of a Gateway', () => {
  const cases: readonly {
    readonly name: string
    readonly world: World
    readonly accepted: string
    readonly programmed: string
    readonly listeners?: readonly string[]
  }[] = [
    {
      name: 'all is well',
      world: { outcome: served },
      accepted: 'True/Accepted',
      programmed: 'True/Programmed',
      listeners: ['True/Programmed'],
    },
    {
      name: 'nothing is known yet',
      world: {},
      accepted: 'True/Accepted',
      programmed: 'False/Pending',
      listeners: ['False/Pending'],
    },
    {
      name: 'a pod is waited for',
      world: { outcome: { ...served, kind: 'waiting', message: 'Waiting for a pod.' } },
      accepted: 'True/Accepted',
      programmed: 'False/Pending',
      listeners: ['False/Pending'],
    },
    {
      name: 'HAProxy refused',
      world: { outcome: { ...served, kind: 'rejected', message: 'parsing [haproxy.cfg:3]' } },
      accepted: 'True/Accepted',
      programmed: 'False/Invalid',
      listeners: ['False/Invalid'],
    },
    {
      name: 'there is no address',
      world: { outcome: { ...served, addresses: [] } },
      accepted: 'True/Accepted',
      programmed: 'False/AddressNotAssigned',
      listeners: ['True/Programmed'],
    },
    {
      name: 'another address was asked for',
      world: { object: gateway({ addresses: [{ type: 'IPAddress', value: '10.9.9.9' }] }), outcome: served },
      accepted: 'True/Accepted',
      programmed: 'False/AddressNotUsable',
    },
    {
      name: 'an address was asked for and none given',
      world: {
        object: gateway({ addresses: [{ type: 'IPAddress', value: '10.9.9.9' }] }),
        outcome: { ...served, addresses: [] },
      },
      accepted: 'True/Accepted',
      programmed: 'False/AddressNotUsable',
    },
    {
      name: 'the address that was asked for is given, in another spelling, and one of any kind',
      world: {
        object: gateway({ addresses: [{ value: '2001:DB8:0::1' }, { type: 'IPAddress' }] }),
        outcome: { ...served, addresses: [{ type: 'IPAddress', value: '2001:db8::1' }] },
      },
      accepted: 'True/Accepted',
      programmed: 'True/Programmed',
    },
    {
      name: 'the Gateway is refused, though its data plane is still there',
      world: {
        report: {
          findings: [finding('Accepted', 'False', 'UnsupportedAddress'), unserved],
          listeners: [listener('http', [unserved])],
        },
        outcome: served,
      },
      accepted: 'False/UnsupportedAddress',
      programmed: 'False/Invalid',
      listeners: ['False/Invalid'],
    },
    {
      name: 'one of two listeners is refused',
      world: {
        report: {
          findings: [finding('Accepted', 'True', 'ListenersNotValid')],
          listeners: [listener('a', [conflicted, notAccepted, unserved]), listener('b')],
        },
        outcome: served,
      },
      accepted: 'True/ListenersNotValid',
      programmed: 'True/Programmed',
      listeners: ['False/Invalid', 'True/Programmed'],
    },
    {
      name: 'its only listener has a bad and a good certificate',
      world: { report: { listeners: [listener('a', [unresolved])] }, outcome: served },
      accepted: 'True/Accepted',
      programmed: 'True/Programmed',
      listeners: ['True/Programmed'],
    },
    {
      name: 'a listener names one kind of route that we know and one that we do not',
      world: { report: { listeners: [listener('a', [wrongKind])] }, outcome: served },
      accepted: 'True/Accepted',
      programmed: 'True/Programmed',
      listeners: ['True/Programmed'],
    },
  ]
  for (const { name, world, accepted, programmed, listeners } of cases)
    it(`${name}: Accepted ${accepted}, Programmed ${programmed}`, () => {
      const patch = judgeGateway(world)
      expect(gatewayTold(patch, 'Accepted')).to.equal(accepted)
      expect(gatewayTold(patch, 'Programmed')).to.equal(programmed)
      if (listeners !== undefined)
        expect(listeners.map((_, at) => listenerTold(patch, 'Programmed', at))).to.deep.equal(listeners)
    })

  it('writes addresses, counts and kinds, and every condition of a listener', () => {
    const patch = judgeGateway({
      report: { listeners: [listener('http', [], { attachedRoutes: 7 })] },
      outcome: served,
    })
    expect(field(patch?.status, 'addresses')).to.deep.equal(served.addresses)
    const written = field(patch?.status, 'listeners', 0)
    expect(written).to.deep.include({ name: 'http', attachedRoutes: 7, supportedKinds })
    const types = ['Accepted', 'Programmed', 'ResolvedRefs', 'Conflicted']
    expect(types.map((type) => listenerTold(patch, type))).to.deep.equal([
      'True/Accepted',
      'True/Programmed',
      'True/ResolvedRefs',
      'False/NoConflicts',
    ])
    expect(field(written, 'conditions', 0, 'observedGeneration')).to.equal(3)
  })

  it('says of its references what its listeners say', () => {
    const patch = judgeGateway({ report: { listeners: [listener('a', [unresolved]), listener('b')] }, outcome: served })
    expect(gatewayTold(patch, 'ResolvedRefs')).to.equal('False/ListenersNotResolved')
    expect(gatewayTold(judgeGateway({ outcome: served }), 'ResolvedRefs')).to.equal('True/ResolvedRefs')
  })

  it('takes back the address of a Gateway that is not accepted any more', () => {
    const before = judgeGateway({ outcome: served })?.status
    if (!isGatewayStatus(before)) throw new Error('no status')
    const findings = [finding('Accepted', 'False', 'UnsupportedAddress'), unserved]
    const patch = judgeGateway({ object: gateway({}, before), report: { findings } })
    expect(field(patch?.status, 'addresses')).to.deep.equal([])
  })

  it('has nothing to say when the status says it already', () => {
    const patch = judgeGateway({ outcome: served })
    const written = gateway()
    const status = patch?.status
    const again = judgeGateway({
      object: { ...written, ...(isGatewayStatus(status) ? { status } : {}) },
      outcome: served,
    })
    expect(patch).not.to.equal(undefined)
    expect(again).to.equal(undefined)
  })

  it('says what HAProxy was last reloaded for, once and only of a Gateway that is programmed', () => {
    const outcome = { ...served, reload: 'header x-a (HTTPRoute shop/cart)' }
    const status = judgeGateway({ outcome })?.status
    expect(field(status, 'conditions', 1)).to.deep.include({
      type: 'Programmed',
      status: 'True',
      message:
        'All ready pods of the data plane serve this Gateway. HAProxy was last reloaded for: header x-a (HTTPRoute shop/cart).',
    })
    if (!isGatewayStatus(status)) throw new Error('no status')
    expect(judgeGateway({ object: gateway({}, status), outcome })).to.equal(undefined)
    const waiting = judgeGateway({ outcome: { ...outcome, kind: 'waiting', message: 'Waiting for a pod.' } })
    expect(field(waiting?.status, 'conditions', 1, 'message')).to.equal('Waiting for a pod.')
  })

  it('leaves address and Programmed as they are until something is known, as long as the Gateway is the same', () => {
    const before = judgeGateway({ outcome: served })?.status
    if (!isGatewayStatus(before)) throw new Error('no status')
    expect(judgeGateway({ object: gateway({}, before) })).to.equal(undefined)

    const edited = { ...gateway({}, before), metadata: { name: 'web', namespace: 'shop', generation: 4 } }
    expect(gatewayTold(judgeGateway({ object: edited }), 'Programmed')).to.equal('False/Pending')
    expect(field(judgeGateway({ object: edited })?.status, 'addresses')).to.deep.equal(served.addresses)
  })
})

function isGatewayStatus(status: unknown): status is NonNullable<Gateway['status']> {
  return Array.isArray(field(status, 'listeners'))
}

describe('status of a GatewayClass', () => {
  it('accepts it and names the features in order', () => {
    const cluster = snapshot()
    const object: GatewayClass = {
      apiVersion: `${group}/v1`,
      kind: 'GatewayClass',
      metadata: { name: 'haproxy', generation: 2 },
      spec: { controllerName: 'haproxy-gateway.dev/controller' },
    }
    cluster.GatewayClass.set('haproxy', object)
    const classes = new Map([['haproxy', { findings: [], isUsed: true }]])
    const input = {
      snapshot: cluster,
      report: report({ classes }),
      outcomes: new Map(),
      features: ['HTTPRoute', 'Gateway'],
      now,
    }
    const [patch] = createStatuses()(input)
    expect(told(field(patch?.status, 'conditions'), 'Accepted')).to.equal('True/Accepted')
    expect(told(field(patch?.status, 'conditions'), 'SupportedVersion')).to.equal('True/SupportedVersion')
    expect(field(patch?.status, 'supportedFeatures')).to.deep.equal([{ name: 'Gateway' }, { name: 'HTTPRoute' }])
  })
})

describe('status of a route', () => {
  const ref = { group, kind: 'Gateway', name: 'web' }
  type Patched = { readonly parents: NonNullable<HTTPRoute['status']>['parents'] }

  function route(status?: Patched): HTTPRoute {
    return {
      apiVersion: `${group}/v1`,
      kind: 'HTTPRoute',
      metadata: { name: 'cart', namespace: 'shop', generation: 5 },
      spec: {},
      ...(status === undefined ? {} : { status }),
    }
  }

  function input(outcomes = new Map<string, Outcome>()) {
    const cluster = snapshot()
    cluster.HTTPRoute.set('shop/cart', route())
    const parents = [{ parentRef: ref, gateway: 'shop/web', findings: [] }]
    const routes = new Map([['HTTPRoute shop/cart', { kind: 'HTTPRoute' as const, parents }]])
    return { snapshot: cluster, report: report({ routes }), outcomes, features: [], now }
  }

  function isPatched(status: unknown): status is Patched {
    return Array.isArray(field(status, 'parents'))
  }

  it('repeats what HAProxy said of a route that it refused', () => {
    const guilty = { kind: 'HTTPRoute', key: 'shop/cart' } as const
    const outcome: Outcome = { kind: 'rejected', message: 'regex: unmatched (', addresses: [], guilty }
    const [patch] = createStatuses()(input(new Map([['shop/web', outcome]])))
    expect(told(field(patch?.status, 'parents', 0, 'conditions'), 'Accepted')).to.equal('False/UnsupportedValue')
    expect(field(patch?.status, 'parents', 0, 'conditions', 0, 'message')).to.contain('regex: unmatched (')
  })

  it('gives the identical patch until an input is replaced, and then none when it was written', () => {
    const judge = createStatuses()
    const first = input()
    const [patch] = judge(first)
    expect(judge({ ...first, now: later })[0]).to.equal(patch)
    if (!isPatched(patch?.status)) throw new Error('no patch')
    first.snapshot.HTTPRoute.set('shop/cart', route(patch.status))
    expect(judge({ ...first, now: later })).to.deep.equal([])
  })
})
