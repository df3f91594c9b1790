import { Refusal, type Handler } from './exchange.ts'
import type { Methods, Routes } from './routes.ts'

export type Found = { readonly handler: Handler; readonly params: Readonly<Record<string, string>> }

/** Finds the handler of a method and a path (still %-encoded, below /v3), and checks the path's parameters as upstream does. */
export function createRouter(routes: Routes): (method: string, path: string) => Found {
  const table = Object.entries(routes).map(([pattern, methods]) => ({ segments: pattern.split('/'), methods }))
  return (method, path) => {
    const segments = path.split('/').map(decoded)
    const route = table.find((candidate) => matches(candidate.segments, segments))
    if (route === undefined) throw new Refusal(404, `path /v3${path} was not found`)
    const handler = handlerOf(route.methods, method)
    if (handler === undefined) throw new Refusal(405, `method ${method} is not allowed for path /v3${path}`)
    const params: Record<string, string> = {}
    for (const [index, segment] of route.segments.entries()) {
      if (!segment.startsWith('{')) continue
      const name = segment.slice(1, -1)
      params[name] = checked(name, segments[index] ?? '', route.segments)
    }
    return { handler, params }
  }
}

function decoded(segment: string): string {
  try {
    return decodeURIComponent(segment)
  } catch {
    throw new Refusal(400, 'invalid URL escape')
  }
}

function matches(pattern: readonly string[], segments: readonly string[]): boolean {
  if (pattern.length !== segments.length) return false
  return pattern.every((part, index) => part === segments[index] || (part.startsWith('{') && segments[index] !== ''))
}

function handlerOf(methods: Methods, method: string): Handler | undefined {
  if (method === 'GET' || method === 'POST' || method === 'PUT' || method === 'DELETE') return methods[method]
  return undefined
}

const runtimeName = /^[^\r\n<>*;$#&{}"]+$/
const reloadId = /^\d{4}-\d{2}-\d{2}-\d+$/

function checked(name: string, value: string, pattern: readonly string[]): string {
  let rule: RegExp | undefined
  if (pattern.includes('runtime')) rule = runtimeName
  else if (pattern.includes('reloads')) rule = reloadId
  if (rule !== undefined && !rule.test(value))
    throw new Refusal(400, `${name} in path: string doesn't match the regular expression "${rule.source}"`)
  return value
}
