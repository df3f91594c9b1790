import { expect } from 'chai'
import { parseAllDocuments } from 'yaml'
import { kinds, type KindRow } from '../operator/model/kinds.ts'
import { writtenKinds } from '../operator/push/kube-objects.ts'
import { bundle, checkedInBundle, type BundleOptions } from './bundle.ts'

function objects(options: BundleOptions = {}): readonly unknown[] {
  return parseAllDocuments(bundle(options)).map((document): unknown => document.toJS())
}

function field(value: unknown, ...path: readonly (string | number)[]): unknown {
  return path.reduce<unknown>(
    (inner, step) => (typeof inner === 'object' && inner !== null ? Reflect.get(inner, step) : undefined),
    value,
  )
}

function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : []
}

const ofKind = (all: readonly unknown[], kind: string) => all.filter((object) => field(object, 'kind') === kind)

/** Every `group resource verb` of roles. */
function granted(roles: readonly unknown[]): ReadonlySet<string> {
  const rules = roles.flatMap((role) => list(field(role, 'rules')))
  const triples = rules.flatMap((rule) =>
    list(field(rule, 'resources')).flatMap((resource) =>
      list(field(rule, 'verbs')).map(
        (verb) => `${String(field(rule, 'apiGroups', 0))} ${String(resource)} ${String(verb)}`,
      ),
    ),
  )
  return new Set(triples)
}

function required(row: Pick<KindRow, 'group' | 'plural'>, verbs: readonly string[]): readonly string[] {
  return verbs.map((verb) => `${row.group} ${row.plural} ${verb}`)
}

describe('deploy/bundle', () => {
  it('is checked in as it is written now (make bundle)', () => {
    expect(checkedInBundle()).to.equal(bundle())
  })

  const all = granted(ofKind(objects(), 'ClusterRole'))
  for (const [kind, row] of Object.entries(kinds))
    it(`lets the operator read ${kind}`, () => {
      expect([...all]).to.include.members(required(row, ['get', 'list', 'watch']))
    })
  for (const [kind, row] of Object.entries(writtenKinds))
    it(`lets the operator apply, find and delete ${kind}`, () => {
      expect([...all]).to.include.members(required(row, ['create', 'delete', 'get', 'list', 'patch']))
    })
  for (const plural of ['gatewayclasses', 'gateways', 'httproutes'])
    it(`lets the operator write the status of ${plural}`, () => {
      expect([...all]).to.include(`gateway.networking.k8s.io ${plural}/status patch`)
    })

  it('grants nothing by wildcard, no update, and no write to what the operator only reads', () => {
    const written = new Set(Object.values(writtenKinds).map(({ group, plural }) => `${group} ${plural}`))
    const writes = [...all].filter(
      (triple) => / (create|delete|patch)$/.test(triple) && !triple.endsWith('/status patch'),
    )
    expect(
      [...all].filter((triple) => /\*| (update|deletecollection|impersonate|escalate|bind)$/.test(triple)),
    ).to.deep.equal([])
    expect(writes.filter((triple) => !written.has(triple.split(' ').slice(0, 2).join(' ')))).to.have.members([
      'gateway.networking.k8s.io gatewayclasses patch',
      'events.k8s.io events create',
      'events.k8s.io events patch',
    ])
  })

  it('runs the operator as nobody, once, and with the images that were asked for', () => {
    const [deployment] = ofKind(
      objects({
        image: 'registry.example/op:1',
        dataPlaneImage: 'registry.example/dp:2',
        udpImage: 'registry.example/udp:3',
      }),
      'Deployment',
    )
    const spec = field(deployment, 'spec')
    expect(spec).to.deep.include({ replicas: 1, strategy: { type: 'Recreate' } })
    const container = field(spec, 'template', 'spec', 'containers', 0)
    expect(container).to.deep.include({
      image: 'registry.example/op:1',
      args: ['run', '--data-plane-image=registry.example/dp:2', '--udp-image=registry.example/udp:3'],
    })
    expect(field(container, 'securityContext')).to.deep.include({
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
    })
    expect(field(spec, 'template', 'spec', 'securityContext', 'runAsNonRoot')).to.equal(true)
  })

  it('grants namespaced kinds in the named namespaces and the own one only, when namespaces are named', () => {
    const some = objects({ namespaces: ['shop'] })
    expect(ofKind(some, 'Role').map((role) => field(role, 'metadata', 'namespace'))).to.deep.equal([
      'shop',
      'haproxy-gateway-system',
    ])
    const clusterWide = [...granted(ofKind(some, 'ClusterRole'))].map((triple) => triple.split(' ')[1]?.split('/')[0])
    expect([...new Set(clusterWide)]).to.have.members(['customresourcedefinitions', 'gatewayclasses', 'namespaces'])
    expect([...granted(ofKind(some, 'Role'))]).to.include(' secrets list')
    expect(field(ofKind(some, 'Deployment')[0], 'spec', 'template', 'spec', 'containers', 0, 'args')).to.include(
      '--namespaces=shop',
    )
  })
})
