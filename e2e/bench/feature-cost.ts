// make feature-cost: what each feature costs a request, on this machine without a cluster: request rates beside a plain route, and processor
// time of the proxy. Written to docs/benchmarks/features.json and into docs/conformance.md.
// --rounds N and --seconds S make it longer or shorter; --only NAME,NAME measures some cases and writes nothing.

import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { availableParallelism, cpus, release, tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { stringify } from 'yaml'

import type { KubernetesObject } from '../../operator/model/kubernetes.ts'
import { defaultDataPlane } from '../../operator/model/settings.ts'
import { writePki } from '../../operator/push/testing/pki.ts'
import { loadRenderer } from '../../operator/render/render.ts'
import { findHaproxy, settingsAt, writeFiles } from '../../operator/scenarios/haproxy-files.ts'
import { createTranslator } from '../../operator/translate/translate.ts'
import { snapshotFromObjects } from '../../operator/watch/files.ts'
import { selfSigned } from '../lib/certificates.ts'
import { repository, run } from '../lib/cluster.ts'
import { freePorts } from '../lib/free-ports.ts'
import { type FeatureCase, featureCases, type Places, toThisMachine, validatingCase } from './feature-cases.ts'
import { type FeatureFigures, type FeatureReport, tableOf, withFeatures } from './feature-page.ts'
import { quantile } from './figures.ts'
import {
  type Cost,
  costOfHandshakes,
  costOfRequests,
  type LocalProxy,
  startOn,
  startResponder,
  writeAll,
} from './local-proxy.ts'

/** The last commit that had nothing but the HTTP profile. */
const beforeFeatures = '6f4de2a'

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '9' },
    seconds: { type: 'string', default: '1' },
    only: { type: 'string', default: '' },
  },
})
const rounds = Number(values.rounds)
const seconds = Number(values.seconds)
const only = values.only.split(',').filter((name) => name !== '')
const isWanted = (name: string): boolean => only.length === 0 || only.includes(name)

const say = (text: string): void => void process.stdout.write(`${text}\n`)
const haproxy = findHaproxy()
if (haproxy === undefined) throw new Error('There is no HAProxy to measure; e2e/cluster/haproxy.sh says why.')
const folder = mkdtempSync(join(tmpdir(), 'feature-cost-'))
const running: LocalProxy[] = []

type Started = { readonly name: string; readonly measure: () => Promise<Cost> }

try {
  await measureAll(haproxy)
} finally {
  for (const proxy of running) await proxy.stop()
  rmSync(folder, { recursive: true, force: true })
}

async function measureAll(program: string): Promise<void> {
  const pair = await selfSigned(['localhost'])
  const responder = await startResponder(program, folder, `${pair.certificate}${pair.key}`)
  running.push(responder)
  const places = { backend: responder.port, tlsBackend: responder.tlsPort, ...pair }

  say('the plain route, as it was and as it is')
  const started = [
    await startTree('before', { tree: await treeOf(beforeFeatures), program, places }),
    await startTree('now', { tree: repository, program, places }),
  ]
  const plain = await inTurns(started, rounds * 2)

  const failed: string[] = []
  const cases: Started[] = []
  const wanted = featureCases.filter(({ name, beside }) => isWanted(name) || (only.length > 0 && name === beside))
  for (const one of wanted) {
    try {
      cases.push(await startCase(one, program, places))
    } catch (error) {
      failed.push(`${one.name}: ${error instanceof Error ? error.message : String(error)}`)
    }
  }
  say(`${cases.length} features, ${rounds} rounds of ${seconds} s each`)
  const costs = await inTurns(cases, rounds)
  const handshakes = await inTurns(await handshakeCases(program, places, pair), rounds)

  const report: FeatureReport = {
    date: new Date().toISOString().slice(0, 10),
    machine: await machine(program),
    rounds,
    plain: { before: beforeFeatures, ratio: ratio(plain, 'now', 'before'), costs: medians(plain) },
    features: featureCases.filter(({ name }) => costs.has(name)).map((one) => figuresOf(one, costs)),
    handshakes: medians(handshakes),
  }
  say(tableOf(report))
  for (const text of failed) say(`not measured: ${text}`)
  if (only.length === 0) write(report)
  if (failed.length > 0) process.exitCode = 1
}

