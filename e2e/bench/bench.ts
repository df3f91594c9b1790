// make bench: speed and memory with 1,000 routes, as a table and as docs/benchmarks/latest.json. Figures are of this machine
// and of this hour; they are compared with goals, not asserted.

import { mkdirSync, writeFileSync } from 'node:fs'
import { availableParallelism, cpus, release, totalmem } from 'node:os'
import { join } from 'node:path'

import manifest from '../../package.json' with { type: 'json' }
import { deleteNamespaces, isLocalCluster, kubectl, repository } from '../lib/cluster.ts'
import { readyDataPlane } from '../lib/gateway.ts'
import { namespace, setUp } from './fixture.ts'
import { quantile, table, type Row } from './figures.ts'
import { measurePropagation, type Propagation } from './propagation.ts'
import { measureRate, type Rate } from './rate.ts'
import { measureStart, type Start } from './start.ts'

const routes = 1_000
const say = (text: string): void => void process.stdout.write(`${text}\n`)

async function machine(): Promise<Readonly<Record<string, string | number>>> {
  const [pod] = await readyDataPlane(namespace, 'one')
  const name = pod?.metadata.name ?? ''
  const haproxy = await kubectl(['-n', namespace, 'exec', name, '-c', 'haproxy', '--', 'haproxy', '-v'])
  const kubernetes = await kubectl(['get', 'node', '-o', 'jsonpath={.items[0].status.nodeInfo.kubeletVersion}'])
  return {
    cpu: cpus()[0]?.model ?? 'unknown',
    cores: availableParallelism(),
    memoryGigabytes: Math.round(totalmem() / 2 ** 30),
    kernel: release(),
    kubernetes,
    haproxy: /version (\S+)/.exec(haproxy)?.[1] ?? 'unknown',
    operator: manifest.version,
  }
}

function rowsOf(propagation: Propagation, start: Start, rate: Rate | undefined): readonly Row[] {
  const { milliseconds: spent } = propagation
  const rows: Row[] = [
    {
      what: `a route's creation to its first 200, median of ${spent.samples}`,
      value: `${spent.median} ms`,
      goal: 'under 100 ms',
    },
    { what: '  90 % within', value: `${spent.p90} ms`, goal: '' },
    { what: '  slowest', value: `${spent.max} ms`, goal: '' },
    { what: '  reloads meanwhile', value: String(propagation.reloads), goal: '0' },
    { what: '  derivations computed again per route', value: String(propagation.recomputedPerRoute), goal: '' },
    {
      what: 'operator: start to first complete run, median of 3',
      value: `${start.syncedSeconds} s`,
      goal: 'under 2 s',
    },
    { what: '  that run', value: `${start.firstRunMilliseconds} ms`, goal: '' },
    { what: '  memory (RSS)', value: `${start.rssMegabytes} MB`, goal: 'under 200 MB' },
  ]
  if (!rate) return rows
  return [
    ...rows,
    { what: `data plane: requests/s, median of ${rate.rounds} rounds`, value: String(rate.gateway), goal: '' },
    { what: '  hand-written haproxy.cfg', value: String(rate.handWritten), goal: '' },
    { what: '  ratio', value: String(rate.ratio), goal: 'at least 0.95' },
  ]
}

say(`two Gateways, ${routes} routes: setting up`)
const address = await setUp(routes)
say('measuring a route’s way')
const propagation = await measurePropagation(address, 100)
say('measuring the operator’s start')
const starts = [await measureStart(), await measureStart(), await measureStart()]
const start: Start = {
  syncedSeconds: quantile(
    starts.map((one) => one.syncedSeconds),
    0.5,
  ),
  firstRunMilliseconds: quantile(
    starts.map((one) => one.firstRunMilliseconds),
    0.5,
  ),
  rssMegabytes: Math.max(...starts.map((one) => one.rssMegabytes)),
}
say('measuring request rates')
const rate = isLocalCluster() ? await measureRate(9) : undefined
const report = {
  date: new Date().toISOString().slice(0, 10),
  machine: await machine(),
  routes,
  propagation,
  start,
  rate,
}
say(`\n${table(rowsOf(propagation, start, rate))}`)
const folder = join(repository, 'docs/benchmarks')
mkdirSync(folder, { recursive: true })
writeFileSync(join(folder, 'latest.json'), `${JSON.stringify(report, null, 2)}\n`)
say('\nwritten to docs/benchmarks/latest.json')
await deleteNamespaces([namespace])
process.exit(0)
