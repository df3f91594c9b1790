// Services that come and go faster than the spare backends they are given come to rest: no request may reach the next Service in the same
// one, and nothing may be used up.

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { request } from 'node:http'
import { connect, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'

import { expect } from 'chai'

import { spareNames } from '../../operator/push/held.ts'
import type { PodWorker } from '../../operator/push/pod.ts'
import type { ConfigSpec } from '../../operator/push/testing/configs.ts'

import { createAuthority } from './authority.ts'
import { eventually, programs } from './lab.ts'
import { PushLab } from './push-lab.ts'

type Spec = Omit<ConfigSpec, 'machine' | 'port'>

for (const program of programs())
  describe(`spare backends (${program.name})`, function () {
    this.timeout(100_000)
    let lab: PushLab
    let worker: PodWorker
    let pem: string

    before(async () => {
      const { cert, key } = await (await createAuthority()).issue('default.test')
      pem = cert + key
    })
    beforeEach(async () => {
      lab = await PushLab.start(program, specOf(new Map()))
      worker = await lab.operate(specOf(new Map()))
    })
    afterEach(() => lab.stop())
    const specOf = (services: Services): Spec => ({
      ...servicesOf(services),
      certificates: { 'default.pem': pem },
      list: [['default.pem', []]],
    })

    const bring = async (services: Services): Promise<void> => {
      const config = lab.config(specOf(services))
      worker.want(config)
      await eventually(async () => worker.state.kind === 'programmed' && worker.state.generation === config.generation)
    }
    const reloads = () => lab.log.filter((line) => line.includes('reloaded'))

    it('a request that still looks for a server never gets to the next Service of its spare', async () => {
      const hole = await startHole()
      try {
        const others = Array.from({ length: lab.settings.spares.plain - 1 }, (_, n) => n + 1)
        const services = new Map(others.map((n) => [n, addresses(n)]))
        await bring(new Map([...services, [77, [`127.0.0.1:${hole.port}`]]]))
        expect(reloads()).to.deep.equal([])
        const lost = visit(lab, 77)
        await sleep(300)
        await bring(services)
        await bring(new Map([...services, [66, addresses(66)]]))
        expect((await visit(lab, 66)).text).to.match(/^127\.66\./)
        expect(await lost).to.deep.include({ status: 503 })
      } finally {
        hole.stop()
      }
    })

    it('of thousands of changes to one route the newest wins, and nothing piles up', async () => {
      const services = new Map([1, 2, 3].map((n) => [n, addresses(n)]))
      const specFor = (n: number): Spec => ({
        ...specOf(services),
        hosts: { 'x.test': { '/': `n_s${1 + (n % 3)}_80`, [`/${n}/`]: 'n_s1_80' } },
      })
      const before = lab.log.length
      for (let n = 0; n < 3000; n += 1) {
        worker.want(lab.config(specFor(n)))
        if (n % 10 === 0) await sleep(1)
      }
      const { generation } = lab.config(specFor(2999))
      await eventually(async () => worker.state.kind === 'programmed' && worker.state.generation === generation)
      expect((await visit(lab, 'x')).text).to.equal('127.3.0.1')
      expect(lab.log.length - before).to.be.below(3000)
      const api = lab.connect()
      expect((await api.listMap('paths-80.map'))?.map(({ key }) => key)).to.have.members(['x.test/', 'x.test/2999/'])
      await api.close()
      expect(reloads()).to.deep.equal([])
    })

    it('hundreds of Services come and go without a reload, also while their last requests are answered', async () => {
      const mistakes: string[] = []
      const slow: Promise<unknown>[] = []
      let services: Services = new Map()
      for (let n = 1; n <= 200; n += 1) {
        const gone = new Set([...services.keys()].slice(0, Math.max(0, services.size - 1)))
        services = new Map([...services].filter(([other]) => !gone.has(other)))
        services = new Map([...services, [n, addresses(n)]])
        worker.want(lab.config(specOf(services)))
        let seen = await visit(lab, n)
        for (let round = 0; round < 1000 && seen.status === 404; round += 1) seen = await visit(lab, n)
        if (seen.status !== 200 || !seen.text.startsWith(`127.${n}.`))
          mistakes.push(`${n}.test: ${seen.status} ${seen.text}`)
        if (n % 50 === 0)
          slow.push(visit(lab, n, '/slow').then((late) => expect(late.text).to.match(RegExp(`^127.${n}.`))))
      }
      await Promise.all(slow)
      await bring(new Map())
      expect(mistakes).to.deep.equal([])
      expect(reloads()).to.deep.equal([])
      const api = lab.connect()
      await eventually(async () => {
        for (const spare of spareNames('plain', lab.settings.spares.plain))
          if ((await api.listServers(spare))?.length !== 0) return false
        return true
      })
      expect((await api.listMap('meta.map'))?.filter(({ key }) => key.startsWith('@be.'))).to.deep.equal([])
      await api.close()
    })
  })

// Number of the Service → its addresses. Who is asked for N.test must answer from 127.N.
type Services = ReadonlyMap<number, readonly string[]>

function addresses(n: number): readonly string[] {
  return [`127.${n}.0.1`]
}

function servicesOf(services: Services): Spec {
  const names = [...services.keys()]
  return {
    hosts: Object.fromEntries(names.map((n) => [`${n}.test`, { '/': `n_s${n}_80` }])),
    backends: Object.fromEntries(names.map((n) => [`n_s${n}_80`, services.get(n) ?? []])),
    reasons: ['port 80'],
  }
}

type Seen = { readonly status: number; readonly text: string }

function visit({ httpPort }: PushLab, n: number | string, path = '/'): Promise<Seen> {
  return new Promise((resolve, reject) => {
    const options = { host: '127.0.0.1', port: httpPort, path, headers: { host: `${n}.test` }, agent: false }
    const visitor = request(options, (response) => {
      let text = ''
      response.setEncoding('utf8')
      response.on('data', (part: string) => {
        text += part
      })
      response.once('end', () => resolve({ status: response.statusCode ?? 0, text }))
    })
    visitor.once('error', reject).end()
  })
}

type Hole = { readonly port: number; readonly stop: () => void }

// A port that lets connections wait for ever: its program sleeps, and its queue is full.
async function startHole(): Promise<Hole> {
  const program = `const server = require('node:net').createServer()
    server.listen({ port: 0, host: '127.0.0.1', backlog: 1 }, () => console.log(server.address().port))`
  const child = spawn(process.execPath, ['-e', program], { stdio: ['ignore', 'pipe', 'inherit'] })
  const [word]: Buffer[] = await once(child.stdout, 'data')
  const port = Number(String(word))
  child.kill('SIGSTOP')
  const waiting = [0, 1, 2].map((): Socket => connect(port, '127.0.0.1').on('error', () => {}))
  await sleep(50)
  return {
    port,
    stop: () => {
      for (const socket of waiting) socket.destroy()
      child.kill('SIGKILL')
    },
  }
}
