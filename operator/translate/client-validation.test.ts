import { expect } from 'chai'

import { httpFrontends } from '../model/frontends.ts'
import type { Gateway, KubernetesObject } from '../model/kubernetes.ts'
import type { Finding } from '../model/report.ts'
import { snapshotFromObjects } from '../watch/files.ts'

import { pem } from './testing/certificates.ts'
import { configMap, gateway, gatewayClass, grant, listener, tlsListener, tlsSecret } from './testing/objects.ts'
import { createTranslator } from './translate.ts'

type Frontend = NonNullable<NonNullable<Gateway['spec']['tls']>['frontend']>
type Validation = NonNullable<Frontend['default']['validation']>
type CaRef = Validation['caCertificateRefs'][number]

describe('translate/client-validation', () => {
  const ca = (name = 'ca', more: Partial<CaRef> = {}): CaRef => ({ group: '', kind: 'ConfigMap', name, ...more })
  const asking = (refs: readonly CaRef[], more: Partial<Validation> = {}): Frontend['default'] => ({
    validation: { caCertificateRefs: refs, ...more },
  })
  const fromPay = { from: [{ group: 'gateway.networking.k8s.io', kind: 'Gateway', namespace: 'shop' }] }
  const objects = [
    gatewayClass(),
    tlsSecret('shop/tls'),
    configMap('shop/ca', { 'ca.crt': pem.root }),
    configMap('shop/other', { 'ca.crt': pem.issuer }),
    configMap('shop/empty', { 'tls.crt': pem.root }),
    configMap('shop/long', { 'ca.crt': distinct(150) }),
    configMap('pay/ca', { 'ca.crt': pem.root }),
  ]
  const trusting = { mode: 'valid-only', ca: { pem: pem.root } }
  const closed = ['Accepted=False/NoValidCACertificate', 'Programmed=False/Invalid']
  const refused = (reason: string): readonly string[] => [`ResolvedRefs=False/${reason}`, ...closed]

  type Row = readonly [what: string, asked: Frontend['default'], clients: unknown, findings: readonly string[]]
  const rows: readonly Row[] = [
    ['nothing', {}, undefined, []],
    ['an authority', asking([ca()]), trusting, []],
    ['two authorities', asking([ca(), ca('other')]), { mode: 'valid-only', ca: { pem: pem.root + pem.issuer } }, []],
    [
      'insecure fallback',
      asking([ca()], { mode: 'AllowInsecureFallback' }),
      { mode: 'insecure-fallback', ca: { pem: pem.root } },
      [],
    ],
    ['a missing ConfigMap', asking([ca('none')]), undefined, refused('InvalidCACertificateRef')],
    [
      'a missing ConfigMap and insecure fallback',
      asking([ca('none')], { mode: 'AllowInsecureFallback' }),
      undefined,
      refused('InvalidCACertificateRef'),
    ],
    ['a ConfigMap without ca.crt', asking([ca('empty')]), undefined, refused('InvalidCACertificateRef')],
    ['a Secret', asking([ca('tls', { kind: 'Secret' })]), undefined, refused('InvalidCACertificateKind')],
    ['another group', asking([ca('ca', { group: 'x.io' })]), undefined, refused('InvalidCACertificateKind')],
    ['another namespace', asking([ca('ca', { namespace: 'pay' })]), undefined, refused('RefNotPermitted')],
    ['its own namespace', asking([ca('ca', { namespace: 'shop' })]), trusting, []],
    ['one of two', asking([ca('none'), ca()]), trusting, ['ResolvedRefs=False/InvalidCACertificateRef']],
    ['more than a handshake has room for', asking([ca('long')]), undefined, refused('InvalidCACertificateRef')],
  ]
  for (const [what, asked, clients, findings] of rows)
    it(`${what}: ${findings.join(', ') || 'no findings'}`, () => {
      const { seen, report } = translate({ default: asked })
      expect(seen.get(443)).to.deep.equal(findings.includes(closed[0] ?? '') ? 'closed' : (clients ?? 'anybody'))
      expect(seen.get(80), 'plain HTTP').to.equal('anybody')
      expect(summary(report?.listeners[0]?.findings).toSorted()).to.deep.equal(findings.toSorted())
    })

  it('another namespace is as good with a grant', () => {
    const granted = grant('pay/web', { ...fromPay, to: [{ group: '', kind: 'ConfigMap' }] })
    const { seen } = translate({ default: asking([ca('ca', { namespace: 'pay' })]) }, granted)
    expect(seen.get(443)).to.deep.equal(trusting)
  })

  it('what a port says replaces the default, also when it says nothing', () => {
    const perPort = [
      { port: 443, tls: {} },
      { port: 80, tls: asking([ca('none')]) },
    ]
    const { seen } = translate({ default: asking([ca('none')]), perPort })
    expect([seen.get(443), seen.get(80)]).to.deep.equal(['anybody', 'anybody'])
    const other = translate({ default: {}, perPort: [{ port: 443, tls: asking([ca()]) }] })
    expect(other.seen.get(443)).to.deep.equal(trusting)
  })

  it('insecure fallback is told to the Gateway for as long as it is there', () => {
    const lax = asking([ca()], { mode: 'AllowInsecureFallback' })
    const told = (frontend: Frontend): readonly string[] => summary(translate(frontend).report?.findings)
    const condition = 'InsecureFrontendValidationMode=True/ConfigurationChanged'
    expect(told({ default: lax })).to.deep.equal([condition])
    expect(told({ default: asking([ca()]), perPort: [{ port: 9443, tls: lax }] })).to.deep.equal([condition])
    expect(told({ default: asking([ca()]) })).to.deep.equal([])
  })

  it('a Gateway all of whose ports are closed for it keeps its workload, and so its address', () => {
    const web = gateway('shop/web', [tlsListener(['tls'])], { tls: { frontend: { default: asking([ca('none')]) } } })
    const { proxies, report } = createTranslator(snapshotFromObjects([web, ...objects]))()
    expect(proxies[0]?.frontends).to.deep.equal([])
    expect(proxies[0]?.workload.ports.map(({ port }) => port)).to.deep.equal([443])
    expect(summary(report.gateways.get('shop/web')?.findings)).to.deep.equal([
      'Accepted=False/ListenersNotValid',
      'Programmed=False/Invalid',
    ])
  })

  it('follows the ConfigMap', () => {
    const web = gateway('shop/web', [tlsListener(['tls'])], { tls: { frontend: { default: asking([ca()]) } } })
    const snapshot = snapshotFromObjects([web, ...objects])
    const translator = createTranslator(snapshot)
    const clients = () => httpFrontends(translator().proxies[0] ?? none)[0]?.tls?.clients?.ca.pem
    expect(clients()).to.equal(pem.root)
    snapshot.put(configMap('shop/ca', { 'ca.crt': pem.issuer }))
    expect(clients()).to.equal(pem.issuer)
    snapshot.remove('ConfigMap', 'shop/ca')
    expect(clients()).to.equal(undefined)
    snapshot.put(configMap('shop/ca', { 'ca.crt': pem.root }))
    expect(clients()).to.equal(pem.root)
  })

  // Ports 443 of HTTPS and 80 of HTTP: what is asked of clients there.
  function translate(frontend: Frontend, ...others: readonly KubernetesObject[]) {
    const web = gateway('shop/web', [tlsListener(['tls']), listener()], { tls: { frontend } })
    const { proxies, report } = createTranslator(snapshotFromObjects([web, ...objects, ...others]))()
    const frontends = httpFrontends(proxies[0] ?? none)
    const asked = (port: number): unknown => {
      const found = frontends.find((one) => one.port === port)
      return found === undefined ? 'closed' : (found.tls?.clients ?? 'anybody')
    }
    const seen = new Map([443, 80].map((port) => [port, asked(port)]))
    return { seen, report: report.gateways.get('shop/web') }
  }
})

const none = { frontends: [] }

// So many certificates that read well: the root's with other signatures.
function distinct(count: number): string {
  const raw = Buffer.from(pem.root.replaceAll(/-----.*-----|\n/g, ''), 'base64')
  const variants = Array.from({ length: count }, (_, n) => {
    const base64 = Buffer.concat([raw.subarray(0, -1), Buffer.of(n)]).toString('base64')
    return `-----BEGIN CERTIFICATE-----\n${base64}\n-----END CERTIFICATE-----\n`
  })
  return variants.join('')
}

function summary(findings: readonly Finding[] | undefined): readonly string[] {
  return (findings ?? [])
    .map(({ type, status, reason }) => `${type}=${status}/${reason}`)
    .filter((text) => !text.startsWith('Accepted=True'))
}
