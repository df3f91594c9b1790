import { expect } from 'chai'
import { setTimeout as sleep } from 'node:timers/promises'

import { BusyServers } from './busy-servers.ts'
import { freshlyLoaded } from './held.ts'
import { configOf, testSettings } from './testing/configs.ts'
import { FakePod } from './testing/fake-pod.ts'

const held = freshlyLoaded(configOf({ hosts: {}, backends: { n_a_80: ['10.0.0.1'] } }), testSettings)
const server = (n: number, backend = 'spare0001') => ({ backend, server: `10-0-1-${n}_80` })

describe('busy servers', () => {
  let pod: FakePod
  let deleted: string[]
  let busy: BusyServers

  beforeEach(() => {
    pod = new FakePod(testSettings)
    deleted = []
    pod.memory.backends.set('n_a_80', new Map())
    pod.memory.backends.set('spare0001', new Map())
    pod.before = (call, ...details) => void (call === 'deleteServer' && deleted.push(details.join('/')))
    busy = new BusyServers({ busyServers: 20 })
  })

  const attempts = async (): Promise<number> => {
    const before = deleted.length
    await busy.deleteFrom(pod.api(), held)
    return deleted.length - before
  }
  const put = (place: { readonly backend: string; readonly server: string }, isBusy: boolean) => {
    const { backend, server: name } = place
    pod.memory.backends.get(backend)?.set(name, { name, address: '10.0.0.9', port: 80, ready: false })
    if (isBusy) pod.busyServers.add(name)
  }

  it('are deleted when their connections ended', async () => {
    put(server(1), true)
    busy.remember([server(1)])
    expect(busy.due).to.be.below(Infinity)
    await sleep(2)
    expect(await attempts()).to.equal(1)
    expect(busy.due).to.be.below(Infinity)
    pod.busyServers.clear()
    await sleep(3)
    expect(await attempts()).to.equal(1)
    expect([busy.due, pod.memory.backends.get('spare0001')?.size]).to.deep.equal([Infinity, 0])
  })

  it('are asked after a few at a time, so that a change waits for no more', async () => {
    const many = Array.from({ length: 100 }, (_, n) => server(n))
    for (const one of many) put(one, false)
    busy.remember(many)
    await sleep(2)
    let rounds = 0
    for (; busy.due < Infinity; rounds += 1) expect(await attempts()).to.be.within(1, 5)
    expect(rounds).to.be.at.least(20)
    expect(new Set(deleted)).to.have.lengthOf(100)
  })

  it('have a turn between two changes, and only one', async () => {
    put(server(1), true)
    busy.remember([server(1)])
    expect(busy.isNext(performance.now())).to.equal(false)
    await sleep(2)
    expect(busy.isNext(performance.now())).to.equal(true)
    await attempts()
    expect(busy.isNext(Infinity)).to.equal(false)
    busy.remember([])
    expect(busy.isNext(Infinity)).to.equal(true)
  })

  it('are asked after ever more rarely', async () => {
    put(server(1), true)
    busy.remember([server(1)])
    const end = performance.now() + 120
    while (performance.now() < end) {
      await sleep(1)
      await attempts()
    }
    expect(deleted).to.have.length.within(2, 8)
  })

  it('keep their backend from being given away while a request may still look for a server, and no longer', async () => {
    put(server(1), true)
    busy.remember([server(1)])
    expect([...busy.resting()]).to.deep.equal(['spare0001'])
    expect([...busy.resting(performance.now() + 10_000)]).to.deep.equal([])
    pod.busyServers.clear()
    await sleep(2)
    await attempts()
    expect([...busy.resting()]).to.deep.equal([])
  })

  it('that were used again meanwhile are asked after later, and until then there is nothing to do', async () => {
    put(server(1), true)
    busy.remember([server(1)])
    await sleep(2)
    busy.remember([server(1)])
    await attempts()
    expect(busy.due).to.be.greaterThan(performance.now() - 1)
  })

  it('stay when they are wanted again', async () => {
    const wanted = { backend: 'n_a_80', server: '10-0-0-1_80' }
    put(wanted, false)
    busy.remember([wanted])
    await sleep(2)
    expect([await attempts(), busy.due]).to.deep.equal([0, Infinity])
  })

  it('a pod that does not answer is no reason to forget them, and what it refuses is tried again', async () => {
    put(server(1), false)
    busy.remember([server(1)])
    await sleep(2)
    pod.before = () => {
      throw new Error('no answer')
    }
    const failure = await busy.deleteFrom(pod.api(), held).catch((error: unknown) => error)
    expect(failure).to.be.instanceOf(Error)
    expect(busy.due).to.be.below(Infinity)
  })
})
