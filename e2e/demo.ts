// make demo: the examples on the test cluster, as a story of requests and answers.

import { deleteExample, applyExample, kubeconfig } from './lib/cluster.ts'
import { eventually } from './lib/eventually.ts'
import { applyExamples, prepareExamples, type ExampleAddresses } from './lib/examples.ts'
import { ask, seenHeader, share, type WebAnswer, type WebRequest } from './lib/web.ts'

const colours = process.stdout.isTTY && process.env['NO_COLOR'] === undefined
const paint = (code: number, text: string): string => (colours ? `\u001B[${code}m${text}\u001B[0m` : text)
const say = (text = ''): void => void process.stdout.write(`${text}\n`)
const title = (text: string): void => say(`\n${paint(1, text)}`)

function describeRequest({ host, path = '/', method = 'GET', headers = {}, tls = false }: WebRequest): string {
  const extra = Object.entries(headers).map(([name, value]) => ` ${name}: ${value}`)
  return `${method} ${tls ? 'https' : 'http'}://${host}${path}${extra.join('')}`
}

function describeAnswer(answer: WebAnswer): string {
  const status = paint(answer.status < 400 ? 32 : 33, String(answer.status))
  const { echo } = answer
  if (echo) return `${status}  from Service ${echo.service} in ${echo.namespace}, pod ${echo.pod}`
  const { location } = answer.headers
  return location === undefined ? status : `${status}  Location: ${String(location)}`
}

/** Asks until the status is the expected one, then prints request and answer, and why it is this one. */
async function tell(request: WebRequest, status: number, why?: string): Promise<WebAnswer> {
  const answer = await eventually(describeRequest(request), async () => {
    const got = await ask(request)
    if (got.status !== status) throw new Error(`answered ${got.status}, not ${status}`)
    return got
  })
  const reason = why === undefined ? '' : paint(90, `  (${why})`)
  say(`  ${describeRequest(request)}\n    ${paint(90, '→')} ${describeAnswer(answer)}${reason}`)
  return answer
}

/** One line for what has been waited for. */
async function phase<T>(what: string, work: Promise<T>): Promise<T> {
  const began = performance.now()
  const result = await work
  say(`${what}: ${((performance.now() - began) / 1000).toFixed(1)} s`)
  return result
}

async function tellStory({ edge, blue }: ExampleAddresses): Promise<void> {
  const shop = { address: edge, host: 'shop.example.com', path: '/checkout', tls: true }
  const beta = { ...shop, method: 'POST', headers: { 'x-release-channel': 'beta' } }

  title('Plain HTTP is sent to HTTPS; checkout is attached to the HTTPS listener alone')
  await tell({ ...shop, tls: false }, 301)
  await tell(shop, 200)
  await tell({ ...shop, path: '/elsewhere' }, 404, 'no rule is for this path')

  title('A beta order: path, header and method match, a header is added, 10 % go to the new version')
  const order = await tell(beta, 200)
  say(`    the backend saw x-checkout-channel: ${seenHeader(order, 'x-checkout-channel').join(', ')}`)
  const counts = await share(100, beta)
  say(
    `    of 100: ${[...counts].map(([service, count]) => `${count} to ${service}`).join(', ')}  ${paint(90, '(about 90/10, as the weights say)')}`,
  )

  title('The store uses a Service of another team, for a ReferenceGrant allows it')
  const store = { address: edge, host: 'store.example.com', tls: true }
  await tell(store, 200)
  say('  kubectl delete -f store-grant.yaml')
  await deleteExample('store-grant.yaml')
  await tell(store, 500, 'the specification asks for it when a reference is not permitted')
  say('  kubectl apply -f store-grant.yaml')
  await applyExample('store-grant.yaml')
  await tell(store, 200)

  title('Team blue has a Gateway, an address and proxies of its own')
  await tell({ address: blue, host: 'blue.example.com' }, 200)
  await tell({ address: blue, host: 'shop.example.com', path: '/checkout' }, 404, 'this host is of the other Gateway')
}

await phase('namespaces, a certificate, Services that answer with what they were asked', prepareExamples())
const addresses = await phase('two Gateways and their routes (e2e/examples), programmed', applyExamples())
say(`  infra/edge at ${addresses.edge}, team-blue/blue at ${addresses.blue}`)
await tellStory(addresses)

title('How to go on')
say(`  export KUBECONFIG=${kubeconfig}`)
say('  kubectl get gatewayclasses,gateways,httproutes -A')
say(`  curl -k --resolve shop.example.com:443:${addresses.edge} https://shop.example.com/checkout`)
say('  edit a file of e2e/examples and kubectl apply -f it')
title('How to stop')
say('  make cluster-down')
process.exit(0)
