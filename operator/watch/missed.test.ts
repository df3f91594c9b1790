import { expect } from 'chai'

import type { KubernetesObject } from '../model/kubernetes.ts'
import type { ObjectKey } from '../model/snapshot.ts'

import { Missed } from './missed.ts'

const thing: KubernetesObject = { metadata: { name: 'a', namespace: 'shop' } }

describe('watch/missed', () => {
  let missed: Missed
  let took: { readonly key: ObjectKey; readonly object: KubernetesObject | undefined }[]
  let told: () => void

  afterEach(() => missed.stop())

  // Calls back with every object; hands out a promise that settles after so many of them.
  function open(read: () => Promise<KubernetesObject | undefined>, most: number, again = false): Promise<void> {
    took = []
    missed = new Missed({
      read,
      take: (key, object) => {
        took.push({ key, object })
        // As somebody who finds out a moment later.
        if (again && took.length < most) void Promise.resolve().then(() => missed.add(key))
        else told()
      },
      limits: { first: 1, most: 5 },
    })
    return new Promise((resolve) => {
      told = resolve
    })
  }

  it('reads an object again until it is not missed any more', async () => {
    const done = open(async () => thing, 5, true)
    missed.add('shop/a')
    await done
    expect(took).to.deep.equal(Array.from({ length: 5 }, () => ({ key: 'shop/a', object: thing })))
  })

  it('an API server that does not answer is asked again', async () => {
    let failures = 3
    const done = open(async () => {
      failures -= 1
      if (failures >= 0) throw new Error('away')
      return undefined
    }, 1)
    missed.add('shop/a')
    await done
    expect(took).to.deep.equal([{ key: 'shop/a', object: undefined }])
  })

  it('what was read before a newer event came is nobody’s news', async () => {
    const asked = Promise.withResolvers<void>()
    const answer = Promise.withResolvers<KubernetesObject>()
    void open(async () => {
      asked.resolve()
      return answer.promise
    }, 1)
    missed.add('shop/a')
    await asked.promise
    missed.forget('shop/a')
    answer.resolve(thing)
    await missed.stop()
    expect(took).to.deep.equal([])
  })
})
