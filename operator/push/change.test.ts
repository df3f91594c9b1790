import { expect } from 'chai'
import fc from 'fast-check'

import { allCommands, change, type Command, type Stage } from './change.ts'
import { archiveFiles } from './state-archive.ts'
import { freshlyLoaded, spelled, type Held } from './held.ts'
import { isPadding } from './padded.ts'
import { runStages } from './runtime.ts'
import { configOf, testSettings, type ConfigSpec } from './testing/configs.ts'
import { FakePod } from './testing/fake-pod.ts'

import { spareProfileOf } from '../model/names.ts'
import type { RenderedConfig } from '../model/rendered.ts'
import { Secret } from '../model/secret.ts'

const base: ConfigSpec = {
  hosts: { 'a.example': { '/': 'shop_web_80' } },
  backends: { shop_web_80: ['10.0.0.1'] },
  certificates: { 'a.pem': 'A', 'b.pem': 'B' },
  list: [
    ['a.pem', []],
    ['b.pem', ['b.example']],
  ],
}

function planned(before: ConfigSpec, after: ConfigSpec) {
  return change(freshlyLoaded(configOf(before), testSettings), configOf(after))
}

function told(commands: readonly Command[]): readonly string[] {
  return commands.map((command) => {
    if (command.kind === 'put-udp') return 'put udp.conf'
    if ('server' in command) return `${command.kind} ${command.backend}/${command.server}`
    if ('entries' in command) return `put ${command.map} ${command.entries.map(({ key }) => key).join(' ')}`
    if ('value' in command) return `set ${command.map} ${command.key} ${command.value}`
    if ('key' in command) return `delete ${command.map} ${command.key}`
    if ('list' in command)
      return `${command.kind} ${command.list} ${'file' in command ? command.file : command.entry.file}`
    return `${command.kind} ${command.file}`
  })
}

describe('change: commands', () => {
  const cases: readonly {
    readonly name: string
    readonly after: ConfigSpec
    readonly commands: readonly string[]
  }[] = [
    { name: 'the same configuration needs nothing', after: base, commands: [] },
    {
      name: 'a route on a known backend is one entry a map, paths before hosts',
      after: { ...base, hosts: { ...base.hosts, 'b.example': { '/x/': 'shop_web_80', '/': 'shop_web_80' } } },
      commands: [
        'set paths-80.map b.example/x/ shop_web_80',
        'set paths-80.map b.example/ shop_web_80',
        'set hosts-80.map b.example/ b.example',
      ],
    },
    {
      name: 'a new backend takes a spare, which gets its servers before any entry names it',
      after: {
        ...base,
        hosts: { 'a.example': { '/': 'shop_web_80', '/new/': 'shop_new_80' } },
        backends: { ...base.backends, shop_new_80: ['10.0.0.9'] },
      },
      commands: [
        'set meta.map @be.spare0001 shop_new_80',
        'put-server spare0001/10-0-0-9_80',
        'set paths-80.map a.example/new/ spare0001',
      ],
    },
    {
      name: 'a way through the tree is in place before the path names it',
      after: { ...base, hosts: { 'a.example': { '/': '~shop_web_80' } } },
      commands: ['set tree.map @n.0c4a3b4f1f0c shop_web_80|then', 'set paths-80.map a.example/ @n.0c4a3b4f1f0c'],
    },
    {
      name: 'a replaced server is added first and removed last',
      after: { ...base, backends: { shop_web_80: ['10.0.0.2'] } },
      commands: ['put-server shop_web_80/10-0-0-2_80', 'delete-server shop_web_80/10-0-0-1_80'],
    },
    {
      name: 'what goes is unlinked from the outside in',
      after: { ...base, hosts: {}, backends: {} },
      commands: [
        'delete hosts-80.map a.example/',
        'delete paths-80.map a.example/',
        'delete-server shop_web_80/10-0-0-1_80',
      ],
    },
    {
      name: 'a renewed certificate is replaced while no fingerprint is claimed',
      after: { ...base, certificates: { 'a.pem': 'A2', 'b.pem': 'B' } },
      commands: ['delete meta.map @crt.a.pem', 'put-certificate a.pem', 'set meta.map @crt.a.pem 5f51b50f25fb'],
    },
    {
      name: 'a certificate that goes leaves the list first',
      after: { ...base, certificates: { 'a.pem': 'A' }, list: [['a.pem', []]] },
      commands: [
        'delete-list-entry certificates-443.txt b.pem',
        'delete meta.map @crt.b.pem',
        'delete-certificate b.pem',
      ],
    },
    {
      name: 'a key that the API cannot name in a path sends the whole map: all entries first, then only those that stay',
      after: { ...base, hosts: { 'b.example': { '/$&/': 'shop_web_80' } } },
      commands: [
        'put paths-80.map b.example/$&/ a.example/',
        'set hosts-80.map b.example/ b.example',
        'delete hosts-80.map a.example/',
        'put paths-80.map b.example/$&/',
      ],
    },
  ]
  for (const { name, after, commands } of cases)
    it(name, () => {
      const plan = planned(base, after)
      expect(plan.kind).to.equal('commands')
      const stages = plan.kind === 'commands' ? plan.stages : []
      const normal = (text: string) => text.replaceAll(/@n\.[0-9a-f]+/g, '@n').replace(/(@crt\.\S+) .*/, '$1')
      expect(told(allCommands(stages)).map(normal)).to.deep.equal(commands.map(normal))
    })

  it('a backend that comes back finds its own section again, and its spare is free', () => {
    const without = configOf({ ...base, hosts: {}, backends: {} })
    const first = change(freshlyLoaded(configOf(base), testSettings), without)
    const held = first.kind === 'commands' ? first.after : expect.fail('no commands')
    expect([...held.layout.retired]).to.deep.equal([['shop_web_80', 'plain']])
    const second = change(held, configOf(base))
    expect(second.kind === 'commands' && [...second.after.layout.aliases]).to.deep.equal([])
  })
})

