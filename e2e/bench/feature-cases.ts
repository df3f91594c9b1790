// One Gateway for each feature, with one route that uses it; what is asked of it, and beside what it is to be seen.

import { readFileSync, writeFileSync } from 'node:fs'

import type { Gateway, GatewayListener, HTTPRoute, KubernetesObject } from '../../operator/model/kubernetes.ts'
import {
  configMap,
  gateway,
  gatewayClass,
  listener,
  route,
  service,
  tlsListener,
} from '../../operator/translate/testing/objects.ts'

export type Places = {
  /** Where the Gateway listens. */
  readonly port: number
  /** Where backends listen: HTTP/1.1 and HTTP/2 in clear text, and TLS. */
  readonly backend: number
  readonly tlsBackend: number
  /** Certificate for `localhost` and its key, PEM; it is its own authority. */
  readonly certificate: string
  readonly key: string
}

export type FeatureCase = {
  readonly name: string
  /** For people. */
  readonly what: string
  /** The case that does the same without the feature. */
  readonly beside: string
  readonly objects: (places: Places) => readonly KubernetesObject[]
  readonly tls?: true
  readonly path?: string
  readonly headers?: readonly string[]
}

type Rule = NonNullable<HTTPRoute['spec']['rules']>[number]

const gatewayApi = 'gateway.networking.k8s.io/v1'
/** All requests are for this host: the load generator sends the host of its URL as SNI. */
const host = 'localhost'

const rule = (more: Partial<Rule> = {}): Rule => ({ backendRefs: [{ name: 'service', port: 8080 }], ...more })
const prefix = (value: string) => ({ path: { type: 'PathPrefix' as const, value } })

/** The plain route first; each `beside` stands before those that name it. */
export const featureCases: readonly FeatureCase[] = [
  http('plain', 'plain route', [rule()]),
  http('request-header', 'RequestHeaderModifier: one header set', [
    rule({
      filters: [{ type: 'RequestHeaderModifier', requestHeaderModifier: { set: [{ name: 'x-a', value: '1' }] } }],
    }),
  ]),
  http('response-header', 'ResponseHeaderModifier: one header set', [
    rule({
      filters: [{ type: 'ResponseHeaderModifier', responseHeaderModifier: { set: [{ name: 'x-a', value: '1' }] } }],
    }),
  ]),
  {
    ...http('rewrite', 'URLRewrite: a prefix', [
      rule({
        matches: [prefix('/shop')],
        filters: [
          { type: 'URLRewrite', urlRewrite: { path: { type: 'ReplacePrefixMatch', replacePrefixMatch: '/cart' } } },
        ],
      }),
    ]),
    path: '/shop/1',
  },
  http('redirect', 'RequestRedirect, without a backend', [
    { filters: [{ type: 'RequestRedirect', requestRedirect: { hostname: 'example.com', statusCode: 302 } }] },
  ]),
  http('mirror', 'RequestMirror: every request once more', [
    rule({
      filters: [{ type: 'RequestMirror', requestMirror: { backendRef: { name: 'service', port: 8080 } } }],
    }),
  ]),
  http('auth', 'ExternalAuth: every request asks a service before', [
    rule({
      filters: [
        {
          type: 'ExternalAuth',
          externalAuth: { protocol: 'HTTP', backendRef: { name: 'other', port: 8080 }, http: { path: '/ask' } },
        },
      ],
    }),
  ]),
  {
    ...http('cors', 'CORS: a request with an Origin', [
      rule({ filters: [{ type: 'CORS', cors: { allowOrigins: ['https://www.example.com'], maxAge: 5 } }] }),
    ]),
    headers: ['Origin: https://www.example.com'],
  },
  http('retry', 'retry: three attempts after a 503', [rule({ retry: { attempts: 3, codes: [503] } })]),
  http('timeout', 'timeouts: the request’s', [rule({ timeouts: { request: '10s' } })]),
  http('weights', 'weights: 90 to 10', [
    rule({
      backendRefs: [
        { name: 'service', port: 8080, weight: 9 },
        { name: 'other', port: 8080, weight: 1 },
      ],
    }),
  ]),
  {
    ...http('conditions', 'conditions on method, header and query', [
      rule({
        matches: [
          {
            ...prefix('/'),
            method: 'GET',
            headers: [{ name: 'x-a', value: '1' }],
            queryParams: [{ name: 'v', value: '2' }],
          },
        ],
      }),
    ]),
    path: '/?v=2',
    headers: ['X-A: 1'],
  },
  {
    ...http('regex', 'a regular expression in the path', [
      rule({ matches: [{ path: { type: 'RegularExpression', value: '/shop/[0-9]+' } }] }),
    ]),
    path: '/shop/12',
  },
  http('h2', 'backend that speaks HTTP/2 only (h2c, gRPC)', [rule({ backendRefs: [{ name: 'h2', port: 8080 }] })]),
  {
    ...http('backend-tls', 'BackendTLSPolicy: TLS to the backend', [
      rule({ backendRefs: [{ name: 'tls', port: 8080 }] }),
    ]),
    objects: (places) => [
      ...withRules(places, [listener({ port: places.port })], [rule({ backendRefs: [{ name: 'tls', port: 8080 }] })]),
      configMap('shop/ca', { 'ca.crt': places.certificate }),
      withSpec('BackendTLSPolicy', 'tls', {
        targetRefs: [{ group: '', kind: 'Service', name: 'tls' }],
        validation: { hostname: host, caCertificateRefs: [{ group: '', kind: 'ConfigMap', name: 'ca' }] },
      }),
    ],
  },
  https('tls', 'TLS', { beside: 'plain', names: [''] }),
  https('listeners', 'TLS with several hostnames: the check for 421, SNI and host the same', {
    names: [host, 'example.com'],
  }),
  {
    ...https('listeners-port', 'the same, host and SNI not the same (a port in the host)', {
      names: [host, 'example.com'],
    }),
    headers: [`Host: ${host}:443`],
    beside: 'tls-port',
  },
  { ...https('tls-port', 'TLS, a port in the host', { names: [host] }), headers: [`Host: ${host}:443`] },
  https('shared', 'TLS on a port that a TLS listener shares', {
    names: [host],
    others: [listener({ name: 'raw', protocol: 'TLS', hostname: 'raw.example.com', tls: { mode: 'Passthrough' } })],
  }),
  https('clients', 'TLS that asks for client certificates', {
    names: [host],
    tls: validating('AllowInsecureFallback'),
  }),
]

