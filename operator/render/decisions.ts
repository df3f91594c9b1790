// Ordered candidates of one path entry → the id of a decision: a diagram of nodes in tree.map, or a chain in candidates.map.
// Ids are hashes of content, port and virtual host, so entries never change and no key is shared by two virtual hosts.

import { shortHash } from '../lib/hash.ts'

import type { Test } from './dimensions.ts'

/** A rule as seen from one path entry. */
export type Candidate = {
  /** Where the request goes: a backend, a record or a split. */
  readonly value: string
  /** Conditions besides the path, in the order of dimensions; undefined when only Lua can decide them. */
  readonly tests: readonly Test[] | undefined
  /** The same for candidates.lua. */
  readonly luaTests: string
}

/** Where nodes of a virtual host go. */
export type Nodes = {
  /** Port and virtual host: part of every hash. */
  readonly scope: string
  /** Key → value of tree.map and candidates.map. */
  readonly tree: Map<string, string>
  readonly candidates: Map<string, string>
}

const nothing = 'respond-404'

/** Entries of one diagram beyond which Lua walks the list instead; each candidate may add four more. */
const mostEntries = 2000

/** The decision over `candidates` in order of precedence; what they need is added to `nodes`. */
export function decide(candidates: readonly Candidate[], nodes: Nodes): string {
  const reachable = cut(candidates)
  const lastForLua = reachable.findLastIndex((candidate) => candidate.tests === undefined)
  const rest = drawDiagram(reachable.slice(lastForLua + 1), nodes)
  if (rest === undefined) return chain(reachable, nothing, nodes)
  return chain(reachable.slice(0, lastForLua + 1), rest, nodes)
}

// Nothing after an unconditional candidate can be reached.
function cut(candidates: readonly Candidate[]): readonly Candidate[] {
  const end = candidates.findIndex((candidate) => candidate.tests?.length === 0)
  return end === -1 ? candidates : candidates.slice(0, end + 1)
}

// One record per candidate: `then|else|tests`. The last `else` must not be a service's backend, whose name may change in a pod: it gets
// a record of its own, without tests.
function chain(candidates: readonly Candidate[], rest: string, { scope, candidates: records }: Nodes): string {
  const record = (text: string) => {
    const id = `@l.${shortHash(`${scope}\n${text}`)}`
    records.set(id, text)
    return id
  }
  if (candidates.length === 0) return rest
  const end = rest.startsWith('@') || rest === nothing ? rest : record(`${rest}|${nothing}|`)
  return candidates.reduceRight((next, { value, luaTests }) => record(`${value}|${next}|${luaTests}`), end)
}

type Remaining = { readonly value: string; readonly tests: readonly Test[] }

// Undefined: larger than the limit. Equal lists are decided once, so the diagram shares what a tree would repeat.
function drawDiagram(candidates: readonly Candidate[], { scope, tree }: Nodes): string | undefined {
  const entries = new Map<string, string>()
  const decided = new Map<string, string>()
  const limit = mostEntries + 4 * candidates.length
  const id = node(
    candidates.map(({ value, tests = [] }) => ({ value, tests })),
    { scope, entries, decided, limit },
  )
  if (id === undefined) return undefined
  for (const [key, value] of entries) tree.set(key, value)
  return id
}

type Diagram = {
  readonly scope: string
  readonly entries: Map<string, string>
  readonly decided: Map<string, string>
  readonly limit: number
}

function node(candidates: readonly Remaining[], diagram: Diagram): string | undefined {
  const [first] = candidates
  if (first === undefined) return nothing
  if (first.tests.length === 0) return first.value
  const list = candidates.map(signature).join('\n')
  const known = diagram.decided.get(list)
  if (known !== undefined) return known
  const edges = edgesOf(candidates, diagram)
  if (edges === undefined) return undefined
  const { dimension } = firstTest(candidates)
  const id = `@${dimension.id}.${shortHash(`${diagram.scope}\n${edges.map(([edge, target]) => `${edge} ${target}`).join('\n')}`)}`
  for (const [edge, target] of edges) diagram.entries.set(`${id}|${edge}`, target)
  diagram.decided.set(list, id)
  return diagram.entries.size > diagram.limit ? undefined : id
}

// One edge per wanted value of the first dimension that anybody tests, and the one for every other value.
function edgesOf(
  candidates: readonly Remaining[],
  diagram: Diagram,
): readonly (readonly [string, string])[] | undefined {
  const { dimension } = firstTest(candidates)
  const wanted = candidates.flatMap(({ tests: [test] }) => (test?.dimension.id === dimension.id ? [test.value] : []))
  const edges: [string, string][] = []
  for (const value of [undefined, ...new Set(wanted)]) {
    const target = node(following(candidates, dimension.id, value), diagram)
    if (target === undefined) return undefined
    edges.push([value === undefined ? '' : `${value}\x7f`, target])
  }
  return edges
}

// The candidates still possible when the dimension has this value (undefined: one that nobody wants), cut after the first certain one.
function following(
  candidates: readonly Remaining[],
  dimension: string,
  value: string | undefined,
): readonly Remaining[] {
  const possible: Remaining[] = []
  for (const candidate of candidates) {
    const [test] = candidate.tests
    const tested = test?.dimension.id === dimension
    if (tested && test.value !== value) continue
    const remaining = tested ? { value: candidate.value, tests: candidate.tests.slice(1) } : candidate
    possible.push(remaining)
    if (remaining.tests.length === 0) break
  }
  return possible
}

function firstTest(candidates: readonly Remaining[]): Test {
  const firsts = candidates.flatMap(({ tests: [test] }) => (test === undefined ? [] : [test]))
  return firsts.reduce((a, b) => (b.dimension.order < a.dimension.order ? b : a))
}

function signature({ value, tests }: Remaining): string {
  return `${value} ${tests.map((test) => `${test.dimension.id}=${test.value}`).join('&')}`
}
