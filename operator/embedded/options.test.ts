import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { expect } from 'chai'

import { readOptions } from './options.ts'

const example = `
dataplaneapi:
  scheme: [https]
  cleanup_timeout: 1h
  tls: {tls_port: 15555, tls_certificate: /pki/tls.crt, tls_key: /pki/tls.key, tls_ca: /pki/ca.crt}
  transaction: {transaction_dir: /gw/dpapi/tx}
  resources: {maps_dir: /gw/maps, ssl_certs_dir: /gw/ssl, general_storage_dir: /gw/general}
haproxy:
  config_file: /gw/haproxy.cfg
  haproxy_bin: /usr/sbin/haproxy
  master_runtime: /gw/run/master.sock
  reload: {reload_delay: 2, validate_files_after: [/gw/general/backends.cfg]}
`

describe('options of the embedded Data Plane API', () => {
  let folder: string
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'embedded-'))
  })
  after(() => rmSync(folder, { recursive: true }))
  const read = (text: string, environment = {}) => {
    const file = join(folder, 'dataplaneapi.yaml')
    writeFileSync(file, text)
    return readOptions(file, environment)
  }

  it('come from the same file as upstream, the address from TLS_HOST', () => {
    const options = read(example, { TLS_HOST: '10.0.0.1' })
    expect(options).to.deep.include({ host: '10.0.0.1', port: 15555, idleMs: 3_600_000, reloadDelayMs: 2000 })
    expect(options.filesAfter).to.deep.equal(['/gw/general/backends.cfg'])
    expect(options.filesBefore).to.deep.equal([])
  })

  it('refuse to serve without TLS', () => {
    for (const schemes of ['[http]', '[https, http]', '[]'])
      expect(() => read(example.replace('[https]', schemes)), schemes).to.throw('dataplaneapi.scheme')
  })

  it('name the key that is missing', () => {
    expect(() => read(example.replace(', tls_ca: /pki/ca.crt', ''))).to.throw('dataplaneapi.tls.tls_ca is missing')
    expect(() => read(example.replace('1h', 'soon'))).to.throw('soon is not a duration')
  })
})
