import { expect } from 'chai'

import { derive } from '../lib/derive.ts'
import { silentLog } from '../lib/log.ts'
import type { KubernetesObject } from '../model/kubernetes.ts'

import { Demands } from './demands.ts'
import { Store } from './store.ts'

type Fetch = {
  readonly key: string
  readonly answer: (value: string | undefined) => Promise<void>
  readonly fail: () => Promise<void>
}

describe('watch/demands', () => {
  let fetches: Fetch[]
  let changes: number
  let demands: Demands
  let store: Store
  let arrived: PromiseWithResolvers<void>

  beforeEach(() => {
    fetches = []
    changes = 0
    arrived = Promise.withResolvers()
    store = new Store((kind, key, wanted) => demands.want(kind, key, wanted))
    demands = new Demands({
      fetch: (kind, key) => {
        const { promise, resolve, reject } = Promise.withResolvers<KubernetesObject | undefined>()
        const [namespace = '', name = ''] = key.split('/')
        const metadata = { namespace, name }
        const secret = (value: string) => ({ kind, metadata, data: { value } })
        fetches.push({
          key,
          answer: (value) => after(() => resolve(value === undefined ? undefined : secret(value))),
          fail: () => after(() => reject(new Error('away'))),
        })
        arrived.resolve()
        arrived = Promise.withResolvers()
        return promise
      },
      keep: (kind, key, object) =>
        object === undefined ? store.remove(kind, key) : store.put(kind, object) !== undefined,
      onChange: () => {
        changes += 1
      },
      logger: silentLog(),
      backoffLimits: { first: 1, most: 2 },
    })
  })

  afterEach(() => demands.stop())

  async function fetched(count: number): Promise<Fetch> {
    while (fetches.length < count) await arrived.promise
    const last = fetches[count - 1]
    if (last === undefined) throw new Error('no fetch')
    return last
  }

  const reading = (key: () => string | undefined) =>
    derive(() => {
      const name = key()
      return name === undefined ? 'nothing' : (store.snapshot.Secret.get(name)?.data?.['value'] ?? 'absent')
    })

  it('fetches what a derivation reads, and counts it as pending until the first answer', async () => {
    const value = reading(() => 'shop/tls')
    const watched = derive(() => value())
    expect(watched()).to.equal('absent')
    expect([demands.pending(1000), demands.pending(0)]).to.deep.equal([1, 0])
    await (await fetched(1)).answer('v1')
    expect([watched(), demands.pending(1000), changes]).to.deep.equal(['v1', 0, 1])
  })

  it('takes "there is none" for an answer, and hears when it comes', async () => {
    const value = reading(() => 'shop/tls')
    const watched = derive(() => value())
    watched()
    await (await fetched(1)).answer(undefined)
    expect([watched(), demands.pending(1000), changes]).to.deep.equal(['absent', 0, 1])
    demands.changed('Secret', 'shop/tls')
    await (await fetched(2)).answer('v1')
    expect([watched(), changes]).to.deep.equal(['v1', 2])
  })

  it('fetches again what changed while it was being fetched', async () => {
    const watched = reading(() => 'shop/tls')
    watched()
    const first = await fetched(1)
    demands.changed('Secret', 'shop/tls')
    await first.answer('old')
    await (await fetched(2)).answer('new')
    expect([watched(), fetches.length]).to.deep.equal(['new', 2])
  })

  it('tries again when there was no answer, and keeps what it has meanwhile', async () => {
    const watched = reading(() => 'shop/tls')
    watched()
    await (await fetched(1)).fail()
    expect(demands.pending(1000)).to.equal(1)
    await (await fetched(2)).answer('v1')
    demands.changed('Secret', 'shop/tls')
    await (await fetched(3)).fail()
    expect([watched(), demands.pending(1000)]).to.deep.equal(['v1', 0])
  })

  it('lets go of what is no longer read, and ignores answers that come too late', async () => {
    let name: string | undefined = 'shop/tls'
    const switchable = new Store()
    const watched = derive(() => {
      switchable.snapshot.Namespace.get('trigger')
      return reading(() => name)()
    })
    watched()
    await (await fetched(1)).answer('v1')
    expect(watched()).to.equal('v1')
    demands.changed('Secret', 'shop/tls')
    const late = await fetched(2)
    name = undefined
    switchable.put('Namespace', { kind: 'Namespace', metadata: { name: 'trigger' } })
    expect(watched()).to.equal('nothing')
    await late.answer('v2')
    expect([...store.snapshot.Secret.keys()]).to.deep.equal([])
  })

  it('drops word of objects that nobody asked for', () => {
    demands.changed('Secret', 'kube-system/token')
    expect(fetches).to.deep.equal([])
  })
})

// What follows an answer runs in microtasks.
async function after(cause: () => void): Promise<void> {
  cause()
  const { promise, resolve } = Promise.withResolvers<void>()
  setImmediate(resolve)
  await promise
}
