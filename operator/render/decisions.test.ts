import { expect } from 'chai'

import { decide, noEffort, type Candidate } from './decisions.ts'
import { dimensionOf } from './dimensions.ts'

describe('render/decisions', () => {
  it('is the value itself when the first candidate is certain', () => {
    expect(decided([certain('a'), certain('b')])).to.deep.equal({ id: 'a', tree: {}, candidates: {} })
  })

  it('is 404 without candidates', () => {
    expect(decided([]).id).to.equal('respond-404')
  })

  it('falls through to the next candidate when a condition fails', () => {
    const { id, tree } = decided([when('a', { 'x-a': '1' }), certain('b')])
    expect(tree).to.deep.equal({ [`${id}|`]: 'b', [`${id}|1\x7f`]: 'a' })
  })

  it('tests headers by name before query parameters, whatever the order of the candidates', () => {
    const { id, tree } = decided([when('a', { '?q': '1' }), when('b', { 'x-b': '1' }), when('c', { 'x-a': '1' })])
    expect(id).to.match(new RegExp(`^@${dimensionOf('header', 'x-a').id}\\.`))
    expect(tree[`${id}|`]).to.match(new RegExp(`^@${dimensionOf('header', 'x-b').id}\\.`))
  })

  it('shares equal rests', () => {
    const { tree } = decided(['1', '2', '3'].map((wanted) => when('a', { 'x-a': wanted, 'x-z': '1' })))
    expect(Object.keys(tree)).to.have.length(4 + 2)
  })

  it('gives a list whose diagram would explode to Lua, one record per candidate', () => {
    const pairs = Array.from({ length: 12 }, (_, i) => when(`v${i}`, { [`x-a${i}`]: '1', [`x-b${i}`]: '1' }))
    const { id, tree, candidates } = decided(pairs)
    expect(id).to.match(/^@l\./)
    expect(tree).to.deep.equal({})
    expect(Object.keys(candidates)).to.have.length(pairs.length)
  })

  it('ends the work for one virtual host: what is left goes to Lua', () => {
    const nodes = { ...emptyNodes(), effort: { spent: 0, allowed: 30 } }
    const lists = ['a', 'b', 'c', 'd'].map((list) =>
      Array.from({ length: 12 }, (_, i) => when(`${list}${i}`, { [`x-${i}`]: '1', 'x-z': '1' })),
    )
    const ids = lists.map((list) => decide(list, nodes))
    expect(ids.map((id) => id.slice(0, 3))).to.deep.equal(['@l.', '@l.', '@l.', '@l.'])
    expect(nodes.effort.spent).to.be.below(200)
    expect(nodes.candidates.size).to.equal(4 * 12)
  })

  it('decides thousands of values of one header in one node', () => {
    const tenants = Array.from({ length: 3000 }, (_, i) => when(`v${i}`, { 'x-tenant': String(i) }))
    const { id, tree, candidates } = decided([...tenants, certain('rest')])
    expect(Object.keys(tree)).to.have.length(3001)
    expect(tree[`${id}|2999\x7f`]).to.equal('v2999')
    expect(candidates).to.deep.equal({})
  })

  it('walks in Lua up to the last candidate that needs it, then in the tree', () => {
    const { id, tree, candidates } = decided([
      when('a', { 'x-a': '1' }),
      forLua('b'),
      when('c', { 'x-c': '1' }),
      certain('d'),
    ])
    const [hit, miss] = (candidates[id] ?? '').split('|')
    expect(hit).to.equal('a')
    const [second, rest] = (candidates[miss ?? ''] ?? '').split('|')
    expect(second).to.equal('b')
    expect(tree[`${rest}|1\x7f`]).to.equal('c')
    expect(tree[`${rest}|`]).to.equal('d')
  })

  it('never ends a chain with the name of a backend, which may change in a pod', () => {
    const { id, candidates } = decided([forLua('a'), certain('b')])
    const miss = candidates[id]?.split('|')[1] ?? ''
    expect(miss).to.match(/^@l\./)
    expect(candidates[miss]).to.equal('b|respond-404|')
  })

  it('gives different ids to the same decision in another virtual host', () => {
    const candidates = [when('a', { 'x-a': '1' })]
    expect(decided(candidates, '80/a').id).not.to.equal(decided(candidates, '80/b').id)
  })
})

function decided(candidates: readonly Candidate[], scope = '80/a.example.com') {
  const nodes = emptyNodes(scope)
  const id = decide(candidates, nodes)
  return { id, tree: Object.fromEntries(nodes.tree), candidates: Object.fromEntries(nodes.candidates) }
}

function emptyNodes(scope = '80/a.example.com') {
  return { scope, tree: new Map<string, string>(), candidates: new Map<string, string>(), effort: noEffort() }
}

function certain(value: string): Candidate {
  return { value, tests: [], luaTests: '' }
}

function forLua(value: string): Candidate {
  return { value, tests: undefined, luaTests: 'p::~:x' }
}

// Names that begin with `?` are query parameters. Tests come in the order of dimensions.
function when(value: string, conditions: Readonly<Record<string, string>>): Candidate {
  const tests = Object.entries(conditions).map(([name, wanted]) => ({
    dimension: name.startsWith('?') ? dimensionOf('query', name.slice(1)) : dimensionOf('header', name),
    value: wanted,
  }))
  return {
    value,
    tests: tests.toSorted((a, b) => (a.dimension.order < b.dimension.order ? -1 : 1)),
    luaTests: `h:${value}`,
  }
}
