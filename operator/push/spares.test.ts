import { expect } from 'chai'

import { change } from './change.ts'
import { freshlyLoaded, type Held } from './held.ts'
import { configOf, testSettings, type ConfigSpec } from './testing/configs.ts'

const base: ConfigSpec = { hosts: { 'a.example': { '/': 'shop_web_80' } }, backends: { shop_web_80: ['10.0.0.1'] } }

describe('spares: one whose last requests still look for a server', () => {
  const added = (name: string) => ({ ...base, backends: { ...base.backends, [name]: ['10.0.0.9'] } })
  const held = freshlyLoaded(configOf(base), testSettings)

  it('is passed over', () => {
    const plan = change(held, configOf(added('n_x_80')), { resting: new Set(['spare0001', 'spareF0001']) })
    expect(plan.kind === 'commands' && plan.after.layout.aliases.get('n_x_80')).to.equal('spare0002')
    expect(plan.kind === 'commands' && plan.after.layout.free.get('plain')).to.deep.equal(['spare0001', 'spare0003'])
  })

  it('is given to the same backend again', () => {
    const had = (before: Held, spec: ConfigSpec, resting: readonly string[]): Held => {
      const plan = change(before, configOf(spec), { resting: new Set(resting) })
      return plan.kind === 'commands' ? plan.after : expect.fail('a reload')
    }
    const vanished = had(had(held, added('n_x_80'), []), base, [])
    const back = had(vanished, added('n_x_80'), ['spare0001'])
    expect([...back.layout.aliases]).to.deep.equal([['n_x_80', 'spare0001']])
    const other = had(vanished, added('n_y_80'), ['spare0001'])
    expect([...other.layout.aliases]).to.deep.equal([['n_y_80', 'spare0002']])
  })

  it('is not given away when no other is left', () => {
    const plan = change(held, configOf(added('n_x_80')), { resting: new Set(['spare0001', 'spare0002', 'spare0003']) })
    expect(plan).to.include({ kind: 'reload', cause: 'spares' })
  })
})

describe('spares: Services that come and go', () => {
  it('use nothing up: 2,000 of them, 50 at once, half of them filtered, take no reload', () => {
    const settings = { ...testSettings, spares: { ...testSettings.spares, plain: 60, filtered: 60 } }
    let held = freshlyLoaded(configOf(base), settings)
    let present: readonly string[] = []
    for (let n = 0; n < 2000; n += 1) {
      present = [...present, `n_s${n}_80${n % 2 === 0 ? '' : '.f'}`].slice(-50)
      const backends = Object.fromEntries(present.map((name) => [name, [`10.1.${n % 7}.1`]]))
      const plan = change(held, configOf({ ...base, backends: { ...base.backends, ...backends } }))
      if (plan.kind === 'reload') expect.fail(`${n}: ${plan.reasons.join()}`)
      held = plan.after
    }
    const plan = change(held, configOf(base))
    const { aliases, retired, free, former } = plan.kind === 'commands' ? plan.after.layout : expect.fail('a reload')
    expect([aliases.size, retired.size, free.get('plain')?.length, free.get('filtered')?.length]).to.deep.equal([
      0, 0, 60, 60,
    ])
    expect(former.size).to.equal(120)
  })
})
