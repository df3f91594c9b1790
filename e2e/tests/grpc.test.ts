import { expect } from 'chai'

import { call, type CallAnswer } from '../lib/calls.ts'
import { applyExample, deleteNamespaces, kubectl } from '../lib/cluster.ts'
import { eventually } from '../lib/eventually.ts'
import { programmedAddress, readyDataPlane } from '../lib/gateway.ts'
import { noReloads, watchReloadsOf } from '../lib/reloads.ts'

const namespace = 'greetings'
const service = '/gateway_api_conformance.echo_basic.grpcecho.GrpcEcho'

describe('gRPC', () => {
  let address: string

  const greet = (method: string, host = 'greetings.example.com'): Promise<CallAnswer> => call({ address, host, method })
  const answers = (method: string, by: string): Promise<CallAnswer> =>
    eventually(`${by} answers`, async () => {
      const answer = await greet(method)
      expect([answer.status, answer.code]).to.deep.equal([200, '0'])
      expect(answer.body).to.include(by)
      return answer
    })

  before(async function () {
    this.timeout(240_000)
    await deleteNamespaces([namespace])
    await applyExample('grpc.yaml')
    address = await programmedAddress(namespace, 'greetings')
    await kubectl(['-n', namespace, 'rollout', 'status', 'deployment', '--timeout=90s'])
    await readyDataPlane(namespace, 'greetings')
  })
  after(async function () {
    this.timeout(120_000)
    await deleteNamespaces([namespace])
  })

  it('goes by service and method', async function () {
    this.timeout(60_000)
    await answers(`${service}/Echo`, 'greeter-v1')
    const second = await answers(`${service}/EchoTwo`, 'greeter-v2')
    expect(second.headers['x-version']).to.equal('second')
    expect((await greet('/other.Service/Echo')).status, 'UNIMPLEMENTED').to.equal(404)
    expect((await greet(`${service}/Echo`, 'other.example.com')).status).to.equal(404)
  })

  it('another rule and another Service need no reload', async function () {
    this.timeout(60_000)
    const reloads = await watchReloadsOf(namespace, 'greetings')
    const backendRef = (name: string) =>
      JSON.stringify([{ op: 'replace', path: '/spec/rules/0/backendRefs/0/name', value: name }])
    const patch = (name: string) =>
      kubectl(['-n', namespace, 'patch', 'grpcroute', 'greeter', '--type=json', '-p', backendRef(name)])
    await patch('nobody')
    await eventually('no backend is UNAVAILABLE', async () =>
      expect((await greet(`${service}/Echo`)).status).to.equal(503),
    )
    await patch('greeter-v2')
    await answers(`${service}/Echo`, 'greeter-v2')
    await patch('greeter-v1')
    await answers(`${service}/Echo`, 'greeter-v1')
    expect(await reloads()).to.deep.equal(noReloads)
  })
})
