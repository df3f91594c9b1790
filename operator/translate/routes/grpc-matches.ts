import type { GRPCMatch } from '../../model/kubernetes.ts'
import type { Match, PathMatch } from '../../model/proxy-model.ts'

import { checkComparedBytes, translateHeaders } from './http-matches.ts'
import type { Refuse } from './problems.ts'
import { expressionFault, quoted } from './writable.ts'

type MethodMatch = NonNullable<GRPCMatch['method']>

/**
 * One match of a rule for gRPC, whose requests have the path `/SERVICE/METHOD`; undefined when a part of it cannot be programmed, and
 * `refuse` has been told which. https://gateway-api.sigs.k8s.io/reference/spec/#grpcroutematch
 */
export function translateGrpcMatch(match: GRPCMatch, field: string, refuse: Refuse): Match | undefined {
  const faults: string[] = []
  const note: Refuse = (at, fault) => {
    faults.push(at)
    refuse(at, fault)
  }
  const { service = '', method = '' } = match.method ?? {}
  const path = match.method === undefined ? everyCall : pathOf(match.method, `${field}.method`, note)
  const headers = translateHeaders(match.headers ?? [], `${field}.headers`, note)
  if (path === undefined) return undefined
  const grpc = { service: service.length, method: method.length }
  const translated: Match = { path, headers, queries: [], grpc }
  checkComparedBytes(translated, field, note)
  return faults.length > 0 ? undefined : translated
}

const everyCall: PathMatch = { kind: 'prefix', value: '/' }
const anyName = '[^/]+'

function pathOf(
  { type = 'Exact', service = '', method = '' }: MethodMatch,
  field: string,
  refuse: Refuse,
): PathMatch | undefined {
  if (service === '' && method === '') {
    refuse(field, 'names neither a service nor a method; write one of them, or leave it out.')
    return undefined
  }
  if (type === 'Exact') return exactPath({ service, method }, field, refuse)
  if (type === 'RegularExpression') return expressionPath({ service, method }, field, refuse)
  refuse(`${field}.type`, `${quoted(String(type))} is not supported; write Exact, RegularExpression.`)
  return undefined
}

type Call = { readonly service: string; readonly method: string }

const serviceName = /^\.?[a-z_]\w*(?:\.[a-z_]\w*)*$/i
const methodName = /^[a-z_]\w*$/i

function exactPath({ service, method }: Call, field: string, refuse: Refuse): PathMatch {
  if (service !== '' && !serviceName.test(service))
    refuse(`${field}.service`, `${quoted(service)} is not the name of a service; write names joined by dots.`)
  if (method !== '' && !methodName.test(method))
    refuse(`${field}.method`, `${quoted(method)} is not the name of a method; write letters, digits and _ only.`)
  if (method === '') return { kind: 'prefix', value: `/${service}` }
  return service === ''
    ? { kind: 'regex', value: `/${anyName}/${method}` }
    : { kind: 'exact', value: `/${service}/${method}` }
}

// Both expressions become one, and what acts on all of an expression cannot act on half of it.
function expressionPath({ service, method }: Call, field: string, refuse: Refuse): PathMatch {
  const parts = [
    { name: 'service', text: service },
    { name: 'method', text: method },
  ].filter(({ text }) => text !== '')
  for (const { name, text } of parts) {
    const fault = expressionFault(text) ?? referenceFault(text)
    if (fault !== undefined) refuse(`${field}.${name}`, fault)
  }
  const caseless = parts.filter(({ text }) => text.startsWith('(?i)'))
  if (caseless.length === 1 && parts.length === 2)
    refuse(field, 'has (?i) in front of one expression only; write it in front of both or of none.')
  const value = `${caseless.length > 0 ? '(?i)' : ''}/${grouped(service)}/${grouped(method)}`
  const fault = parts.length === 2 ? expressionFault(value) : undefined
  if (fault !== undefined) refuse(field, fault)
  return { kind: 'regex', value }
}

function grouped(expression: string): string {
  return expression === '' ? anyName : `(?:${expression.replace(/^\(\?i\)/, '')})`
}

function referenceFault(expression: string): string | undefined {
  if (!/\\(?:[1-9]|k<)/.test(expression)) return undefined
  return `${quoted(expression)} refers back to one of its groups, which is not supported here; write it without.`
}
