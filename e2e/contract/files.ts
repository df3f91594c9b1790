// What the lab's folder holds before anything starts.

import type { Authority } from './authority.ts'

export type Ports = {
  readonly http: number
  readonly https: number
  /** HTTPS for clients with a certificate of the authorities in `general/clients.pem`. */
  readonly mutual: number
  readonly app: number
  readonly api: number
}
export type Place = {
  readonly folder: string
  readonly ports: Ports
  readonly authority: Authority
  /** Path of the HAProxy program. */
  readonly haproxy: string
}

/** File name → text. */
export function files(place: Place): Readonly<Record<string, string>> {
  const { folder, authority } = place
  const pem = authority.server.cert + authority.server.key
  return {
    'haproxy.cfg': machine(place),
    'general/backends.cfg': backends(place),
    'dataplaneapi.yaml': settings(place),
    'general/clients.pem': authority.ca,
    'maps/hosts.map': 'a.example.com web\n',
    'maps/scratch.map': '',
    'pki/ca.crt': authority.ca,
    'pki/tls.crt': authority.server.cert,
    'pki/tls.key': authority.server.key,
    'ssl/default.pem': pem,
    'ssl/list.txt': `${folder}/ssl/default.pem\n`,
  }
}

/** haproxy.cfg; `extra` is appended to its frontend. */
export function machine({ folder, ports }: Place, extra = ''): string {
  return `# _version=7
global
  default-path origin ${folder}/general
  hard-stop-after 5s
  stats socket ${folder}/run/worker.sock mode 600 level admin
  stats timeout 10m
  tune.cli.max-payload-size 8388608

defaults base
  mode http
  timeout client 30s
  timeout server 30s
  timeout connect 2s

defaults svc from base
  balance roundrobin

frontend visitors from base
  bind 127.0.0.1:${ports.http}
  bind 127.0.0.1:${ports.https} ssl crt-list ${folder}/ssl/list.txt
  bind 127.0.0.1:${ports.mutual} ssl crt-list ${folder}/ssl/list.txt ca-file clients.pem verify required
  http-request set-var(txn.backend) req.hdr(host),lower,map_str(${folder}/maps/hosts.map,none)
  http-request set-var(txn.scratch) path,map_beg(${folder}/maps/scratch.map,none)
  http-response set-header x-scratch %[var(txn.scratch)]
  use_backend %[var(txn.backend)]
  default_backend none
${extra}
frontend origin from base
  bind 127.0.0.1:${ports.app}
  http-request wait-for-body time 20s if { path /slow }
  http-request return status 200 content-type text/plain string app

backend none from base
  http-request return status 404
`
}

/** The second file, which the API never parses. */
export function backends({ folder, ports }: Place): string {
  return `backend web from svc
  server app 127.0.0.1:${ports.app}
backend trusting from svc
  server app 127.0.0.1:${ports.https} ssl verify required ca-file ${folder}/pki/ca.crt
backend spare1 from svc
backend spare2 from svc
`
}

function settings({ folder, ports, haproxy }: Place): string {
  return `config_version: 2
name: contract
dataplaneapi:
  scheme: [https]
  cleanup_timeout: 1h
  disable_inotify: true
  tls: {tls_host: 127.0.0.1, tls_port: ${ports.api}, tls_certificate: ${folder}/pki/tls.crt, tls_key: ${folder}/pki/tls.key, tls_ca: ${folder}/pki/ca.crt}
  user: [{name: nobody, password: "!", insecure: false}]
  transaction: {transaction_dir: ${folder}/dpapi/tx, max_open_transactions: 20}
  resources: {maps_dir: ${folder}/maps, ssl_certs_dir: ${folder}/ssl, general_storage_dir: ${folder}/general, spoe_dir: ${folder}/spoe, dataplane_storage_dir: ${folder}/dpapi/storage}
haproxy:
  config_file: ${folder}/haproxy.cfg
  haproxy_bin: ${haproxy}
  master_worker_mode: true
  master_runtime: ${folder}/run/master.sock
  reload: {reload_delay: 1, reload_strategy: custom, reload_cmd: /bin/false, restart_cmd: /bin/false, validate_files_after: [${folder}/general/backends.cfg]}
log_targets:
- {log_to: stdout, log_level: warning, log_types: [app]}
`
}
