import { expect } from 'chai'
import { spawn } from 'node:child_process'
import { chmod, mkdir, mkdtemp, rm, symlink, writeFile, rename } from 'node:fs/promises'
import { createServer } from 'node:http'
import { createInterface } from 'node:readline'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { ProxyModel, Workload } from '../model/proxy-model.ts'
import { defaultDataPlane } from '../model/settings.ts'
import { provision } from './provision.ts'
import { leafOfItems, noParts } from '../lib/parts.ts'

const workload: Workload = {
  name: 'web-haproxy',
  namespace: 'shop',
  uid: '7f',
  className: 'haproxy',
  labels: { team: 'a', 'gateway.networking.k8s.io/gateway-name': 'forged' },
  annotations: { 'example.com/lb': 'internal' },
  addresses: [],
  ports: [],
}

function proxy(changes: Partial<ProxyModel> & { readonly ports?: readonly number[] } = {}): ProxyModel {
  const { ports = [80], workload: given = workload, ...rest } = changes
  return {
    id: 'shop/web',
    workload: { ...given, ports: ports.map((port) => ({ port, tls: port === 443, transport: 'TCP', kind: 'http' })) },
    frontends: [],
    backends: noParts,
    certificates: noParts,
    conditionNames: { headers: [], queries: [] },
    ...rest,
  }
}

/** The value at a path of object fields and array positions. */
function at(root: unknown, ...path: readonly (string | number)[]): unknown {
  let value: unknown = root
  for (const step of path) value = typeof value === 'object' && value !== null ? Reflect.get(value, step) : undefined
  return value
}

function object(kind: string, of: ProxyModel = proxy(), settings = defaultDataPlane): unknown {
  return provision(of, settings).find((desired) => desired.kind === kind)
}

const template = (of: ProxyModel) => at(object('Deployment', of), 'spec', 'template')

describe('provision', () => {
  it('makes four objects that belong to the Gateway and carry its labels', () => {
    const objects = provision(proxy(), defaultDataPlane)
    expect(objects.map(({ kind }) => kind)).to.deep.equal([
      'ServiceAccount',
      'Deployment',
      'Service',
      'PodDisruptionBudget',
    ])
    for (const { metadata } of objects) {
      expect(metadata).to.include({ name: 'web-haproxy', namespace: 'shop' })
      expect(at(metadata, 'annotations')).to.deep.equal({ 'example.com/lb': 'internal' })
      expect(at(metadata, 'ownerReferences', 0)).to.include({
        kind: 'Gateway',
        name: 'web',
        uid: '7f',
        controller: true,
      })
      expect(at(metadata, 'labels')).to.include({
        team: 'a',
        'gateway.networking.k8s.io/gateway-name': 'web',
        'gateway.networking.k8s.io/gateway-class-name': 'haproxy',
        'app.kubernetes.io/managed-by': 'haproxy-gateway-operator',
      })
    }
  })

  it('gives the pods the infrastructure labels and annotations too', () => {
    expect(at(template(proxy()), 'metadata', 'labels', 'team')).to.equal('a')
    expect(at(template(proxy()), 'metadata', 'annotations', 'example.com/lb')).to.equal('internal')
  })

  it('leaves the annotations out when there are none', () => {
    const plain = proxy({ workload: { ...workload, annotations: {} } })
    expect(at(template(plain), 'metadata')).not.to.have.property('annotations')
  })

  it('makes nothing for a proxy without an accepted listener', () => {
    expect(provision(proxy({ ports: [] }), defaultDataPlane)).to.deep.equal([])
  })

  it('makes no disruption budget for a single pod', () => {
    expect(object('PodDisruptionBudget', proxy(), { ...defaultDataPlane, replicas: 1 })).to.equal(undefined)
  })

  it('gives the same array for the same workload, and another for another port', () => {
    const web = proxy()
    const first = provision(web, defaultDataPlane)
    const backends = leafOfItems([{ id: 'a/b:1', profile: 'plain', servers: [] } as const])
    expect(provision({ ...web, backends }, defaultDataPlane)).to.equal(first)
    expect(provision(proxy({ ports: [80, 443] }), defaultDataPlane)).not.to.deep.equal(first)
  })

  it('does not replace pods for another port or address', () => {
    const moved = proxy({ ports: [80, 443, 8080], workload: { ...workload, addresses: ['10.0.0.1'] } })
    expect(template(moved)).to.deep.equal(template(proxy()))
  })

  it('selects pods by the labels that they have', () => {
    const selector = at(object('Deployment'), 'spec', 'selector', 'matchLabels')
    expect(at(template(proxy()), 'metadata', 'labels')).to.include(selector)
    expect(at(object('Service'), 'spec', 'selector')).to.deep.equal(selector)
    expect(at(object('PodDisruptionBudget'), 'spec', 'selector', 'matchLabels')).to.deep.equal(selector)
  })

  it('opens one Service port per listener port, under the same number in the pods', () => {
    expect(at(object('Service', proxy({ ports: [80, 443] })), 'spec', 'ports')).to.deep.equal([
      { name: 'http-80', protocol: 'TCP', port: 80, targetPort: 80 },
      { name: 'https-443', protocol: 'TCP', port: 443, targetPort: 443 },
    ])
  })

  const addresses = [
    { asked: [], loadBalancerIP: undefined },
    { asked: ['10.0.0.1'], loadBalancerIP: '10.0.0.1' },
    { asked: ['10.0.0.1', '10.0.0.2'], loadBalancerIP: undefined },
  ]
  for (const { asked, loadBalancerIP } of addresses)
    it(`asks for ${loadBalancerIP ?? 'no address'} when spec.addresses holds [${asked.join(', ')}]`, () => {
      const balancer = object('Service', proxy({ workload: { ...workload, addresses: asked } }))
      expect(at(balancer, 'spec', 'loadBalancerIP')).to.equal(loadBalancerIP)
    })

  it('runs every container without privileges and without a token', () => {
    const pod = at(template(proxy()), 'spec')
    expect(pod).to.include({ automountServiceAccountToken: false, enableServiceLinks: false })
    expect(at(pod, 'securityContext')).to.deep.include({ runAsNonRoot: true, runAsUser: 99 })
    for (const path of [
      ['initContainers', 0],
      ['containers', 0],
      ['containers', 1],
    ])
      expect(at(pod, ...path, 'securityContext')).to.deep.equal({
        allowPrivilegeEscalation: false,
        readOnlyRootFilesystem: true,
        capabilities: { drop: ['ALL'] },
      })
  })

  const controls = [
    { i: 0, name: 'haproxy', port: { name: 'runtime', containerPort: 7002, protocol: 'TCP' } },
    { i: 1, name: 'dataplaneapi', port: { name: 'api', containerPort: 7001, protocol: 'TCP' } },
  ]
  for (const { i, name, port } of controls)
    it(`lets the operator reach ${name}, and shows it the certificates`, () => {
      const settings = { ...defaultDataPlane, apiPort: 7001, runtimePort: 7002, pki: '/keys' }
      const container = at(object('Deployment', proxy(), settings), 'spec', 'template', 'spec', 'containers', i)
      expect(at(container, 'name')).to.equal(name)
      expect(at(container, 'ports')).to.deep.include(port)
      expect(at(container, 'volumeMounts')).to.deep.include({ name: 'pki', mountPath: '/keys', readOnly: true })
    })

  it('shows the certificates to nobody else', () => {
    const bootstrap = at(template(proxy()), 'spec', 'initContainers', 0, 'volumeMounts')
    expect(JSON.stringify(bootstrap)).to.contain('state').and.not.to.contain('pki')
    expect(at(template(proxy()), 'spec', 'containers')).to.have.length(2)
  })

  it('offers none of these ports by the Service', () => {
    const ports = JSON.stringify(at(object('Service'), 'spec', 'ports'))
    for (const port of [defaultDataPlane.apiPort, defaultDataPlane.runtimePort, defaultDataPlane.statusPort])
      expect(ports).not.to.contain(port)
  })
})