// ---- proxies ---------------------------------------------------------------------------------------------------------------------------

type Backends = Omit<Places, 'port'>

async function startCase(one: FeatureCase, program: string, backends: Backends): Promise<Started> {
  const { proxy, port } = await serve(one, program, backends)
  const url = `${one.tls === true ? 'https' : 'http'}://localhost:${port}${one.path ?? '/'}`
  const headers = one.headers?.some((header) => header.startsWith('Host:')) === true ? [] : ['Host: localhost']
  const load = { url, headers: [...headers, ...(one.headers ?? [])], seconds }
  await costOfRequests(proxy, { ...load, seconds: 1 })
  return { name: one.name, measure: () => costOfRequests(proxy, load) }
}

// What today's operator makes of the objects, running.
async function serve(one: FeatureCase, program: string, backends: Backends) {
  const [port = 0, statusPort = 0, runtimePort = 0] = await freePorts(3)
  const root = join(folder, one.name)
  const objects = one.objects({ ...backends, port })
  const { proxies } = createTranslator(snapshotFromObjects(objects))()
  const [model] = proxies
  if (model === undefined) throw new Error('its Gateway is not served')
  const render = loadRenderer(join(repository, 'templates'), settingsAt(root, { statusPort, runtimePort }))
  writeFiles(root, render(model))
  const configs = [join(root, 'haproxy.cfg'), join(root, 'backends.cfg')]
  toThisMachine(join(root, 'backends.cfg'))
  const proxy = await startOn('proxy', { haproxy: program, configs, port: statusPort })
  running.push(proxy)
  return { proxy, port }
}

