import { expect } from 'chai'

import { allCommands, change } from './change.ts'
import { freshlyLoaded, type Held } from './held.ts'
import { configOf, testSettings, type ConfigSpec } from './testing/configs.ts'

const base: ConfigSpec = {
  hosts: { 'a.example': { '/': 'shop_web_80' } },
  backends: { shop_web_80: ['10.0.0.1'] },
}

describe('layout: a backend whose servers have to show names', () => {
  const named = { ...base, named: ['shop_web_80'] }
  const held = (before: Held, spec: ConfigSpec): Held => {
    const plan = change(before, configOf(spec))
    return plan.kind === 'commands' ? plan.after : expect.fail(plan.reasons.join())
  }
  const loaded = (spec: ConfigSpec): Held => freshlyLoaded(configOf(spec), testSettings)

  it('moves to a spare that looks for them, with all that leads to it', () => {
    const plan = change(loaded(base), configOf(named))
    const commands = plan.kind === 'commands' ? allCommands(plan.stages) : []
    const told = commands.map((command) => {
      if ('server' in command) return `${command.kind} ${command.backend}/${command.server}`
      return command.kind === 'set-entry' ? `set ${command.map} ${command.key} ${command.value}` : command.kind
    })
    expect(told).to.deep.equal([
      'set meta.map @be.spare.named0001 shop_web_80',
      'put-server spare.named0001/10-0-0-1_80',
      'set paths-80.map a.example/ spare.named0001',
      'delete-server shop_web_80/10-0-0-1_80',
    ])
  })

  it('stays there when they are gone, and goes back to a section of its own only as what that can be', () => {
    const moved = held(loaded(base), named)
    const without = held(moved, base)
    expect([...without.layout.aliases]).to.deep.equal([['shop_web_80', 'spare.named0001']])
    const gone = held(without, { ...base, hosts: {}, backends: {} })
    expect([...held(gone, base).layout.aliases]).to.deep.equal([])
    expect([...held(gone, named).layout.aliases]).to.deep.equal([['shop_web_80', 'spare.named0001']])
  })

  it('keeps a section that was loaded for it, with names or without', () => {
    const without = held(loaded(named), base)
    expect([...without.layout.aliases]).to.deep.equal([])
    const gone = held(loaded(named), { ...base, hosts: {}, backends: {} })
    expect([...held(gone, named).layout.aliases]).to.deep.equal([])
  })

  it('moves when nobody knows what its section was loaded as', () => {
    const { backends, ...known } = loaded(named)
    const unknown = { ...known, backends: new Map([...backends].map(([name, { servers }]) => [name, { servers }])) }
    expect([...held(unknown, named).layout.aliases]).to.deep.equal([['shop_web_80', 'spare.named0001']])
    expect([...held(unknown, base).layout.aliases]).to.deep.equal([])
  })

  it('takes a reload when no spare is left', () => {
    const names = ['n_a_80', 'n_b_80', 'n_c_80']
    const backends = { ...base.backends, ...Object.fromEntries(names.map((name) => [name, []])) }
    const plan = change(loaded({ ...base, backends }), configOf({ ...base, backends, named: names }))
    const reasons = ['no spare of profile named is left for backend n_c_80']
    expect(plan).to.deep.equal({ kind: 'reload', cause: 'spares', reasons })
  })
})
