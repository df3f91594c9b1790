import { expect } from 'chai'
import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { join } from 'node:path'
import fc from 'fast-check'

import type { Backend, ProxyModel, Target, UdpFrontend } from '../model/proxy-model.ts'
import { defaultDataPlane } from '../model/settings.ts'
import { followScript } from '../provision/udp.ts'
import { temporaryFolder } from '../scenarios/haproxy-files.ts'
import { checkUdp, findNginx, startNginx, type Nginx } from '../scenarios/nginx.ts'
import { eventually } from '../../e2e/lib/eventually.ts'

import { loadRenderer } from './render.ts'

import { udpView } from './udp.ts'
import { leafOfItems, noParts } from '../lib/parts.ts'

const render = loadRenderer(join(import.meta.dirname, '../../templates'), defaultDataPlane)

function backend(id: string, servers: Backend['servers']): Backend {
  return { id, profile: 'udp', servers }
}
function to(id: string, weight = 1): Target {
  return { kind: 'backend', weight, backend: id, profile: 'udp', filters: [], timeouts: {} }
}
const broken = (weight: number): Target => ({ kind: 'respond', weight, status: 500 })

function frontend(port: number, ...targets: readonly Target[]): UdpFrontend {
  const match = { path: { kind: 'prefix', value: '/' }, headers: [], queries: [] } as const
  const rules = targets.length === 0 ? [] : [{ id: 'r', match, action: { kind: 'forward', targets } } as const]
  return { kind: 'udp', port, rules }
}
function proxy(frontends: readonly UdpFrontend[], backends: readonly Backend[]): ProxyModel {
  const workload = { name: 'web', namespace: 'shop', uid: '1', className: 'haproxy', labels: {}, annotations: {} }
  return {
    id: 'shop/web',
    workload: { ...workload, addresses: [], ports: [] },
    frontends,
    backends: leafOfItems(backends),
    certificates: noParts,
    conditionNames: { headers: [], queries: [] },
  }
}
function textOf(frontends: readonly UdpFrontend[], backends: readonly Backend[]): string {
  return render(proxy(frontends, backends)).udp?.text ?? ''
}

const here = { address: '10.0.0.1', port: 53 }

describe('UDP ports', () => {
  it('a proxy without any has no file for them, and its backends are not HAProxy’s', () => {
    const rendered = render(proxy([], [backend('shop/dns:53', [here])]))
    expect(rendered.udp).to.equal(undefined)
    expect([...rendered.backends.keys()]).to.deep.equal([])
  })

  it('the file begins with its fingerprint, which is part of the generation', () => {
    const one = render(proxy([frontend(53, to('shop/dns:53'))], [backend('shop/dns:53', [here])]))
    const two = render(
      proxy([frontend(53, to('shop/dns:53'))], [backend('shop/dns:53', [here, { ...here, port: 54 }])]),
    )
    expect(one.udp?.text.split('\n')[0]).to.equal(`# ${one.udp?.hash}`)
    expect(one.udp?.text.endsWith('\n# end\n')).to.equal(true)
    expect(one.generation).not.to.equal(two.generation)
    expect(one.machine.hash).to.equal(two.machine.hash)
  })

  it('shares are those of the weights, to a hundredth of a percent; what is broken or has no endpoints gets its share and drops it', () => {
    const kinds = fc.constantFrom('serving', 'empty', 'broken')
    const targets = fc.array(fc.record({ weight: fc.integer({ min: 1, max: 1_000_000 }), kind: kinds }), {
      minLength: 1,
      maxLength: 16,
    })
    fc.assert(
      fc.property(targets, (drafts) => {
        const backends = drafts.map(({ kind }, n) => backend(`shop/s${n}:53`, kind === 'empty' ? [] : [here]))
        const targetOf = ({ kind, weight }: (typeof drafts)[number], n: number) =>
          kind === 'broken' ? broken(weight) : to(`shop/s${n}:53`, weight)
        const { ports } = udpView([frontend(53, ...drafts.map(targetOf))], backends)
        const port = ports[0]
        const total = drafts.reduce((sum, { weight }) => sum + weight, 0)
        const given = new Map(port?.shares?.map(({ upstream, percent }) => [upstream, Number(percent)]))
        if (port?.upstream) given.set(port.upstream, 100)
        for (const [n, { kind, weight }] of drafts.entries()) {
          const share = given.get(`shop_s${n}_53.udp`)
          if (kind !== 'serving') expect(share).to.equal(undefined)
          // The largest share also carries what rounding gave to the smallest.
          else expect(share).to.be.closeTo((weight / total) * 100, 0.01 * drafts.length)
        }
        expect([...given.values()].reduce((sum, share) => sum + share, 0)).to.be.at.most(100.000001)
      }),
    )
  })
})

