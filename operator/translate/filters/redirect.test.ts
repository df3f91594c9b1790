import { expect } from 'chai'

import type { Redirect, Rule } from '../../model/proxy-model.ts'

import { rulesAtListener } from './redirect.ts'

function ruleOf(redirect: Omit<Redirect, 'status'>): Rule {
  return {
    id: 'r',
    match: { path: { kind: 'prefix', value: '/' }, headers: [], queries: [] },
    action: { kind: 'redirect', redirect: { ...redirect, status: 302 }, filters: [] },
  }
}

describe('translate/filters/redirect at a listener', () => {
  type Row = readonly [listener: string, scheme: Redirect['scheme'], port: number | undefined, location: string]
  // The cases of the conformance test HTTPRouteRedirectPortAndScheme, and the mixed ones that it leaves out.
  const rows: readonly Row[] = [
    ['http 80', undefined, undefined, 'http://'],
    ['http 80', undefined, 80, 'http://'],
    ['http 80', undefined, 8080, 'http://:8080'],
    ['http 80', undefined, 443, 'http://:443'],
    ['http 80', 'https', undefined, 'https://'],
    ['http 80', 'https', 443, 'https://'],
    ['http 80', 'https', 8443, 'https://:8443'],
    ['http 8080', undefined, undefined, 'http://:8080'],
    ['http 8080', undefined, 80, 'http://'],
    ['http 8080', 'https', undefined, 'https://'],
    ['http 8080', 'http', undefined, 'http://'],
    ['https 443', undefined, undefined, 'https://'],
    ['https 443', undefined, 443, 'https://'],
    ['https 443', undefined, 80, 'https://:80'],
    ['https 443', 'http', undefined, 'http://'],
    ['https 443', 'http', 8080, 'http://:8080'],
    ['https 8443', undefined, undefined, 'https://:8443'],
  ]
  for (const [listener, scheme, port, location] of rows)
    it(`${listener}, scheme ${scheme ?? '-'}, port ${port ?? '-'} leads to ${location}`, () => {
      const [protocol, listenerPort] = listener.split(' ')
      const rule = ruleOf({ ...(scheme === undefined ? {} : { scheme }), ...(port === undefined ? {} : { port }) })
      const [placed] = rulesAtListener([rule], { port: Number(listenerPort), tls: protocol === 'https' })
      const action = placed?.action
      if (action?.kind !== 'redirect') throw new Error('no redirect')
      const ending = action.redirect.port === undefined ? '' : `:${action.redirect.port}`
      expect(`${action.redirect.scheme}://${ending}`).to.equal(location)
    })

  it('completes the redirect of one backendRef', () => {
    const share = { kind: 'redirect' as const, weight: 1, redirect: { status: 302 as const }, filters: [] }
    const rule: Rule = { ...ruleOf({}), action: { kind: 'forward', targets: [share] } }
    const [placed] = rulesAtListener([rule], { port: 8080, tls: false })
    expect(placed?.action).to.deep.equal({
      kind: 'forward',
      targets: [{ ...share, redirect: { scheme: 'http', port: 8080, status: 302 } }],
    })
  })

  it('keeps rules without redirects as they are', () => {
    const rules: readonly Rule[] = [{ ...ruleOf({}), action: { kind: 'respond', status: 500 } }]
    expect(rulesAtListener(rules, { port: 80, tls: false })).to.equal(rules)
  })
})
