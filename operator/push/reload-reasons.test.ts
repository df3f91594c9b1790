import { expect } from 'chai'

import { type Subject, Users } from '../model/users.ts'

import { change, type Reload } from './change.ts'
import { freshlyLoaded } from './held.ts'
import { explain, labelOf, summary } from './reload-reasons.ts'
import { configOf, testSettings, type ConfigSpec } from './testing/configs.ts'

const base: ConfigSpec = {
  hosts: {},
  backends: { n_a_80: ['10.0.0.1'], n_b_80: ['10.0.0.2'] },
  certificates: { 'a.pem': 'A', 'b.pem': 'B' },
  list: [['a.pem', []]],
  reasons: ['port 80', 'header x-old'],
}
const nameOf = (subject: Subject): string => {
  if (subject.kind === 'port') return String(subject.port)
  return subject.kind === 'profile' ? subject.profile : subject.name
}
/** Everything is asked for by one route that is called what it asks for. */
const users = new Users((subject) => [`HTTPRoute ${subject.kind}/${nameOf(subject)}`])

function told(after: ConfigSpec, before = base): readonly string[] {
  const wanted = { ...configOf(after), users }
  const plan = change(freshlyLoaded(configOf(before), testSettings), wanted)
  return plan.kind === 'reload' ? explain(plan, wanted) : []
}

describe('reload reasons', () => {
  const appeared = ['n_c_80', 'n_d_80', 'n_e_80', 'n_f_80']
  const cases: readonly { readonly name: string; readonly after: ConfigSpec; readonly says: readonly string[] }[] = [
    {
      name: 'names that came and went',
      after: { ...base, reasons: ['port 80', 'header x-new', 'query parameter version', 'profile retry.3.500-503'] },
      says: [
        'header x-new (HTTPRoute header/x-new)',
        'profile retry.3.500-503 (HTTPRoute profile/retry.3.500-503)',
        'query parameter version (HTTPRoute query/version)',
      ],
    },
    {
      name: 'a port that decrypts from now on',
      after: { ...base, reasons: ['port 80 with TLS', 'header x-old'] },
      says: ['port 80 (no longer used)', 'port 80 with TLS (HTTPRoute port/80)'],
    },
    {
      name: 'what is asked of the clients of a port',
      after: { ...base, reasons: ['port 80', 'header x-old', 'client certificates of port 443: ca.pem, valid-only'] },
      says: ['client certificates of port 443: ca.pem, valid-only (HTTPRoute port/443)'],
    },
    {
      name: 'templates of another version',
      after: { ...base, machine: 'other' },
      says: ['templates of another version'],
    },
    {
      name: 'spares that are used up',
      after: { ...base, backends: Object.fromEntries(appeared.map((name) => [name, ['10.0.0.9']])) },
      says: ['no spare of profile plain is left for backend n_f_80 (HTTPRoute backend/n_f_80)'],
    },
    {
      name: 'spares of a retry policy that are used up',
      after: { ...base, backends: { 'n_c_80.retry.2.500': [] } },
      says: [
        'no spare of profile retry.2.500 is left for backend n_c_80.retry.2.500 (HTTPRoute backend/n_c_80.retry.2.500)',
      ],
    },
    {
      name: 'another default certificate',
      after: { ...base, list: [['b.pem', []]] },
      says: ['default certificate of certificates-443.txt (HTTPRoute port/443)'],
    },
  ]
  for (const { name, after, says } of cases)
    it(`tell who asks for ${name}`, () => {
      expect(told(after)).to.deep.equal(says)
    })

  it('are told without anybody when nobody is known', () => {
    const reload: Reload = { kind: 'reload', cause: 'machine', reasons: ['header x-new'] }
    const wanted = configOf({ ...base, reasons: ['header x-new'] })
    expect(explain(reload, wanted)).to.deep.equal(['header x-new'])
    expect(explain(reload, { ...wanted, users: new Users(() => []) })).to.deep.equal(['header x-new'])
  })

  it('name three who ask and count the others', () => {
    const many = new Users(() => ['HTTPRoute a/a', 'HTTPRoute a/b', 'HTTPRoute a/c', 'HTTPRoute a/d', 'HTTPRoute a/e'])
    const wanted = { ...configOf({ ...base, reasons: ['header x'] }), users: many }
    const reload: Reload = { kind: 'reload', cause: 'machine', reasons: ['header x'] }
    expect(explain(reload, wanted)).to.deep.equal(['header x (HTTPRoute a/a, HTTPRoute a/b, HTTPRoute a/c and 2 more)'])
  })

  it('are summed up by three of them', () => {
    expect(summary(['a', 'b'])).to.equal('a; b')
    expect(summary(['a', 'b', 'c', 'd'])).to.equal('a; b; c and 1 more')
  })

  it('have few words as labels, whatever users call their headers', () => {
    expect(labelOf({ cause: 'machine', reasons: ['header x-new'] })).to.equal('header')
    expect(labelOf({ cause: 'machine', reasons: ['query parameter version', 'port 80'] })).to.equal('query')
    expect(labelOf({ cause: 'machine', reasons: [] })).to.equal('machine')
    expect(labelOf({ cause: 'spares', reasons: ['no spare'] })).to.equal('spares')
  })
})
