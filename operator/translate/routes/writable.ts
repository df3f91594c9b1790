// What a value may hold so that it can be programmed. Every function answers with what is wrong and the way out, or with undefined.
// The data plane's channel splits at line breaks and refuses `;` in map keys and values; the rest follows the API's own validation,
// repeated here because objects may also come from files that no API server has seen.

import { isHostname } from '../hostnames.ts'

import { isWithinLimits } from './expression-size.ts'

const pathCharacters = /^(?:[-A-Za-z0-9/._~!$&'()*+,=:@]|%[0-9a-fA-F]{2})+$/
const headerName = /^[A-Za-z0-9!#$%&'*+\-.^_`|~]+$/
/** As the API has it. */
const mostPathCharacters = 1024
const doubtfulSegments = ['//', '/./', '/../', '%2f', '%2F']

/**
 * Exact and PathPrefix values, and the paths that rewrites and redirects write.
 * https://gateway-api.sigs.k8s.io/reference/spec/#httppathmatch
 */
export function pathFault(path: string): string | undefined {
  if (path.length > mostPathCharacters)
    return `${quoted(path)} has ${path.length} characters, and at most ${mostPathCharacters} can be programmed; write a shorter path.`
  if (!path.startsWith('/')) return `${quoted(path)} does not begin with "/"; write an absolute path.`
  if (path.includes(';')) return `${quoted(path)} has a ";", which cannot be programmed; write a path without it.`
  if (!pathCharacters.test(path))
    return `${quoted(path)} has a character that a path cannot hold; write it percent-encoded.`
  const segment = doubtfulSegments.find((part) => path.includes(part))
  if (segment !== undefined) return `${quoted(path)} has ${quoted(segment)}, which no request should; leave it out.`
  return /\/\.\.?$/.test(path) ? `${quoted(path)} ends with a dot segment; leave it out.` : undefined
}

/** Names of headers and of query parameters. */
export function nameFault(name: string): string | undefined {
  if (headerName.test(name)) return undefined
  return `${quoted(name)} is not a name; write letters, digits and !#$%&'*+-.^_\`|~ only.`
}

/** Values that headers and query parameters are compared with or set to. */
export function valueFault(value: string): string | undefined {
  if (value === '') return 'is empty; write a value.'
  if (!value.isWellFormed() || /\p{Cc}/u.test(value.replaceAll('\t', '')))
    return `${quoted(value)} has a control character or a broken one, which cannot be programmed; write a value without it.`
  return undefined
}

/** Header values arrive without white space around them, so a value with some would never be equal to any. */
export function comparedHeaderFault(value: string): string | undefined {
  if (/^[ \t]|[ \t]$/.test(value))
    return `${quoted(value)} has white space at an end, where HTTP removes it; leave it out.`
  return valueFault(value)
}

/** A hostname without wildcard, as rewrites and redirects write it. */
export function hostnameFault(name: string): string | undefined {
  if (isHostname(name) && !name.startsWith('*')) return undefined
  return `${quoted(name)} is not a hostname; write a domain name in lower case.`
}

/** A hostname of a route: `*.` may stand in front. */
export function routeHostnameFault(name: string): string | undefined {
  return isHostname(name) ? undefined : `${quoted(name)} is not a hostname; write a domain name, or one after "*.".`
}

/**
 * Regular expressions must match a whole value. They are of the part that ECMAScript (with its `u` flag) and PCRE2 have in common,
 * for they are checked by the one and executed by the other. A `(?i)` in front makes the expression ignore case.
 */
export function expressionFault(expression: string): string | undefined {
  const fault = valueFault(expression)
  if (fault !== undefined) return fault
  try {
    RegExp(expression.replace(/^\(\?i\)/, ''), 'u')
  } catch (error) {
    return `${quoted(expression)} is not a regular expression (${reasonIn(error)}); correct it, or write it in the part that ECMAScript and PCRE2 have in common.`
  }
  if (!isWithinLimits(expression))
    return `${quoted(expression)} is nested or repeated beyond what PCRE2 takes; write a smaller expression.`
  const foreign = ecmaScriptOnly(expression)
  if (foreign === undefined) return undefined
  return `${quoted(expression)} has ${foreign.slice(0, 40)}, which PCRE2 does not know as ECMAScript does; write it without.`
}

// What would pass the check above and then never match, because PCRE2 refuses it.
function ecmaScriptOnly(expression: string): string | undefined {
  const escapes: readonly string[] = expression.match(/\\[pP]\{[^}]*\}|\\./gsu) ?? []
  if (escapes.includes('\\u')) return '\\u'
  const property = escapes.find((escape) => escape.length > 2 && !/^..\{[A-Z][a-z]?\}$/.test(escape))
  if (property !== undefined) return property
  const plain = expression.replaceAll(/\\./gsu, 'x')
  const empty = (plain.match(/\[[^\]]*\]/gu) ?? []).find((text) => text === '[]' || text === '[^]')
  if (empty !== undefined) return empty
  // `[:`, `[.` and `[=` begin a POSIX class inside of a class; a name can be given once.
  const posix = /\[\^?[^\]]*?(\[[:.=])/u.exec(plain)?.[1]
  if (posix !== undefined) return posix
  const outside = plain.replaceAll(/\[[^\]]*\]/gu, 'x')
  const names: readonly string[] = outside.match(/\(\?<\w+>/g) ?? []
  const repeated = names.find((name, at) => names.indexOf(name) !== at)
  if (repeated !== undefined) return `${repeated} twice`
  return /\(\?<[=!]|\(\?<(?![=!])(?!\w{1,32}>)|\{(\d+,)?\d{5,}/u.exec(outside)?.[0]
}

/** The share of a backendRef. https://gateway-api.sigs.k8s.io/reference/spec/#backendref */
export function weightFault(weight: number): string | undefined {
  if (Number.isInteger(weight) && weight >= 0 && weight <= greatestWeight) return undefined
  return `${quoted(String(weight))} is not a weight; write a whole number from 0 to ${greatestWeight}.`
}
const greatestWeight = 1_000_000

/** A user's text inside a message: in quotes, without control characters, cut when long. */
export function quoted(text: string): string {
  return JSON.stringify(text.length <= 80 ? text : `${text.slice(0, 79)}…`)
}

// "Invalid regular expression: /a(/u: Unterminated group" → "Unterminated group"
function reasonIn(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error)
  return text.slice(text.lastIndexOf(': ') + 2)
}
