import { expect } from 'chai'

import { silentLog } from '../lib/log.ts'
import { keyOf } from '../model/snapshot.ts'

import type { KubeClient } from './kube.ts'
import { Reflector, type ReflectorOptions } from './reflector.ts'
import { FakeApi, status } from './testing/fake-api.ts'

const things = '/apis/example.com/v1/things'
const isList = (url: URL) => !url.searchParams.has('watch')
const isWatch = (url: URL) => url.searchParams.has('watch')

describe('watch/reflector', () => {
  let api: FakeApi
  let client: KubeClient
  let reflector: Reflector
  let told: string[]
  let counted: string[]
  let logged: string[]

  beforeEach(async () => {
    api = new FakeApi()
    await api.open()
    client = api.client()
    told = []
    counted = []
    logged = []
  })

  afterEach(async () => {
    await reflector.stop()
    await client.close()
    await api.close()
  })

  function follow(options: Partial<ReflectorOptions> = {}): void {
    reflector = new Reflector({
      client,
      path: things,
      apiVersion: 'example.com/v1',
      kind: 'Thing',
      onChange: (type, object) => {
        told.push(`${type} ${keyOf(object)}`)
        setImmediate(api.notice)
      },
      count: (what) => counted.push(what),
      logger: silentLog((level, message) => logged.push(`${level} ${message}`)),
      backoffLimits: { first: 1, most: 5 },
      ...options,
    })
    reflector.start()
  }

  const hears = (count: number) => api.until(() => told.length >= count)
  const lists = () => api.requests.filter(isList).length

  it('lists page by page and then follows what happens', async () => {
    for (const name of ['a', 'b', 'c', 'd', 'e']) api.put(things, name)
    follow({ pageSize: 2 })
    await reflector.synced
    expect(told).to.deep.equal(['a', 'b', 'c', 'd', 'e'].map((name) => `ADDED shop/${name}`))
    expect(api.requests.filter(isList).map((url) => url.searchParams.get('continue'))).to.deep.equal([null, '2', '4'])
    await api.until(() => api.watching === 1)
    api.put(things, 'a')
    api.remove(things, 'b')
    await hears(7)
    expect(told.slice(5)).to.deep.equal(['MODIFIED shop/a', 'DELETED shop/b'])
  })

  it('leaves turns to others while many events come at once', async () => {
    let turns = 0
    let counting = true
    const count = (): void => {
      turns += 1
      if (counting) setImmediate(count)
    }
    const seenAt: number[] = []
    follow({
      onChange: () => {
        for (const end = performance.now() + 1; performance.now() < end; ) continue
        seenAt.push(turns)
        setImmediate(api.notice)
      },
    })
    await api.until(() => api.watching === 1)
    setImmediate(count)
    const event = (n: number) => ({
      type: 'ADDED',
      object: { metadata: { name: `n${n}`, resourceVersion: `${n + 1}` } },
    })
    api.say(Array.from({ length: 60 }, (_, n) => JSON.stringify(event(n))).join('\n'))
    await api.until(() => seenAt.length === 60)
    counting = false
    expect(new Set(seenAt).size).to.be.at.least(8)
  })

  it('gives objects the kind and version that lists leave out', async () => {
    api.put(things, 'a')
    const kinds: unknown[] = []
    follow({ onChange: (_, object) => void kinds.push([object.kind, object.apiVersion]) })
    await reflector.synced
    expect(kinds).to.deep.equal([['Thing', 'example.com/v1']])
  })

  it('resumes after a cut where it stopped: nothing is listed again, nothing is told twice, nothing is lost', async () => {
    api.put(things, 'a')
    follow()
    await api.until(() => api.watching === 1)
    api.cut()
    api.put(things, 'b')
    api.remove(things, 'a')
    await hears(3)
    expect(told).to.deep.equal(['ADDED shop/a', 'ADDED shop/b', 'DELETED shop/a'])
    expect(lists()).to.equal(1)
  })

  it('resumes from bookmarks', async () => {
    follow()
    await api.until(() => api.watching === 1)
    api.bookmark()
    api.put(things, 'a')
    await hears(1)
    api.bookmark()
    api.endWatches()
    await api.until(() => api.requests.filter(isWatch).length === 2)
    const versions = api.requests.filter(isWatch).map((url) => url.searchParams.get('resourceVersion'))
    expect(versions).to.deep.equal(['100', '103'])
  })

  it('learns of a deletion that happened while the server was away', async () => {
    api.put(things, 'a')
    api.put(things, 'b')
    follow()
    await api.until(() => api.watching === 1)
    await api.close()
    api.remove(things, 'a')
    await api.open()
    await hears(3)
    expect(told[2]).to.equal('DELETED shop/a')
    expect(lists()).to.equal(1)
  })

  it('lists again when the server has forgotten where it stopped, and tells what went', async () => {
    for (const name of ['a', 'b', 'c']) api.put(things, name)
    follow()
    await api.until(() => api.watching === 1)
    await api.close()
    api.remove(things, 'b')
    api.put(things, 'c')
    api.compact()
    await api.open()
    await hears(5)
    expect(told.slice(3).toSorted()).to.deep.equal(['DELETED shop/b', 'MODIFIED shop/c'])
    expect(counted.filter((what) => what === 'relist')).to.have.length(1)
  })

  it('takes HTTP 410 like the event of the same code', async () => {
    api.put(things, 'a')
    api.script(isWatch, status(410, 'too old'))
    follow()
    await api.until(() => lists() === 2 && api.watching === 1)
    expect(told).to.deep.equal(['ADDED shop/a'])
  })

  it('begins the list anew when it expired between two pages', async () => {
    for (const name of ['a', 'b', 'c']) api.put(things, name)
    api.script((url) => url.searchParams.get('continue') === '2', status(410, 'the continue token expired'))
    follow({ pageSize: 2 })
    await reflector.synced
    expect(told).to.deep.equal(['a', 'b', 'c'].map((name) => `ADDED shop/${name}`))
  })

  it('waits as long as Retry-After says', async () => {
    api.script(isList, status(429, 'storage is (re)initializing', { 'retry-after': '1' }))
    const started = performance.now()
    follow()
    await reflector.synced
    expect(performance.now() - started).to.be.greaterThan(990)
    expect(counted).to.deep.equal(['error'])
  })

  it('waits for a kind that the cluster does not know yet, holding up nobody and complaining once', async () => {
    api.missing.add(things)
    follow()
    await reflector.synced
    await api.until(() => lists() >= 4)
    expect(logged.filter((line) => line.includes('does not know the kind Thing'))).to.have.length(1)
    api.missing.delete(things)
    api.put(things, 'a')
    await hears(1)
    expect(told).to.deep.equal(['ADDED shop/a'])
  })

  it('keeps what it knows when the collection is said to be missing for a while', async () => {
    api.put(things, 'a')
    follow()
    await api.until(() => api.watching === 1)
    api.missing.add(things)
    api.endWatches()
    await api.until(() => lists() >= 3)
    api.missing.delete(things)
    await api.until(() => api.watching === 1)
    expect(told).to.deep.equal(['ADDED shop/a'])
  })

  it('takes a watch that ends at once for a failure and backs off', async () => {
    follow({ backoffLimits: { first: 60_000, most: 60_000 } })
    await api.until(() => api.watching === 1)
    api.endWatches()
    const again = await Promise.race([api.until(() => api.requests.filter(isWatch).length === 2), settled(80)])
    expect(again).to.equal('quiet')
  })

  it('outlives nonsense: a line that is no event, an object without a name', async () => {
    follow()
    await api.until(() => api.watching === 1)
    api.say('{"type":"ADDED","object":{}}')
    await api.until(() => api.requests.filter(isWatch).length === 2 && api.watching === 2)
    api.say('<html>')
    await api.until(() => api.requests.filter(isWatch).length === 3)
    api.put(things, 'a')
    await hears(1)
    expect(told).to.deep.equal(['ADDED shop/a'])
  })

  it('goes on when a listener throws', async () => {
    follow({
      onChange: (_, object) => {
        told.push(keyOf(object))
        setImmediate(api.notice)
        if (object.metadata?.name === 'bad') throw new Error('boom')
      },
    })
    await api.until(() => api.watching === 1)
    api.put(things, 'bad')
    api.put(things, 'good')
    await hears(2)
    expect(api.requests.filter(isWatch)).to.have.length(1)
    expect(counted).to.include('error')
  })

  for (const thrown of ['throws', 'rejects'])
    it(`what a listener that ${thrown} could not take in is read and told again, also that it went`, async () => {
      const failures = ['bad', 'bad', 'gone']
      const failing = (name: string) => {
        const at = failures.indexOf(name)
        if (at >= 0) failures.splice(at, 1)
        return at >= 0
      }
      follow({
        onChange: (type, object) => {
          setImmediate(api.notice)
          const key = keyOf(object)
          if ((key !== 'shop/gone' || type === 'DELETED') && failing(key.slice('shop/'.length))) {
            const error = new Error('boom')
            if (thrown === 'rejects') return Promise.reject(error)
            throw error
          }
          told.push(`${type} ${key}`)
          return undefined
        },
      })
      api.put(things, 'good')
      api.put(things, 'gone')
      await api.until(() => api.watching === 1)
      api.put(things, 'bad')
      api.remove(things, 'gone')
      await hears(4)
      expect(told.slice(2).toSorted()).to.deep.equal(['DELETED shop/gone', 'MODIFIED shop/bad'])
      expect(api.requests.filter(isWatch)).to.have.length(1)
      expect(counted.filter((what) => what === 'error')).to.have.length(3)
    })

  it('what could not be taken in and went is told once', async () => {
    let isFirst = true
    follow({
      backoffLimits: { first: 60_000, most: 60_000 },
      onChange: (type, object) => {
        setImmediate(api.notice)
        told.push(`${type} ${keyOf(object)}`)
        if (isFirst) {
          isFirst = false
          throw new Error('boom')
        }
      },
    })
    await api.until(() => api.watching === 1)
    api.put(things, 'bad')
    api.remove(things, 'bad')
    await hears(2)
    expect(told).to.deep.equal(['ADDED shop/bad', 'DELETED shop/bad'])
  })

  it('asks for metadata only, and by label, when told so', async () => {
    follow({ metadataOnly: true, labelSelector: 'a=b' })
    await api.until(() => api.watching === 1)
    expect(api.requests.map((url) => url.searchParams.get('labelSelector'))).to.deep.equal(['a=b', 'a=b'])
    expect(api.accepted[0]).to.match(/as=PartialObjectMetadataList/)
    expect(api.accepted[1]).to.match(/as=PartialObjectMetadata;/)
  })

  it('stops at once, in the middle of a watch', async () => {
    follow()
    await api.until(() => api.watching === 1)
    await reflector.stop()
    expect(logged.filter((line) => line.startsWith('warn'))).to.deep.equal([])
  })
})

// The absence of an event cannot be awaited.
async function settled(milliseconds: number): Promise<'quiet'> {
  const { promise, resolve } = Promise.withResolvers<'quiet'>()
  setTimeout(() => resolve('quiet'), milliseconds)
  return promise
}
