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
  readonly effort: Effort
}

/** How much work the diagrams of a virtual host were so far: a few hostile routes could ask for hours. */
export type Effort = { spent: number; allowed: number }

export function noEffort(): Effort {
  return { spent: 0, allowed: mostEffort }
}

const nothing = 'respond-404'

/** Entries of one diagram beyond which Lua walks the list instead; each candidate may add four more. */
const mostEntries = 2000
/** Candidates looked at for the diagrams of one virtual host, beyond which Lua walks the lists that are left; each list may add a few more. */
const mostEffort = 100_000
const effortPerList = 20

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

// A candidate whose first `done` tests have been made.
type Remaining = { readonly candidate: Weighed; readonly done: number }
/** With the fingerprint of what is left of it after each number of tests. */
type Weighed = { readonly value: string; readonly tests: readonly Test[]; readonly rests: readonly string[] }

// Undefined: larger than the limit. Equal lists are decided once, so the diagram shares what a tree would repeat.
function drawDiagram(candidates: readonly Candidate[], { scope, tree, effort }: Nodes): string | undefined {
  const entries = new Map<string, string>()
  const decided = new Map<string, string>()
  const limit = mostEntries + 4 * candidates.length
  effort.allowed += effortPerList
  if (effort.spent + candidates.length > effort.allowed) return undefined
  const list = candidates.map((candidate) => ({ candidate: weigh(candidate), done: 0 }))
  const id = node(list, { scope, entries, decided, limit, effort })
  if (id === undefined) return undefined
  for (const [key, value] of entries) tree.set(key, value)
  return id
}

function weigh({ value, tests = [] }: Candidate): Weighed {
  if (tests.length === 0) return { value, tests, rests: [value] }
  const rests = [value]
  for (const test of tests.toReversed())
    rests.push(shortHash(`${test.dimension.id}=${test.value}\n${rests.at(-1) ?? ''}`))
  return { value, tests, rests: rests.toReversed() }
}

type Diagram = {
  readonly scope: string
  readonly entries: Map<string, string>
  readonly decided: Map<string, string>
  readonly limit: number
  readonly effort: Effort
}

function node(candidates: readonly Remaining[], diagram: Diagram): string | undefined {
  const [first] = candidates
  if (first === undefined) return nothing
  if (nextTest(first) === undefined) return first.candidate.value
  diagram.effort.spent += candidates.length
  const list = candidates.map(({ candidate, done }) => candidate.rests[done]).join('\n')
  const known = diagram.decided.get(list)
  if (known !== undefined) return known
  const edges = edgesOf(candidates, diagram)
  if (edges === undefined) return undefined
  const { dimension } = firstTest(candidates)
  const id = `@${dimension.id}.${shortHash(`${diagram.scope}\n${edges.map(([edge, target]) => `${edge} ${target}`).join('\n')}`)}`
  for (const [edge, target] of edges) diagram.entries.set(`${id}|${edge}`, target)
  diagram.decided.set(list, id)
  return isTooLarge(diagram) ? undefined : id
}

function isTooLarge({ entries, limit, effort }: Diagram): boolean {
  return entries.size > limit || effort.spent > effort.allowed
}

// One edge per wanted value of the first dimension that anybody tests, and the one for every other value.
function edgesOf(
  candidates: readonly Remaining[],
  diagram: Diagram,
): readonly (readonly [string, string])[] | undefined {
  const { dimension } = firstTest(candidates)
  const byValue = Map.groupBy(
    candidates.map((remaining, at) => ({ remaining, at })),
    ({ remaining }) => valueWanted(remaining, dimension.id),
  )
  const indifferent = byValue.get(undefined) ?? []
  byValue.delete(undefined)
  const edges: [string, string][] = []
  for (const [value, wanting] of [[undefined, []] as const, ...byValue]) {
    const target = isTooLarge(diagram) ? undefined : node(following(wanting, indifferent), diagram)
    if (target === undefined) return undefined
    edges.push([value === undefined ? '' : `${value}\x7f`, target])
  }
  return edges
}

function valueWanted(remaining: Remaining, dimension: string): string | undefined {
  const test = nextTest(remaining)
  return test?.dimension.id === dimension ? test.value : undefined
}

function nextTest({ candidate, done }: Remaining): Test | undefined {
  return candidate.tests[done]
}

type Placed = { readonly remaining: Remaining; readonly at: number }

// The candidates still possible when the dimension has the value that `wanting` want, in order, cut after the first certain one.
function following(wanting: readonly Placed[], indifferent: readonly Placed[]): readonly Remaining[] {
  const possible: Remaining[] = []
  let [i, j] = [0, 0]
  while (i < wanting.length || j < indifferent.length) {
    const one = wanting[i]
    const other = indifferent[j]
    const satisfied = one !== undefined && (other === undefined || one.at < other.at)
    const placed = satisfied ? one : other
    if (placed === undefined) break
    const { candidate, done } = placed.remaining
    const remaining = satisfied ? { candidate, done: done + 1 } : placed.remaining
    possible.push(remaining)
    if (nextTest(remaining) === undefined) break
    if (satisfied) i += 1
    else j += 1
  }
  return possible
}

function firstTest(candidates: readonly Remaining[]): Test {
  const firsts = candidates.flatMap((remaining) => nextTest(remaining) ?? [])
  return firsts.reduce((a, b) => (b.dimension.order < a.dimension.order ? b : a))
}
