import { expect } from 'chai'
import fc from 'fast-check'
import { join } from 'node:path'

import type { Kind, KubernetesObject } from './model/kubernetes.ts'
import type { RenderedConfig, StatusPatch } from './model/rendered.ts'
import { defaultDataPlane } from './model/settings.ts'
import { keyOf, type ObjectKey, type Snapshot } from './model/snapshot.ts'
import { provision } from './provision/provision.ts'
import { configFiles } from './push/files.ts'
import { createBuilder, preparing, reconcile, type RunResult, type Tools } from './reconcile.ts'
import { loadRenderer } from './render/render.ts'
import { createStatuses } from './status/status.ts'
import {
  backendTlsPolicy,
  endpointSlice,
  gateway,
  gatewayClass,
  listener,
  listenerSet,
  route,
  service,
} from './translate/testing/objects.ts'
import { createTranslator, supportedFeatures } from './translate/translate.ts'
import { snapshotFromObjects } from './watch/files.ts'

const now = new Date('2026-01-01T00:00:00Z')
const render = () => loadRenderer(join(import.meta.dirname, '../templates'), defaultDataPlane)
const firstRenderer = render()

describe('preparing a run', () => {
  const name = fc.constantFrom('a', 'b', 'c')
  const hostname = fc.constantFrom('a.com', 'b.com', '*.com')
  const somePath = fc.constantFrom('/', '/x', '/x/y')
  const object: fc.Arbitrary<KubernetesObject> = fc.oneof(
    { weight: 3, arbitrary: fc.tuple(name, name, fc.array(hostname, { maxLength: 2 }), somePath, name).map(someRoute) },
    fc
      .tuple(name, fc.constantFrom(80, 8080), fc.constantFrom(undefined, '*.com'))
      .map(([n, port, host]) =>
        gateway(`shop/${n}`, [listener({ name: 'l', port, ...(host !== undefined && { hostname: host }) })]),
      ),
    name.map((n) => service(`shop/${n}`)),
    fc
      .tuple(name, fc.subarray(['10.0.0.1', '10.0.0.2']))
      .map(([n, addresses]) => endpointSlice(`shop/${n}`, addresses)),
  )
  const edit = fc.record({ object, remove: fc.boolean(), steps: fc.nat(80) })
  const start = [gatewayClass(), gateway('shop/a'), service('shop/a'), route('shop/a', [{ name: 'a' }])]

  it('in any number of steps, with edits between them, changes nothing of its result', () => {
    let [steps, ends, rules] = [0, 0, 0]
    fc.assert(
      fc.property(fc.array(fc.array(edit, { maxLength: 5 }), { maxLength: 6 }), (rounds) => {
        const objects = new Map<ObjectKey, KubernetesObject>()
        const id = (one: KubernetesObject): string => `${one.kind} ${keyOf(one)}`
        for (const one of start) objects.set(id(one), one)
        const snapshot = snapshotFromObjects(start)
        const live = toolsFor(snapshot, render())
        for (const round of rounds) {
          let walk = preparing(snapshot, live, now)
          for (const { object: one, remove, steps: count } of round) {
            if (remove) objects.delete(id(one))
            else objects.set(id(one), one)
            if (remove && isEdited(one.kind)) snapshot.remove(one.kind, keyOf(one))
            else snapshot.put(one)
            for (let at = 0; at < count; at += 1) {
              steps += 1
              if (walk.next().done !== true) continue
              ends += 1
              walk = preparing(snapshot, live, now)
            }
          }
          const fresh = snapshotFromObjects([...objects.values()])
          const expected = said(reconcile(fresh, toolsFor(fresh, firstRenderer), now))
          expect(said(reconcile(snapshot, live, now))).to.deep.equal(expected)
          rules += expected.proxies.filter(({ size }) => size.rules > 0).length
        }
      }),
      { numRuns: 60 },
    )
    expect(steps, 'steps taken').to.be.greaterThan(2000)
    expect(ends, 'walks that came to their end').to.be.greaterThan(20)
    expect(rules, 'proxies with rules').to.be.greaterThan(50)
  }).timeout(60_000)

  it('leaves nothing of what is many to the run', () => {
    const hosts = Array.from({ length: 60 }, (_, n) => `h${n}.com`)
    const snapshot = snapshotFromObjects([
      ...start,
      ...hosts.map((host, n) => route(`shop/r${n}`, [{ name: 'a' }], { hostnames: [host] })),
    ])
    const tools = toolsFor(snapshot, render())
    const took = [...preparing(snapshot, tools, now)].length
    expect(took).to.be.greaterThan(hosts.length)
    // A member to be computed again, a part to be rendered, objects to be judged: each would be a step.
    expect([...preparing(snapshot, tools, now)].length).to.be.lessThan(5)
    reconcile(snapshot, tools, now)
    expect([...preparing(snapshot, tools, now)].length).to.be.lessThan(5)
  })

  it('leaves no object to the run whose status is to be judged', () => {
    const snapshot = snapshotFromObjects([
      gatewayClass(),
      gateway('shop/a', [listener()], { allowedListeners: { namespaces: { from: 'Same' } } }),
      listenerSet('shop/set', 'a', [listener({ name: 'more', port: 81 })]),
      service('shop/service'),
      route('shop/a', [{ name: 'a' }]),
      backendTlsPolicy('shop/policy'),
    ])
    const tools = toolsFor(snapshot, render())
    expect([...preparing(snapshot, tools, now)].length).to.be.greaterThan(0)
    const { patches } = said(reconcile(snapshot, tools, new Date('2026-01-01T01:00:00Z')))
    const judgedByRun = patches.filter(({ status }) => JSON.stringify(status).includes('T01:00:00'))
    expect(judgedByRun.map(({ kind }) => kind)).to.deep.equal(['GatewayClass'])
    expect(patches.map(({ kind }) => kind)).to.deep.equal([
      'BackendTLSPolicy',
      'Gateway',
      'GatewayClass',
      'HTTPRoute',
      'ListenerSet',
    ])
  })

  it('leaves a proxy that cannot be rendered to the run, and prepares the others', () => {
    const snapshot = snapshotFromObjects([...start, gateway('shop/b')])
    const prepared: string[] = []
    const tools: Tools = {
      ...toolsFor(snapshot, firstRenderer),
      preparing: {
        *proxy({ id }) {
          prepared.push(id)
          if (id === 'shop/a') throw new Error('impossible state')
          yield undefined
        },
        statuses: () => [],
      },
    }
    expect([...preparing(snapshot, tools, now)].length).to.be.greaterThan(0)
    expect(prepared).to.deep.equal(['shop/a', 'shop/b'])
  })

  it('tells statuses of a proxy that cannot be rendered what the run tells them', () => {
    const snapshot = snapshotFromObjects([...start, gateway('shop/b')])
    const told: unknown[] = []
    const base = toolsFor(snapshot, firstRenderer)
    const tools: Tools = {
      ...base,
      build: createBuilder(() => {
        throw new Error('impossible state')
      }, firstRenderer),
      statuses: ({ outcomes }) => {
        told.push(outcomes)
        return []
      },
      preparing: {
        ...base.preparing,
        statuses: ({ outcomes }) => {
          told.push(outcomes)
          return []
        },
      },
    }
    expect([...preparing(snapshot, tools, now)].length).to.be.greaterThan(0)
    reconcile(snapshot, tools, now)
    expect(told[0]).to.have.all.keys('shop/a', 'shop/b')
    expect(told[0]).to.deep.equal(told[1])
  })
})

