// A Gateway with thousands of routes, with which several sections measure one after the other: to create and to delete them takes minutes.

import { eventually } from '../lib/eventually.ts'
import { readyDataPlane } from '../lib/gateway.ts'
import { rounded } from './figures.ts'
import { type Body, createRoutes, forwardTo, removeNamespace, serviceOf, startGateway } from './fixture.ts'
import { untilWritten } from './operator.ts'
import { openProber, type Place, probePath } from './probe.ts'
import type { SectionOptions } from './section.ts'

const namespace = 'bench-routes'
const gateway = 'many'

/** Where to measure, and the address of the pod that all Services lead to. */
export type World = { readonly place: Place; readonly responder: string }

let kept: { readonly world: World; readonly routes: number } | undefined

/** The Gateway with the routes r0 … of which there are so many, those that are missing created; the operator has written all that it had to. */
export async function worldWith(routes: number, { say }: SectionOptions): Promise<World> {
  const { world, routes: present } = kept ?? { world: await startWorld(), routes: 0 }
  kept = { world, routes: present }
  if (present >= routes) return world
  const began = performance.now()
  await createRoutes(
    namespace,
    { from: present, to: routes },
    { gateway, responder: world.responder, rulesOf: (n) => rulesTo(serviceOf(n)) },
  )
  kept = { world, routes }
  const created = seconds(began)
  const prober = await openProber(world.place)
  try {
    await eventually(
      'all routes are programmed',
      async () => {
        const { errors } = await prober.probe(`ready${performance.now().toFixed(0)}`, rulesTo('s0'))
        if (errors.length > 0) throw new Error(errors[0])
      },
      { within: 90_000 },
    )
  } finally {
    await prober.close()
  }
  say(`${routes} routes are there: created in ${created} s, one more served after ${seconds(began)} s`)
  await untilWritten()
  return world
}

function seconds(since: number): number {
  return rounded((performance.now() - since) / 1_000)
}

async function startWorld(): Promise<World> {
  const { address, responder } = await startGateway(namespace, gateway)
  const pods = (await readyDataPlane(namespace, gateway)).map((pod) => pod.status.podIP ?? '')
  return { place: { namespace, gateway, address, pods }, responder }
}

/** Deletes all of it, for those who come after the last section that uses it. */
export async function removeWorld(): Promise<void> {
  kept = undefined
  await removeNamespace(namespace)
}

/** The rules of gateway-api-bench: header filters, and a second rule that leads to a Service that does not exist. */
export function rulesTo(service: string): readonly Body[] {
  const added = (name: string): Body => ({ add: [{ name, value: 'added' }] })
  const filters = [
    { type: 'RequestHeaderModifier', requestHeaderModifier: added('x-request') },
    { type: 'ResponseHeaderModifier', responseHeaderModifier: added('x-response') },
  ]
  const matching = (value: string): Body => ({ matches: [{ path: { type: 'PathPrefix', value } }], filters })
  return [
    { ...matching(probePath), ...forwardTo(service) },
    { ...matching('/'), ...forwardTo('nowhere') },
  ]
}