describe('change: reloads', () => {
  const letters = ['a', 'b', 'c', 'd']
  const cases: readonly {
    readonly name: string
    readonly after: ConfigSpec
    readonly cause: string
    readonly reasons: readonly string[]
  }[] = [
    {
      name: 'a new port',
      after: { ...base, reasons: ['port 443', 'port 80', 'port 8080'] },
      cause: 'machine',
      reasons: ['port 8080'],
    },
    {
      name: 'a condition name that came and a port that went',
      after: { ...base, reasons: ['header x-a', 'port 443'] },
      cause: 'machine',
      reasons: ['header x-a', 'port 80'],
    },
    {
      name: 'more new backends than spares',
      after: {
        ...base,
        backends: { ...base.backends, ...Object.fromEntries(letters.map((name) => [`n_${name}_80`, []])) },
      },
      cause: 'spares',
      reasons: ['no spare of profile plain is left for backend n_d_80'],
    },
    {
      name: 'a new retry policy',
      after: {
        ...base,
        backends: { ...base.backends, 'n_d_80.retry.2.500': [] },
        reasons: ['port 443', 'port 80', 'profile retry.2.500'],
      },
      cause: 'machine',
      reasons: ['profile retry.2.500'],
    },
    {
      name: 'more new backends with a retry policy than spares',
      after: { ...base, backends: { ...base.backends, 'n_d_80.retry.2.500': [] } },
      cause: 'spares',
      reasons: ['no spare of profile retry.2.500 is left for backend n_d_80.retry.2.500'],
    },
    {
      name: 'another default certificate',
      after: { ...base, list: [['b.pem', []]] },
      cause: 'certificates',
      reasons: ['default certificate of certificates-443.txt'],
    },
  ]
  for (const { name, after, cause, reasons } of cases)
    it(name, () => {
      expect(planned(base, after)).to.deep.equal({ kind: 'reload', cause, reasons })
    })

  it('spares of the other profile do not help', () => {
    const filtered = Object.fromEntries(['x', 'y', 'z'].map((name) => [`n_${name}_80.f`, []]))
    expect(planned(base, { ...base, backends: { ...base.backends, ...filtered } })).to.include({ cause: 'spares' })
  })

  it('is in bulk by what takes the Data Plane API, and by far more of what goes in lines', () => {
    const by = (after: ConfigSpec, hasLines: boolean) =>
      change(freshlyLoaded(configOf(base), testSettings), configOf(after), { hasLines })
    const addresses = Array.from({ length: 3_001 }, (_, at) => `10.1.${at >> 8}.${at & 255}`)
    const servers = { ...base, backends: { shop_web_80: ['10.0.0.1', ...addresses] } }
    expect(by(servers, false)).to.include({ kind: 'reload', cause: 'bulk' })
    expect(by(servers, true)).to.include({ kind: 'commands' })
    const names = addresses.map((address) => `c-${address}.pem`)
    const certificates = {
      ...base,
      certificates: { ...base.certificates, ...Object.fromEntries(names.map((name) => [name, name])) },
      list: [...(base.list ?? []), ...names.map((name) => [name, [`${name}.example`]] as const)],
    }
    expect(by(certificates, true)).to.include({ kind: 'reload', cause: 'bulk' })
  })
})

// ---- laws on a model of a pod ---------------------------------------------------------------------------------------------------------

