// One virtual host → its entries of the maps. A pure function of the virtual host alone, so it is computed once per identity.

import * as names from '../model/names.ts'
import type { Action, Filter, Hostname, Rule, Target, VirtualHost } from '../model/proxy-model.ts'
import type { MapSection } from '../model/rendered.ts'
import { shortHash } from '../lib/hash.ts'

import { decide, noEffort, type Candidate, type Nodes } from './decisions.ts'
import { luaTests, testsOf } from './dimensions.ts'
import { mapSection } from './map-section.ts'
import { forwardRecord, redirectRecord, withoutEndSlash, type ActionRecord } from './records.ts'
import { splitValue } from './splits.ts'
import { subrequestsOf } from './subrequests.ts'

/** `PORT/virtualHostId`, and its section of each map file that has one. */
export type HostSections = {
  readonly name: string
  readonly sections: readonly { readonly map: string; readonly section: MapSection }[]
}

export function renderHost(host: VirtualHost): HostSections {
  const id = names.virtualHostId(host.hostname)
  const name = `${host.port}/${id}`
  const nodes = emptyNodes(name)
  const paths = new Map<string, string>()
  const index = indexRules(host.rules, nodes)
  for (const entry of index.entries) {
    paths.set(`${id}${entry}`, decide(candidatesOf(entry, index), nodes))
  }
  const contents: readonly (readonly [string, ReadonlyMap<string, string>])[] = [
    [names.hostsMap(host.port), hostEntry(host.hostname)],
    [names.pathsMap(host.port), paths],
    [names.treeMap, nodes.tree],
    [names.candidatesMap, nodes.candidates],
    [names.actionsMap, nodes.actions],
    [names.subrequestsMap, nodes.subrequests],
  ]
  const filled = contents.filter(([, entries]) => entries.size > 0)
  const scope = { section: name, backends: nodes.backends }
  return { name, sections: filled.map(([map, entries]) => ({ map, section: mapSection(entries, { ...scope, map }) })) }
}

type HostNodes = Nodes & {
  readonly actions: Map<string, string>
  readonly subrequests: Map<string, string>
  /** Names of services' backends that some value begins with. */
  readonly backends: Set<string>
}

function emptyNodes(scope: string): HostNodes {
  return {
    scope,
    tree: new Map(),
    candidates: new Map(),
    actions: new Map(),
    subrequests: new Map(),
    backends: new Set(),
    effort: noEffort(),
  }
}

// Hosts are looked up with their labels reversed: `com.example.www/` is one host, `com.example.` all below example.com.
// The virtual host of any host needs no entry: it is what the look-up falls back to.
function hostEntry(hostname: Hostname): ReadonlyMap<string, string> {
  return hostname === '' ? new Map() : new Map([[hostKey(hostname), names.virtualHostId(hostname)]])
}

/** A hostname, or a wildcard, as the key of a prefix map in which reversed hosts with a `/` behind them are looked up. */
export function hostKey(hostname: Hostname): string {
  const reversed = hostname.replace(/^\*\./, '').split('.').toReversed().join('.')
  return hostname.startsWith('*.') ? `${reversed}.` : `${reversed}/`
}

type Position = { readonly at: number; readonly candidate: Candidate }

type RuleIndex = {
  /** Keys of path entries, without the virtual host. */
  readonly entries: ReadonlySet<string>
  readonly prefixes: ReadonlyMap<string, readonly Position[]>
  readonly exacts: ReadonlyMap<string, readonly Position[]>
  readonly regexes: readonly Position[]
}

// The root entry is always there, so a known host never falls through to another virtual host.
function indexRules(rules: readonly Rule[], nodes: HostNodes): RuleIndex {
  const prefixes = new Map<string, Position[]>()
  const exacts = new Map<string, Position[]>()
  const regexes: Position[] = []
  const entries = new Set(['/'])
  for (const [at, { match, action }] of rules.entries()) {
    const candidate = { value: actionValue(action, nodes), tests: testsOf(match), luaTests: luaTests(match) }
    const { kind, value } = match.path
    if (kind === 'regex') {
      regexes.push({ at, candidate })
      continue
    }
    const path = kind === 'prefix' ? withoutEndSlash(value) : value
    entries.add(kind === 'prefix' ? `${path}/` : `${path}/\x7f`)
    const index = kind === 'prefix' ? prefixes : exacts
    const positions = index.get(path)
    if (positions === undefined) index.set(path, [{ at, candidate }])
    else positions.push({ at, candidate })
  }
  return { entries, prefixes, exacts, regexes }
}

// Every rule that a request arriving at this entry could match, in order of precedence: rules on the entry's own path, on shorter
// prefixes of it, and regular expressions. So a condition that fails hides nothing.
function candidatesOf(entry: string, index: RuleIndex): readonly Candidate[] {
  const exact = entry.endsWith('\x7f')
  const path = entry.slice(0, exact ? -2 : -1)
  const positions = [...index.regexes, ...(exact ? (index.exacts.get(path) ?? []) : [])]
  for (const prefix of prefixesOf(path)) positions.push(...(index.prefixes.get(prefix) ?? []))
  return positions.toSorted((a, b) => a.at - b.at).map(({ candidate }) => candidate)
}

/** `/a/b` → `/a/b`, `/a`, and the empty prefix; of `/a/` also `/a/`'s own parent. */
function prefixesOf(path: string): readonly string[] {
  const prefixes = [path]
  for (let slash = path.lastIndexOf('/'); slash >= 0; slash = path.lastIndexOf('/', slash - 1)) {
    prefixes.push(path.slice(0, slash))
    if (slash === 0) break
  }
  return [...new Set(prefixes)]
}

// What a rule's value in a map is: a backend, the id of a record, or the id of a split over these.
function actionValue(action: Action, nodes: HostNodes): string {
  if (action.kind === 'respond') return `respond-${action.status}`
  if (action.kind === 'redirect') return redirectValue(action, nodes)
  const shares = action.targets.map((target) => ({ weight: target.weight, value: targetValue(target, nodes) }))
  return splitValue(shares, nodes, 'respond-500')
}

function targetValue(target: Target, nodes: HostNodes): string {
  if (target.kind === 'respond') return `respond-${target.status}`
  if (target.kind === 'redirect') return redirectValue(target, nodes)
  const name = names.backendName(target.backend, target.profile)
  nodes.backends.add(name)
  addSubrequests(target.filters, nodes)
  const record = forwardRecord(target, nodes.scope)
  return record === undefined ? name : recordValue(record, nodes)
}

type Redirecting = Extract<Action | Target, { kind: 'redirect' }>

function redirectValue({ redirect, filters }: Redirecting, nodes: HostNodes): string {
  addSubrequests(filters, nodes)
  return recordValue(redirectRecord(redirect, filters, nodes.scope), nodes)
}

function addSubrequests(filters: readonly Filter[], nodes: HostNodes): void {
  for (const { id, value, backend } of subrequestsOf(filters, nodes.scope)) {
    nodes.subrequests.set(id, value)
    nodes.backends.add(backend)
  }
}

function recordValue({ letters, text }: ActionRecord, nodes: HostNodes): string {
  const id = `@f${letters}.${shortHash(`${nodes.scope}\n${letters}\n${text}`)}`
  nodes.actions.set(id, text)
  return id
}