describe('the script around the Data Plane API', () => {
  let folder: string
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'provision-'))
  })
  afterEach(() => rm(folder, { recursive: true }))

  // A Data Plane API that says what happens to it, and ends when it is told to by SIGUSR2.
  const double = `#!/usr/bin/env bash
trap 'echo renewed' HUP
trap 'echo crashed; exit 3' USR2
echo "started $$"
while :; do sleep 0.02; done
`

  async function start(live: () => boolean) {
    await writeFile(join(folder, 'dataplaneapi'), double)
    await chmod(join(folder, 'dataplaneapi'), 0o755)
    await mkdir(join(folder, 'pki', 'first'), { recursive: true })
    await symlink('first', join(folder, 'pki', '..data'))
    const server = createServer((_, response) => response.writeHead(live() ? 200 : 503).end())
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const address = server.address()
    const statusPort = typeof address === 'object' && address !== null ? address.port : 0
    const workloadObject = object('Deployment', proxy(), { ...defaultDataPlane, statusPort })
    const script = at(workloadObject, 'spec', 'template', 'spec', 'containers', 1, 'command', 2)
    const text = String(script).replaceAll('/pki/', `${folder}/pki/`).replace('sleep 5', 'sleep 0.05')
    const bash = spawn('bash', ['-c', text], {
      env: { PATH: `${folder}:${process.env['PATH'] ?? ''}` },
      stdio: ['ignore', 'pipe', 'ignore'],
      detached: true,
    })
    const lines = createInterface(bash.stdout)[Symbol.asyncIterator]()
    const next = async () => String((await lines.next()).value)
    return { bash, next, server }
  }

  it('waits for HAProxy, starts the API again when it ends, tells it of new certificates, and ends on SIGUSR1', async () => {
    let asked = 0
    const { bash, next, server } = await start(() => (asked += 1) > 2)
    try {
      const first = await next()
      expect(first).to.match(/^started \d+$/)
      expect(asked).to.equal(3)

      await symlink('second', join(folder, 'pki', 'new'))
      await rename(join(folder, 'pki', 'new'), join(folder, 'pki', '..data'))
      expect(await next()).to.equal('renewed')

      process.kill(Number(first.split(' ')[1]), 'SIGUSR2')
      expect(await next()).to.equal('crashed')
      expect(await next()).to.equal('dataplaneapi ended with 3')
      expect(await next()).to.match(/^started \d+$/)

      const ended = new Promise((resolve) => bash.once('exit', resolve))
      bash.kill('SIGUSR1')
      await ended
    } finally {
      // The group: what the container's end does to everything in it.
      if (bash.pid !== undefined) process.kill(-bash.pid, 'SIGKILL')
      server.close()
    }
  })
})
