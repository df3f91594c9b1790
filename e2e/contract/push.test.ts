// The operator's way to a pod, on a HAProxy that serves and an API that dies: whatever happens, memory and files end as wanted.

import { Agent, request } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { connect } from 'node:tls'

import { expect } from 'chai'

import { parseFiles } from '../../operator/push/files.ts'
import { readMeta, spelled, spareNames } from '../../operator/push/held.ts'
import type { PodWorker } from '../../operator/push/pod.ts'
import { isPadding } from '../../operator/push/padded.ts'
import type { ConfigSpec } from '../../operator/push/testing/configs.ts'
import type { RenderedConfig } from '../../operator/model/rendered.ts'

import { createAuthority, type Authority } from './authority.ts'
import { eventually, programs } from './lab.ts'
import { PushLab } from './push-lab.ts'

// Service N has addresses 127.N.0.* and is asked for by the host N.test: whoever answers from elsewhere was reached by mistake.
type Service = { readonly n: number; readonly servers: number; readonly tree: boolean; readonly filtered: boolean }
type State = { readonly services: ReadonlyMap<number, Service>; readonly certificates: ReadonlyMap<number, number> }

const steady: Service = { n: 100, servers: 2, tree: false, filtered: false }
const services = 12

const ways = programs().flatMap((program) => [
  { program, hasRuntime: true, title: program.name },
  { program, hasRuntime: false, title: `${program.name}, without the Runtime API` },
])

for (const { program, hasRuntime, title } of ways)
  describe(`pushing to a pod (${title})`, function () {
    this.timeout(100_000)
    let lab: PushLab
    let authority: Authority
    let pems: ReadonlyMap<string, string>
    let worker: PodWorker
    let state: State

    before(async () => {
      authority = await createAuthority()
      const made: [string, string][] = []
      for (const n of [0, 1, 2, 3])
        for (const version of [0, 1]) {
          const { cert, key } = await authority.issue(`c${n}v${version}.test`)
          made.push([`${n} ${version}`, cert + key])
        }
      pems = new Map(made)
    })
    beforeEach(async () => {
      state = { services: new Map([[steady.n, steady]]), certificates: new Map([[0, 0]]) }
      lab = await PushLab.start(program, specOf(state, pems))
      lab.hasRuntime = hasRuntime
      worker = await lab.operate(specOf(state, pems))
    })
    afterEach(() => lab.stop())

    const want = (next: State): void => {
      state = next
      worker.want(lab.config(specOf(state, pems)))
    }
    const arrived = async (): Promise<void> => {
      const { generation } = lab.config(specOf(state, pems))
      const isThere = () => worker.state.kind === 'programmed' && worker.state.generation === generation
      for (let round = 0; round < 6000 && !isThere(); round += 1) await sleep(10)
      expect(isThere(), `${JSON.stringify(worker.state)}\n${lab.log.slice(-20).join('\n')}`).to.equal(true)
    }

    it('takes a Service back while its servers still drain in the spare it had', async () => {
      const one = withService(state, { n: 1, servers: 2, tree: false, filtered: true })
      const none = state
      for (let round = 0; round < 3; round += 1) {
        want(one)
        await arrived()
        const slow = [visit(lab, 1, '/slow'), visit(lab, 1, '/slow')]
        await sleep(50)
        want(none)
        await arrived()
        want(one)
        await arrived()
        expect((await visit(lab, 1)).status).to.equal(200)
        want(none)
        await arrived()
        await Promise.all(slow)
      }
      await eventually(() => isAsWanted(lab, lab.config(specOf(state, pems))))
      expect(lab.log.filter((line) => !line.startsWith('info'))).to.deep.equal([])
      expect(lab.log.filter((line) => line.includes('reloaded'))).to.deep.equal([])
    })

    it('finds servers in maintenance, servers of nobody and moved ones after it started again', async () => {
      const api = lab.connect()
      want(withService(state, { n: 1, servers: 1, tree: false, filtered: false }))
      await arrived()
      const [first = '', second = ''] = spareNames('plain', lab.settings.spares.plain)
      const [left] = (await api.listServers(first)) ?? []
      const port = left?.port ?? 0
      await worker.stop()
      await api.addServer(first, { name: `127-1-0-2_${port}`, address: '127.9.9.9', port })
      await api.addServer(second, { name: `127-3-0-1_${port}`, address: '127.3.0.1', port })
      await api.readyServer(second, `127-3-0-1_${port}`)
      await api.close()
      state = withService(state, { n: 1, servers: 2, tree: false, filtered: false })
      state = withService(state, { n: 2, servers: 1, tree: false, filtered: false })
      worker = await lab.operate(specOf(state, pems))
      await arrived()
      await eventually(() => isAsWanted(lab, lab.config(specOf(state, pems))))
      expect(lab.log.filter((line) => line.includes('reloaded'))).to.deep.equal([])
    })

    it('hundreds of random changes, with traffic, killed programs and foreign reloads, end in what is wanted', async () => {
      const random = generator(20_260_101)
      const visitors = visitorsOf(lab)
      for (let step = 0; step < 300; step += 1) {
        want(changed(state, random))
        await sleep(random(25))
        if (step === 60 || step === 210) await Promise.all([lab.killApi(), wantMore(5)])
        if (step === 110 || step === 250) {
          visitors.pause()
          await Promise.all([lab.killHAProxy(), wantMore(5)])
          visitors.resume()
        }
        if (step === 160) lab.reloadFromOutside()
        if (step === 180) worker = await lab.operate(specOf(state, pems))
      }
      async function wantMore(times: number): Promise<void> {
        for (let n = 0; n < times; n += 1) {
          want(changed(state, random))
          await sleep(20)
        }
      }
      await arrived()
      const { mistakes, answered } = await visitors.end()
      expect(mistakes).to.deep.equal([])
      expect(answered).to.be.greaterThan(500)
      const config = lab.config(specOf(state, pems))
      await eventually(() => isAsWanted(lab, config)).catch(() => expectWanted(lab, config))
      for (const [n, version] of state.certificates)
        expect(await served(lab, `c${n}.test`)).to.equal(`c${n}v${version}.test`)
    })
  })

