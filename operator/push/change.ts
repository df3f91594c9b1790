// What a pod holds and what it should hold → commands in an order that no request can notice, or a reload and its reason. Pure.
//
// Published: authorities, certificates and the names in them, aliases and servers, then the maps from the inside out (records and tree, paths, hosts). Removed: the other way
// round. So nothing that a request can reach ever names something that is not there yet, or not there any more.

import type { CertificateListEntry, RenderedConfig, ServerLine } from '../model/rendered.ts'
import type { Secret } from '../model/secret.ts'

import { altNamesMap } from '../model/names.ts'
import { entriesNotIn } from '../lib/parts.ts'
import { atOnce, inSteps } from '../lib/steps.ts'
import { compareAuthorities } from './authority-change.ts'
import { holding, type Held, type HeldBackend, type Layout } from './held.ts'
import { compareAliases, compareServers, nextLayout } from './layout-change.ts'
import { compareCertificates, listReload } from './certificate-change.ts'
import { machineReload } from './machine-change.ts'
import { comparingMaps, publication, removal } from './map-change.ts'
import type { PlainEntry } from './pod-api.ts'
import { linesOf } from './runtime-lines.ts'

export type Command =
  | { readonly kind: 'put-server'; readonly backend: string; readonly server: string; readonly line: ServerLine }
  | { readonly kind: 'delete-server'; readonly backend: string; readonly server: string }
  | {
      readonly kind: 'set-entry'
      readonly map: string
      readonly key: string
      readonly value: string
      readonly known: boolean
    }
  | { readonly kind: 'delete-entry'; readonly map: string; readonly key: string }
  | { readonly kind: 'put-map'; readonly map: string; readonly entries: readonly PlainEntry[] }
  | { readonly kind: 'put-certificate'; readonly file: string; readonly pem: Secret; readonly known: boolean }
  | { readonly kind: 'delete-certificate'; readonly file: string }
  | { readonly kind: 'add-list-entry'; readonly list: string; readonly entry: CertificateListEntry }
  | { readonly kind: 'delete-list-entry'; readonly list: string; readonly file: string }
  | { readonly kind: 'put-authorities'; readonly file: string; readonly pem: string; readonly known: boolean }
  | { readonly kind: 'delete-authorities'; readonly file: string }
  | { readonly kind: 'put-udp'; readonly text: string }

/** Commands of a chain go one after the other; chains do not depend on each other. A stage begins when the one before is done. */
export type Stage = { readonly chains: readonly (readonly Command[])[] }

/** All commands of these stages, in an order in which they may go out. */
export function allCommands(stages: readonly Stage[]): readonly Command[] {
  return stages.flatMap(({ chains }) => chains.flat())
}

export type ReloadCause = 'machine' | 'spares' | 'certificates' | 'backend' | 'bulk' | 'unknown'
export type Reload = { readonly kind: 'reload'; readonly cause: ReloadCause; readonly reasons: readonly string[] }
export const lastResort: Reload = {
  kind: 'reload',
  cause: 'unknown',
  reasons: ['changes at run time failed again and again'],
}
export type Change = Reload | { readonly kind: 'commands'; readonly stages: readonly Stage[]; readonly after: Held }

/** Beyond this many commands files and one reload are there sooner: a call of the Data Plane API takes about a millisecond, a command in a line of the Runtime API some hundredths. */
export const bulk = { calls: 3_000, lines: 20_000 }

export type Means = {
  /** Spares in which a request of their last Service may still look for a server. */
  readonly resting: ReadonlySet<string>
  /** Commands that cannot be misread go out in lines of the Runtime API. */
  readonly hasLines: boolean
}
const usual: Means = { resting: new Set(), hasLines: false }

/** The way from what a pod holds to what it should hold. */
export function change(held: Held, wanted: RenderedConfig, means: Partial<Means> = {}): Change {
  return atOnce(changing(held, wanted, { ...usual, ...means }))
}

/** The same in steps: to compare thousands of entries takes long. */
export function* changing(
  held: Held,
  wanted: RenderedConfig,
  { resting, hasLines }: Means,
): Generator<undefined, Change> {
  const obstacle =
    machineReload(held.machine)(wanted.machine) ?? listReload(held, wanted) ?? backendReload(held, wanted)
  if (obstacle !== undefined) return obstacle
  const layout = nextLayout(held, wanted, resting)
  if ('kind' in layout) return layout
  const ways = { layout, hasLines }
  const stages = (yield* commandsBetween(held, wanted, ways)).filter(({ chains }) => chains.length > 0)
  const commands = allCommands(stages)
  if (yield* isBulk(commands, hasLines)) return reload('bulk', `${commands.length} changes at once`)
  return { kind: 'commands', stages, after: holding(wanted, layout, held.machine) }
}

function* isBulk(commands: readonly Command[], hasLines: boolean): Generator<undefined, boolean> {
  if (!hasLines || commands.length <= bulk.calls || commands.length > bulk.lines) return commands.length > bulk.calls
  let calls = 0
  yield* inSteps(commands, (command) => {
    if (linesOf(command, '') === undefined) calls += 1
  })
  return calls > bulk.calls
}

function inOrder(commands: readonly Command[]): Stage {
  return { chains: commands.length === 0 ? [] : [commands] }
}

function inAnyOrder(commands: readonly Command[]): Stage {
  return { chains: commands.map((command) => [command]) }
}

type Ways = Pick<Means, 'hasLines'> & { readonly layout: Layout }

function* commandsBetween(held: Held, wanted: RenderedConfig, ways: Ways): Generator<undefined, readonly Stage[]> {
  const { layout } = ways
  const servers = compareServers(held, wanted, layout)
  const certificates = compareCertificates(held, wanted)
  const authorities = compareAuthorities(held, wanted)
  const aliases = compareAliases(held.layout.aliases, layout.aliases)
  const differences = yield* comparingMaps(held, wanted, ways)
  const maps = differences.filter(({ map }) => map !== altNamesMap)
  const altNames = differences.filter(({ map }) => map === altNamesMap)
  return [
    inOrder([...authorities.added, ...certificates.added]),
    ...publication(altNames),
    inAnyOrder([...aliases.added, ...servers.added, ...compareUdp(held, wanted)]),
    ...publication(maps),
    ...removal(maps),
    inAnyOrder(servers.removed),
    inAnyOrder(aliases.removed),
    ...removal(altNames),
    inOrder([...certificates.removed, ...authorities.removed]),
  ]
}

// Where no UDP port is left, nobody sends any: the container goes with the pod.
function compareUdp(held: Held, { udp }: RenderedConfig): readonly Command[] {
  return udp === undefined || udp.hash === held.udp?.hash ? [] : [{ kind: 'put-udp', text: udp.text }]
}

function reload(cause: ReloadCause, ...reasons: readonly string[]): Reload {
  return { kind: 'reload', cause, reasons }
}

// ---- what takes a reload ------------------------------------------------------------------------------------------------------------

function backendReload(held: Held, wanted: RenderedConfig): Reload | undefined {
  for (const [name, section, before] of entriesNotIn(wanted.backends, held.backends)) {
    const server = before === undefined ? undefined : movedServer(before, section)
    if (server !== undefined) return reload('backend', `address of server ${server} of backend ${name}`)
  }
  return undefined
}

function movedServer(before: HeldBackend, section: HeldBackend): string | undefined {
  for (const [server, line] of section.servers) {
    const known = before.servers.get(server)
    if (known !== undefined && known !== line && (known.address !== line.address || known.port !== line.port))
      return server
  }
  return undefined
}
