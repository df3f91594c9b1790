// Changes routes of a Gateway at a steady rate until its standard input ends, then tells what it did. Started by churn.ts.

import { setTimeout as delay } from 'node:timers/promises'
import { z } from 'zod'

import { type Body, create, forwardTo, hostOf, patch, pathOf, remove, routeBody, serviceOf } from './fixture.ts'

const optionsShape = z.object({
  namespace: z.string(),
  gateway: z.string(),
  routes: z.number(),
  changesPerSecond: z.number(),
})
const { namespace, gateway, routes, changesPerSecond } = optionsShape.parse(JSON.parse(process.argv[2] ?? ''))

const remembered = 50
/** Coprime to any number of routes in use, so that all routes get their turn. */
const stride = 37

const failures: string[] = []
const paths = new Map<string, string>()
let made = 0
const ending = new AbortController()

const at = (n: number): string => `r${(n * stride) % routes}`

function rule(path: string, service: string, more: Body = {}): Body {
  return { matches: [{ path: { type: 'PathPrefix', value: path } }], ...forwardTo(service), ...more }
}

function header(value: string): Body {
  const filter = { type: 'RequestHeaderModifier', requestHeaderModifier: { set: [{ name: 'x-change', value }] } }
  return { filters: [filter] }
}

async function changeRules(n: number, service: string, more: Body = {}): Promise<void> {
  const name = at(n)
  const path = `/change-${n}`
  await patch(pathOf(namespace, 'httproutes', name), { spec: { rules: [rule(path, service, more)] } })
  paths.delete(name)
  paths.set(name, path)
}

/** Of ten changes five move a path, two go to another Service, one has another filter, one route comes and one goes. */
async function change(n: number): Promise<void> {
  const own = serviceOf((n * stride) % routes)
  const kind = n % 10
  if (kind < 5) await changeRules(n, own)
  else if (kind < 7) await changeRules(n, serviceOf((n * 13) % routes))
  else if (kind === 7) await changeRules(n, own, header(String(n)))
  else if (kind === 8)
    await create(
      pathOf(namespace, 'httproutes'),
      routeBody(`c${n}`, { gateway, rules: [rule('/', own)], label: 'churn' }),
    )
  else await remove(pathOf(namespace, 'httproutes', `c${n - 1}`))
}

async function writeUntilEnded(): Promise<number> {
  const began = performance.now()
  const under = new Set<Promise<void>>()
  for (let n = 0; !ending.signal.aborted; n++) {
    const one: Promise<void> = change(n)
      .then(() => void (made += 1))
      .catch((error: unknown) => void failures.push(String(error)))
      .finally(() => under.delete(one))
    under.add(one)
    // A slow API server gets fewer changes, not a queue of them.
    if (under.size >= 8) await Promise.race(under)
    await delay(Math.max(0, ((n + 1) * 1_000) / changesPerSecond - (performance.now() - began)))
  }
  await Promise.all(under)
  return (performance.now() - began) / 1_000
}

process.stdin.on('end', () => ending.abort()).resume()
process.stdout.write('started\n')
const seconds = await writeUntilEnded()
for (const failure of failures.slice(0, 5)) process.stderr.write(`${failure}\n`)
const last = [...paths].slice(-remembered).map(([name, path]) => ({ host: hostOf(name), path }))
const summary = {
  changes: made,
  changesPerSecond: Math.round((made / seconds) * 10) / 10,
  failed: failures.length,
  last,
}
process.stdout.write(`${JSON.stringify(summary)}\n`, () => process.exit(0))