// ---- what is wanted -------------------------------------------------------------------------------------------------------------------

function specOf(state: State, pems: ReadonlyMap<string, string>): Omit<ConfigSpec, 'machine' | 'port'> {
  const all = [...state.services.values()].map((service) => ({
    ...service,
    backend: `n_s${service.n}_80${service.filtered ? '.f' : ''}`,
  }))
  const certificates = [...state.certificates].toSorted(([a], [b]) => a - b)
  return {
    hosts: Object.fromEntries(
      all.map(({ n, backend, tree }) => [`${n}.test`, { '/': `${tree ? '~' : ''}${backend}` }]),
    ),
    backends: Object.fromEntries(all.map(({ n, backend, servers }) => [backend, addresses(n, servers)])),
    certificates: Object.fromEntries(
      certificates.map(([n, version]) => [`c${n}.pem`, pems.get(`${n} ${version}`) ?? '']),
    ),
    list: certificates.map(([n]) => [`c${n}.pem`, [`c${n}.test`]]),
    reasons: ['port 80'],
  }
}

function addresses(n: number, count: number): readonly string[] {
  return Array.from({ length: count }, (_, server) => `127.${n}.0.${server + 1}`)
}

function withService(state: State, service: Service): State {
  return { ...state, services: new Map([...state.services, [service.n, service]]) }
}

type Random = (below: number) => number

function changed(state: State, random: Random): State {
  if (random(8) === 0) {
    const certificates = new Map(state.certificates)
    const n = 1 + random(3)
    if (random(3) === 0) certificates.delete(n)
    else certificates.set(n, random(2))
    if (random(4) === 0) certificates.set(0, random(2))
    return { ...state, certificates }
  }
  const n = 1 + random(services)
  if (state.services.has(n) && random(3) === 0)
    return { ...state, services: new Map([...state.services].filter(([other]) => other !== n)) }
  return withService(state, { n, servers: random(4), tree: random(3) === 0, filtered: random(3) === 0 })
}

/** A small generator, the same numbers in every run. */
function generator(seed: number): Random {
  let last = seed
  return (below) => {
    last = (Math.imul(last, 1_664_525) + 1_013_904_223) >>> 0
    return Math.floor((last / 2 ** 32) * below)
  }
}

// ---- what is there --------------------------------------------------------------------------------------------------------------------

async function isAsWanted(lab: PushLab, config: RenderedConfig): Promise<boolean> {
  await expectWanted(lab, config)
  return true
}