const backendNames = ['n_a_80', 'n_b_80', 'n_c_80', 'n_d_80.f', 'n_e_80.f', 'n_a_80.retry.2', 'n_b_80.retry.2']
const specs: fc.Arbitrary<ConfigSpec> = fc
  .record({
    backends: fc.dictionary(
      fc.constantFrom(...backendNames),
      fc.uniqueArray(fc.constantFrom('10.0.0.1', '10.0.0.2', '10.0.0.3')),
    ),
    hosts: fc.dictionary(
      fc.constantFrom('a.example', 'b.example', '@.example', '@'),
      fc.dictionary(fc.constantFrom('/', '/x/', '/x/y/', '/x/\x7f', '/$/', '/a,b/'), fc.tuple(fc.boolean(), fc.nat(4))),
    ),
    certificates: fc.dictionary(fc.constantFrom('a.pem', 'b.pem', 'c.pem'), fc.constantFrom('1', '2')),
    authorities: fc.dictionary(fc.constantFrom('ca-1.pem', 'clients-443.pem'), fc.constantFrom('1\n', '2\n')),
    named: fc.subarray(['n_a_80', 'n_b_80', 'n_d_80.f']),
    ports: fc.constantFrom(...Array.from({ length: 9 }, () => 'port 80'), 'port 81'),
    names: fc.subarray(['header x-a', 'profile retry.2'], { minLength: 1 }),
  })
  .map(({ backends, hosts, certificates, authorities, named, ports, names }) => {
    const retries = Object.keys(backends).some((name) => name.endsWith('.retry.2')) ? ['profile retry.2'] : []
    const reasons = [...new Set([ports, ...names, ...retries])]
    const present = Object.keys(backends)
    const resolve = ([throughTree, n]: readonly [boolean, number]) =>
      `${throughTree ? '~' : ''}${present[n % present.length]}`
    const linked = Object.entries(hosts).map(([host, paths]) => {
      const known = present.length === 0 ? [] : Object.entries(paths)
      return [host, Object.fromEntries(known.map(([path, target]) => [path, resolve(target)]))] as const
    })
    const files = Object.keys(certificates).toSorted()
    const list = files.map((file) => [file, [`${file}.${certificates[file]}`]] as const)
    return { backends, hosts: Object.fromEntries(linked), certificates, authorities, list, named, reasons }
  })

describe('change: chains', () => {
  it('paths of one host go one after the other, the longest first; those of two hosts beside each other', () => {
    const hosts = {
      ...base.hosts,
      'b.example': { '/': 'shop_web_80', '/a': 'shop_web_80' },
      'c.example': { '/': 'shop_web_80' },
    }
    const plan = change(freshlyLoaded(configOf(base), testSettings), configOf({ ...base, hosts }))
    const keys = (plan.kind === 'commands' ? plan.stages : []).map(({ chains }) =>
      chains.map((chain) => chain.map((command) => ('key' in command ? command.key : command.kind))),
    )
    expect(keys).to.deep.include([['b.example/a', 'b.example/'], ['c.example/']])
  })
})

describe('change: laws', () => {
  it('whatever follows whatever, the commands lead to exactly what is wanted, and no request ever meets anything missing', () =>
    fc.assert(
      fc.asyncProperty(fc.array(specs, { minLength: 2, maxLength: 6 }), fc.boolean(), async (sequence, backwards) => {
        const [first, ...rest] = sequence.map(configOf)
        if (first === undefined) return
        const pod = loaded(first)
        let held = freshlyLoaded(first, testSettings)
        let sections = first.backends
        for (const wanted of rest) {
          const plan = change(held, wanted)
          if (plan.kind === 'reload') {
            write(pod, wanted)
            pod.load()
            held = freshlyLoaded(wanted, testSettings)
            sections = wanted.backends
          } else {
            await applyWatched(pod, backwards ? plan.stages.map(reversed) : plan.stages, held, wanted)
            held = plan.after
          }
          expectHeld(pod, held, wanted)
          for (const [name, { from }] of wanted.backends) {
            const spare = held.layout.aliases.get(name)
            const place = spare === undefined ? sections.get(name)?.from : spareProfileOf(spare)
            expect(place, `${name} lives`).to.be.oneOf(
              from === 'plain' || from === 'filtered' ? [from, 'named'] : [from],
            )
          }
        }
      }),
      { numRuns: 300 },
    )).timeout(60_000)
})

// Chains of a stage may be done in any order.
function reversed({ chains }: Stage): Stage {
  return { chains: chains.toReversed() }
}

function loaded(config: RenderedConfig): FakePod {
  const pod = new FakePod(testSettings)
  write(pod, config)
  pod.load()
  return pod
}

function write(pod: FakePod, config: RenderedConfig): void {
  pod.disk.clear()
  for (const { name, content } of archiveFiles(config, testSettings))
    pod.disk.set(name, content instanceof Secret ? content.reveal() : content)
}

