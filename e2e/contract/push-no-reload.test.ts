// What used to be a reload and is none: on a HAProxy that serves, from the objects in a cluster to what clients are answered.

import { once } from 'node:events'
import { createServer, type Server as HttpServer } from 'node:http'
import { createServer as createTlsServer, get, type Server as TlsServer } from 'node:https'
import { connect } from 'node:tls'

import { expect } from 'chai'

import type { BackendTLSPolicy, HTTPRoute, KubernetesObject } from '../../operator/model/kubernetes.ts'
import type { RenderedConfig } from '../../operator/model/rendered.ts'
import type { DataPlaneSettings } from '../../operator/model/settings.ts'
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

type Names = NonNullable<BackendTLSPolicy['spec']['validation']['subjectAltNames']>
type Rule = NonNullable<HTTPRoute['spec']['rules']>[number]
type World = {
  /** Secrets of the HTTPS listener, the default one first. */
  readonly shown: readonly string[]
  /** Of further HTTPS listeners on its port. */
  readonly hostnames: readonly string[]
  /** Of the policy for the Service `secret`; undefined: there is no policy. */
  readonly names: Names | undefined
  /** Beside backendRefs, of the routes `/NAME` to Services that answer in clear text with 503 first, and then with 200. */
  readonly rules: Readonly<Record<string, Rule>>
}

const host = 'secret.example.com'
const dns = (hostname: string): Names => [{ type: 'Hostname', hostname }]
const uri = (text: string): Names => [{ type: 'URI', uri: text }]
const onHeader = (name: string): Rule => ({ matches: [{ headers: [{ name, value: 'yes' }], path: { value: '/' } }] })
const retried: Rule = { retry: { attempts: 2, codes: [503], backoff: '20ms' } }

