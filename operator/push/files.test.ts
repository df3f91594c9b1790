import { expect } from 'chai'
import { execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'

import { Secret } from '../model/secret.ts'

import { backendsFile, changedFiles, configFiles, parseBackends, parseFiles } from './files.ts'
import { freshlyLoaded, loadedMachine } from './held.ts'
import { archiveFiles, stateArchive, tarOf } from './state-archive.ts'
import { configOf, testSettings, type ConfigSpec } from './testing/configs.ts'

const spec: ConfigSpec = {
  hosts: { 'a.example': { '/': 'shop_web_80', '/x/\x7f': '~shop_web_80.f' }, '@': {} },
  backends: { shop_web_80: ['10.0.0.1', '10.0.0.2'], 'shop_web_80.f': [] },
  certificates: { 'a.pem': 'PEM A' },
  authorities: { 'clients-443.pem': 'CA 1', 'ca-0a.pem': 'CA 2' },
  clientCertificate: 'a.pem',
  list: [['a.pem', ['a.example', '*.a.example']]],
}

describe('files', () => {
  it('read again, they give back what was written', () => {
    const config = configOf(spec)
    const files = new Map(archiveFiles(config, testSettings).map(({ name, content }) => [name, text(content)]))
    const held = parseFiles(files, testSettings)
    const expected = freshlyLoaded(config, testSettings)
    expect(held.generation).to.equal(config.generation)
    expect(held.machine.frame).to.equal(config.machine.frame)
    expect(held.machine.reasons).to.have.members([...config.machine.reasons])
    expect(held.layout).to.deep.equal(expected.layout)
    expect(flat(held.maps)).to.deep.equal(flat(config.maps))
    expect(servers(held.backends)).to.deep.equal(servers(config.backends))
    expect(held.certificateLists).to.deep.equal(config.certificateLists)
    expect(held.authorities).to.deep.equal(
      new Map([...config.authorities].map(([file, { fingerprint }]) => [file, { fingerprint }])),
    )
    expect([...held.certificates].map(([file, { fingerprint }]) => [file, fingerprint])).to.deep.equal(
      [...config.certificates].map(([file, { fingerprint }]) => [file, fingerprint]),
    )
  })

  it('servers are read with their addresses, whatever else is said of them', () => {
    const lines = ['server a 10.0.0.1:80 proto h2', 'server b [fd00::7]:81 ssl verify required sni str(b.org)']
    const { backends } = parseBackends(`backend shop_web_80 from plain\n    ${lines.join('\n    ')}\n`, new Map())
    expect([...(backends.get('shop_web_80')?.servers ?? [])]).to.deep.equal([
      ['a', { address: '10.0.0.1', port: 80 }],
      ['b', { address: 'fd00::7', port: 81 }],
    ])
  })

  it('only what differs is written, and meta.map last of all', () => {
    const before = configOf(spec)
    const after = configOf({ ...spec, backends: { ...spec.backends, shop_web_80: ['10.0.0.1'] } })
    expect(configFiles(after, testSettings, before).map(({ name }) => name)).to.deep.equal([
      backendsFile,
      'maps/meta.map',
    ])
    expect(configFiles(after, testSettings).at(-1)?.name).to.equal('maps/meta.map')
  })

  it('a renewed certificate is a changed file', () => {
    const after = configOf({ ...spec, certificates: { 'a.pem': 'PEM A2' } })
    expect(configFiles(after, testSettings, configOf(spec)).map(({ name }) => name)).to.include('ssl/a.pem')
  })

  it('other authorities are a changed file, and of others still what HAProxy loads', () => {
    const changed = (authorities: ConfigSpec['authorities']) =>
      configFiles(configOf({ ...spec, authorities: { ...authorities } }), testSettings, configOf(spec)).map(
        ({ name }) => name,
      )
    const same = spec.authorities
    expect(changed({ ...same, 'clients-443.pem': 'CA 3' })).to.deep.equal(['general/clients-443.pem', 'maps/meta.map'])
    expect(changed({ ...same, 'ca-0b.pem': 'CA 3' })).to.deep.equal([
      'general/ca-0b.pem',
      backendsFile,
      'maps/meta.map',
    ])
    expect(changed(same)).to.deep.equal(['maps/meta.map'])
  })

  it('what servers may need that are added later stands before all backends, and is none of them', () => {
    const files = new Map(archiveFiles(configOf(spec), testSettings).map(({ name, content }) => [name, text(content)]))
    const lines = (files.get(backendsFile) ?? '').split('\n')
    const first = lines.findIndex((line) => line.startsWith('backend '))
    expect(lines.slice(0, first).filter((line) => line !== '')).to.deep.equal([
      'crt-store',
      '    load crt /gw/ssl/a.pem',
      'defaults authorities',
      '    default-server ca-file ca-0a.pem',
    ])
  })

  it('no file is written before those that it names', () => {
    const names = configFiles(configOf(spec), testSettings).map(({ name }) => name)
    expect(names.indexOf('ssl/a.pem')).to.be.lessThan(names.indexOf('ssl/certificates-443.txt'))
    expect(names.indexOf('general/ca-0a.pem')).to.be.lessThan(names.indexOf(backendsFile))
    expect(names.indexOf(backendsFile)).to.be.lessThan(names.indexOf('maps/paths-80.map'))
    expect(names.indexOf('maps/tree.map')).to.be.lessThan(names.indexOf('maps/paths-80.map'))
    expect(names.indexOf('maps/paths-80.map')).to.be.lessThan(names.indexOf('maps/hosts-80.map'))
  })

  it('are put together one after the other, when they are asked for', () => {
    const config = configOf(spec)
    const unreadable = Object.assign(new Map(), {
      [Symbol.iterator]: () => {
        throw new Error('read too early')
      },
    })
    const machine = loadedMachine(config.machine)
    const maps = new Map([['hosts-80.map', unreadable]])
    const files = changedFiles({ config: { ...config, maps }, machine }, testSettings)
    expect(files.next().value?.name).to.equal('ssl/a.pem')
    expect(() => [...files]).to.throw('read too early')
  })

  it('maps for connections are written after the tree, and SNI after what is behind it', () => {
    const config = configOf(spec)
    const names = ['sni-443.map', 'terminated-443.map', 'tcp.map', 'hosts-443.map', 'tree.map']
    const maps = new Map(names.map((map) => [map, new Map()]))
    const written = configFiles({ ...config, maps }, testSettings).map(({ name }) => name)
    const at = (map: string) => written.indexOf(`maps/${map}`)
    expect(at('tree.map')).to.be.lessThan(Math.min(at('tcp.map'), at('terminated-443.map')))
    expect(at('terminated-443.map')).to.be.lessThan(at('sni-443.map'))
    expect(at('hosts-443.map')).to.be.lessThan(at('sni-443.map'))
  })

  it('the archive is one that tar unpacks, without an entry for the top folder', async () => {
    const archive = await stateArchive(configOf(spec), testSettings)
    expect(String(archive)).to.equal('***')
    const input = Buffer.from(archive.reveal(), 'base64')
    const listed = execFileSync('tar', ['-tzf', '-'], { input, encoding: 'utf8' }).trim().split('\n')
    expect(listed).to.have.members([
      'haproxy.cfg',
      'dataplaneapi.yaml',
      'ssl/a.pem',
      'ssl/certificates-443.txt',
      'general/ca-0a.pem',
      'general/clients-443.pem',
      'general/backends.cfg',
      'general/candidates.lua',
      'maps/hosts-80.map',
      'maps/paths-80.map',
      'maps/tree.map',
      'maps/meta.map',
    ])
    const content = execFileSync('tar', ['-xzOf', '-', 'maps/hosts-80.map'], { input, encoding: 'utf8' })
    expect(content).to.equal('@/ @\na.example/ a.example\n')
  })

  it('an archive that no Secret could hold is refused, with the way out', async () => {
    const config = configOf(spec)
    const machine = { ...config.machine, text: `# ${randomBytes(1_500_000).toString('base64')}\n` }
    const failure = await stateArchive({ ...config, machine }, testSettings).catch(String)
    expect(failure).to.match(/takes 1\d{6} bytes, and a Secret holds 1048576; divide the routes/)
  })

  it('a name too long for the archive is a mistake, not a broken archive', () => {
    expect(() => tarOf([{ name: 'x'.repeat(101), content: '' }])).to.throw('too long')
  })
})

function text(content: string | Secret): string {
  return content instanceof Secret ? content.reveal() : content
}

type Sections = ReadonlyMap<string, { readonly entries: readonly { readonly key: string; readonly value: string }[] }>

function flat(maps: ReadonlyMap<string, Sections>) {
  const entriesOf = (sections: Sections) => [...sections.values()].flatMap(({ entries }) => entries)
  return [...maps]
    .map(
      ([map, sections]) =>
        [
          map,
          entriesOf(sections)
            .map(({ key, value }) => `${key} ${value}`)
            .toSorted(),
        ] as const,
    )
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
}

function servers(backends: ReadonlyMap<string, { readonly servers: ReadonlyMap<string, unknown> }>) {
  return [...backends]
    .map(([name, section]) => [name, [...section.servers]] as const)
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
}