/** A port that lets nobody in without a certificate of the authority. */
export const validatingCase = https('handshake-clients', 'with a client certificate', {
  names: [host],
  tls: validating('AllowValidOnly'),
})

function http(name: string, what: string, rules: readonly Rule[]): FeatureCase {
  return {
    name,
    what,
    beside: 'plain',
    objects: (places) => withRules(places, [listener({ port: places.port })], rules),
  }
}

type Https = {
  readonly beside?: string
  /** Hostnames of listeners. */
  readonly names: readonly string[]
  readonly others?: readonly GatewayListener[]
  readonly tls?: Gateway['spec']['tls']
}

function https(name: string, what: string, { beside = 'tls', names, others = [], tls }: Https): FeatureCase {
  const listenerOf = (hostname: string, n: number, port: number): GatewayListener =>
    tlsListener(['tls'], { name: `https-${n}`, port, ...(hostname === '' ? {} : { hostname }) })
  return {
    name,
    what,
    beside,
    tls: true,
    objects: (places) => {
      const { port } = places
      const listeners = [
        ...names.map((hostname, n) => listenerOf(hostname, n, port)),
        ...others.map((other) => ({ ...other, port })),
      ]
      return [
        ...withRules(places, listeners, [rule()], tls === undefined ? {} : { tls }),
        configMap('shop/ca', { 'ca.crt': places.certificate }),
        secretOf(places),
      ]
    },
  }
}

function validating(mode: 'AllowValidOnly' | 'AllowInsecureFallback'): Gateway['spec']['tls'] {
  const validation = { mode, caCertificateRefs: [{ group: '', kind: 'ConfigMap', name: 'ca' }] }
  return { frontend: { default: { validation } } }
}

function withRules(
  places: Places,
  listeners: readonly GatewayListener[],
  rules: readonly Rule[],
  more: Partial<Gateway['spec']> = {},
): readonly KubernetesObject[] {
  const h2 = Object.assign(service('shop/h2'), { spec: { ports: [{ port: 8080, appProtocol: 'kubernetes.io/h2c' }] } })
  return [
    gatewayClass(),
    gateway('shop/web', listeners, more),
    route('shop/route', [{ name: 'web' }], { hostnames: [host], rules }),
    service('shop/service'),
    service('shop/other'),
    service('shop/tls'),
    h2,
    ...['service', 'other', 'h2'].map((name) => slice(name, places.backend)),
    slice('tls', places.tlsBackend),
  ]
}

/** Where slices say that the backends are: an address of this machine is none that the product takes. */
const endpointAddress = '10.0.0.1'

/** Lets a written backends.cfg connect to this machine in place of its endpoints. */
export function toThisMachine(backends: string): void {
  writeFileSync(backends, readFileSync(backends, 'utf8').replaceAll(` ${endpointAddress}:`, ' 127.0.0.1:'))
}

/** Ready endpoints of a Service of namespace `shop`, on a port of this machine. */
export function slice(name: string, port: number): KubernetesObject {
  const metadata = { namespace: 'shop', name: `${name}-1`, labels: { 'kubernetes.io/service-name': name } }
  const endpoints = [{ addresses: [endpointAddress], conditions: { ready: true } }]
  return Object.assign(
    { apiVersion: 'discovery.k8s.io/v1', kind: 'EndpointSlice', metadata },
    { addressType: 'IPv4', ports: [{ port }], endpoints },
  )
}

function withSpec(kind: string, name: string, spec: object): KubernetesObject {
  return Object.assign({ apiVersion: gatewayApi, kind, metadata: { namespace: 'shop', name } }, { spec })
}

function secretOf({ certificate, key }: Places): KubernetesObject {
  const base64 = (text: string): string => Buffer.from(text).toString('base64')
  return Object.assign(
    { apiVersion: 'v1', kind: 'Secret', metadata: { namespace: 'shop', name: 'tls' } },
    { type: 'kubernetes.io/tls', data: { 'tls.crt': base64(certificate), 'tls.key': base64(key) } },
  )
}
