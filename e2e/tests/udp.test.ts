import { expect } from 'chai'
import { setTimeout as delay } from 'node:timers/promises'

import { applyExample, deleteNamespaces, kubectl } from '../lib/cluster.ts'
import { answersOfNewClients, DatagramClient, keepSending } from '../lib/datagrams.ts'
import { eventually } from '../lib/eventually.ts'
import { dataPlanePods, isReady, programmedAddress, readyDataPlane, scaleOperator } from '../lib/gateway.ts'

const namespace = 'lookup'
const port = 5300

describe('datagrams', () => {
  let place: { readonly address: string; readonly port: number }

  const answered = (service: string): Promise<void> =>
    eventually(`${service} answers`, async () => {
      const client = new DatagramClient(place.address, place.port)
      const echo = await client.ask()
      client.close()
      expect(echo?.service).to.equal(service)
    })
  const scale = async (name: string, replicas: number): Promise<void> => {
    await kubectl(['-n', namespace, 'scale', 'deployment', name, `--replicas=${replicas}`])
    await kubectl(['-n', namespace, 'rollout', 'status', 'deployment', name, '--timeout=60s'])
  }
  const setWeights = (first: number, second: number): Promise<string> => {
    const refs = [
      { name: 'lookup-v1', port: 8080, weight: first },
      { name: 'lookup-v2', port: 8080, weight: second },
    ]
    const patch = JSON.stringify({ spec: { rules: [{ backendRefs: refs }] } })
    return kubectl(['-n', namespace, 'patch', 'udproute', 'lookup', '--type=merge', '-p', patch])
  }

  before(async function () {
    this.timeout(240_000)
    await deleteNamespaces([namespace])
    await applyExample('udp.yaml')
    place = { address: await programmedAddress(namespace, 'lookup'), port }
    await kubectl(['-n', namespace, 'rollout', 'status', 'deployment', '--timeout=90s'])
    await readyDataPlane(namespace, 'lookup')
    await answered('lookup-v1')
  })
  after(async function () {
    this.timeout(180_000)
    await scaleOperator(1)
    await deleteNamespaces([namespace])
  })

  it('clients are divided by weight', async function () {
    this.timeout(60_000)
    await answered('lookup-v2')
    const answers = await answersOfNewClients(place, 500)
    expect(answers.get('none') ?? 0).to.equal(0)
    expect(answers.get('lookup-v1')).to.be.within(360, 440)
  })

  it('an endpoint that comes moves only clients of its own Service, and loses next to nothing', async function () {
    this.timeout(60_000)
    const steady = keepSending(place, 20)
    await delay(1_000)
    await scale('lookup-v1', 3)
    await delay(3_000)
    const { sent, lost, pods } = await steady.stop()
    expect(lost).to.be.at.most(sent / 100)
    const v2 = pods.filter(([first]) => first?.startsWith('lookup-v2-'))
    expect(v2.filter((seen) => seen.length > 1)).to.deep.equal([])
    const moved = pods.filter((seen) => new Set(seen).size > 1)
    expect(moved.length, 'clients that moved').to.be.below(pods.length - v2.length)
  })

  it('other weights are followed within a moment, and a weight of 0 gets nothing', async function () {
    this.timeout(60_000)
    await setWeights(0, 1)
    await answered('lookup-v2')
    await eventually('nobody asks the first', async () => {
      expect([...(await answersOfNewClients(place, 50)).keys()]).to.deep.equal(['lookup-v2'])
    })
    await setWeights(1, 0)
    await eventually('nobody asks the second', async () => {
      expect([...(await answersOfNewClients(place, 50)).keys()]).to.deep.equal(['lookup-v1'])
    })
  })

  it('without the operator datagrams go on, and a new pod serves from the stored state', async function () {
    this.timeout(180_000)
    // The stored state may be some seconds behind what runs.
    await delay(12_000)
    await scaleOperator(0)
    try {
      const old = new Set((await dataPlanePods(namespace, 'lookup')).map((pod) => pod.metadata.name))
      await kubectl(['-n', namespace, 'delete', 'pod', ...old])
      await eventually(
        'only new pods',
        async () => {
          const pods = await dataPlanePods(namespace, 'lookup')
          expect(pods.filter((pod) => isReady(pod) && !old.has(pod.metadata.name))).to.have.length(2)
        },
        { within: 90_000 },
      )
      // kube-proxy may take a moment longer than the pods to send nothing to the old ones.
      await eventually('a hundred clients, all answered', async () => {
        expect((await answersOfNewClients(place, 100)).get('none') ?? 0).to.equal(0)
      })
    } finally {
      await scaleOperator(1)
    }
  })
})
