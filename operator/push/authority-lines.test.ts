import { expect } from 'chai'

import { piecesOf, setAuthorities } from './authority-lines.ts'

const certificate = `-----BEGIN CERTIFICATE-----\n${`${'A'.repeat(64)}\n`.repeat(20)}-----END CERTIFICATE-----\n`

describe('authorities in pieces', () => {
  it('are whole certificates, in order, none of them lost', () => {
    for (const count of [1, 2, 7, 8, 40, 200]) {
      const pem = certificate.repeat(count)
      const pieces = piecesOf(pem)
      expect(pieces.join('')).to.equal(pem)
      for (const piece of pieces) expect(piece.length % certificate.length).to.equal(0)
      for (const piece of pieces) expect(piece.length).to.be.within(1, 10_000)
    }
  })

  it('are left as they were when HAProxy refuses a piece', async () => {
    const asked: string[] = []
    const runtime = {
      isOpen: true,
      maps: '/gw/maps',
      ask: async ([command = '']: readonly string[]) => {
        asked.push(command.split(' <<')[0] ?? '')
        await Promise.resolve()
        if (command.startsWith('set')) return ['transaction created for CA ca.pem!']
        return [command.startsWith('add') ? "Invalid payload\nCan't update ca.pem!" : 'Committing ca.pem\nSuccess!']
      },
      renew: () => {},
    }
    expect(await setAuthorities(runtime, 'ca.pem', certificate.repeat(20))).to.equal(false)
    expect(asked).to.deep.equal([
      'new ssl ca-file ca.pem',
      'set ssl ca-file ca.pem',
      'add ssl ca-file ca.pem',
      'abort ssl ca-file ca.pem',
    ])
    expect(await setAuthorities(runtime, 'ca.pem', certificate)).to.equal(true)
  })
})
