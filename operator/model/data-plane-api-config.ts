import type { DataPlaneSettings } from './settings.ts'

/**
 * The Data Plane API's own configuration file, `dataplaneapi.yaml`. It listens on TLS with client certificates only: a second scheme
 * would be open to everybody. Its address comes from the environment (TLS_HOST). The user is needed for it to start, and never let in.
 * It rewrites this file when it starts, so the file must be writable.
 */
export function dataPlaneApiConfig(settings: DataPlaneSettings): string {
  const { root, pki, apiPort } = settings
  return `config_version: 2
name: haproxy-gateway
dataplaneapi:
  scheme: [https]
  cleanup_timeout: 1h
  disable_inotify: true
  tls: {tls_port: ${apiPort}, tls_certificate: ${pki}/tls.crt, tls_key: ${pki}/tls.key, tls_ca: ${pki}/ca.crt}
  user: [{name: nobody, password: "!", insecure: false}]
  transaction: {transaction_dir: ${root}/dpapi/tx, max_open_transactions: 20}
  resources: {maps_dir: ${root}/maps, ssl_certs_dir: ${root}/ssl, general_storage_dir: ${root}/general, spoe_dir: ${root}/spoe, dataplane_storage_dir: ${root}/dpapi/storage}
haproxy:
  config_file: ${root}/haproxy.cfg
  haproxy_bin: /usr/sbin/haproxy
  master_worker_mode: true
  master_runtime: ${root}/run/master.sock
  reload: {reload_delay: 1, reload_strategy: custom, reload_cmd: /bin/false, restart_cmd: /bin/false, validate_files_after: [${root}/general/backends.cfg]}
log_targets:
- {log_to: stdout, log_level: warning, log_types: [app]}
`
}
