import { expect } from 'chai'

import { PartedMap, leafOf, together } from '../lib/parts.ts'
import type { RenderedConfig } from '../model/rendered.ts'
import { compareAuthorities } from './authority-change.ts'
import { allCommands, change, type Command } from './change.ts'
import { freshlyLoaded } from './held.ts'
import { runStages } from './runtime.ts'
import { configOf, testSettings, type ConfigSpec } from './testing/configs.ts'
import { FakePod } from './testing/fake-pod.ts'

const base: ConfigSpec = { hosts: {}, backends: { shop_web_80: ['10.0.0.1'] }, list: [] }

function commandsOf(before: ConfigSpec, after: ConfigSpec): readonly Command[] {
  const plan = change(freshlyLoaded(configOf(before), testSettings), configOf(after))
  return plan.kind === 'commands' ? allCommands(plan.stages) : expect.fail(plan.reasons.join())
}

function told(commands: readonly Command[]): readonly string[] {
  return commands.map((command) => {
    if ('server' in command) return `${command.kind} ${command.server}`
    return `${command.kind} ${'key' in command ? command.key : 'file' in command ? command.file : ''}`
  })
}

describe('change: authorities', () => {
  it('those of servers are there before the first that trusts them, and go after the last one that did', () => {
    const before = { ...base, authorities: { 'ca-1.pem': 'CA 1' } }
    const after = { ...base, authorities: { 'ca-2.pem': 'CA 2' }, backends: { shop_web_80: ['10.0.0.2'] } }
    expect(told(commandsOf(before, after))).to.deep.equal([
      'put-authorities ca-2.pem',
      'set-entry @ca.ca-2.pem',
      'put-server 10-0-0-2_80',
      'delete-server 10-0-0-1_80',
      'delete-entry @ca.ca-1.pem',
      'delete-authorities ca-1.pem',
    ])
  })

  it('those of a port are put under its name while none are claimed', () => {
    const of = (pem: string) => ({ ...base, authorities: { 'clients-443.pem': pem } })
    expect(told(commandsOf(of('CA 1'), of('CA 2')))).to.deep.equal([
      'delete-entry @ca.clients-443.pem',
      'put-authorities clients-443.pem',
      'set-entry @ca.clients-443.pem',
    ])
    expect(commandsOf(of('CA 1'), of('CA 1'))).to.deep.equal([])
  })

  it('the certificate that servers are shown is there before them', () => {
    const shown = { certificates: { 'shown.pem': 'C' }, clientCertificate: 'shown.pem' }
    expect(told(commandsOf(base, { ...base, ...shown, backends: { shop_web_80: ['10.0.0.2'] } }))).to.deep.equal([
      'put-certificate shown.pem',
      'set-entry @crt.shown.pem',
      'put-server 10-0-0-2_80',
      'delete-server 10-0-0-1_80',
    ])
  })

  it('what two parts name is put once, and goes when neither does', () => {
    const one = configOf({ ...base, authorities: { 'ca-1.pem': 'CA 1' } })
    const leaf = () => leafOf([...one.authorities].map(([member, value]) => ({ member, value })))
    const [first, second] = [leaf(), leaf()]
    const naming = (...leaves: readonly ReturnType<typeof leaf>[]): RenderedConfig => ({
      ...one,
      authorities: new PartedMap(together(leaves)),
    })
    const steps = (from: RenderedConfig, to: RenderedConfig) => {
      const { added, removed } = compareAuthorities(freshlyLoaded(from, testSettings), to)
      return told([...added, ...removed])
    }
    expect(steps(naming(), naming(first, second))).to.deep.equal(['put-authorities ca-1.pem', 'set-entry @ca.ca-1.pem'])
    expect(steps(naming(first), naming(first, second))).to.deep.equal([])
    expect(steps(naming(first, second), naming(first))).to.deep.equal([])
    expect(steps(naming(first, second), naming())).to.deep.equal([
      'delete-entry @ca.ca-1.pem',
      'delete-authorities ca-1.pem',
    ])
  })
})

describe('runtime: authorities', () => {
  const put = (pod: FakePod, known: boolean, pem = 'CA\n') =>
    runStages(pod.api(), [{ chains: [[{ kind: 'put-authorities', file: 'ca-1.pem', pem, known }]] }])

  it('are there in the end, whatever was there before', async () => {
    for (const [isThere, known] of [
      [false, false],
      [false, true],
      [true, false],
      [true, true],
    ] as const) {
      const pod = new FakePod(testSettings)
      if (isThere) pod.memory.authorities.set('ca-1.pem', 'old')
      await put(pod, known)
      expect([...pod.memory.authorities]).to.deep.equal([['ca-1.pem', 'CA\n']])
    }
  })

  it('that cannot be removed are left behind', async () => {
    const pod = new FakePod(testSettings)
    await runStages(pod.api(), [{ chains: [[{ kind: 'delete-authorities', file: 'ca-1.pem' }]] }])
    expect(pod.calls).to.deep.equal(['deleteAuthorities'])
  })

  it('are not sent when HAProxy could read more than certificates in them', async () => {
    for (const pem of ['CA\n\nshutdown', 'CA; shutdown\n', 'CA', '', 'CA\n\n', 'CA\r\n']) {
      const pod = new FakePod(testSettings)
      const failure = await put(pod, false, pem).catch(String)
      expect(failure, JSON.stringify(pem)).to.match(/ca-1\.pem is no plain PEM/)
      expect(pod.calls).to.deep.equal([])
    }
  })
})
