import { expect } from 'chai'
import fc from 'fast-check'

import { covers, intersectHostnames, isHostname, mostSpecific } from './hostnames.ts'

describe('translate/hostnames', () => {
  type Row = readonly [listener: string, route: readonly string[], common: readonly string[]]
  const rows: readonly Row[] = [
    ['', [], ['']],
    ['', ['a.example.com', '*.b.com'], ['*.b.com', 'a.example.com']],
    ['a.example.com', [], ['a.example.com']],
    ['*.example.com', [], ['*.example.com']],
    ['a.example.com', ['a.example.com'], ['a.example.com']],
    ['a.example.com', ['b.example.com'], []],
    ['a.example.com', ['*.example.com', '*.com', 'a.example.com'], ['a.example.com']],
    [
      '*.example.com',
      ['a.example.com', 'a.b.example.com', 'example.com', 'a.example.org'],
      ['a.b.example.com', 'a.example.com'],
    ],
    ['*.example.com', ['*.example.com'], ['*.example.com']],
    ['*.example.com', ['*.b.example.com'], ['*.b.example.com']],
    ['*.b.example.com', ['*.example.com'], ['*.b.example.com']],
    ['*.example.com', ['*.example.org', '*.ample.com'], []],
    ['example.com', ['*.example.com'], []],
  ]
  for (const [listener, route, common] of rows)
    it(`listener ${listener || 'for any host'} and route for ${route.join(' ') || 'any host'} serve ${common.join(' ') || 'nothing together'}`, () => {
      expect(intersectHostnames(listener, route)).to.deep.equal(common)
    })

  it('the most specific listener owns a hostname', () => {
    const listeners = ['', '*.example.com', '*.foo.example.com', 'abc.foo.example.com']
    const owner = (hostname: string): string | undefined => mostSpecific(new Set(listeners), hostname)
    expect(owner('bar.com')).to.equal('')
    expect(owner('example.com')).to.equal('')
    expect(owner('bar.example.com')).to.equal('*.example.com')
    expect(owner('*.example.com')).to.equal('*.example.com')
    expect(owner('x.bar.foo.example.com')).to.equal('*.foo.example.com')
    expect(owner('abc.foo.example.com')).to.equal('abc.foo.example.com')
    expect(owner('*.com')).to.equal('')
    expect(mostSpecific(new Set(['*.example.com']), 'example.org')).to.equal(undefined)
    const long = new Set(['*.very.long.example.com', 'x.very.long.example.com'])
    expect(mostSpecific(long, 'x.very.long.example.com')).to.equal('x.very.long.example.com')
  })

  it('tells a hostname from other texts', () => {
    for (const good of ['a', 'a.b', '*.a.b', 'a-b.c', '1.2']) expect(isHostname(good), good).to.equal(true)
    for (const bad of ['', '*', '*.', 'a..b', 'a b', 'a.*.b', '-a', 'a-', 'a|b', 'a:80', 'A.b', 'a\n'])
      expect(isHostname(bad), bad).to.equal(false)
  })

  it('law: a host is served together exactly when the listener and the route serve it', () => {
    const label = fc.constantFrom('a', 'b', 'c')
    const host = fc.array(label, { minLength: 1, maxLength: 4 }).map((labels) => labels.join('.'))
    const hostname = fc.oneof(
      host,
      host.map((name) => `*.${name}`),
    )
    const listener = fc.oneof(hostname, fc.constant(''))
    fc.assert(
      fc.property(listener, fc.array(hostname, { minLength: 1, maxLength: 4 }), host, (own, route, asked) => {
        const together = intersectHostnames(own, route).some((common) => covers(common, asked))
        expect(together).to.equal(covers(own, asked) && route.some((name) => covers(name, asked)))
      }),
    )
  })
})