type Edited = Extract<Kind, 'HTTPRoute' | 'Gateway' | 'Service' | 'EndpointSlice'>

function isEdited(kind: string | undefined): kind is Edited {
  return ['HTTPRoute', 'Gateway', 'Service', 'EndpointSlice'].includes(kind ?? '')
}

function someRoute([name, to, hostnames, path, target]: readonly [string, string, string[], string, string]) {
  return route(`shop/${name}`, [{ name: to }], {
    hostnames,
    rules: [{ matches: [{ path: { type: 'PathPrefix', value: path } }], backendRefs: [{ name: target, port: 8080 }] }],
  })
}

// Doors that take everything and lead nowhere.
function toolsFor(snapshot: Snapshot, renderer: ReturnType<typeof loadRenderer>): Tools {
  const statuses = createStatuses()
  const outcomes = new Map()
  const nothing = () => undefined
  return {
    translate: createTranslator(snapshot),
    pendingDemands: () => 0,
    build: createBuilder((proxy) => provision(proxy, defaultDataPlane), renderer),
    statuses,
    preparing: { proxy: renderer.preparing, statuses: statuses.preparing },
    features: supportedFeatures,
    push: {
      objects: { want: nothing, keepOnly: nothing },
      dataplane: { want: nothing, keepOnly: nothing },
      finalizers: { want: nothing },
      statuses: { want: nothing },
      outcomes: () => outcomes,
    },
  }
}

type Said = {
  readonly proxies: readonly (Pick<RenderedConfig, 'generation' | 'size'> & { readonly files: unknown })[]
  readonly patches: readonly StatusPatch[]
}

function said(result: RunResult): Said {
  if (result.kind !== 'done') throw new Error('a run was held')
  const proxies = [...result.built].map(([id, built]) => {
    if (built.kind === 'failed') throw built.error
    const { generation, size } = built.rendered
    return { id, generation, size, objects: built.objects, files: configFiles(built.rendered, defaultDataPlane) }
  })
  const patches = result.patches.toSorted((a, b) => (`${a.kind} ${a.key}` < `${b.kind} ${b.key}` ? -1 : 1))
  return { proxies, patches }
}