// The plain route by the command line of a source tree, so that trees of all ages can be asked in the same way.
async function startTree(
  name: string,
  { tree, program, places }: { readonly tree: string; readonly program: string; readonly places: Backends },
): Promise<Started> {
  const [port = 0, statusPort = 0, runtimePort = 0] = await freePorts(3)
  const root = join(folder, name)
  const manifests = join(folder, `${name}.yaml`)
  const objects = featureCases[0]?.objects({ ...places, port }) ?? []
  writeFileSync(manifests, objects.map((object: KubernetesObject) => stringify(object)).join('---\n'))
  const text = await run(process.execPath, [join(tree, 'operator/main.ts'), 'translate', manifests])
  const { root: there, pki, statusPort: statusThere, runtimePort: runtimeThere } = defaultDataPlane
  const here = text
    .replaceAll(`${there}/`, `${root}/`)
    .replaceAll(`${pki}/`, `${root}/pki/`)
    .replaceAll(`:${statusThere}\n`, `:${statusPort}\n`)
    .replaceAll(`:${runtimeThere} `, `:${runtimePort} `)
    .replaceAll('\u2421', '\x7f')
  const sections = here.split(/^##### shop\/web /m).slice(1)
  const files = sections.map(
    (section) => [section.slice(0, section.indexOf('\n')), section.slice(section.indexOf('\n') + 1)] as const,
  )
  writeAll(
    root,
    new Map([
      ...files.filter(([file]) => /^[a-z./-]+\/[\w.-]+$|^haproxy.cfg$/.test(file)),
      ['maps/meta.map', '@gen 1\n'],
    ]),
  )
  mkdirSync(join(root, 'run'), { recursive: true })
  writePki(join(root, 'pki'))
  toThisMachine(join(root, 'general/backends.cfg'))
  const configs = [join(root, 'haproxy.cfg'), join(root, 'general/backends.cfg')]
  const proxy = await startOn('proxy', { haproxy: program, configs, port: statusPort })
  running.push(proxy)
  const load = { url: `http://localhost:${port}/`, headers: ['Host: localhost'], seconds }
  await costOfRequests(proxy, load)
  return { name, measure: () => costOfRequests(proxy, load) }
}

// The files of a commit, with today's packages.
async function treeOf(commit: string): Promise<string> {
  const tree = join(folder, commit)
  mkdirSync(tree)
  const archive = join(folder, `${commit}.tar`)
  await run('git', ['-C', repository, 'archive', '--output', archive, commit])
  await run('tar', ['-xf', archive, '-C', tree])
  symlinkSync(join(repository, 'node_modules'), join(tree, 'node_modules'))
  return tree
}

async function handshakeCases(
  program: string,
  backends: Backends,
  pair: { readonly certificate: string; readonly key: string },
): Promise<readonly Started[]> {
  if (only.length > 0) return []
  writeAll(
    folder,
    new Map([
      ['client.crt', pair.certificate],
      ['client.key', pair.key],
    ]),
  ) // prettier-ignore
  const client = ['-cert', join(folder, 'client.crt'), '-key', join(folder, 'client.key')]
  const started: Started[] = []
  for (const [one, options] of [
    [featureCases.find(({ name }) => name === 'tls'), []],
    [validatingCase, client],
  ] as const) {
    if (one === undefined) continue
    const { proxy, port } = await serve({ ...one, name: `handshake-${one.name}` }, program, backends)
    const measure = () => costOfHandshakes(proxy, { port, seconds, options })
    await measure()
    started.push({ name: one === validatingCase ? 'with a client certificate' : 'without', measure })
  }
  return started
}

// ---- figures ---------------------------------------------------------------------------------------------------------------------------

type Costs = ReadonlyMap<string, readonly Cost[]>

// Every round measures all, each round beginning with another: what disturbs the machine for a while disturbs all of them.
async function inTurns(started: readonly Started[], times: number): Promise<Costs> {
  const costs = new Map<string, Cost[]>(started.map(({ name }) => [name, []]))
  for (let round = 0; round < times; round++)
    for (let at = 0; at < started.length; at++) {
      const one = started[(round + at) % started.length]
      if (one !== undefined) costs.get(one.name)?.push(await twice(one))
    }
  return costs
}

// A machine that was busy with something else gets another chance.
async function twice({ name, measure }: Started): Promise<Cost> {
  try {
    return await measure()
  } catch {
    return await measure().catch((error: unknown) => {
      throw new Error(`${name} failed twice`, { cause: error })
    })
  }
}

function medians(costs: Costs): Readonly<Record<string, Cost>> {
  return Object.fromEntries([...costs.keys()].map((name) => [name, medianOf(costs.get(name) ?? [])]))
}

function medianOf(costs: readonly Cost[]): Cost {
  const median = (figures: readonly number[]): number => quantile(figures, 0.5)
  return {
    perSecond: Math.round(median(costs.map(({ perSecond }) => perSecond))),
    microseconds: rounded(median(costs.map(({ microseconds }) => microseconds)), 2),
  }
}

// Median of the rounds' ratios of request rates.
function ratio(costs: Costs, name: string, beside: string): number {
  const others = costs.get(beside) ?? []
  const ratios = (costs.get(name) ?? []).map(
    ({ perSecond }, round) => perSecond / (others[round]?.perSecond ?? Number.NaN),
  )
  return rounded(quantile(ratios, 0.5), 3)
}

function figuresOf({ name, what, beside }: FeatureCase, costs: Costs): FeatureFigures {
  const cost = medianOf(costs.get(name) ?? [])
  const other = medianOf(costs.get(beside) ?? [])
  return {
    name,
    what,
    ...cost,
    relative: ratio(costs, name, 'plain'),
    beside,
    more: rounded(cost.microseconds - other.microseconds, 2),
  }
}

function rounded(figure: number, digits: number): number {
  return Number(figure.toFixed(digits))
}

async function machine(program: string): Promise<FeatureReport['machine']> {
  return {
    cpu: cpus()[0]?.model ?? 'unknown',
    cores: availableParallelism(),
    kernel: release(),
    haproxy: /version (\S+)/.exec(await run(program, ['-v']))?.[1] ?? 'unknown',
    node: process.version,
  }
}

function write(report: FeatureReport): void {
  const json = join(repository, 'docs/benchmarks/features.json')
  writeFileSync(json, `${JSON.stringify(report, null, 2)}\n`)
  const page = join(repository, 'docs/conformance.md')
  writeFileSync(page, withFeatures(readFileSync(page, 'utf8'), report))
  say('written to docs/benchmarks/features.json and docs/conformance.md')
}
