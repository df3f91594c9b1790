// Failover of rules with `retry.attempts: 0`. The CRDs of Gateway API v1.6 do not admit the value, so a HAProxy of this machine is asked that runs
// what the operator renders for such rules; its four endpoints are servers of this process.

import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

import type { KubernetesObject } from '../../operator/model/kubernetes.ts'
import { loadRenderer } from '../../operator/render/render.ts'
import { settingsAt, temporaryFolder, writeFiles } from '../../operator/scenarios/haproxy-files.ts'
import { gateway, gatewayClass, listener, route, service } from '../../operator/translate/testing/objects.ts'
import { createTranslator } from '../../operator/translate/translate.ts'
import { snapshotFromObjects } from '../../operator/watch/files.ts'
import { repository, run } from '../lib/cluster.ts'
import { freePorts } from '../lib/free-ports.ts'
import {
  type Asked,
  endpointCount,
  type KindErrors,
  measureWindows,
  routesPerKind,
  rulesPerRoute,
  type Victim,
} from './failover-windows.ts'
import { startOn } from './local-proxy.ts'
import type { SectionOptions } from './section.ts'

const endpointPort = 8080
const addressOf = (n: number): string => `10.0.0.${n + 1}`
const never: Asked = { kind: 'attempts_0', hostOf: (n) => `r${n}.never.example.com` }

export type WithoutRetries = KindErrors & {
  readonly recovery_ms: number
  /** Requests that HAProxy sent a second time, which must be none. */
  readonly sent_again: number
}

/** The windows' errors of one HAProxy with one thread. */
export async function failoverWithoutRetries(options: SectionOptions): Promise<WithoutRetries> {
  const folder = temporaryFolder()
  const endpoints = await Promise.all(Array.from({ length: endpointCount }, openEndpoint))
  try {
    const [port = 0, statusPort = 0, runtimePort = 0] = await freePorts(3)
    writeConfiguration(folder.root, { port, statusPort, runtimePort, endpoints: endpoints.map((one) => one.port) })
    const configs = ['haproxy.cfg', 'backends.cfg'].map((file) => join(folder.root, file))
    const haproxy = (await run(join(repository, 'e2e/cluster/haproxy.sh'), [])).trim()
    const proxy = await startOn('others', { haproxy, configs, port: statusPort })
    try {
      const [victim] = endpoints
      if (victim === undefined) throw new Error('There is no endpoint.')
      const place = { origin: `http://127.0.0.1:${port}`, asked: [never], victim }
      const { kinds, recovery_ms } = await measureWindows(place, options)
      const errors = kinds[never.kind]
      if (errors === undefined) throw new Error('Rules with attempts 0 were not asked.')
      return { ...errors, recovery_ms, sent_again: await sentAgain(statusPort) }
    } finally {
      await proxy.stop()
    }
  } finally {
    for (const endpoint of endpoints) await endpoint.close()
    folder.remove()
  }
}

type Ports = {
  readonly port: number
  readonly statusPort: number
  readonly runtimePort: number
  readonly endpoints: readonly number[]
}

function writeConfiguration(root: string, { port, endpoints, ...own }: Ports): void {
  const [model] = createTranslator(snapshotFromObjects(objects(port)))().proxies
  if (model === undefined) throw new Error('The Gateway of the benchmark is not served.')
  writeFiles(root, loadRenderer(join(repository, 'templates'), settingsAt(root, own))(model))
  const file = join(root, 'backends.cfg')
  const text = readFileSync(file, 'utf8')
  const here = text.replaceAll(/ 10\.0\.0\.(\d):\d+/g, (_, n: string) => ` 127.0.0.1:${endpoints[Number(n) - 1]}`)
  writeFileSync(file, here)
}

function objects(port: number): readonly KubernetesObject[] {
  const rules = Array.from({ length: rulesPerRoute }, (_, rule) => ({
    matches: [{ path: { type: 'PathPrefix' as const, value: `/rule${rule}` } }],
    backendRefs: [{ name: 'four', port: endpointPort }],
    retry: { attempts: 0 },
  }))
  const routes = Array.from({ length: routesPerKind }, (_, n) =>
    route(`shop/r${n}`, [{ name: 'web' }], { hostnames: [never.hostOf(n)], rules }),
  )
  const metadata = { namespace: 'shop', name: 'four-1', labels: { 'kubernetes.io/service-name': 'four' } }
  const endpoints = Array.from({ length: endpointCount }, (_, n) => ({
    addresses: [addressOf(n)],
    conditions: { ready: true },
  }))
  const slice: KubernetesObject = Object.assign(
    { apiVersion: 'discovery.k8s.io/v1', kind: 'EndpointSlice', metadata },
    { addressType: 'IPv4', ports: [{ port: endpointPort }], endpoints },
  )
  return [gatewayClass(), gateway('shop/web', [listener({ port })]), service('shop/four'), slice, ...routes]
}

async function openEndpoint(): Promise<Victim & { readonly port: number; readonly close: () => Promise<void> }> {
  let answered = 0
  const sockets = new Set<Socket>()
  const server = createServer((_, response) => {
    answered += 1
    response.end('endpoint\n')
  })
  server.on('connection', (socket: Socket) => sockets.add(socket.once('close', () => sockets.delete(socket))))
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const { port } = portOf(server.address())
  const refuse = async (): Promise<void> => {
    const closed = once(server, 'close')
    server.close()
    for (const socket of sockets) socket.resetAndDestroy()
    await closed
  }
  return {
    port,
    answered: () => Promise.resolve(String(answered)),
    refuse,
    accept: () => once(server.listen(port, '127.0.0.1'), 'listening'),
    close: refuse,
  }
}

function portOf(address: string | AddressInfo | null): AddressInfo {
  if (address === null || typeof address === 'string') throw new Error('An endpoint has no port.')
  return address
}

async function sentAgain(statusPort: number): Promise<number> {
  const names = 'haproxy_backend_retry_warnings_total,haproxy_backend_redispatch_warnings_total'
  const answer = await fetch(`http://127.0.0.1:${statusPort}/metrics?scope=backend&metrics=${names}`)
  const values = [...(await answer.text()).matchAll(/^haproxy_backend_\w+\{proxy="[^"]*\.retry\.0"\} (\S+)$/gm)]
  if (values.length === 0) throw new Error('No backend has the retry policy of attempts 0.')
  return values.reduce((sum, [, value]) => sum + Number(value), 0)
}
