// Request rate of a Gateway's pod beside a HAProxy with a hand-written configuration for the same route: same image, same
// machine, same backend, in turns.

import { z } from 'zod'

import { apply, get, kubectl, run } from '../lib/cluster.ts'
import { readyDataPlane } from '../lib/gateway.ts'
import { documents } from '../lib/manifests.ts'
import { handWritten, hostOf, namespace } from './fixture.ts'
import { quantile } from './figures.ts'

const roundSeconds = 3

export type Rate = {
  readonly gateway: number
  readonly handWritten: number
  /** Median of the ratios of the rounds. */
  readonly ratio: number
  readonly rounds: number
}

const podsShape = z.object({ items: z.array(z.object({ status: z.object({ podIP: z.string() }) })) })

async function podAddress(app: string): Promise<string> {
  const { items } = await get(`/api/v1/namespaces/${namespace}/pods?labelSelector=app%3D${app}`, podsShape)
  const address = items[0]?.status.podIP
  if (address === undefined) throw new Error(`no pod with app=${app} in ${namespace}`)
  return address
}

const configuration = (host: string, backend: string): string => `
defaults
    mode http
    timeout connect 5s
    timeout client 60s
    timeout server 60s
frontend in
    bind :8080
    acl bench hdr(host) -i ${host}
    use_backend web if bench { path_beg / }
    default_backend none
backend web
    server web ${backend}:8080
backend none
    http-request return status 404
`

async function requestsPerSecond(url: string, host: string): Promise<number> {
  const output = await run('wrk', ['-t1', '-c32', `-d${roundSeconds}s`, '-H', `Host: ${host}`, url])
  const found = /Requests\/sec:\s+(\S+)/.exec(output)?.[1]
  if (found === undefined || /Non-2xx/.test(output)) throw new Error(`wrk ${url}: ${output}`)
  return Number(found)
}

export async function measureRate(rounds: number): Promise<Rate> {
  const host = hostOf('single')
  await apply(documents(...handWritten('by-hand', configuration(host, await podAddress('web')))))
  await kubectl(['-n', namespace, 'rollout', 'status', 'deployment', 'by-hand', '--timeout=90s'])
  const [pod] = await readyDataPlane(namespace, 'one')
  const ours = `http://${pod?.status.podIP ?? ''}/`
  const theirs = `http://${await podAddress('by-hand')}:8080/`
  await requestsPerSecond(ours, host)
  await requestsPerSecond(theirs, host)
  const measured: { readonly gateway: number; readonly handWritten: number }[] = []
  for (let n = 0; n < rounds; n++) {
    const first = await requestsPerSecond(n % 2 === 0 ? ours : theirs, host)
    const second = await requestsPerSecond(n % 2 === 0 ? theirs : ours, host)
    measured.push(n % 2 === 0 ? { gateway: first, handWritten: second } : { gateway: second, handWritten: first })
  }
  return {
    gateway: Math.round(
      quantile(
        measured.map((round) => round.gateway),
        0.5,
      ),
    ),
    handWritten: Math.round(
      quantile(
        measured.map((round) => round.handWritten),
        0.5,
      ),
    ),
    ratio:
      Math.round(
        quantile(
          measured.map((round) => round.gateway / round.handWritten),
          0.5,
        ) * 1000,
      ) / 1000,
    rounds,
  }
}
