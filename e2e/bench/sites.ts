// Routes by hostname, N of them, in front of one responder: as our operator serves them, and as a HAProxy engineer writes them.

import { join } from 'node:path'

import type { KubernetesObject } from '../../operator/model/kubernetes.ts'
import { loadRenderer } from '../../operator/render/render.ts'
import { settingsAt, writeFiles } from '../../operator/scenarios/haproxy-files.ts'
import {
  gateway,
  gatewayClass,
  listener,
  route,
  service,
  tlsListener,
  tlsSecret,
} from '../../operator/translate/testing/objects.ts'
import { createTranslator } from '../../operator/translate/translate.ts'
import { snapshotFromObjects } from '../../operator/watch/files.ts'
import { repository } from '../lib/cluster.ts'
import { freePorts } from '../lib/free-ports.ts'
import { slice, toThisMachine } from './feature-cases.ts'
import { type LocalProxy, startOn, writeAll } from './local-proxy.ts'

/** What is served, and what a proxy needs for it. Programs and certificates are the same for all. */
export type Site = {
  readonly routes: number
  /** The prefix of paths that every route matches; `/` is every path. */
  readonly path: string
  /** An empty folder. */
  readonly folder: string
  readonly haproxy: string
  /** Port of this machine on which all backends listen. */
  readonly backend: number
  readonly pair: { readonly certificate: string; readonly key: string }
}

export type SiteProxy = { readonly proxy: LocalProxy; readonly port: number; readonly tlsPort: number }
export type StartSite = (site: Site) => Promise<SiteProxy>

const routesPerService = 10

/** Hostname of each route, and the Service that it forwards to: ten routes share one. */
export function routesOf(routes: number): readonly { readonly host: string; readonly service: string }[] {
  return Array.from({ length: routes }, (_, n) => ({
    host: `h${n}.example.com`,
    service: `s${Math.floor(n / routesPerService)}`,
  }))
}

/** Every Service once. */
export function servicesOf(routes: number): readonly string[] {
  return [...new Set(routesOf(routes).map((one) => one.service))]
}

/** What today's operator makes of them. */
export const startOurs: StartSite = async ({ routes, path, folder, haproxy, backend, pair }) => {
  const [port = 0, tlsPort = 0, statusPort = 0, runtimePort = 0] = await freePorts(4)
  const listeners = [listener({ port }), tlsListener(['tls'], { port: tlsPort })]
  const objects: readonly KubernetesObject[] = [
    gatewayClass(),
    gateway('shop/web', listeners),
    tlsSecret('shop/tls', pair.certificate, pair.key),
    ...servicesOf(routes).flatMap((name) => [service(`shop/${name}`), slice(name, backend)]),
    ...routesOf(routes).map((one, n) =>
      route(`shop/r${n}`, [{ name: 'web' }], {
        hostnames: [one.host],
        rules: [
          {
            matches: [{ path: { type: 'PathPrefix', value: path } }],
            backendRefs: [{ name: one.service, port: 8080 }],
          },
        ],
      }),
    ),
  ]
  const [model] = createTranslator(snapshotFromObjects(objects))().proxies
  if (model === undefined) throw new Error('The Gateway of the benchmark is not served.')
  const render = loadRenderer(join(repository, 'templates'), settingsAt(folder, { statusPort, runtimePort }))
  writeFiles(folder, render(model))
  const configs = [join(folder, 'haproxy.cfg'), join(folder, 'backends.cfg')]
  toThisMachine(join(folder, 'backends.cfg'))
  return { proxy: await startOn('proxy', { haproxy, configs, port: statusPort }), port, tlsPort }
}

/** One route by an ACL; several by a map from host to backend. As ours, it finds hosts in any case and with a port. */
export const startHandWritten: StartSite = (site) =>
  startHaproxy(
    site,
    site.routes === 1
      ? naiveRoutes(site)
      : `    use_backend %[req.hdr(host),host_only,lower,map_str(${join(site.folder, 'hosts.map')},none)]${inPath(site, ' if')}\n`,
  )

/** One ACL and one line for each route: what grows when nobody thinks of a map. */
export const startNaive: StartSite = (site) => startHaproxy(site, naiveRoutes(site))

function naiveRoutes(site: Site): string {
  const lines = routesOf(site.routes).map((one, n) => [
    `    acl host-${n} hdr(host),host_only -i ${one.host}\n`,
    `    use_backend ${one.service} if host-${n}${inPath(site, '')}\n`,
  ])
  return lines.flat().join('')
}

// Nobody compares paths when every path will do.
function inPath({ path }: Site, before: string): string {
  return path === '/' ? '' : `${before} { path_beg ${path} }`
}

// Timeouts, retries and balancing as ours, and no log either, so that only the choice of the backend differs.
async function startHaproxy({ routes, folder, haproxy, backend, pair }: Site, rules: string): Promise<SiteProxy> {
  const [port = 0, tlsPort = 0] = await freePorts(2)
  const backends = servicesOf(routes).map((name) => `backend ${name}\n    server ${name} 127.0.0.1:${backend}\n`)
  const config = `
defaults
    mode http
    timeout client 60s
    timeout server 60s
    timeout connect 1s
    timeout http-request 10s
    timeout http-keep-alive 20s
    timeout tunnel 1h
    option idle-close-on-response
    option redispatch 1
    retries 2
    balance roundrobin

frontend http
    bind :${port}
${rules}    default_backend none

frontend https
    bind :${tlsPort} ssl crt ${join(folder, 'server.pem')} alpn h2,http/1.1
${rules}    default_backend none

backend none
    http-request return status 404

${backends.join('\n')}`
  const hosts = routesOf(routes).map((one) => `${one.host} ${one.service}\n`)
  writeAll(
    folder,
    new Map([
      ['haproxy.cfg', config],
      ['hosts.map', hosts.join('')],
      ['server.pem', `${pair.certificate}${pair.key}`],
    ]),
  )
  return { proxy: await startOn('proxy', { haproxy, configs: [join(folder, 'haproxy.cfg')], port }), port, tlsPort }
}
