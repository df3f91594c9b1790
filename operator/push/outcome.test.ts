import { expect } from 'chai'

import { certificateFile } from '../model/names.ts'

import { loadedMachine } from './held.ts'
import { addressesOf, guiltyOf, outcomeOf, type Judged, type PodReport } from './outcome.ts'
import { configOf, type ConfigSpec } from './testing/configs.ts'

const file = certificateFile('shop/tls')
const spec: ConfigSpec = {
  hosts: {},
  backends: { shop_cart_8080: [], 'shop_cart_8080.f': [] },
  certificates: { [file]: 'x' },
}
const rendered = configOf(spec)
const older = configOf({ ...spec, backends: {} })
const more = configOf({ ...spec, reasons: ['port 80', 'port 443', 'header x-a'] })
const service = { spec: { type: 'LoadBalancer' }, status: { loadBalancer: { ingress: [{ ip: '192.0.2.1' }] } } }

const has = (generation: string, ready = true): PodReport => ({
  name: 'p',
  ready,
  state: { kind: 'programmed', generation },
  machine: loadedMachine(rendered.machine),
})
const judged = (changes: Partial<Judged>) =>
  outcomeOf({
    rendered,
    workload: 'shop/web',
    trouble: undefined,
    pods: [],
    service,
    deployment: undefined,
    acknowledged: undefined,
    ...changes,
  })

describe('outcome', () => {
  const newest = has(rendered.generation)
  const cases: readonly {
    readonly name: string
    readonly given: Partial<Judged>
    readonly kind: string
    readonly says: string
  }[] = [
    { name: 'no pods', given: {}, kind: 'waiting', says: 'first data plane pod' },
    { name: 'no pods because of a Secret', given: { trouble: 'no Secret' }, kind: 'waiting', says: 'no Secret' },
    {
      name: 'a Secret while pods serve',
      given: { pods: [newest], trouble: 'no Secret' },
      kind: 'waiting',
      says: 'no Secret',
    },
    {
      name: 'pods that may not be made',
      given: {
        deployment: { status: { conditions: [{ type: 'ReplicaFailure', status: 'True', message: 'exceeded quota' }] } },
      },
      kind: 'waiting',
      says: 'exceeded quota',
    },
    { name: 'no pod ready', given: { pods: [has(rendered.generation, false)] }, kind: 'waiting', says: 'become ready' },
    { name: 'all ready pods have it', given: { pods: [newest, has('other', false)] }, kind: 'programmed', says: '' },
    {
      name: 'one ready pod is behind at first',
      given: { pods: [newest, has('other')] },
      kind: 'waiting',
      says: 'newest configuration',
    },
    {
      name: 'one is a moment behind, with the same machine',
      given: { pods: [newest, has(older.generation)], acknowledged: older },
      kind: 'programmed',
      says: '',
    },
    {
      name: 'another machine is still to be loaded',
      given: {
        pods: [{ ...has('x'), machine: loadedMachine(configOf({ ...spec, reasons: ['port 1'] }).machine) }],
        acknowledged: older,
      },
      kind: 'waiting',
      says: 'newest configuration',
    },
    {
      name: 'one is a moment behind, with a machine that can do more',
      given: {
        pods: [{ ...has('x'), machine: loadedMachine(more.machine) }],
        acknowledged: older,
      },
      kind: 'programmed',
      says: '',
    },
    {
      name: 'a pod that cannot be reached',
      given: {
        pods: [newest, { name: 'q', ready: true, state: { kind: 'waiting', message: 'pod q: no answer' } }],
        acknowledged: rendered,
      },
      kind: 'waiting',
      says: 'pod q: no answer',
    },
    { name: 'no address', given: { pods: [newest], service: undefined }, kind: 'waiting', says: 'given an address' },
    {
      name: 'a refusal wins',
      given: {
        pods: [
          newest,
          { name: 'q', ready: false, state: { kind: 'rejected', generation: rendered.generation, message: 'no!' } },
        ],
      },
      kind: 'rejected',
      says: 'no!',
    },
    {
      name: 'a refusal of an older configuration does not count',
      given: {
        pods: [newest, { name: 'q', ready: false, state: { kind: 'rejected', generation: 'old', message: 'no!' } }],
      },
      kind: 'programmed',
      says: '',
    },
  ]
  for (const { name, given, kind, says } of cases)
    it(`${name}: ${kind}`, () => {
      const outcome = judged(given)
      expect(outcome.kind).to.equal(kind)
      expect(outcome.message).to.include(says)
    })

  it('what HAProxy was last reloaded for is told of a proxy that is programmed', () => {
    expect(judged({ pods: [newest], reload: 'header x-a' }).reload).to.equal('header x-a')
    expect(judged({ pods: [newest] })).to.not.have.property('reload')
    expect(judged({ pods: [], reload: 'header x-a' })).to.not.have.property('reload')
  })

  it('addresses are those of the load balancer, or the cluster address of a Service without one', () => {
    expect(addressesOf({ spec: { type: 'LoadBalancer', clusterIP: '10.0.0.1' } })).to.deep.equal([])
    const hostname = {
      spec: { type: 'LoadBalancer' },
      status: { loadBalancer: { ingress: [{ hostname: 'lb.example' }] } },
    }
    expect(addressesOf(hostname)).to.deep.equal([{ type: 'Hostname', value: 'lb.example' }])
    expect(addressesOf({ spec: { type: 'ClusterIP', clusterIP: '10.0.0.1' } })).to.deep.equal([
      { type: 'IPAddress', value: '10.0.0.1' },
    ])
    expect(addressesOf({ spec: { type: 'ClusterIP', clusterIP: 'None' } })).to.deep.equal([])
  })

  const words = [
    {
      says: "[/gw/general/backends.cfg:7] 'server shop_cart_8080/a' : unknown keyword",
      guilty: { kind: 'Service', key: 'shop/cart' },
    },
    { says: "in backend 'shop_cart_8080.f'.", guilty: { kind: 'Service', key: 'shop/cart' } },
    { says: `unable to load certificate from file '/gw/ssl/${file}'`, guilty: { kind: 'Secret', key: 'shop/tls' } },
    { says: "unknown keyword 'bogus'", guilty: undefined },
  ]
  for (const { says, guilty } of words)
    it(`${says} names ${guilty?.key ?? 'nobody'}`, () => {
      expect(guiltyOf(says, rendered)).to.deep.equal(guilty)
    })
})