async function expectWanted(lab: PushLab, config: RenderedConfig): Promise<void> {
  const api = lab.connect()
  try {
    const meta = readMeta((await api.listMap('meta.map')) ?? [])
    expect(meta.generation, 'generation in memory').to.equal(config.generation)
    const held = parseFiles(lab.files(), lab.settings)
    expect(held.generation, 'generation of the files').to.equal(config.generation)
    for (const [map, sections] of config.maps) {
      const entries = [...sections.values()].flatMap((section) => section.entries)
      const wanted = new Map(entries.map((entry) => [entry.key, spelled(entry, meta.aliases)]))
      const found = ((await api.listMap(map)) ?? []).filter((entry) => !isPadding(entry))
      expect(sorted(new Map(found.map(({ key, value }) => [key, value]))), map).to.deep.equal(sorted(wanted))
      const stored = [...(held.maps.get(map)?.values() ?? [])].flatMap((section) => section.entries)
      const meant = new Map(entries.map(({ key, value }) => [key, value]))
      expect(sorted(new Map(stored.map(({ key, value }) => [key, value]))), `file ${map}`).to.deep.equal(sorted(meant))
    }
    const used = new Set(meta.aliases.values())
    for (const [name, { servers }] of config.backends) {
      const lines = [...servers].map(([server, line]) => ({ name: server, ...line, ready: true }))
      expect(byName(await api.listServers(meta.aliases.get(name) ?? name)), name).to.deep.equal(byName(lines))
      expect(held.backends.get(name)?.servers, `file of ${name}`).to.deep.equal(servers)
    }
    expect([...held.backends.keys()].toSorted()).to.deep.equal([...config.backends.keys()].toSorted())
    for (const spare of [
      ...spareNames('plain', lab.settings.spares.plain),
      ...spareNames('filtered', lab.settings.spares.filtered),
    ])
      if (!used.has(spare)) expect(await api.listServers(spare), spare).to.deep.equal([])
  } finally {
    await api.close()
  }
}

function sorted(map: ReadonlyMap<string, string>): readonly (readonly [string, string])[] {
  return [...map].toSorted(([a], [b]) => (a < b ? -1 : 1))
}

function byName<T extends { readonly name: string }>(list: readonly T[] | undefined): readonly T[] {
  return [...(list ?? [])].toSorted((a, b) => (a.name < b.name ? -1 : 1))
}

function served({ httpsPort }: PushLab, servername: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port: httpsPort, host: '127.0.0.1', servername, rejectUnauthorized: false }, () => {
      resolve(String(socket.getPeerCertificate().subject.CN))
      socket.destroy()
    })
    socket.once('error', reject)
  })
}

// ---- traffic --------------------------------------------------------------------------------------------------------------------------

type Seen = { readonly status: number; readonly text: string }

function visit({ httpPort }: PushLab, n: number, path = '/', agent?: Agent): Promise<Seen> {
  return new Promise((resolve, reject) => {
    const options = { host: '127.0.0.1', port: httpPort, path, headers: { host: `${n}.test` }, agent: agent ?? false }
    const visitor = request(options, (response) => {
      let text = ''
      response.setEncoding('utf8')
      response.on('data', (part: string) => {
        text += part
      })
      response.once('error', reject)
      response.once('end', () => resolve({ status: response.statusCode ?? 0, text }))
    })
    visitor.once('error', reject).end()
  })
}

type Visitors = {
  readonly pause: () => void
  readonly resume: () => void
  readonly end: () => Promise<{ readonly mistakes: readonly string[]; readonly answered: number }>
}

// Kept connections and, now and then, a request that holds on to its server. Nobody may be answered by another Service, and the steady one
// must always answer, but for the moments when HAProxy is dead.
function visitorsOf(lab: PushLab): Visitors {
  const agent = new Agent({ keepAlive: true })
  const mistakes: string[] = []
  let answered = 0
  const ending = new AbortController()
  let deaths = 0
  let isDead = false
  const look = async (n: number, path: string): Promise<void> => {
    const before = deaths
    const isSteady = n === steady.n
    try {
      const { status, text } = await visit(lab, n, path, agent)
      answered += 1
      if (status === 200 && !text.startsWith(`127.${n}.0.`)) mistakes.push(`${n}.test was answered by ${text}`)
      if (isSteady && status !== 200 && before === deaths) mistakes.push(`${n}.test: ${status}`)
    } catch (error) {
      if (isSteady && !isDead && before === deaths && !isReset(error)) mistakes.push(`${n}.test: ${String(error)}`)
      await sleep(10)
    }
  }
  const lane = async (first: number): Promise<void> => {
    for (let at = first; !ending.signal.aborted; at += 1) {
      const n = at % (services + 1)
      await look(n === 0 ? steady.n : n, at % 17 === 0 ? '/slow' : '/')
      await sleep(2)
    }
  }
  const lanes = [0, 3, 6, 9].map(lane)
  return {
    pause: () => {
      isDead = true
      deaths += 1
    },
    resume: () => {
      isDead = false
      deaths += 1
    },
    end: async () => {
      ending.abort()
      await Promise.all(lanes)
      agent.destroy()
      return { mistakes, answered }
    },
  }
}

// An old worker closes kept connections after a reload; a client that was just about to use one has to ask again.
function isReset(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ECONNRESET'
}