for (const program of programs())
  describe(`changes that take no reload (${program.name})`, function () {
    this.timeout(60_000)
    let lab: PushLab
    let worker: PodWorker
    let secret: TlsServer
    let plain: HttpServer
    let ports: { readonly http: number; readonly https: number }
    let authority: Authority
    let pairs: ReadonlyMap<string, Pair>
    let world: World
    let answered: number

    before(async () => {
      authority = await createAuthority()
      const names = ['a', 'b']
      const made = await Promise.all(names.map((name) => authority.issue(`${name}.example.com`)))
      pairs = new Map(made.map((pair, at) => [names[at] ?? '', pair]))
    })
    beforeEach(async () => {
      answered = 0
      const altNames = [
        { type: 'dns', value: host },
        { type: 'url', value: 'spiffe://example.com/secret' },
      ] as const
      const { cert, key } = await authority.issue(host, altNames)
      secret = createTlsServer({ cert, key }, (_, response) => response.end('secret'))
      plain = createServer((_, response) => {
        answered += 1
        response.writeHead(answered % 2 === 1 ? 503 : 200).end('plain')
      })
      for (const server of [secret, plain]) await once(server.listen(0, '127.0.0.1'), 'listening')
      const [http = 0, https = 0] = await freePorts(2)
      ports = { http, https }
    })
    afterEach(async () => {
      // An operator that is told to end may be writing files.
      const isUsual = (line: string) => line.includes('files of a pod cannot be written')
      const remarkable = lab.log.filter((line) => /reload|^warn|^error/.test(line) && !isUsual(line))
      await lab.stop()
      for (const server of [secret, plain]) {
        server.closeAllConnections()
        server.close()
      }
      expect(remarkable).to.deep.equal([])
    })

    async function start(first: Partial<World>): Promise<void> {
      world = { shown: ['a'], hostnames: [], names: undefined, rules: {}, ...first }
      lab = await PushLab.start(program, rendered(world))
      worker = await lab.operate(rendered(world))
      await arrived()
    }
    function rendered(wanted: World): (settings: DataPlaneSettings) => RenderedConfig {
      return (settings) => render(settings)(objectsOf(wanted))
    }
    async function want(change: Partial<World>): Promise<void> {
      world = { ...world, ...change }
      worker.want(lab.config(rendered(world)))
      await arrived()
    }
    const arrived = (): Promise<void> => lab.arrived(worker, rendered(world))
    // The operator and HAProxy both start again, when files have followed.
    async function restart(): Promise<void> {
      const { generation } = lab.config(rendered(world))
      const isWritten = () => lab.files().get('maps/meta.map')?.includes(`@gen ${generation}\n`) ?? false
      await eventually(() => Promise.resolve(isWritten()))
      await worker.stop()
      await lab.killHAProxy()
      worker = await lab.operate(rendered(world))
      await arrived()
    }
    async function visit(path: string, headers: Readonly<Record<string, string>> = {}): Promise<number> {
      const response = await fetch(`http://127.0.0.1:${ports.http}${path}`, { headers })
      await response.arrayBuffer()
      return response.status
    }

    function objectsOf({ shown, hostnames, names, rules }: World): readonly KubernetesObject[] {
      const listeners = [
        listener({ port: ports.http }),
        tlsListener(shown, { port: ports.https }),
        ...hostnames.map((hostname) => tlsListener(shown, { name: hostname, port: ports.https, hostname })),
      ]
      return [
        gatewayClass(),
        gateway('shop/web', listeners),
        ...[...pairs].map(([name, { cert, key }]) => tlsSecret(`shop/${name}`, cert, key)),
        configMap('shop/ca', { 'ca.crt': `${authority.ca}\n` }),
        ...serviceObjects('secret', portOf(secret)),
        ...(names === undefined ? [] : [policy(names)]),
        ...Object.entries(rules).flatMap(([name, rule]) => serviceObjects(name, portOf(plain), rule)),
      ]
    }

    it('another certificate becomes the default one of a port', async () => {
      await start({ shown: ['a', 'b'] })
      const seen = async () => [await certificateFor(ports.https), await certificateFor(ports.https, 'b.example.com')]
      expect(await seen()).to.deep.equal(['a.example.com', 'b.example.com'])
      await want({ shown: ['b', 'a'] })
      expect(await seen()).to.deep.equal(['b.example.com', 'b.example.com'])
      expect(await certificateFor(ports.https, 'a.example.com')).to.equal('a.example.com')
      await want({ shown: ['a'] })
      expect(await seen()).to.deep.equal(['a.example.com', 'a.example.com'])
      await want({ shown: ['b'] })
      expect(await certificateFor(ports.https, 'a.example.com')).to.equal('b.example.com')
      await want({ shown: ['b', 'a'] })
      await restart()
      expect(await seen()).to.deep.equal(['b.example.com', 'b.example.com'])
      await want({ shown: ['a', 'b'] })
      expect(await seen()).to.deep.equal(['a.example.com', 'b.example.com'])
    })

    it('a port has listeners with several hostnames, and one again', async () => {
      await start({})
      const misdirected = () => statusFor(ports.https, { servername: 'a.example.com', host: 'b.example.com' })
      expect(await misdirected()).to.equal(404)
      await want({ hostnames: ['b.example.com'] })
      expect(await misdirected()).to.equal(421)
      expect(await statusFor(ports.https, { servername: 'b.example.com', host: 'b.example.com' })).to.equal(404)
      await restart()
      expect(await misdirected()).to.equal(421)
      await want({ hostnames: [] })
      expect(await misdirected()).to.equal(404)
    })

    it('names and policies of retries vanish and come back', async () => {
      const rules = { one: { ...onHeader('x-one') }, two: { ...onHeader('x-two') }, three: retried }
      await start({ rules })
      expect(await visit('/', { 'x-two': 'yes' })).to.be.oneOf([200, 503])
      await want({ rules: { one: rules.one } })
      expect(await visit('/', { 'x-two': 'yes' })).to.equal(404)
      await restart()
      await want({ rules: { one: rules.one, two: rules.two } })
      expect(await visit('/', { 'x-two': 'yes' })).to.be.oneOf([200, 503])
      await want({ rules: { two: rules.two } })
      await want({ rules: {} })
      await want({ rules: { one: rules.one, two: rules.two } })
      expect(await visit('/', { 'x-one': 'yes' })).to.be.oneOf([200, 503])
    })

    it('a Service is the next one with a policy of retries that others have', async () => {
      await start({ rules: { one: retried } })
      await want({ rules: { one: retried, two: retried } })
      const began = performance.now()
      for (const path of ['/one', '/two', '/two', '/one']) expect(await visit(path), path).to.equal(200)
      expect(answered).to.equal(8)
      expect(performance.now() - began).to.be.greaterThan(80)
      await want({ rules: { two: retried } })
      await want({ rules: { one: retried, two: retried } })
      for (const path of ['/one', '/two']) expect(await visit(path), path).to.equal(200)
    })

    it('a policy lists names for the first time, others, and none any more', async () => {
      await start({ names: [] })
      expect(await visit('/secret')).to.equal(200)
      await want({ names: dns(host) })
      expect(await visit('/secret')).to.equal(200)
      await want({ names: dns('other.example.com') })
      expect(await visit('/secret')).to.equal(502)
      await want({ names: [...dns('other.example.com'), ...uri('spiffe://example.com/secret')] })
      expect(await visit('/secret')).to.equal(200)
      await want({ names: uri('spiffe://example.com/other') })
      expect(await visit('/secret')).to.equal(502)
      await want({ names: [] })
      expect(await visit('/secret')).to.equal(200)
      await want({ names: uri('spiffe://example.com/other') })
      expect(await visit('/secret')).to.equal(502)
      await restart()
      expect(await visit('/secret')).to.equal(502)
      await want({ names: dns(host) })
      expect(await visit('/secret')).to.equal(200)
    })

    it('an operator that starts again lets nobody through whose names it does not look for', async () => {
      await start({ names: [] })
      await want({ names: dns(host) })
      await worker.stop()
      world = { ...world, names: dns('other.example.com') }
      worker = await lab.operate(rendered(world))
      await arrived()
      expect(await visit('/secret')).to.equal(502)
      await want({ names: dns(host) })
      expect(await visit('/secret')).to.equal(200)
    })
  })

