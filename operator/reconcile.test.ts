import { expect } from 'chai'

import type { ProxyModel } from './model/proxy-model.ts'
import type { Outcome, RenderedConfig } from './model/rendered.ts'

import { createBuilder, reconcile, type StatusInput, type Tools } from './reconcile.ts'
import { snapshotFromObjects } from './watch/files.ts'
import { noParts } from './lib/parts.ts'

const snapshot = snapshotFromObjects([])
const now = new Date(0)

describe('reconcile', () => {
  let said: string[]
  let statusInput: StatusInput | undefined
  let known: Map<string, Outcome>

  beforeEach(() => {
    said = []
    statusInput = undefined
    known = new Map()
  })

  function tools(proxies: readonly ProxyModel[], more: Partial<Tools> = {}): Tools {
    return {
      translate: () => ({
        proxies,
        suspended: [],
        report: {
          classes: new Map(),
          gateways: new Map(),
          listenerSets: new Map(),
          routes: new Map(),
          policies: new Map(),
        },
      }),
      pendingDemands: () => 0,
      build: createBuilder(() => [], render),
      statuses: (input) => {
        statusInput = input
        return []
      },
      preparing: { proxy: () => [], statuses: () => [] },
      features: ['HTTPRoute'],
      push: {
        objects: {
          want: (id) => said.push(`objects ${id}`),
          keepOnly: (ids) => said.push(`keep objects ${ids.join()}`),
        },
        dataplane: {
          want: (id, _, rendered) => said.push(`dataplane ${id} ${rendered.generation}`),
          keepOnly: (ids) => said.push(`keep dataplanes ${ids.join()}`),
        },
        finalizers: { want: () => said.push('finalizers') },
        statuses: { want: () => said.push('statuses') },
        outcomes: () => known,
      },
      ...more,
    }
  }

  it('wants objects and configuration of every proxy, then statuses', () => {
    reconcile(snapshot, tools([proxy('shop/web'), proxy('shop/api')]), now)
    expect(said).to.deep.equal([
      'objects shop/web',
      'dataplane shop/web 1',
      'objects shop/api',
      'dataplane shop/api 1',
      'keep objects shop/web,shop/api',
      'keep dataplanes shop/web,shop/api',
      'finalizers',
      'statuses',
    ])
    expect(statusInput?.features).to.deep.equal(['HTTPRoute'])
  })

  it('keeps what suspended Gateways have, and wants nothing new of them', () => {
    const translate = () => ({ ...tools([proxy('shop/web')]).translate(), suspended: ['shop/old'] })
    reconcile(snapshot, tools([], { translate }), now)
    expect(said).to.deep.equal([
      'objects shop/web',
      'dataplane shop/web 1',
      'keep objects shop/web,shop/old',
      'keep dataplanes shop/web,shop/old',
      'finalizers',
      'statuses',
    ])
  })

  it('wants nothing while something that translation asked for is on its way', () => {
    const result = reconcile(snapshot, tools([proxy('shop/web')], { pendingDemands: () => 2 }), now)
    expect(result).to.deep.equal({ kind: 'held', pending: 2 })
    expect(said).to.deep.equal([])
  })

  it('lets a proxy that cannot be rendered keep what it has, tells its status, and serves the others', () => {
    known.set('shop/bad', { kind: 'programmed', message: '', addresses: [{ type: 'IPAddress', value: '10.0.0.9' }] })
    reconcile(snapshot, tools([proxy('shop/bad'), proxy('shop/web')]), now)
    expect(said).to.deep.equal([
      'objects shop/web',
      'dataplane shop/web 1',
      'keep objects shop/bad,shop/web',
      'keep dataplanes shop/bad,shop/web',
      'finalizers',
      'statuses',
    ])
    const outcome = statusInput?.outcomes.get('shop/bad')
    expect(outcome?.kind).to.equal('rejected')
    expect(outcome?.message).to.contain('shop/bad').and.to.contain('impossible')
    expect(outcome?.addresses).to.deep.equal([{ type: 'IPAddress', value: '10.0.0.9' }])
  })

  it('builds a proxy once per identity', () => {
    let built = 0
    const counting = createBuilder(
      () => [],
      (model) => {
        built += 1
        return render(model)
      },
    )
    const same = proxy('shop/web')
    reconcile(snapshot, tools([same], { build: counting }), now)
    reconcile(snapshot, tools([same], { build: counting }), now)
    expect(built).to.equal(1)
    reconcile(snapshot, tools([proxy('shop/web')], { build: counting }), now)
    expect(built).to.equal(2)
  })
})

function proxy(id: string): ProxyModel {
  const [namespace = '', name = ''] = id.split('/')
  const workload = {
    name,
    namespace,
    uid: 'u',
    className: 'haproxy',
    labels: {},
    annotations: {},
    addresses: [],
    ports: [],
  }
  const conditionNames = { headers: [], queries: [] }
  return { id, workload, frontends: [], backends: noParts, certificates: noParts, conditionNames }
}

function render({ id }: ProxyModel): RenderedConfig {
  if (id === 'shop/bad') throw new Error('impossible state')
  return {
    generation: '1',
    machine: { text: '', hash: '', frame: '', scripts: new Map(), reasons: [], spares: new Map() },
    maps: new Map(),
    backends: new Map(),
    certificates: new Map(),
    certificateLists: new Map(),
    authorities: new Map(),
    size: { hosts: 0, rules: 0 },
  }
}
