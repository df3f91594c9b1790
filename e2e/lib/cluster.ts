// Where the test cluster is, and the three ways tests talk to it: kubectl as users do, the API itself when speed matters,
// and the scripts of e2e/cluster.

import { execFile } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join, resolve } from 'node:path'
import { Agent, request } from 'undici'
import { z } from 'zod'

const cacheFolder =
  process.env['HAPROXY_GATEWAY_CACHE'] ??
  join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'haproxy-gateway')

export const repository = resolve(import.meta.dirname, '../..')
export const clusterFolder = join(cacheFolder, 'cluster')
export const kubeconfig = join(clusterFolder, 'kubeconfig')
export const examplesFolder = join(repository, 'e2e/examples')
export const systemNamespace = 'haproxy-gateway-system'
export const gatewayClass = 'haproxy'

/** The echo server of the conformance suite: answers with the request that it got, as JSON. */
export const echoImage = 'registry.k8s.io/gateway-api/echo-basic:v1.5.1'

const built = join(clusterFolder, 'bin/kubectl')
const kubectlProgram = existsSync(built) ? built : 'kubectl'

/** True for the cluster of local processes, whose components tests may stop. */
export function isLocalCluster(): boolean {
  const file = join(clusterFolder, 'provider')
  return existsSync(file) && readFileSync(file, 'utf8').trim() === 'local'
}

/** Runs a program of this machine; its standard output. Rejects with its standard error. */
export function run(program: string, args: readonly string[], input = ''): Promise<string> {
  return new Promise((settle, fail) => {
    const child = execFile(program, [...args], { maxBuffer: 64 * 1024 * 1024 }, (error, stdout, stderr) => {
      if (error) fail(new Error(`${program} ${args.join(' ')}: ${stderr.trim() || error.message}`))
      else settle(stdout)
    })
    // A program that ends without reading its input has told why by its result.
    child.stdin?.on('error', () => undefined).end(input)
  })
}

/** `kubectl ARGS` against the test cluster, and no other. */
export function kubectl(args: readonly string[], input?: string): Promise<string> {
  return run(kubectlProgram, ['--kubeconfig', kubeconfig, ...args], input)
}

/** `kubectl apply` of manifests given as text. */
export function apply(manifests: string): Promise<string> {
  return kubectl(['apply', '-f', '-'], manifests)
}

/** `kubectl apply -f` of a file of e2e/examples. */
export function applyExample(file: string): Promise<string> {
  return kubectl(['apply', '-f', join(examplesFolder, file)])
}

export function deleteExample(file: string): Promise<string> {
  return kubectl(['delete', '--ignore-not-found', '-f', join(examplesFolder, file)])
}

/** Creates namespaces with labels, after those that are still going away have gone. */
export async function createNamespaces(
  names: readonly string[],
  labels: Readonly<Record<string, string>> = {},
): Promise<void> {
  await deleteNamespaces(names)
  const objects = names.map((name) => ({ apiVersion: 'v1', kind: 'Namespace', metadata: { name, labels } }))
  await apply(objects.map((object) => JSON.stringify(object)).join('\n---\n'))
}

/** Deletes namespaces and waits until they are gone. */
export async function deleteNamespaces(names: readonly string[]): Promise<void> {
  await kubectl(['delete', 'namespace', '--ignore-not-found', '--timeout=90s', ...names])
}

const encoded = z.string().transform((text) => Buffer.from(text, 'base64'))
const configuration = z.object({
  clusters: z.array(z.object({ cluster: z.object({ server: z.string(), 'certificate-authority-data': encoded }) })),
  users: z.array(z.object({ user: z.object({ 'client-certificate-data': encoded, 'client-key-data': encoded }) })),
})

type Tls = { readonly ca: Buffer; readonly cert: Buffer; readonly key: Buffer }
type Connection = { readonly server: string; readonly tls: Tls; readonly dispatcher: Agent }
let connection: Connection | undefined

async function connect(): Promise<Connection> {
  if (connection) return connection
  const text = await kubectl(['config', 'view', '--raw', '-o', 'json'])
  const { clusters, users } = configuration.parse(JSON.parse(text))
  const [cluster, user] = [clusters[0]?.cluster, users[0]?.user]
  if (!cluster || !user) throw new Error(`${kubeconfig} names no cluster and user; run make cluster.`)
  const tls = {
    ca: cluster['certificate-authority-data'],
    cert: user['client-certificate-data'],
    key: user['client-key-data'],
  }
  connection = { server: cluster.server, tls, dispatcher: new Agent({ connections: 8, allowH2: false, connect: tls }) }
  return connection
}

export type ApiRequest = {
  readonly method?: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  readonly path: string
  readonly body?: unknown
  readonly contentType?: string
}

/** One call to the API server: status and text of the answer. */
export async function callApi({
  method = 'GET',
  path,
  body,
  contentType,
}: ApiRequest): Promise<{ status: number; text: string }> {
  const { server, dispatcher } = await connect()
  const answer = await request(server + path, {
    method,
    dispatcher,
    headers: { 'content-type': contentType ?? 'application/json' },
    body: body === undefined ? null : JSON.stringify(body),
    headersTimeout: 10_000,
    bodyTimeout: 10_000,
  })
  return { status: answer.statusCode, text: await answer.body.text() }
}

/**
 * Watches under an API path (with `?watch=true` and selectors), on a connection of its own; `take` gets each line as it comes.
 * Resolves when the API server has accepted the watch; the function it resolves with ends it.
 */
export async function watchApi(path: string, take: (line: string) => void): Promise<() => Promise<void>> {
  const { server, tls } = await connect()
  const dispatcher = new Agent({ connections: 1, allowH2: false, connect: tls })
  const answer = await request(server + path, { dispatcher, headersTimeout: 10_000, bodyTimeout: 0 })
  if (answer.statusCode !== 200) throw new Error(`GET ${path}: ${answer.statusCode} ${await answer.body.text()}`)
  let rest = ''
  answer.body.setEncoding('utf8')
  answer.body.on('data', (chunk: string) => {
    const lines = (rest + chunk).split('\n')
    rest = lines.pop() ?? ''
    for (const line of lines) take(line)
  })
  // Nothing is listening for what ends a watch but those who miss its events.
  answer.body.on('error', () => undefined)
  return () => dispatcher.destroy()
}

/** The object under an API path, checked; undefined when there is none. */
export async function find<T>(path: string, shape: z.ZodType<T>): Promise<T | undefined> {
  const { status, text } = await callApi({ path })
  if (status === 404) return undefined
  if (status !== 200) throw new Error(`GET ${path}: ${status} ${text.slice(0, 300)}`)
  return shape.parse(JSON.parse(text))
}

/** The object under an API path; throws when there is none. */
export async function get<T>(path: string, shape: z.ZodType<T>): Promise<T> {
  const found = await find(path, shape)
  if (found === undefined) throw new Error(`${path} does not exist`)
  return found
}