describe('a real nginx with rendered files', function () {
  this.timeout(30_000)
  const nginx = findNginx()
  const { root, remove } = temporaryFolder()
  const sockets: Socket[] = []
  let running: Nginx | undefined

  before(function () {
    if (nginx === undefined) this.skip()
  })
  after(async () => {
    await running?.stop()
    for (const socket of sockets) socket.close()
    remove()
  })

  const bound = async (): Promise<Socket> => {
    const socket = createSocket('udp4')
    sockets.push(socket)
    socket.bind(0, '127.0.0.1')
    await once(socket, 'listening')
    return socket
  }
  // A backend that answers with its name.
  const echo = async (name: string): Promise<Backend> => {
    const socket = await bound()
    socket.on('message', (message, from) => socket.send(`${name} ${String(message)}`, from.port, from.address))
    return backend(`shop/${name}:53`, [{ address: '127.0.0.1', port: socket.address().port }])
  }
  const freePort = async (): Promise<number> => {
    const socket = createSocket('udp4')
    socket.bind(0)
    await once(socket, 'listening')
    const { port } = socket.address()
    await new Promise<void>((closed) => socket.close(() => closed()))
    return port
  }
  // The first word of the answer; undefined when there is none.
  const ask = async (socket: Socket, port: number): Promise<string | undefined> => {
    const ending = AbortSignal.timeout(700)
    const answer = once(socket, 'message', { signal: ending }).then(
      ([message]: unknown[]) => String(message).split(' ')[0],
      () => undefined,
    )
    socket.send('hello', port, '127.0.0.1')
    return answer
  }
  const asked = async (port: number, clients: number): Promise<ReadonlyMap<string, number>> => {
    const answers: (string | undefined)[] = []
    while (answers.length < clients)
      answers.push(...(await Promise.all(Array.from({ length: 50 }, async () => ask(await bound(), port)))))
    return new Map(
      [...new Set(answers)].map((one) => [one ?? 'none', answers.filter((answer) => answer === one).length]),
    )
  }

  it('takes files of any shape', () => {
    const servers = [here, { address: 'fd00::1', port: 53 }]
    const all = [
      backend('shop/a:53', servers),
      backend('a-very-long-name.with/dots:1', [here]),
      backend('shop/none:1', []),
    ]
    const frontends = [
      frontend(40_053, to('shop/a:53', 7), to('a-very-long-name.with/dots:1', 3)),
      frontend(40_054, to('shop/a:53'), broken(1)),
      frontend(40_055, to('shop/none:1')),
      frontend(40_056),
      frontend(40_057, to('shop/a:53', 1_000_000), to('shop/a:53', 1)),
    ]
    if (nginx !== undefined) expect(checkUdp(nginx, root, textOf(frontends, all))).to.equal('')
  })

  it('divides clients by weight, keeps each at its endpoint over reloads, drops what is broken, and survives a bad file', async () => {
    if (nginx === undefined) return
    const [first, second, third] = [await echo('first'), await echo('second'), await echo('third')]
    const [port, dropping] = [await freePort(), await freePort()]
    const started = startNginx(nginx, root, followScript)
    running = started
    const load = async (...[frontends, backends]: Parameters<typeof textOf>): Promise<void> => {
      const { udp } = render(proxy(frontends, backends))
      started.deliver(udp?.text ?? '')
      await eventually('nginx runs it', async () => expect(started.state().running).to.equal(udp?.hash))
    }
    const split = frontend(port, to(first.id, 7), to(second.id, 3))
    await load([split, frontend(dropping, to(third.id), broken(1))], [first, second, third])

    const shares = await asked(port, 600)
    expect(shares.get('none') ?? 0).to.equal(0)
    expect(shares.get('first')).to.be.within(360, 480)
    expect((await asked(dropping, 200)).get('third')).to.be.within(60, 140)

    const client = await bound()
    const before = await ask(client, port)
    await load([split], [first, second])
    expect(await ask(client, port), 'after a reload').to.equal(before)
    // A worker of before the reload takes its last datagrams.
    await eventually('a port that is gone', async () => expect((await asked(dropping, 50)).get('none')).to.equal(50))

    const { running: good } = started.state()
    started.deliver('# bad\nnonsense;\n# end\n')
    await eventually('nginx refuses it', async () => expect(started.state().refused?.hash).to.equal('bad'))
    expect(started.state().running).to.equal(good)
    expect(started.state().refused?.words).to.contain('unknown directive "nonsense"')
    expect(await ask(client, port), 'after a bad file').to.equal(before)
  })
})
