import { expect } from 'chai'
import { z } from 'zod'

import {
  apply,
  createNamespaces,
  deleteNamespaces,
  gatewayClass,
  get,
  kubectl,
  systemNamespace,
} from '../lib/cluster.ts'
import { eventually } from '../lib/eventually.ts'
import {
  expectCondition,
  exists,
  getGateway,
  getRoute,
  objectsOf,
  programmedAddress,
  readyDataPlane,
} from '../lib/gateway.ts'
import { documents, echo, forward, gateway, httpListener, route } from '../lib/manifests.ts'
import { ask } from '../lib/web.ts'

const namespace = 'e2e-lifecycle'
const controller = 'haproxy-gateway.dev/controller'

const classShape = z.object({
  status: z.object({
    conditions: z.array(
      z.object({
        type: z.string(),
        status: z.string(),
        reason: z.string(),
        message: z.string(),
        lastTransitionTime: z.string(),
        observedGeneration: z.number().optional(),
      }),
    ),
    supportedFeatures: z.array(z.object({ name: z.string() })),
  }),
})
const workloadShape = z.object({
  metadata: z.object({
    labels: z.record(z.string(), z.string()).default({}),
    annotations: z.record(z.string(), z.string()).default({}),
    ownerReferences: z.array(z.object({ kind: z.string(), name: z.string() })).default([]),
  }),
})

const secretNames = async (): Promise<readonly string[]> =>
  (await kubectl(['-n', systemNamespace, 'get', 'secrets', '-o', 'name'])).split('\n').filter((name) => name !== '')

