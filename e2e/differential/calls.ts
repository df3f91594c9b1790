// Random GRPCRoutes and calls for them.

import type { GRPCMatch, GRPCRoute, HTTPRoute } from '../../operator/model/kubernetes.ts'

import { type Call, grpcHost } from './oracle-grpc.ts'
import type { Random } from './random.ts'
import { alphabet, randomTargets } from './rules.ts'
import type { World } from './world.ts'

const services = ['shop.Cart', 'shop.Cart.Items', 'Echo'] as const
const methods = ['Add', 'AddAll', 'Get'] as const

/** A GRPCRoute in the place of an HTTPRoute. */
export function grpcRouteAt({ metadata, spec }: HTTPRoute, random: Random): GRPCRoute {
  const { parentRefs = [] } = spec
  const rules = random.list(1, 3, () => ({
    matches: random.list(1, 2, () => randomMatch(random)),
    backendRefs: randomTargets(random),
  }))
  const route = { apiVersion: 'gateway.networking.k8s.io/v1', kind: 'GRPCRoute' } as const
  return { ...route, metadata, spec: { parentRefs, hostnames: [grpcHost], rules } }
}

function randomMatch(random: Random): GRPCMatch {
  const service = random.chance(0.7) ? { service: random.pick(services) } : {}
  const method = random.chance(0.5) ? { method: random.pick(methods) } : {}
  const headers = random.some(alphabet.headers, 0.1).map((name) => ({ name, value: random.pick(alphabet.values) }))
  const name = { ...service, ...method }
  return {
    ...(Object.keys(name).length === 0 ? {} : { method: name }),
    ...(headers.length === 0 ? {} : { headers }),
  }
}

export function randomCall(random: Random, { gateway }: World): Call {
  const listeners = gateway.spec.listeners.filter(({ protocol }) => protocol === 'HTTP')
  const { port = 0 } = listeners[random.number(listeners.length)] ?? {}
  const [service, method] = [random.pick(services), random.pick(methods)]
  const names = random.some(alphabet.headers, 0.2).map((name) => name.toLowerCase())
  const headers = Object.fromEntries(names.map((name) => [name, random.pick(alphabet.values)]))
  const request = { port, method: 'POST', host: grpcHost, path: `/${service}/${method}`, query: '', headers }
  return { request, service, method }
}
