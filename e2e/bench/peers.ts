// Other proxies with the routes of a site, each configured by hand as its manual advises; those that e2e/bench/peers.sh can have here.

import { execFileSync } from 'node:child_process'
import { join } from 'node:path'

import { freePorts } from '../lib/free-ports.ts'
import { startProgram, writeAll } from './local-proxy.ts'
import { routesOf, servicesOf, type Site, type StartSite } from './sites.ts'

export type Peer = { readonly name: string; readonly version: string; readonly start: StartSite }

/** The peers that this machine has; `say` gets a line for each that it has not. Builds or downloads them the first time. */
export function findPeers(say: (text: string) => void): readonly Peer[] {
  const makers = { nginx: startNginx, envoy: startEnvoy, traefik: startTraefik }
  return Object.entries(makers).flatMap(([name, maker]) => {
    const script = join(import.meta.dirname, 'peers.sh')
    try {
      const found = execFileSync(script, [name], {
        encoding: 'utf8',
        stdio: ['ignore', 'pipe', 'pipe'],
        timeout: 900_000,
      })
      const [program = '', version = 'unknown'] = found.trim().split('\n').at(-1)?.split(' ') ?? []
      return [{ name, version, start: maker(program) }]
    } catch (error) {
      say(`${name} is left out: ${error instanceof Error ? error.message.trim().split('\n').at(-1) : String(error)}`)
      return []
    }
  })
}

// One server, a map from host to upstream, connections to upstreams kept: https://nginx.org/en/docs/http/ngx_http_upstream_module.html#keepalive
function startNginx(program: string): StartSite {
  return async (site) => {
    const [port = 0, tlsPort = 0] = await freePorts(2)
    const { folder, routes, backend } = site
    const upstreams = servicesOf(routes).map(
      (name) => `upstream ${name} { server 127.0.0.1:${backend}; keepalive 128; }\n`,
    )
    const config = `
daemon off;
master_process off;
worker_processes 1;
worker_rlimit_nofile 16000;
pid ${folder}/nginx.pid;
error_log stderr crit;
events { worker_connections 8000; }
http {
  access_log off;
  keepalive_requests 1000000000;
  map_hash_max_size 65536;
  map_hash_bucket_size 128;
  ${['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((name) => `${name}_temp_path ${folder}/${name};`).join('\n  ')}
  map $host $service {
    default none;
${routesOf(routes)
  .map((one) => `    ${one.host} ${one.service};\n`)
  .join('')}  }
${upstreams.join('')}  upstream none { server 127.0.0.1:9; }
  server {
    listen ${port};
    listen ${tlsPort} ssl;
    http2 on;
    ssl_certificate ${folder}/server.crt;
    ssl_certificate_key ${folder}/server.key;
    location / {
      proxy_pass http://$service;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_set_header Host $host;
    }
  }
}
`
    writeFor(site, 'nginx.conf', config)
    const args = ['-p', folder, '-c', join(folder, 'nginx.conf')]
    return { proxy: await startProgram('proxy', { program, args, port }), port, tlsPort }
  }
}

// One worker; virtual hosts by domain, a static cluster for each Service.
function startEnvoy(program: string): StartSite {
  return async (site) => {
    const [port = 0, tlsPort = 0] = await freePorts(2)
    const { folder } = site
    const listeners = [envoyListener(site, port, false), envoyListener(site, tlsPort, true)]
    const clusters = servicesOf(site.routes).map((name) => ({
      name,
      type: 'STATIC',
      connect_timeout: '1s',
      load_assignment: {
        cluster_name: name,
        endpoints: [{ lb_endpoints: [{ endpoint: { address: address('127.0.0.1', site.backend) } }] }],
      },
    }))
    writeFor(site, 'envoy.json', JSON.stringify({ static_resources: { listeners, clusters } }))
    const options = ['--concurrency', '1', '--disable-hot-restart', '--log-level', 'error']
    const args = ['-c', join(folder, 'envoy.json'), ...options]
    return { proxy: await startProgram('proxy', { program, args, port }), port, tlsPort }
  }
}

function envoyListener({ routes, folder }: Site, port: number, isTls: boolean): object {
  const types = 'type.googleapis.com/envoy.extensions'
  const router = { name: 'router', typed_config: { '@type': `${types}.filters.http.router.v3.Router` } }
  const manager = {
    '@type': `${types}.filters.network.http_connection_manager.v3.HttpConnectionManager`,
    stat_prefix: isTls ? 'https' : 'http',
    http_filters: [router],
    route_config: {
      virtual_hosts: routesOf(routes).map((one) => ({
        name: one.host,
        domains: [one.host],
        routes: [{ match: { prefix: '/' }, route: { cluster: one.service, timeout: '60s' } }],
      })),
    },
  }
  const certificate = {
    certificate_chain: { filename: join(folder, 'server.crt') },
    private_key: { filename: join(folder, 'server.key') },
  }
  const tls = {
    '@type': `${types}.transport_sockets.tls.v3.DownstreamTlsContext`,
    common_tls_context: { alpn_protocols: ['h2', 'http/1.1'], tls_certificates: [certificate] },
  }
  return {
    name: isTls ? 'https' : 'http',
    address: address('0.0.0.0', port),
    filter_chains: [
      {
        filters: [{ name: 'http', typed_config: manager }],
        ...(isTls ? { transport_socket: { name: 'tls', typed_config: tls } } : {}),
      },
    ],
  }
}

function address(host: string, port: number): object {
  return { socket_address: { address: host, port_value: port } }
}

// The file provider: a router for each host, a load balancer for each Service.
function startTraefik(program: string): StartSite {
  return async (site) => {
    const [port = 0, tlsPort = 0] = await freePorts(2)
    const { folder, routes, backend } = site
    const routers = routesOf(routes).map((one, n) => [
      `r${n}`,
      { rule: `Host(\`${one.host}\`)`, service: one.service, entryPoints: ['http', 'https'] },
    ])
    const services = servicesOf(routes).map((name) => [
      name,
      { loadBalancer: { servers: [{ url: `http://127.0.0.1:${backend}` }] } },
    ])
    const pair = { certFile: join(folder, 'server.crt'), keyFile: join(folder, 'server.key') }
    const config = {
      http: { routers: Object.fromEntries(routers), services: Object.fromEntries(services) },
      tls: { certificates: [pair] },
    }
    // JSON is YAML.
    writeFor(site, 'traefik.yaml', JSON.stringify(config))
    const args = [
      `--entrypoints.http.address=:${port}`,
      `--entrypoints.https.address=:${tlsPort}`,
      '--entrypoints.https.http.tls=true',
      `--providers.file.filename=${join(folder, 'traefik.yaml')}`,
      '--log.level=ERROR',
      '--global.checknewversion=false',
      '--global.sendanonymoususage=false',
    ]
    return { proxy: await startProgram('proxy', { program, args, port }), port, tlsPort }
  }
}

function writeFor({ folder, pair }: Site, file: string, text: string): void {
  writeAll(
    folder,
    new Map([
      [file, text],
      ['server.crt', pair.certificate],
      ['server.key', pair.key],
    ]),
  )
}
