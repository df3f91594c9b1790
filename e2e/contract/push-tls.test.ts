// What is trusted and what is shown, changed while HAProxy serves: from the objects in a cluster to the handshakes. Nothing here reloads.

import { X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import { createServer, request, type RequestOptions, type Server } from 'node:https'
import { setTimeout as sleep } from 'node:timers/promises'
import { TLSSocket } from 'node:tls'

import { expect } from 'chai'

import type { BackendTLSPolicy, KubernetesObject } from '../../operator/model/kubernetes.ts'
import type { RenderedConfig } from '../../operator/model/rendered.ts'
import type { DataPlaneSettings } from '../../operator/model/settings.ts'
import { readMeta } from '../../operator/push/held.ts'
import type { PodWorker } from '../../operator/push/pod.ts'
import {
  configMap,
  gateway,
  gatewayClass,
  listener,
  route,
  tlsListener,
  tlsSecret,
} from '../../operator/translate/testing/objects.ts'
import { freePorts } from '../lib/free-ports.ts'

import { createAuthority, type Authority, type Pair } from './authority.ts'
import { eventually, programs } from './lab.ts'
import { PushLab } from './push-lab.ts'
import { render } from './rendered.ts'

const host = 'cart.example.com'

type Validation = BackendTLSPolicy['spec']['validation']
type World = {
  /** Whom clients of the HTTPS port must be certified by. */
  readonly clients: readonly Authority[]
  /** Clients without a certificate are let in too. */
  readonly insecure?: boolean
  /** The policy of each Service that has one; undefined: it is spoken to in clear text. */
  readonly services: Readonly<Record<string, Partial<Validation> | undefined>>
  /** Who is in the ConfigMap `ca`. */
  readonly trusted: readonly Authority[]
  /** What backends are shown. */
  readonly shown: Pair | undefined
}

for (const program of programs())
  describe(`authorities and backends with TLS at run time (${program.name})`, function () {
    this.timeout(60_000)
    let lab: PushLab
    let worker: PodWorker
    let origin: Server
    let ports: { readonly http: number; readonly https: number; readonly origin: number }
    let ours: Authority
    let theirs: Authority
    let world: World
    let reloads: number

    beforeEach(async () => {
      ours = await createAuthority()
      theirs = await createAuthority('their-ca')
      origin = await listening(await ours.issue(host), [ours.ca, theirs.ca])
      const [http = 0, https = 0] = await freePorts(2)
      ports = { http, https, origin: portOf(origin) }
      reloads = 0
      world = { clients: [ours], services: {}, trusted: [ours], shown: undefined }
      lab = await PushLab.start(program, rendered(world))
      worker = await lab.operate(rendered(world))
      await arrived()
    })
    afterEach(async () => {
      const remarkable = lab.log.filter((line) => /reload|^warn|^error/.test(line))
      await lab.stop()
      origin.closeAllConnections()
      origin.close()
      expect(remarkable.length, remarkable.join('\n')).to.equal(reloads)
    })

    function rendered(wanted: World): (settings: DataPlaneSettings) => RenderedConfig {
      return (settings) => render(settings)(objectsOf(wanted, ports))
    }
    async function want(change: Partial<World>): Promise<void> {
      world = { ...world, ...change }
      worker.want(lab.config(rendered(world)))
      await arrived()
    }
    const arrived = (): Promise<void> => lab.arrived(worker, rendered(world))
    const visit = (service: string): Promise<string> => answerOf(`http://127.0.0.1:${ports.http}/${service}`)
    const enter = (pair?: Pair): Promise<string> =>
      statusOf({ ...pair, host: '127.0.0.1', port: ports.https, path: '/nobody', rejectUnauthorized: false })

    it('a backend with TLS takes a spare, and follows its policy', async () => {
      await want({ services: { cart: {} } })
      expect(await visit('cart')).to.equal(`200 ${host}`)
      await want({ services: { cart: {}, shop: { hostname: 'other.example.com' } } })
      expect(await visit('shop'), 'the name is not in the certificate').to.equal('503')
      await want({ services: { cart: {}, shop: {} } })
      expect(await visit('shop')).to.equal(`200 ${host}`)
      await want({ trusted: [theirs] })
      expect(await visit('cart'), 'nobody who signed it is trusted any more').to.equal('503')
      await want({ trusted: [theirs, ours] })
      expect(await visit('cart')).to.equal(`200 ${host}`)
      const system = { caCertificateRefs: [], wellKnownCACertificates: 'System' } as const
      await want({ services: { cart: system, shop: {} } })
      expect([await visit('cart'), await visit('shop')]).to.deep.equal(['503', `200 ${host}`])
      await want({ services: { cart: undefined, shop: {} } })
      expect(await visit('cart'), 'clear text to a port with TLS').to.match(/^(400|502)/)
      await want({ services: { cart: {} } })
      expect(await visit('cart')).to.equal(`200 ${host}`)
    })

    it('another authority lets other clients in, and those of before out', async () => {
      expect([await enter(ours.client), await enter(theirs.client)]).to.deep.equal(['404', 'refused'])
      await want({ clients: [theirs] })
      expect([await enter(ours.client), await enter(theirs.client), await enter()]).to.deep.equal([
        'refused',
        '404',
        'refused',
      ])
      await want({ clients: [ours, theirs] })
      expect([await enter(ours.client), await enter(theirs.client), await enter()]).to.deep.equal([
        '404',
        '404',
        'refused',
      ])
    })

    it('backends see the certificate that a Gateway shows from now on, and the next one', async () => {
      const pairs = [await ours.issue('first.example.com'), await theirs.issue('second.example.com')]
      await want({ services: { cart: {} } })
      for (const shown of pairs) {
        await want({ shown })
        await eventually(async () => (await visit('cart')) === `200 ${host} ${subjectOf(shown)}`)
      }
    })

    it('a certificate that a slow request still uses is taken away and comes back', async () => {
      const shown = await ours.issue('shown.example.com')
      await want({ services: { cart: {} }, shown })
      const slow = visit('cart/slow')
      await sleep(100)
      await want({ shown: undefined })
      expect(await visit('cart')).to.equal(`200 ${host}`)
      await want({ shown: await ours.issue('again.example.com') })
      expect(await visit('cart')).to.equal(`200 ${host} again.example.com`)
      expect(await slow).to.equal(`200 ${host} shown.example.com`)
    })

    it('a reload for something else changes nothing about it', async () => {
      const shown = await ours.issue('shown.example.com')
      await want({ services: { cart: {} }, shown })
      await want({ insecure: true })
      reloads = 1
      expect([await visit('cart'), await enter()]).to.deep.equal([`200 ${host} shown.example.com`, '404'])
      await want({ insecure: false, clients: [theirs] })
      reloads = 2
      expect([await enter(ours.client), await enter(theirs.client)]).to.deep.equal(['refused', '404'])
      await want({ clients: [ours], services: { cart: {}, shop: {} }, trusted: [theirs, ours] })
      expect([await enter(ours.client), await enter(theirs.client)]).to.deep.equal(['404', 'refused'])
      for (const service of ['cart', 'shop']) expect(await visit(service)).to.equal(`200 ${host} shown.example.com`)
    })

    it('files follow, what is not used goes away, and a restart has it all', async () => {
      await want({ services: { cart: {} }, trusted: [theirs] })
      await want({ trusted: [ours], clients: [theirs] })
      const { generation, authorities } = lab.config(rendered(world))
      const names = [...authorities.keys()].toSorted()
      expect(names).to.have.lengthOf(2)
      const stored = () => [...lab.files().keys()].filter((name) => /^general\/.*\.pem$/.test(name)).toSorted()
      await eventually(() => Promise.resolve(stored().join(' ') === names.map((name) => `general/${name}`).join(' ')))
      await eventually(async () => (await claimed(lab)).join(' ') === names.join(' '))
      await eventually(() =>
        Promise.resolve(lab.files().get('maps/meta.map')?.includes(`@gen ${generation}\n`) ?? false),
      )
      await worker.stop()
      await lab.killHAProxy()
      expect(await visit('cart')).to.equal(`200 ${host}`)
      expect([await enter(ours.client), await enter(theirs.client)]).to.deep.equal(['refused', '404'])
      worker = await lab.operate(rendered(world))
      await arrived()
      await want({ services: { cart: undefined } })
      await want({ services: { cart: {} } })
      expect(await visit('cart'), 'with the name that was loaded and taken away').to.equal(`200 ${host}`)
    })
  })

// ---- what is wanted -------------------------------------------------------------------------------------------------------------------

function objectsOf(
  { clients, insecure = false, services, trusted, shown }: World,
  { http, https, origin }: { readonly http: number; readonly https: number; readonly origin: number },
): readonly KubernetesObject[] {
  const listeners = [listener({ port: http }), tlsListener(['tls'], { port: https })]
  const clientsRef = [{ group: '', kind: 'ConfigMap', name: 'clients' }]
  const backend = shown === undefined ? {} : { backend: { clientCertificateRef: { name: 'shown' } } }
  const mode = insecure ? ('AllowInsecureFallback' as const) : ('AllowValidOnly' as const)
  const tls = { frontend: { default: { validation: { caCertificateRefs: clientsRef, mode } } }, ...backend }
  const bundle = (authorities: readonly Authority[]) => ({ 'ca.crt': authorities.map(({ ca }) => `${ca}\n`).join('') })
  return [
    gatewayClass(),
    gateway('shop/web', listeners, { tls }),
    tlsSecret('shop/tls'),
    ...(shown === undefined ? [] : [tlsSecret('shop/shown', shown.cert, shown.key)]),
    configMap('shop/clients', bundle(clients)),
    configMap('shop/ca', bundle(trusted)),
    ...Object.entries(services).flatMap(([name, policy]) => serviceObjects(name, origin, policy)),
  ]
}

function serviceObjects(
  name: string,
  port: number,
  policy: Partial<Validation> | undefined,
): readonly KubernetesObject[] {
  const metadata = { namespace: 'shop', name }
  const labels = { 'kubernetes.io/service-name': name }
  const rules = [{ matches: [{ path: { value: `/${name}` } }], backendRefs: [{ name, port }] }]
  const validation = { hostname: host, caCertificateRefs: [{ group: '', kind: 'ConfigMap', name: 'ca' }], ...policy }
  const endpoints = [{ addresses: ['10.0.0.1'], conditions: { ready: true } }]
  const made = [
    { apiVersion: 'v1', kind: 'Service', metadata, spec: { ports: [{ port }] } },
    {
      apiVersion: 'discovery.k8s.io/v1',
      kind: 'EndpointSlice',
      metadata: { ...metadata, labels },
      addressType: 'IPv4',
      endpoints,
      ports: [{ port }],
    },
    route(`shop/${name}`, [{ name: 'web', sectionName: 'http' }], { rules }),
  ]
  const targetRefs = [{ group: '', kind: 'Service', name }]
  const encrypted = {
    apiVersion: 'gateway.networking.k8s.io/v1',
    kind: 'BackendTLSPolicy',
    metadata,
    spec: { targetRefs, validation },
  }
  return policy === undefined ? made : [...made, encrypted]
}

async function claimed(lab: PushLab): Promise<readonly string[]> {
  const api = lab.connect()
  const meta = await api.listMap('meta.map')
  await api.close()
  return [...readMeta(meta ?? []).authorities.keys()].toSorted()
}

// ---- traffic --------------------------------------------------------------------------------------------------------------------------

// Answers with the name that it was asked for, and whom the client's certificate names, if it has one; `slow` takes a while. Connections
// are not kept, so that each request makes its own handshake.
async function listening({ cert, key }: Pair, ca: readonly string[]): Promise<Server> {
  const asking = { cert, key, ca: [...ca], requestCert: true, rejectUnauthorized: false }
  const server = createServer(asking, ({ socket, url = '' }, response) => {
    const asked = 'servername' in socket ? String(socket.servername) : ''
    const client = socket instanceof TLSSocket ? socket.getPeerCertificate().subject?.CN : undefined
    const answer = client === undefined ? asked : `${asked} ${String(client)}`
    response.setHeader('connection', 'close')
    setTimeout(() => response.end(answer), url.endsWith('/slow') ? 1500 : 0)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return server
}

function portOf(server: Server): number {
  const address = server.address()
  return typeof address === 'object' && address !== null ? address.port : 0
}

async function answerOf(url: string): Promise<string> {
  const response = await fetch(url)
  const text = await response.text()
  return response.status === 200 ? `200 ${text}` : String(response.status)
}

function subjectOf({ cert }: Pair): string {
  return /CN=(.*)/.exec(new X509Certificate(cert).subject)?.[1] ?? ''
}

// Without an answer: refused.
function statusOf(options: RequestOptions): Promise<string> {
  return new Promise((resolve) => {
    const visitor = request({ ...options, agent: false }, (response) => {
      response.resume().once('end', () => resolve(String(response.statusCode)))
    })
    visitor.once('error', () => resolve('refused')).end()
  })
}