describe('the life of a Gateway', () => {
  let address: string
  let secretsBefore: readonly string[]

  before(async function () {
    this.timeout(240_000)
    await createNamespaces([namespace])
    secretsBefore = await secretNames()
    await apply(documents(...echo(namespace, 'web')))
    const own = gateway(namespace, 'web', [httpListener, { ...httpListener, name: 'idle', port: 8081 }])
    const infrastructure = { labels: { 'example.com/team': 'blue' }, annotations: { 'example.com/note': 'kept' } }
    await apply(documents({ ...own, spec: { ...Object(own['spec']), infrastructure } }))
    const hostnames = ['life.example.com']
    await apply(
      documents(
        route(namespace, 'web', {
          gateway: 'web',
          hostnames,
          rules: [forward('web')],
          parent: { sectionName: 'http' },
        }),
      ),
    )
    address = await programmedAddress(namespace, 'web')
    await kubectl(['-n', namespace, 'rollout', 'status', 'deployment', '--timeout=90s'])
  })
  after(async function () {
    this.timeout(120_000)
    await kubectl(['delete', 'gatewayclass', 'somebody-else', '--ignore-not-found'])
    await deleteNamespaces([namespace])
  })

  it('the class says that it is accepted and what it supports', async () => {
    const { status } = await get(`/apis/gateway.networking.k8s.io/v1/gatewayclasses/${gatewayClass}`, classShape)
    expectCondition(status.conditions, { type: 'Accepted', status: 'True' })
    expectCondition(status.conditions, { type: 'SupportedVersion', status: 'True' })
    const features = status.supportedFeatures.map(({ name }) => name)
    expect(features).to.include.members(['Gateway', 'HTTPRoute', 'ReferenceGrant'])
    expect(features).to.deep.equal(features.toSorted())
  })

  it('the Gateway’s status tells the truth', async () => {
    await eventually('the status', async () => {
      const { metadata, status } = await getGateway(namespace, 'web')
      expectCondition(status.conditions, { type: 'Accepted', status: 'True', reason: 'Accepted' }, metadata.generation)
      expectCondition(
        status.conditions,
        { type: 'Programmed', status: 'True', reason: 'Programmed' },
        metadata.generation,
      )
      expect(status.listeners.map(({ name, attachedRoutes }) => [name, attachedRoutes])).to.deep.equal([
        ['http', 1],
        ['idle', 0],
      ])
      for (const listener of status.listeners) {
        expect(listener.supportedKinds.map(({ kind }) => kind)).to.include('HTTPRoute')
        for (const type of ['Accepted', 'Programmed', 'ResolvedRefs']) {
          expectCondition(listener.conditions, { type, status: 'True' }, metadata.generation)
        }
      }
    })
  })

  it('the route’s status has one entry of ours for its one parent', async () => {
    const { metadata, status } = await getRoute(namespace, 'web')
    expect(status.parents.map(({ controllerName }) => controllerName)).to.deep.equal([controller])
    expect(status.parents[0]?.parentRef.sectionName).to.equal('http')
    expectCondition(status.parents[0]?.conditions ?? [], { type: 'Accepted', status: 'True' }, metadata.generation)
  })

  it('the route is served on its own listener only', async () => {
    await eventually('first request', async () =>
      expect((await ask({ address, host: 'life.example.com' })).status).to.equal(200),
    )
    expect((await ask({ address, host: 'life.example.com', port: 8081 })).status).to.equal(404)
  })

  it('labels and annotations of the infrastructure are on what was made for the Gateway', async () => {
    for (const kind of ['deployments', 'services']) {
      const group = kind === 'services' ? '/api/v1' : '/apis/apps/v1'
      const { metadata } = await get(`${group}/namespaces/${namespace}/${kind}/web-${gatewayClass}`, workloadShape)
      expect(metadata.labels['example.com/team'], kind).to.equal('blue')
      expect(metadata.annotations['example.com/note'], kind).to.equal('kept')
      expect(metadata.ownerReferences, kind).to.deep.include({ kind: 'Gateway', name: 'web' })
    }
  })

  it('pods of the data plane hold no Kubernetes token and are unprivileged', async () => {
    const [pod] = await readyDataPlane(namespace, 'web')
    const spec = z.object({
      spec: z.object({
        automountServiceAccountToken: z.boolean(),
        containers: z.array(
          z.object({
            securityContext: z.object({
              readOnlyRootFilesystem: z.literal(true),
              allowPrivilegeEscalation: z.literal(false),
              capabilities: z.object({ drop: z.array(z.string()) }),
            }),
          }),
        ),
      }),
    })
    const found = await get(`/api/v1/namespaces/${namespace}/pods/${pod?.metadata.name ?? ''}`, spec)
    expect(found.spec.automountServiceAccountToken).to.equal(false)
    for (const { securityContext } of found.spec.containers) {
      expect(securityContext.capabilities.drop).to.deep.equal(['ALL'])
    }
  })

  it('a Gateway of another class is left alone', async () => {
    const spec = { controllerName: 'example.com/somebody-else' }
    const foreign = gateway(namespace, 'foreign', [httpListener])
    await apply(
      documents(
        { apiVersion: 'gateway.networking.k8s.io/v1', kind: 'GatewayClass', metadata: { name: 'somebody-else' }, spec },
        { ...foreign, spec: { ...Object(foreign['spec']), gatewayClassName: 'somebody-else' } },
      ),
    )
    // A later change of ours that has gone through shows that the foreign one was seen before it.
    await kubectl(['-n', namespace, 'label', 'gateway', 'web', 'example.com/touched=yes', '--overwrite'])
    await apply(
      documents(
        route(namespace, 'later', { gateway: 'web', hostnames: ['later.example.com'], rules: [forward('web')] }),
      ),
    )
    await eventually('the later route', async () =>
      expect((await ask({ address, host: 'later.example.com' })).status).to.equal(200),
    )
    const { status } = await getGateway(namespace, 'foreign')
    expect(status.conditions.filter((condition) => condition.reason !== 'Pending')).to.deep.equal([])
    expect(await objectsOf(namespace, 'foreign')).to.deep.equal([])
    await kubectl(['-n', namespace, 'delete', 'gateway', 'foreign'])
  })

  it('a route that goes leaves attachedRoutes right', async () => {
    await kubectl(['-n', namespace, 'delete', 'httproute', 'web', 'later'])
    await eventually('no attached routes', async () => {
      const { status } = await getGateway(namespace, 'web')
      expect(status.listeners.map(({ attachedRoutes }) => attachedRoutes)).to.deep.equal([0, 0])
    })
    expect((await ask({ address, host: 'life.example.com' })).status).to.equal(404)
  })

  it('deleting the Gateway removes everything', async function () {
    this.timeout(120_000)
    expect(await objectsOf(namespace, 'web')).to.not.deep.equal([])
    await kubectl(['-n', namespace, 'delete', 'gateway', 'web'])
    await eventually('nothing is left', async () => expect(await objectsOf(namespace, 'web')).to.deep.equal([]), {
      within: 90_000,
      every: 500,
    })
    for (const name of ['web-haproxy-state', 'web-haproxy-pki']) {
      expect(await exists(`/api/v1/namespaces/${namespace}/secrets/${name}`), name).to.equal(false)
    }
    await eventually('no authority is left', async () => expect(await secretNames()).to.deep.equal(secretsBefore))
    await ask({ address, host: 'life.example.com', deadline: 2_000 }).then(
      () => expect.fail('something still answers'),
      () => undefined,
    )
  })
})
