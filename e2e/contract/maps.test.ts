import { expect } from 'chai'

import { isPadding, paddedEntries } from '../../operator/push/padded.ts'

import { at, Lab, listOf, programs, type Answer } from './lab.ts'

const root = '/services/haproxy/runtime/maps'
const map = `${root}/scratch.map`
const entries = `${map}/entries`
const one = (key: string): string => `${entries}/${encodeURIComponent(key)}`

for (const program of programs()) {
  describe(`maps in memory (${program.name})`, function () {
    this.timeout(60_000)
    let lab: Lab

    before(async () => {
      lab = await Lab.start(program)
    })
    after(() => lab.stop())
    beforeEach(() => lab.call('DELETE', map))

    const keys = async (): Promise<readonly unknown[]> =>
      listOf(await lab.call('GET', entries)).map((e) => at(e, 'key'))
    const pairs = async (): Promise<readonly object[]> =>
      listOf(await lab.call('GET', entries))
        .map((e) => ({ key: String(at(e, 'key')), value: String(at(e, 'value')) }))
        .filter((e) => !isPadding(e))
    const outcome = ({ status, json, text }: Answer): unknown => [status, json ?? text]

    it('lists the loaded maps of the maps folder', async () => {
      const maps = listOf(await lab.call('GET', root))
      expect(maps.map((each) => [at(each, 'storage_name'), at(each, 'file')])).to.deep.equal([
        ['hosts.map', lab.path('maps/hosts.map')],
        ['scratch.map', lab.path('maps/scratch.map')],
      ])
      expect(at((await lab.call('GET', map)).json, 'file')).to.equal(lab.path('maps/scratch.map'))
      expect((await lab.call('GET', `${root}/none.map`)).status).to.equal(404)
    })

    it('reads entries that came from the file', async () => {
      const [entry] = listOf(await lab.call('GET', `${root}/hosts.map/entries`))
      expect([at(entry, 'key'), at(entry, 'value')]).to.deep.equal(['a.example.com', 'web'])
      expect((await lab.call('GET', `${root}/none.map/entries`)).status).to.equal(404)
    })

    it('adds an entry once, and the next request sees it', async () => {
      const entry = { key: '/a', value: 'first' }
      expect((await lab.visit('a.example.com', '/a')).headers['x-scratch']).to.equal('none')
      expect(outcome(await lab.call('POST', entries, entry))).to.deep.equal([201, entry])
      expect((await lab.visit('a.example.com', '/a')).headers['x-scratch']).to.equal('first')
      expect((await lab.call('POST', entries, entry)).status).to.equal(409)
      expect(await keys()).to.deep.equal(['/a'])
    })

    it('takes entries as long as the operator makes any, however they are sent', async () => {
      const long = { key: `/${'k'.repeat(999)}`, value: 'v'.repeat(7000) }
      expect((await lab.call('POST', entries, long)).status).to.equal(201)
      const next = { key: long.key, value: 'w'.repeat(7000) }
      expect((await lab.call('PUT', one(long.key), { value: next.value })).status).to.equal(200)
      expect(await pairs()).to.deep.equal([next])
      const many = Array.from({ length: 12 }, (_, n) => ({ key: `${long.key}${n}`, value: long.value }))
      expect((await lab.call('PUT', map, paddedEntries(many))).status).to.equal(201)
      expect(await pairs()).to.deep.equal(many)
      const widest = { key: 'k'.repeat(8000), value: 'v' }
      expect((await lab.call('POST', entries, widest)).status).to.equal(201)
      expect((await lab.call('PUT', one(widest.key), { value: 'w' })).status).to.equal(200)
      expect((await lab.call('DELETE', one(widest.key))).status).to.equal(204)
      expect(await pairs()).to.deep.equal(many)
    })

    it('knows no map that HAProxy has not loaded', async () => {
      const entry = { key: '/a', value: 'x' }
      expect((await lab.call('POST', `${root}/none.map/entries`, entry)).status).to.equal(400)
      expect((await lab.call('PUT', `${root}/none.map`, [entry])).status).to.equal(400)
      expect((await lab.call('DELETE', `${root}/none.map`)).status).to.equal(404)
      expect((await lab.call('DELETE', `${root}/none.map/entries/x`)).status).to.equal(404)
    })

    it('replaces and removes an entry that exists, and no other', async () => {
      await lab.call('POST', entries, { key: '/a', value: '1' })
      expect(outcome(await lab.call('PUT', one('/a'), { value: '2' }))).to.deep.equal([200, { key: '/a', value: '2' }])
      expect(outcome(await lab.call('GET', one('/a')))).to.deep.equal([200, { key: '/a', value: '2' }])
      expect((await lab.call('PUT', one('/a'), {})).status).to.equal(422)
      const gone = await lab.call('DELETE', one('/a'))
      expect([gone.status, gone.text]).to.deep.equal([204, ''])
      for (const [method, body] of [['GET'], ['DELETE'], ['PUT', { value: 'x' }]] as const)
        expect((await lab.call(method, one('/a'), body)).status, method).to.equal(404)
    })

    it('takes a key for itself, not for what a prefix map would match', async () => {
      await lab.call('POST', entries, { key: '/a', value: '1' })
      expect((await lab.call('GET', one('/ab'))).status).to.equal(404)
      expect((await lab.call('POST', entries, { key: '/ab', value: '2' })).status).to.equal(201)
      expect((await lab.call('PUT', one('/abc'), { value: '3' })).status).to.equal(404)
    })

    describe('characters of a key', () => {
      for (const character of ['/', '%', "'", '(', '!', '+', ':', '@', '|', '~', '^', '[', '?', '\u007f', 'é'])
        it(`${JSON.stringify(character)} can be added, changed and removed`, async () => {
          const key = `host/p${character}q`
          expect((await lab.call('POST', entries, { key, value: 'v' })).status).to.equal(201)
          expect((await lab.call('PUT', one(key), { value: 'w' })).status).to.equal(200)
          expect(await keys()).to.deep.equal([key])
          expect((await lab.call('DELETE', one(key))).status).to.equal(204)
          expect(await keys()).to.deep.equal([])
        })

      for (const character of ['#', '*', '$', '&', '{', '}', '"', '<', '>'])
        it(`${character} can be added, but never changed or removed by its key`, async () => {
          const key = `host/p${character}q`
          expect((await lab.call('POST', entries, { key, value: 'v' })).status).to.equal(201)
          expect((await lab.call('PUT', one(key), { value: 'w' })).status).to.equal(400)
          expect((await lab.call('DELETE', one(key))).status).to.equal(400)
          expect(await keys()).to.deep.equal([key])
        })

      for (const character of [',', '='])
        it(`${character} is changed with the answer 404`, async () => {
          const key = `host/p${character}q`
          expect((await lab.call('POST', entries, { key, value: 'v' })).status).to.equal(201)
          const answer = await lab.call('PUT', one(key), { value: 'w' })
          expect([answer.status, answer.text]).to.deep.equal([404, ''])
          expect(at(listOf(await lab.call('GET', entries))[0], 'value')).to.equal('w')
          expect((await lab.call('DELETE', one(key))).status).to.equal(204)
        })

      it('; is refused everywhere', async () => {
        const entry = { key: 'host/p;q', value: 'v' }
        expect((await lab.call('POST', entries, entry)).status).to.equal(400)
        expect((await lab.call('PUT', map, [entry])).status).to.equal(400)
        expect((await lab.call('DELETE', one(entry.key))).status).to.equal(400)
        expect(await keys()).to.deep.equal([])
      })
    })

    it('cuts a value at = and , when one entry is read, and at a space in the list', async () => {
      await lab.call('PUT', map, [
        { key: 'k', value: 'a|b=c' },
        { key: 'l', value: 'a b' },
      ])
      expect(at((await lab.call('GET', one('k'))).json, 'value')).to.equal('a|b')
      const values = listOf(await lab.call('GET', entries)).map((entry) => at(entry, 'value'))
      expect(values).to.deep.equal(['a|b=c', 'a'])
    })

    it('refuses bodies that are no entry', async () => {
      const json = { 'content-type': 'application/json' }
      expect((await lab.call('POST', entries, '{bad', json)).status).to.equal(400)
      expect((await lab.call('POST', entries)).status).to.equal(400)
      expect((await lab.call('POST', entries, 'text')).status).to.equal(415)
      expect((await lab.call('POST', entries, [])).status).to.equal(422)
      expect((await lab.call('POST', entries, { key: 'k', value: 5 })).status).to.equal(400)
      expect((await lab.call('POST', entries, { key: 'k' })).status).to.equal(400)
      expect((await lab.call('PUT', map, {})).status).to.equal(422)
    })

    if (program.name === 'embedded')
      it('refuses line breaks; upstream would execute what follows as a command, so the product must never send one', async () => {
        for (const entry of [
          { key: 'k', value: 'x\nshow info' },
          { key: 'k\r', value: 'x' },
        ]) {
          expect((await lab.call('POST', entries, entry)).status).to.equal(400)
          expect((await lab.call('PUT', map, [entry])).status).to.equal(400)
        }
        expect((await lab.call('POST', entries, { key: 'k', value: '<<' })).status).to.equal(400)
        expect(await keys()).to.deep.equal([])
      })

    describe('the whole map at once', () => {
      type Entry = { readonly key: string; readonly value: string }
      /** As many entries as wished, each of `size` bytes with its space and line break. */
      const many = (count: number, size: number): Entry[] =>
        Array.from({ length: count }, (_, index) => ({ key: `k${index}`.padEnd(size - 8, '_'), value: 'v'.repeat(6) }))
      const put = async (list: readonly Entry[]): Promise<unknown> => {
        await lab.call('POST', entries, { key: 'old', value: '1' })
        const { status } = await lab.call('PUT', map, [...list])
        const after = await keys()
        return [status, after.includes('old') ? 'added' : 'replaced', after.filter((key) => key !== 'old').length]
      }

      it('adds small lists, even what exists', async () => {
        expect(await put(many(2, 20))).to.deep.equal([201, 'added', 2])
        await lab.call('PUT', map, many(2, 20))
        expect((await keys()).length).to.equal(5)
      })

      it('answers 500 to an empty list and leaves the map alone', async () => {
        expect(await put([])).to.deep.equal([500, 'added', 0])
      })

      const overflowing = Array.from({ length: 82 }, (_, index) => ({
        key: `e${index}`.padEnd(48, '_'),
        value: 'v'.repeat(index === 81 ? 44 : 50),
      }))
      const cases: readonly (readonly [string, readonly Entry[], unknown])[] = [
        ['adds exactly 8,192 bytes', many(128, 64), [201, 'added', 128]],
        ['loses what follows exactly 8,192 bytes', many(129, 64), [201, 'added', 128]],
        ['replaces in one step above 8,192 bytes', many(300, 50), [201, 'replaced', 300]],
        ['replaces by many payloads', many(1000, 100), [201, 'replaced', 1000]],
        ['loses a last entry that overflows', overflowing, [201, 'replaced', 81]],
        ['replaces by one entry above the limit', [{ key: 'big', value: 'x'.repeat(9000) }], [201, 'replaced', 1]],
      ]
      for (const [name, list, expected] of cases)
        it(name, async () => {
          expect(await put(list)).to.deep.equal(expected)
        })
    })

    it('serves several clients at once and loses nothing', async () => {
      const wanted = Array.from({ length: 200 }, (_, index) => ({ key: `/many/${index}`, value: `${index}` }))
      const answers = await Promise.all(wanted.map((entry) => lab.call('POST', entries, entry)))
      expect(new Set(answers.map(({ status }) => status))).to.deep.equal(new Set([201]))
      expect(new Set(await keys())).to.deep.equal(new Set(wanted.map(({ key }) => key)))
    })

    it('forgets entries at a reload from outside', async () => {
      await lab.call('POST', entries, { key: '@gen', value: 'g1' })
      expect((await lab.call('GET', one('@gen'))).status).to.equal(200)
      await lab.reloadFromOutside()
      expect((await lab.call('GET', one('@gen'))).status).to.equal(404)
    })
  })
}
