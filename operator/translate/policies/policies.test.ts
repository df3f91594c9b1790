import { webcrypto } from 'node:crypto'

import { expect } from 'chai'

import type { BackendTLSPolicy, KubernetesObject } from '../../model/kubernetes.ts'
import type { Backend } from '../../model/proxy-model.ts'
import type { PolicyReport } from '../../model/report.ts'
import { snapshotFromObjects } from '../../watch/files.ts'
import { pem } from '../testing/certificates.ts'
import {
  backendTlsPolicy as policy,
  configMap,
  endpointSlice,
  gateway,
  gatewayClass,
  listener,
  route,
  service,
  streamRoute,
  tlsSecret,
} from '../testing/objects.ts'
import { createTranslator, type Translation } from '../translate.ts'
import { itemsOf } from '../../lib/parts.ts'

const ca = configMap('shop/ca', { 'ca.crt': pem.root })
const cluster = [
  gatewayClass(),
  gateway('shop/web'),
  service('shop/service'),
  endpointSlice('shop/service', ['10.0.0.1']),
]
const toService = route('shop/cart', [{ name: 'web' }])

function translated(...objects: readonly KubernetesObject[]): Translation {
  return createTranslator(snapshotFromObjects([...cluster, toService, ...objects]))()
}

function backendOf({ proxies }: Translation): Backend | undefined {
  return itemsOf(proxies[0]?.backends)[0]
}

function reportOf({ report }: Translation, key: string): PolicyReport | undefined {
  return report.policies.get(`BackendTLSPolicy ${key}`)
}

/** `TYPE STATUS REASON`, as they would be told: the first of a type that is False counts. */
function told(translation: Translation, key: string): readonly string[] {
  return (reportOf(translation, key)?.findings ?? []).map(({ type, status, reason }) => `${type} ${status} ${reason}`)
}

type Validation = BackendTLSPolicy['spec']['validation']
const validation = (more: Partial<Validation>): { readonly validation: Validation } => ({
  validation: { ...policy('shop/x').spec.validation, ...more },
})
const refs = (...names: readonly string[]) => names.map((name) => ({ group: '', kind: 'ConfigMap', name }))
const target = (name: string, sectionName?: string) => ({
  group: '',
  kind: 'Service',
  name,
  ...(sectionName !== undefined && { sectionName }),
})