async function applyWatched(pod: FakePod, stages: readonly Stage[], held: Held, wanted: RenderedConfig): Promise<void> {
  const former = serversByActualName(held.backends, held.layout.aliases)
  const plan = change(held, wanted)
  const aliases = plan.kind === 'commands' ? plan.after.layout.aliases : new Map<string, string>()
  const later = serversByActualName(wanted.backends, aliases)
  for (const command of allCommands(stages)) {
    await runStages(pod.api(), [{ chains: [[command]] }])
    for (const backend of reachable(pod)) {
      const servers = pod.memory.backends.get(backend) ?? expect.fail(`${backend} is reachable and does not exist`)
      const ready = new Set([...servers.values()].filter((server) => server.ready).map(({ name }) => name))
      const complete = [former.get(backend), later.get(backend)].some((names) =>
        names?.every((name) => ready.has(name)),
      )
      expect(complete, `${backend} is reachable and lacks servers after ${command.kind}`).to.equal(true)
    }
  }
}

type Servers = ReadonlyMap<string, { readonly servers: ReadonlyMap<string, unknown> }>

function serversByActualName(backends: Servers, aliases: ReadonlyMap<string, string>) {
  return new Map([...backends].map(([name, { servers }]) => [aliases.get(name) ?? name, [...servers.keys()]]))
}

// The backends that requests can be sent to now; throws when a path leads into nothing.
function reachable(pod: FakePod): readonly string[] {
  const tree = pod.memory.maps.get('tree.map') ?? new Map<string, string>()
  const paths = [...(pod.memory.maps.get('paths-80.map') ?? [])].filter(([key, value]) => !isPadding({ key, value }))
  return paths.map(([key, value]) => {
    const target = value.startsWith('@n.') ? tree.get(value) : value
    return (target ?? expect.fail(`${key} leads to ${value}, which is not there`)).split('|')[0] ?? ''
  })
}

function expectHeld(pod: FakePod, held: Held, wanted: RenderedConfig): void {
  const { memory } = pod
  for (const [map, sections] of wanted.maps) {
    const entries = [...sections.values()].flatMap(({ entries: own }) => own)
    const expected = entries.map((entry) => [entry.key, spelled(entry, held.layout.aliases)] as const)
    const found = [...(memory.maps.get(map) ?? [])].filter(([key, value]) => !isPadding({ key, value }))
    expect(new Map(found), map).to.deep.equal(new Map(expected))
  }
  for (const [name, { servers }] of wanted.backends) {
    const found = memory.backends.get(held.layout.aliases.get(name) ?? name)
    expect(
      [...(found?.values() ?? [])]
        .map((server) => (server.ready ? server.name : `${server.name} in maintenance`))
        .toSorted(),
      name,
    ).to.deep.equal([...servers.keys()].toSorted())
  }
  for (const spare of [...[...held.layout.free.values()].flat(), ...held.layout.retired.keys()])
    expect(memory.backends.get(spare)?.size, `servers of unused ${spare}`).to.equal(0)
  const meta = [...(memory.maps.get('meta.map') ?? [])]
  const aliases = meta.flatMap(([key, value]) => (key.startsWith('@be.') ? [[value, key.slice(4)] as const] : []))
  expect(new Map(aliases)).to.deep.equal(new Map(held.layout.aliases))
  const fingerprints = meta
    .filter(([key]) => key.startsWith('@crt.'))
    .map(([key, value]) => [key.slice(5), value] as const)
  expect(new Map(fingerprints)).to.deep.equal(
    new Map([...wanted.certificates].map(([file, { fingerprint }]) => [file, fingerprint] as const)),
  )
  const trusted = meta.flatMap(([key, value]) => (key.startsWith('@ca.') ? [[key.slice(4), value] as const] : []))
  const authorities = [...wanted.authorities]
  expect(new Map(trusted)).to.deep.equal(new Map(authorities.map(([file, { fingerprint }]) => [file, fingerprint])))
  expect(memory.authorities).to.deep.equal(new Map(authorities.map(([file, { pem }]) => [file, pem])))
  expect([...memory.certificates.keys()].toSorted()).to.deep.equal([...wanted.certificates.keys()].toSorted())
  for (const [list, { first, entries }] of wanted.certificateLists) {
    const byFile = (a: { file: string }, b: { file: string }) => (a.file < b.file ? -1 : 1)
    expect([...(memory.lists.get(list) ?? [])].toSorted(byFile)).to.deep.equal([...entries.values()].toSorted(byFile))
    expect(memory.lists.get(list)?.[0]?.file ?? '').to.equal(first)
  }
}