// ---- what is wanted -------------------------------------------------------------------------------------------------------------------

function serviceObjects(name: string, port: number, rule: Rule = {}): readonly KubernetesObject[] {
  const metadata = { namespace: 'shop', name }
  const labels = { 'kubernetes.io/service-name': name }
  const rules = [{ matches: [{ path: { value: `/${name}` } }], ...rule, backendRefs: [{ name, port }] }]
  return [
    Object.assign({ apiVersion: 'v1', kind: 'Service', metadata }, { spec: { ports: [{ port }] } }),
    Object.assign(
      { apiVersion: 'discovery.k8s.io/v1', kind: 'EndpointSlice', metadata: { ...metadata, labels } },
      { addressType: 'IPv4', endpoints: [{ addresses: ['10.0.0.1'], conditions: { ready: true } }], ports: [{ port }] },
    ),
    route(`shop/${name}`, [{ name: 'web', sectionName: 'http' }], { rules }),
  ]
}

function policy(subjectAltNames: Names): KubernetesObject {
  const metadata = { namespace: 'shop', name: 'secret' }
  const validation = {
    hostname: host,
    caCertificateRefs: [{ group: '', kind: 'ConfigMap', name: 'ca' }],
    subjectAltNames,
  }
  const spec = { targetRefs: [{ group: '', kind: 'Service', name: 'secret' }], validation }
  return Object.assign({ apiVersion: 'gateway.networking.k8s.io/v1', kind: 'BackendTLSPolicy', metadata }, { spec })
}

// ---- traffic --------------------------------------------------------------------------------------------------------------------------

function portOf(server: TlsServer | HttpServer): number {
  const address = server.address()
  return typeof address === 'object' && address !== null ? address.port : 0
}

/** The name of the certificate that a client sees who asks for this name, or for none. */
async function certificateFor(port: number, servername?: string): Promise<string> {
  const socket = connect({ host: '127.0.0.1', port, rejectUnauthorized: false, ...(servername && { servername }) })
  await once(socket, 'secureConnect')
  const { subject } = socket.getPeerCertificate()
  socket.destroy()
  return String(subject.CN)
}

/** The status for a host on a connection of its own, which asked for the certificate of another. */
async function statusFor(port: number, { servername, host: wanted }: Readonly<Record<'servername' | 'host', string>>) {
  const options = { host: '127.0.0.1', port, servername, headers: { host: wanted }, rejectUnauthorized: false }
  const [response] = await once(get({ ...options, agent: false }), 'response')
  response.resume()
  return response.statusCode
}
