// What the cluster of the mixed changes should be. A seed makes the same changes again. Names of headers, ports, hostnames of certificates and
// Services are bounded and known from the start.

import { createRandom, type Random } from '../differential/random.ts'
import { type Body, pathOf } from './fixture.ts'
import { changed, type Change, domain, namespace, portOfService, type Size, type Write } from './mixed.ts'
import { createRoutes } from './mixed-routes.ts'
import { backendDomain, endpoints, endpointSlice, service } from './responders.ts'

export const certificateCount = 8
const certificatesAtFirst = 4
export const policyCount = 4

/** So many of a hundred changes are of the kind. */
const odds = {
  path: 14,
  header: 9,
  filter: 12,
  redirect: 7,
  weight: 10,
  hostname: 9,
  timeout: 6,
  service: 7,
  'route deleted': 6,
  endpoints: 11,
  'service vanished or new': 5,
  'certificate renewed': 2,
  'certificate listed or not': 1,
  'policy hostname': 1,
} as const

export type Pair = { readonly certificate: string; readonly key: string; readonly fingerprint: string }
/** Addresses of the responders, and for each certificate those that follow each other. */
export type Given = { readonly addresses: readonly string[]; readonly pairs: readonly (readonly Pair[])[] }

export function createState(seed: number, size: Size, { addresses, pairs }: Given) {
  const random = createRandom(seed)
  const routes = createRoutes(random, size)
  const services = createServices(random, size, addresses)
  const certificates = createCertificates(random, pairs)
  const changes: Record<keyof typeof odds, () => Change> = {
    ...routes.changes,
    ...services.changes,
    ...certificates.changes,
    ...createPolicies(random),
  }
  const often = new Map<string, number>(Object.entries(odds))
  const dice = Object.entries(changes).flatMap(([kind, make]) =>
    Array.from({ length: often.get(kind) ?? 0 }, () => make),
  )
  return {
    /** What there is before the first change; the Gateway, pods, certificates and policies are not among it. */
    first: (): readonly Change[] => [...services.first(), ...routes.first()],
    next: (): Change => {
      const make = dice[random.number(dice.length)]
      if (make === undefined) throw new Error('No kind of change is likely.')
      return make()
    },
    routes: routes.states,
    /** Names of the Services that there are. */
    present: services.present,
    certificates: certificates.served,
    listeners: certificates.listeners,
  }
}
export type State = ReturnType<typeof createState>

function createServices(random: Random, size: Size, addresses: readonly string[]) {
  const present = new Set<string>()
  const appear = (name: string): readonly Write[] => {
    present.add(name)
    const slice = endpointSlice(namespace, name, { port: portOfService(name, size), addresses })
    return [
      { method: 'POST', path: pathOf(namespace, 'services'), body: service(namespace, name) },
      { method: 'POST', path: pathOf(namespace, 'endpointslices'), body: slice },
    ]
  }
  const vanish = (name: string): readonly Write[] => {
    present.delete(name)
    return [
      { method: 'DELETE', path: pathOf(namespace, 'services', name) },
      { method: 'DELETE', path: pathOf(namespace, 'endpointslices', name) },
    ]
  }
  const kind = 'service vanished or new'
  const names = [
    ...Array.from({ length: size.steady }, (_, n) => `s${n}`),
    ...Array.from({ length: size.passing }, (_, n) => `n${n}`),
  ]
  return {
    present: (): ReadonlySet<string> => present,
    first: () => names.map((name) => changed(kind, name, ...appear(name))),
    changes: {
      [kind]: () => {
        const name = `n${random.number(size.passing)}`
        return changed(kind, name, ...(present.has(name) ? vanish(name) : appear(name)))
      },
      // Never none.
      endpoints: () => {
        const name = `s${random.number(size.steady)}`
        const some = random.some(addresses, 0.6)
        const body = { endpoints: endpoints(some.length === 0 ? addresses.slice(0, 1) : some) }
        return changed('endpoints', name, { method: 'PATCH', path: pathOf(namespace, 'endpointslices', name), body })
      },
    },
  }
}

function createCertificates(random: Random, pairs: readonly (readonly Pair[])[]) {
  const renewals = pairs.map(() => 0)
  const listed = new Set(Array.from({ length: certificatesAtFirst }, (_, n) => n))
  const pairOf = (n: number): Pair => {
    const choices = pairs[n] ?? []
    const pair = choices[(renewals[n] ?? 0) % choices.length]
    if (pair === undefined) throw new Error(`There is no certificate c${n}.`)
    return pair
  }
  const current = () => listeners([...listed])
  return {
    /** Certificates that the port has now. */
    served: () => [...listed].map((n) => ({ host: certificateHost(n), fingerprint: pairOf(n).fingerprint })),
    listeners: current,
    changes: {
      'certificate renewed': () => {
        const n = random.number(certificateCount)
        renewals[n] = (renewals[n] ?? 0) + 1
        const path = pathOf(namespace, 'secrets', `c${n}`)
        return changed('certificate renewed', `c${n}`, { method: 'PATCH', path, body: { data: secretData(pairOf(n)) } })
      },
      'certificate listed or not': () => {
        const n = random.number(certificateCount)
        if (!listed.delete(n)) listed.add(n)
        const path = pathOf(namespace, 'gateways', 'web')
        const body = { spec: { listeners: current() } }
        return changed('certificate listed or not', 'gateway', { method: 'PATCH', path, body })
      },
    },
  }
}

function createPolicies(random: Random) {
  const hostnames = Array.from({ length: policyCount }, () => 0)
  return {
    'policy hostname': () => {
      const n = random.number(policyCount)
      const next = 1 - (hostnames[n] ?? 0)
      hostnames[n] = next
      const path = pathOf(namespace, 'backendtlspolicies', `t${n}`)
      const body = { spec: { validation: { hostname: policyHostname(next) } } }
      return changed('policy hostname', `t${n}`, { method: 'PATCH', path, body })
    },
  }
}

export const certificateHost = (n: number): string => `c${n}.${domain}`
export const policyHostname = (which: number): string => `${which === 0 ? 'a' : 'b'}.${backendDomain}`

function secretData({ certificate, key }: Pair): Readonly<Record<string, string>> {
  const base64 = (text: string): string => Buffer.from(text).toString('base64')
  return { 'tls.crt': base64(certificate), 'tls.key': base64(key) }
}

// The default certificate is always the same.
function listeners(listed: readonly number[]): readonly Body[] {
  const certificateRefs = ['default', ...listed.map((n) => `c${n}`)].map((name) => ({ name }))
  return [
    { name: 'http', port: 80, protocol: 'HTTP' },
    { name: 'https', port: 443, protocol: 'HTTPS', tls: { certificateRefs } },
  ]
}
