// Random requests for a world: most of them for something that some rule matches.

import type { GatewayListener, HTTPMatch } from '../../operator/model/kubernetes.ts'

import type { Headers, Request } from './oracle-answers.ts'
import type { Random } from './random.ts'
import { alphabet } from './rules.ts'
import type { World } from './world.ts'

export const hosts = [
  'a.example.com',
  'x.example.com',
  'example.com',
  'a.b.example.com',
  'y.b.example.com',
  'b.example.com',
  'other.org',
  'x.org',
  'nobody.net',
  'com',
] as const

export function randomRequest(random: Random, { gateway, routes }: World): Request {
  const listeners = gateway.spec.listeners.filter(({ protocol }) => protocol.startsWith('HTTP'))
  const { port = 0, protocol } = listeners[random.number(listeners.length)] ?? {}
  const { spec } = routes[random.number(routes.length)] ?? {}
  const matches = (spec?.rules ?? []).flatMap((rule) => rule.matches ?? [])
  const aimed = random.chance(0.8) ? matches[random.number(matches.length)] : undefined
  const hostnames = spec?.hostnames ?? listeners.map(({ hostname }) => hostname ?? 'nobody.net')
  const host = randomHost(random, random.chance(0.7) ? hostnames : [])
  const neighbours = listeners.filter((listener) => listener.port === port)
  return {
    port,
    ...(protocol === 'HTTPS' ? { sni: randomSni(random, host, neighbours) } : {}),
    method: random.chance(0.8) && aimed?.method !== undefined ? aimed.method : random.pick(alphabet.methods),
    host,
    path: randomPath(random, aimed),
    query: randomQuery(random, aimed),
    headers: randomHeaders(random, aimed),
  }
}

function randomHost(random: Random, hostnames: readonly string[]): string {
  const host = hostnames[random.number(hostnames.length)]?.replace(/^\*/, 'x') ?? random.pick(hosts)
  const written = random.chance(0.1) ? host.toUpperCase() : host
  return random.chance(0.1) ? `${written}:8080` : written
}

// Mostly the host; sometimes a name of another listener, as when a browser reuses a connection.
function randomSni(random: Random, host: string, neighbours: readonly GatewayListener[]): string {
  const other = neighbours[random.number(neighbours.length)]?.hostname?.replace(/^\*/, 'sni')
  return random.chance(0.1) && other !== undefined ? other : host.toLowerCase().replace(/:\d+$/, '')
}

function randomPath(random: Random, aimed: HTTPMatch | undefined): string {
  const start = aimed?.path?.type === 'RegularExpression' ? undefined : aimed?.path?.value
  const more = random.list(0, start === undefined ? 3 : 1, () => random.pick(alphabet.segments))
  const path = [start === undefined ? '' : start.replace(/\/$/, ''), ...more].join('/')
  const ended = random.chance(0.15) ? `${path}/` : path
  const odd = random.chance(0.05) ? ended.replace('/', random.pick(['//', '/./', '/../', '/;'])) : ended
  return odd === '' ? '/' : odd
}

function randomQuery(random: Random, aimed: HTTPMatch | undefined): string {
  const wanted = (aimed?.queryParams ?? []).map(({ name, value }) => [
    name,
    random.chance(0.7) ? value : random.pick(alphabet.values),
  ])
  const others = random
    .some([...alphabet.queries, 'other'], 0.1)
    .filter((name) => wanted.every(([known]) => known !== name))
    .map((name) => [name, random.pick(alphabet.values)])
  const encode = (text: string) =>
    random.chance(0.5) ? encodeURIComponent(text) : encodeURIComponent(text).replaceAll('%20', '+')
  return [...wanted, ...others].map(([name = '', value = '']) => `${name}=${encode(value)}`).join('&')
}

function randomHeaders(random: Random, aimed: HTTPMatch | undefined): Headers {
  const wanted = (aimed?.headers ?? []).map(({ name, value, type }): [string, string] => [
    name.toLowerCase(),
    random.chance(0.8) && type !== 'RegularExpression' ? value : random.pick(alphabet.values),
  ])
  const others = random
    .some(alphabet.headers, 0.2)
    .map((name): [string, string] => [name.toLowerCase(), random.pick(alphabet.values)])
  return Object.fromEntries([...others, ...wanted])
}