describe('BackendTLSPolicy: what it asks for', () => {
  it('is spoken to its Service with TLS', () => {
    const { tls, servers = [] } = backendOf(translated(policy('shop/a'), ca)) ?? {}
    expect(servers).to.have.length(1)
    expect(tls).to.deep.equal({ hostname: 'service.example.com', authorities: { pem: pem.root }, altNames: [] })
  })

  const unusable: readonly (readonly [string, Partial<BackendTLSPolicy['spec']>, readonly string[]])[] = [
    [
      'a ConfigMap that is missing',
      validation({ caCertificateRefs: refs('missing') }),
      ['ResolvedRefs False InvalidCACertificateRef', 'Accepted False NoValidCACertificate'],
    ],
    [
      'a ConfigMap without certificates',
      validation({ caCertificateRefs: refs('empty') }),
      ['ResolvedRefs False InvalidCACertificateRef', 'Accepted False NoValidCACertificate'],
    ],
    [
      'another kind',
      validation({ caCertificateRefs: [{ group: 'example.com', kind: 'Trust', name: 'ca' }] }),
      ['ResolvedRefs False InvalidKind', 'Accepted False NoValidCACertificate'],
    ],
    [
      'other authorities of the system',
      validation({ caCertificateRefs: [], wellKnownCACertificates: 'example.com/mine' }),
      ['Accepted False Invalid'],
    ],
    ['no authorities', validation({ caCertificateRefs: [] }), ['Accepted False Invalid']],
    ['a wildcard', validation({ hostname: '*.example.com' }), ['Accepted False Invalid']],
    ['a hostname that is none', validation({ hostname: 'a b' }), ['Accepted False Invalid']],
    [
      'names that are none',
      validation({
        subjectAltNames: [
          { type: 'Hostname', hostname: 'a_b' },
          { type: 'URI', uri: 'no scheme' },
        ],
      }),
      ['Accepted False Invalid', 'Accepted False Invalid'],
    ],
    ['options', { options: { 'example.com/version': '1.3' } }, ['Accepted False Invalid']],
  ]
  for (const [what, spec, findings] of unusable)
    it(`with ${what}, nobody is connected to`, () => {
      const translation = translated(policy('shop/a', spec), ca, configMap('shop/empty', { 'ca.crt': '' }))
      expect(backendOf(translation)).to.include({ id: 'shop/service:8080' }).and.not.have.property('tls')
      expect(backendOf(translation)?.servers).to.deep.equal([])
      expect(told(translation, 'shop/a')).to.deep.equal(findings)
      expect(JSON.stringify(reportOf(translation, 'shop/a'))).to.not.contain('CERTIFICATE-----')
    })

  it('goes on with the authorities that can be read', () => {
    const spec = validation({ caCertificateRefs: refs('missing', 'ca') })
    const translation = translated(policy('shop/a', spec), ca)
    expect(backendOf(translation)?.tls?.authorities).to.deep.equal({ pem: pem.root })
    expect(told(translation, 'shop/a')).to.deep.equal(['ResolvedRefs False InvalidCACertificateRef'])
  })

  it('of more authorities than a pod could start from none is taken, and the policy says so', async () => {
    const large = await Promise.all(['a', 'b', 'c', 'd'].map((name) => largeAuthority(name, 60_000)))
    const maps = large.map((text, at) => configMap(`shop/large-${at}`, { 'ca.crt': text }))
    const names = (count: number) => refs(...maps.slice(0, count).map((_, at) => `large-${at}`))
    const some = translated(policy('shop/a', validation({ caCertificateRefs: names(2) })), ...maps)
    expect(told(some, 'shop/a')).to.deep.equal([])
    expect(backendOf(some)?.servers).to.have.length(1)
    const all = translated(policy('shop/a', validation({ caCertificateRefs: names(4) })), ...maps)
    expect(told(all, 'shop/a')).to.deep.equal(['Accepted False Invalid'])
    expect(backendOf(all)?.servers).to.deep.equal([])
    expect(backendOf(all)?.tls).to.equal(undefined)
  })

  it('says that the certificate must be for the hostname as well as for a listed name', () => {
    const subjectAltNames = [
      { type: 'URI' as const, uri: 'spiffe://a/b' },
      { type: 'Hostname' as const, hostname: 'B.example.com' },
    ]
    const translation = translated(policy('shop/a', validation({ subjectAltNames })), ca)
    expect(backendOf(translation)?.tls?.altNames).to.deep.equal([
      { kind: 'uri', value: 'spiffe://a/b' },
      { kind: 'hostname', value: 'b.example.com' },
    ])
    expect(told(translation, 'shop/a')).to.deep.equal(['Accepted True Accepted'])
  })

  it('shows the certificate of the Gateway, and says so to servers with TLS only', () => {
    const shown = gateway('shop/web', undefined, { tls: { backend: { clientCertificateRef: { name: 'client' } } } })
    const plain = translated(shown, tlsSecret('shop/client'))
    expect(backendOf(plain)).to.not.have.property('tls')
    const encrypted = translated(shown, tlsSecret('shop/client'), policy('shop/a'), ca)
    expect(backendOf(encrypted)?.tls?.clientCertificate).to.equal('shop/client')
    expect(encrypted.proxies[0]?.clientCertificate?.id).to.equal('shop/client')
    expect(JSON.stringify(encrypted.proxies)).to.not.contain('PRIVATE KEY')
  })
})

