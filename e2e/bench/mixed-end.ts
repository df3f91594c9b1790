// What must be so after the mixed changes: every route answers as its last state says, on each pod, certificates are the last, and statuses are
// true.

import { z } from 'zod'

import { get } from '../lib/cluster.ts'
import { eventually } from '../lib/eventually.ts'
import { readyDataPlane } from '../lib/gateway.ts'
import { ask } from '../lib/web.ts'
import { inParallel, pathOf } from './fixture.ts'
import { namespace, type Size } from './mixed.ts'
import { complaint, requestTo } from './mixed-routes.ts'
import type { State } from './mixed-state.ts'

export type World = { readonly address: string; readonly state: State; readonly size: Size }

const sampled = 200

/** What a look finds wrong, when it is still something after 15 seconds. */
export async function settled(look: () => Promise<readonly string[]>): Promise<readonly string[]> {
  let last: readonly string[] = []
  const attempt = async (): Promise<void> => {
    last = await look()
    if (last.length > 0) throw new Error('something is wrong')
  }
  await eventually('nothing is wrong', attempt, { within: 15_000, every: 500 }).catch(() => undefined)
  return last
}

/** Answers of a sample of the routes and of all certificates that are not as they should be. */
export async function wrongAnswers(world: World): Promise<readonly string[]> {
  const { state, size, address } = world
  const pods = await readyDataPlane(namespace, 'web')
  const step = Math.max(1, Math.floor(size.routes / sampled))
  const chosen = Array.from({ length: Math.ceil(size.routes / step) }, (_, n) => n * step)
  const wrong: string[] = []
  const compare = async (n: number, pod: string): Promise<void> => {
    const wanted = state.routes().get(n)
    const answer = await ask({ address: pod, ...requestTo(n, wanted) })
    const said = complaint([n, wanted], answer, { present: state.present(), size })
    if (said !== undefined) wrong.push(`${pod}: ${said}`)
  }
  for (const { status } of pods) await inParallel(chosen, (n) => compare(n, status.podIP ?? ''))
  for (const { host, fingerprint } of state.certificates()) {
    const { certificate } = await ask({ address, host, tls: true })
    if (certificate !== fingerprint) wrong.push(`${host} has another certificate than the last`)
  }
  return wrong
}

const conditions = z.array(
  z.object({ type: z.string(), status: z.string(), observedGeneration: z.number().optional() }),
)
const routeList = z.object({
  items: z.array(
    z.object({
      metadata: z.object({ name: z.string(), generation: z.number() }),
      status: z.object({ parents: z.array(z.object({ conditions })) }).optional(),
    }),
  ),
})

/** Routes whose status is not true, or not of their newest generation. */
export async function wrongStatuses({ state }: World): Promise<readonly string[]> {
  const { items } = await get(pathOf(namespace, 'httproutes'), routeList)
  const names = new Set(items.map(({ metadata }) => metadata.name))
  const missing = [...state.routes().keys()].filter((n) => !names.has(`r${n}`)).map((n) => `r${n} is not there`)
  const wrong = items.flatMap(({ metadata, status }) => {
    const wanted = state.routes().get(Number(/^r(\d+)$/.exec(metadata.name)?.[1] ?? -1))
    const backends = wanted?.redirect === undefined ? (wanted?.shares ?? []) : []
    const resolved = backends.every(({ service }) => state.present().has(service))
    const found = status?.parents[0]?.conditions ?? []
    const says = (type: string, value: 'True' | 'False'): boolean =>
      found.some((one) => one.type === type && one.status === value && one.observedGeneration === metadata.generation)
    const right = says('Accepted', 'True') && says('ResolvedRefs', resolved ? 'True' : 'False')
    return right ? [] : [`${metadata.name}: ${JSON.stringify(found)}`]
  })
  return [...missing, ...wrong]
}
