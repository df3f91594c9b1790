import type { Match, Rule } from '../model/proxy-model.ts'

/** Bytes that repeated conditions of a virtual host may take. */
const mostRepeated = 32_000_000
/** Of one condition, besides what it compares with. */
const leastBytes = 60

type Weight = { bytes: number; isCertain: boolean }

/**
 * Why the rules of a virtual host are too many to be programmed together; undefined when they are not. A request for one path asks every
 * condition that could hold for it, and so all regular expressions and those on shorter prefixes stand behind every path again: a few
 * hundred of each would fill the memory of the operator and of all pods.
 */
export function hostFault(rules: readonly Rule[]): string | undefined {
  const prefixes = new Map<string, Weight>()
  const exacts = new Map<string, Weight>()
  let regexes = 0
  for (const { match } of rules) {
    const bytes = bytesOf(match)
    if (match.path.kind === 'regex') regexes += bytes
    else add(match.path.kind === 'exact' ? exacts : prefixes, match, bytes)
  }
  let repeated = 0
  for (const path of prefixes.keys()) repeated += regexes + inherited(path, prefixes)
  for (const [path, { isCertain }] of exacts)
    if (!isCertain) repeated += regexes + (prefixes.get(path)?.bytes ?? 0) + inherited(path, prefixes)
  if (repeated <= mostRepeated) return undefined
  return 'its rules have too many regular expressions, or conditions on prefixes of other paths, to be combined; use fewer, or several hostnames.'
}

function add(weights: Map<string, Weight>, match: Match, bytes: number): void {
  const path = match.path.kind === 'prefix' ? match.path.value.replace(/\/+$/, '') : match.path.value
  const isCertain = match.method === undefined && match.headers.length + match.queries.length === 0
  const known = weights.get(path)
  if (known === undefined) weights.set(path, { bytes, isCertain })
  else {
    known.bytes += bytes
    known.isCertain ||= isCertain
  }
}

// What stands on shorter prefixes, up to the first that holds for certain.
function inherited(path: string, prefixes: ReadonlyMap<string, Weight>): number {
  if (prefixes.get(path)?.isCertain === true) return 0
  let bytes = 0
  for (let slash = path.lastIndexOf('/'); slash >= 0; slash = path.lastIndexOf('/', slash - 1)) {
    const weight = prefixes.get(path.slice(0, slash))
    bytes += weight?.bytes ?? 0
    if (weight?.isCertain === true || slash === 0) return bytes
  }
  return bytes
}

function bytesOf({ path, headers, queries }: Match): number {
  const texts = [...headers, ...queries].flatMap(({ name, value }) => [name, value])
  if (path.kind === 'regex') texts.push(path.value)
  return texts.reduce((sum, text) => sum + Buffer.byteLength(text), leastBytes)
}
