// Attached routes: many routes are created at once for a new Gateway and deleted again; how long until status.listeners[].attachedRoutes
// says so, and how often the Gateway's status is written meanwhile. The method of gateway-api-bench: set-up counts from the answer to the
// last creation; teardown from the first deletion.

import { z } from 'zod'

import { watchApi } from '../lib/cluster.ts'
import { eventually } from '../lib/eventually.ts'
import { rounded } from './figures.ts'
import {
  create,
  createService,
  forwardTo,
  inNamespace,
  inParallel,
  pathOf,
  remove,
  routeBody,
  startGateway,
} from './fixture.ts'
import { untilWritten } from './operator.ts'
import type { Section, SectionResult } from './section.ts'

const namespace = 'bench-attached'
const gateway = 'counted'

export const attachedRoutes: Section = {
  name: 'attached_routes',
  title: 'many routes at once on a new Gateway: status.listeners[].attachedRoutes',
  run: ({ short, say }) =>
    inNamespace(namespace, async () => {
      const routes = short ? 100 : 1_000
      const { responder } = await startGateway(namespace, gateway)
      await createService(namespace, 's0', responder)
      await untilWritten()
      const watch = await watchGateway()
      const up = await setUp(watch, routes)
      say(`${routes} attached after ${rounded(up.fromFirst, 2)} s; now they go`)
      const down = await tearDown(watch, routes)
      await watch.end()
      return resultOf(routes, up, down)
    }),
}

function resultOf(routes: number, up: Phase, down: Phase): SectionResult {
  const wrong = up.wrong + down.wrong
  const figures = {
    routes,
    setup_s: rounded(up.fromLast, 2),
    setup_from_first_create_s: rounded(up.fromFirst, 2),
    teardown_s: rounded(down.fromFirst, 2),
    teardown_from_last_delete_s: rounded(down.fromLast, 2),
    gateway_status_writes: up.writes,
    gateway_status_writes_teardown: down.writes,
    wrong_values: wrong,
    values_while_setting_up: up.values,
  }
  const { setup_s: setup, setup_from_first_create_s: fromFirst, teardown_s: teardown } = figures
  const rows = [
    {
      what: `${routes.toLocaleString('en')} routes attached, after the last creation`,
      value: `${setup} s`,
      bar: '≤ 1 s',
      met: setup <= 1,
    },
    { what: '  after the first creation', value: `${fromFirst} s`, bar: '' },
    { what: '  none attached, after the first deletion', value: `${teardown} s`, bar: '< 15 s', met: teardown < 15 },
    {
      what: '  writes of the Gateway’s status while setting up',
      value: String(up.writes),
      bar: '≤ 15',
      met: up.writes <= 15,
    },
    { what: '  values that were never true', value: String(wrong), bar: '0', met: wrong === 0 },
  ]
  return { figures, rows }
}

const eventShape = z.object({
  type: z.string(),
  object: z.object({
    status: z
      .looseObject({ listeners: z.array(z.looseObject({ attachedRoutes: z.number() })).default([]) })
      .default({ listeners: [] }),
  }),
})

/** One write of the Gateway's status that changed it. */
type Write = { readonly at: number; readonly attached: number }
type Watch = { readonly writes: readonly Write[]; readonly end: () => Promise<void> }

async function watchGateway(): Promise<Watch> {
  const writes: Write[] = []
  let known = ''
  const selector = encodeURIComponent(`metadata.name=${gateway}`)
  const end = await watchApi(`${pathOf(namespace, 'gateways')}?watch=true&fieldSelector=${selector}`, (line) => {
    const at = performance.now()
    const { status } = eventShape.parse(JSON.parse(line)).object
    const text = JSON.stringify(status)
    if (text !== known) writes.push({ at, attached: status.listeners[0]?.attachedRoutes ?? 0 })
    known = text
  })
  await eventually('the Gateway is programmed and has no routes', async () => {
    if (writes.at(-1)?.attached !== 0) throw new Error('its status has not come')
  })
  return { writes, end }
}

type Phase = {
  /** Seconds from the first request's beginning and from the last one's answer to the right number. */
  readonly fromFirst: number
  readonly fromLast: number
  readonly writes: number
  /** Numbers that more routes or fewer than there can have been would make. */
  readonly wrong: number
  readonly values: readonly number[]
}

async function setUp(watch: Watch, routes: number): Promise<Phase> {
  const sent: number[] = []
  const phase = await during(watch, routes, async () => {
    await inParallel(namesOf(routes), (name) => {
      sent.push(performance.now())
      return create(pathOf(namespace, 'httproutes'), routeBody(name, { gateway, rules: [forwardTo('s0')] }))
    })
  })
  return phase(({ at, attached }, before) => attached < before || attached > sent.filter((time) => time <= at).length)
}

async function tearDown(watch: Watch, routes: number): Promise<Phase> {
  const sent: number[] = []
  const phase = await during(watch, 0, async () => {
    await inParallel(namesOf(routes), (name) => {
      sent.push(performance.now())
      return remove(pathOf(namespace, 'httproutes', name))
    })
  })
  return phase(
    ({ at, attached }, before) => attached > before || attached < routes - sent.filter((time) => time <= at).length,
  )
}

function namesOf(routes: number): readonly string[] {
  return Array.from({ length: routes }, (_, n) => `r${n}`)
}

type Judge = (write: Write, before: number) => boolean

// Waits for the number and a second longer: it must stay.
async function during(watch: Watch, wanted: number, act: () => Promise<void>): Promise<(isWrong: Judge) => Phase> {
  const start = watch.writes.length
  const initial = watch.writes.at(-1)?.attached ?? 0
  const began = performance.now()
  await act()
  const acted = performance.now()
  await eventually(
    `attachedRoutes of Gateway ${namespace}/${gateway} is ${wanted}`,
    async () => {
      const last = watch.writes.at(-1)
      if (last?.attached !== wanted) throw new Error(`it is ${last?.attached}`)
      if (performance.now() - last.at < 1_000) throw new Error('it may still change')
    },
    { within: 120_000, every: 20 },
  )
  const writes = watch.writes.slice(start)
  const right = writes.findIndex(({ attached }) => attached === wanted)
  const at = writes[right]?.at ?? Number.NaN
  return (isWrong) => ({
    fromFirst: (at - began) / 1_000,
    fromLast: Math.max(0, at - acted) / 1_000,
    writes: writes.length,
    wrong: writes.filter((write, n) => isWrong(write, writes[n - 1]?.attached ?? initial)).length,
    values: writes.map(({ attached }) => attached),
  })
}
