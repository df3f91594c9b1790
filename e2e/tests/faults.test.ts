import { expect } from 'chai'
import { setTimeout as delay } from 'node:timers/promises'
import { join } from 'node:path'

import {
  apply,
  createNamespaces,
  deleteNamespaces,
  isLocalCluster,
  kubectl,
  repository,
  run,
  systemNamespace,
} from '../lib/cluster.ts'
import { eventually } from '../lib/eventually.ts'
import {
  acceptedRoute,
  dataPlanePods,
  isReady,
  operatorPods,
  programmedAddress,
  readyDataPlane,
  scaleOperator,
} from '../lib/gateway.ts'
import { documents, echo, forward, gateway, httpListener, route } from '../lib/manifests.ts'
import { ask, keepAsking, seenHeader, type WebAnswer } from '../lib/web.ts'

const namespace = 'e2e-faults'
const hostnames = ['faults.example.com']

const component = (signal: 'STOP' | 'CONT' | 'KILL', name: string): Promise<string> =>
  run(join(repository, 'e2e/cluster/component.sh'), [signal, name])

// The container may end before the script does; what it printed until then is what counts.
const shell = (pod: string, container: string, script: string): Promise<string> =>
  kubectl(['-n', namespace, 'exec', pod, '-c', container, '--', 'sh', '-c', `{ ${script}\n} 2>&1; true`])

// Ends every process of a container whose command line matches the pattern, the container's first one excepted.
const killInside = (pod: string, container: string, pattern: string): Promise<string> =>
  shell(
    pod,
    container,
    `for p in /proc/[0-9]*; do
      [ $p = /proc/1 ] || [ $p = /proc/$$ ] || ! tr '\\0' ' ' < $p/cmdline | grep -qE '${pattern}' || { echo ended \${p#/proc/}; kill -9 \${p#/proc/}; }
    done`,
  )

// Ends the newest HAProxy process of a pod, which is its worker.
const killWorker = (pod: string): Promise<string> =>
  shell(
    pod,
    'haproxy',
    `worker=1
    for p in /proc/[0-9]*; do
      [ "$(cat $p/comm 2> /dev/null)" != haproxy ] || [ \${p#/proc/} -le $worker ] || worker=\${p#/proc/}
    done
    [ $worker = 1 ] || { echo ended $worker; kill -9 $worker; }`,
  )