describe('BackendTLSPolicy: what it applies to', () => {
  const ports = [
    { name: 'first', port: 8080 },
    { name: 'second', port: 8081 },
  ]
  const named = Object.assign(service('shop/service'), { spec: { ports } })
  const both = { rules: [{ backendRefs: ports.map(({ port }) => ({ name: 'service', port })) }] }
  const world = [named, route('shop/cart', [{ name: 'web' }], both), ca]
  const hostnames = (translation: Translation) =>
    Object.fromEntries(itemsOf(translation.proxies[0]?.backends).map(({ id, tls }) => [id, tls?.hostname]))
  const asking = (hostname: string, targetRefs: BackendTLSPolicy['spec']['targetRefs'], createdAt?: string) => ({
    ...validation({ hostname }),
    targetRefs,
    ...(createdAt !== undefined && { createdAt }),
  })

  it('a port’s policy comes before that of the Service', () => {
    const translation = translated(
      ...world,
      policy('shop/all', asking('all', [target('service')], '2026-01-01T00:00:00Z')),
      policy('shop/one', asking('one', [target('service', 'second')], '2026-01-02T00:00:00Z')),
    )
    expect(hostnames(translation)).to.deep.equal({ 'shop/service:8080': 'all', 'shop/service:8081': 'one' })
    for (const key of ['shop/all', 'shop/one']) expect(told(translation, key)).to.deep.equal([])
  })

  it('the older of two applies, then the one whose name comes first', () => {
    const translation = translated(
      ...world,
      policy('shop/a', asking('a', [target('service')], '2026-01-02T00:00:00Z')),
      policy('shop/b', asking('b', [target('service')], '2026-01-01T00:00:00Z')),
      policy('shop/c', asking('c', [target('service')], '2026-01-01T00:00:00Z')),
    )
    expect(hostnames(translation)).to.deep.equal({ 'shop/service:8080': 'b', 'shop/service:8081': 'b' })
    expect(told(translation, 'shop/b')).to.deep.equal([])
    for (const key of ['shop/a', 'shop/c']) expect(told(translation, key)).to.deep.equal(['Accepted False Conflicted'])
  })

  it('a policy that loses one target keeps the others, and is told', () => {
    const translation = translated(
      ...world,
      policy('shop/a', asking('a', [target('service', 'first')], '2026-01-01T00:00:00Z')),
      policy('shop/b', asking('b', [target('service', 'first'), target('service', 'second')], '2026-01-02T00:00:00Z')),
    )
    expect(hostnames(translation)).to.deep.equal({ 'shop/service:8080': 'a', 'shop/service:8081': 'b' })
    expect(told(translation, 'shop/b')).to.deep.equal(['Accepted False Conflicted'])
  })

  it('an older policy that cannot be used is not replaced by a younger one', () => {
    const translation = translated(
      ...world,
      policy('shop/a', { ...asking('a', [target('service')], '2026-01-01T00:00:00Z'), options: { 'x.y/z': '1' } }),
      policy('shop/b', asking('b', [target('service')], '2026-01-02T00:00:00Z')),
    )
    expect(itemsOf(translation.proxies[0]?.backends).map(({ servers }) => servers.length)).to.deep.equal([0, 0])
    expect(told(translation, 'shop/b')).to.deep.equal(['Accepted False Conflicted'])
  })

  it('ports and kinds that are not there are told', () => {
    const other = { group: 'apps', kind: 'Deployment', name: 'service' }
    const targetRefs = [target('service', 'third'), other, target('missing')]
    const translation = translated(...world, policy('shop/a', { targetRefs }))
    expect(hostnames(translation)).to.deep.equal({ 'shop/service:8080': undefined, 'shop/service:8081': undefined })
    expect(told(translation, 'shop/a')).to.deep.equal([
      'Accepted False TargetNotFound',
      'Accepted False Invalid',
      'Accepted False TargetNotFound',
    ])
  })

  it('every Gateway that routes to the Service is an ancestor, and without one nothing is said', () => {
    const more = [gateway('other/edge'), gateway('shop/idle')]
    const shared = route('shop/again', [{ name: 'web' }, { name: 'edge', namespace: 'other' }])
    const opened = gateway('other/edge', [
      { name: 'http', port: 80, protocol: 'HTTP', allowedRoutes: { namespaces: { from: 'All' } } },
    ])
    const translation = translated(...more, opened, shared, policy('shop/a'), policy('other/b'), ca)
    expect(reportOf(translation, 'shop/a')?.ancestors).to.deep.equal(['other/edge', 'shop/web'])
    expect(reportOf(translation, 'other/b')).to.equal(undefined)
  })

  it('a Gateway that forwards connections as they are is no ancestor: nothing applies there', () => {
    const tcp = gateway('shop/tcp', [listener({ protocol: 'TCP', port: 9000 })])
    const connections = streamRoute('TCPRoute', 'shop/raw', [{ name: 'tcp' }])
    const found = translated(policy('shop/a'), ca, tcp, connections)
    expect(found.proxies.flatMap(({ backends }) => itemsOf(backends)).map(({ profile }) => profile)).to.include('tcp')
    expect(reportOf(found, 'shop/a')?.ancestors).to.eql(['shop/web'])
  })

  it('a Service of another namespace is never meant', () => {
    const translation = translated(policy('other/a'), ca)
    expect(backendOf(translation)).to.not.have.property('tls')
  })
})

/** PEM of an authority with a name of so many bytes. */
async function largeAuthority(name: string, bytes: number): Promise<string> {
  await import('reflect-metadata')
  const x509 = await import('@peculiar/x509')
  x509.cryptoProvider.set(webcrypto)
  const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' }
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    name: `CN=${name}`,
    signingAlgorithm: algorithm,
    keys: await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']),
    extensions: [
      new x509.BasicConstraintsExtension(true),
      new x509.SubjectAlternativeNameExtension([{ type: 'url', value: `urn:${name.repeat(bytes)}` }]),
    ],
  })
  return `${certificate.toString('pem')}\n`
}