describe('when something fails', () => {
  let address: string
  let version = 0

  const at = (host = 'faults.example.com'): Promise<WebAnswer> => ask({ address, host })
  const applyVersion = (): Promise<string> => {
    version++
    const set = [{ name: 'x-version', value: `v${version}` }]
    const filters = [{ type: 'RequestHeaderModifier', requestHeaderModifier: { set } }]
    return apply(
      documents(route(namespace, 'web', { gateway: 'web', hostnames, rules: [forward('web', '/', { filters })] })),
    )
  }
  // Both pods are asked: new connections go to either.
  const servesVersion = (within = 60_000): Promise<void> =>
    eventually(
      `version ${version} is served by all`,
      async () => {
        for (let n = 0; n < 8; n++) expect(seenHeader(await at(), 'x-version')).to.deep.equal([`v${version}`])
      },
      { within },
    )

  before(async function () {
    this.timeout(240_000)
    await createNamespaces([namespace])
    await apply(documents(...echo(namespace, 'web', 2), gateway(namespace, 'web', [httpListener])))
    await applyVersion()
    address = await programmedAddress(namespace, 'web')
    await kubectl(['-n', namespace, 'rollout', 'status', 'deployment', '--timeout=90s'])
    await readyDataPlane(namespace, 'web')
    await servesVersion()
  })
  beforeEach(async function () {
    this.timeout(120_000)
    await readyDataPlane(namespace, 'web')
  })
  after(async function () {
    this.timeout(180_000)
    await scaleOperator(1)
    await deleteNamespaces([namespace])
  })

  it('an operator that is killed comes back, changes nothing by itself, and takes up the next change', async function () {
    this.timeout(120_000)
    const steady = keepAsking({ address, host: 'faults.example.com' })
    const [operator] = await operatorPods()
    await kubectl([
      '-n',
      systemNamespace,
      'delete',
      'pod',
      operator?.metadata.name ?? '',
      '--grace-period=0',
      '--force',
    ])
    await applyVersion()
    await servesVersion()
    expect((await steady.stop()).failures).to.deep.equal([])
  })

  it('without the operator traffic goes on, and a new pod serves from the stored state', async function () {
    this.timeout(180_000)
    // The stored state may be some seconds behind what runs.
    await eventually('the newest state is stored', async () => {
      await acceptedRoute(namespace, 'web')
      await delay(12_000)
    })
    await scaleOperator(0)
    try {
      const old = await dataPlanePods(namespace, 'web')
      await kubectl(['-n', namespace, 'delete', 'pod', ...old.map((pod) => pod.metadata.name)])
      await eventually(
        'only new pods',
        async () => {
          const pods = await dataPlanePods(namespace, 'web')
          const names = new Set(old.map((pod) => pod.metadata.name))
          expect(pods.filter((pod) => isReady(pod) && !names.has(pod.metadata.name))).to.have.length(2)
        },
        { within: 90_000 },
      )
      await servesVersion()
    } finally {
      await scaleOperator(1)
    }
    await applyVersion()
    await servesVersion()
  })

  it('changes made while the operator was away are taken up when it is back, deletions too', async function () {
    this.timeout(120_000)
    await apply(
      documents(route(namespace, 'gone', { gateway: 'web', hostnames: ['gone.example.com'], rules: [forward('web')] })),
    )
    await eventually('a route that will go', async () => expect((await at('gone.example.com')).status).to.equal(200))
    await scaleOperator(0)
    await kubectl(['-n', namespace, 'delete', 'httproute', 'gone'])
    await applyVersion()
    await kubectl(['-n', namespace, 'scale', 'deployment/web', '--replicas=1'])
    await scaleOperator(1)
    await servesVersion()
    await eventually('it has gone', async () => expect((await at('gone.example.com')).status).to.equal(404))
    await kubectl(['-n', namespace, 'scale', 'deployment/web', '--replicas=2'])
  })

  it('an API server that does not answer for a while costs nobody a request', async function () {
    if (!isLocalCluster()) this.skip()
    this.timeout(120_000)
    const steady = keepAsking({ address, host: 'faults.example.com' })
    await component('STOP', 'kube-apiserver')
    try {
      await delay(8_000)
    } finally {
      await component('CONT', 'kube-apiserver')
    }
    await eventually('the API answers', applyVersion)
    await servesVersion()
    expect((await steady.stop()).failures).to.deep.equal([])
  })

  it('an API server that ends and comes back costs nobody a request', async function () {
    if (!isLocalCluster()) this.skip()
    this.timeout(120_000)
    const steady = keepAsking({ address, host: 'faults.example.com' })
    await component('KILL', 'kube-apiserver')
    await eventually('the API answers', applyVersion, { within: 60_000 })
    await servesVersion()
    expect((await steady.stop()).failures).to.deep.equal([])
  })

  it('a Data Plane API that is killed costs nobody a request, and is used again', async function () {
    this.timeout(120_000)
    const [pod] = await readyDataPlane(namespace, 'web')
    const steady = keepAsking({ address, host: 'faults.example.com' })
    expect(await killInside(pod?.metadata.name ?? '', 'dataplaneapi', 'dataplane')).to.match(/^ended \d+/)
    await applyVersion()
    await servesVersion()
    expect((await steady.stop()).failures).to.deep.equal([])
  })

  it('a pod whose HAProxy worker is killed converges to what the others serve', async function () {
    this.timeout(120_000)
    const [pod] = await readyDataPlane(namespace, 'web')
    expect(await killWorker(pod?.metadata.name ?? '')).to.match(/^ended \d+/)
    await applyVersion()
    await readyDataPlane(namespace, 'web')
    await servesVersion()
  })

  it('a pod that is killed during a change converges', async function () {
    this.timeout(120_000)
    const [pod] = await readyDataPlane(namespace, 'web')
    await Promise.all([
      applyVersion(),
      kubectl(['-n', namespace, 'delete', 'pod', pod?.metadata.name ?? '', '--grace-period=0', '--force']),
    ])
    await readyDataPlane(namespace, 'web')
    await servesVersion()
  })

  it('what somebody else changed on our objects is put back', async function () {
    this.timeout(120_000)
    await kubectl(['-n', namespace, 'delete', 'service', 'web-haproxy'])
    address = await eventually('a new Service', async () => {
      const next = await programmedAddress(namespace, 'web', 1_000)
      expect((await ask({ address: next, host: 'faults.example.com', deadline: 1_000 })).status).to.equal(200)
      return next
    })
    await kubectl(['-n', namespace, 'scale', 'deployment/web-haproxy', '--replicas=1'])
    await readyDataPlane(namespace, 'web')
    await servesVersion()
  })
})
