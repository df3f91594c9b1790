import { expect } from 'chai'
import fc from 'fast-check'

import { serverAddress } from './addresses.ts'

describe('translate/addresses', () => {
  const spellings = [
    ['10.0.0.1', '10.0.0.1'],
    ['2001:DB8:0:0::1', '2001:db8::1'],
    ['::ffff:10.0.0.1', '10.0.0.1'],
    ['::ffff:a00:1', '10.0.0.1'],
    ['fd00::1', 'fd00::1'],
    ['64:ff9b::a00:1', '64:ff9b::a00:1'],
    ['223.255.255.255', '223.255.255.255'],
  ] as const
  for (const [text, address] of spellings)
    it(`${text} is ${address}`, () => expect(serverAddress(text)).to.equal(address))

  const reserved = '127.0.0.1 127.9.9.9 0.0.0.0 0.1.2.3 169.254.169.254 224.0.0.1 240.0.0.1 255.255.255.255'
  const reserved6 =
    ':: ::1 ::7f00:1 ::127.0.0.1 ::ffff:127.0.0.1 ::ffff:169.254.169.254 ::ffff:0:0 fe80::1 febf::1 ff02::1'
  const none =
    '127.1 010.0.0.1 0x7f.0.0.1 2130706433 localhost metadata.internal 10.0.0.256 1:2 ::g fe80::1%eth0 2001:db8::1%1'
  const refused = `${reserved} ${reserved6} ${none}`.split(' ').concat('', '10.0.0.1\n', '2001:db8::1]:80 #')
  for (const text of refused)
    it(`refuses ${JSON.stringify(text)}`, () => expect(serverAddress(text)).to.equal(undefined))

  it('is its own spelling, and never anything but an address', () => {
    const anyText = fc.oneof(fc.ipV4(), fc.ipV6(), fc.string(), fc.stringMatching(/^[0-9a-f:.%]{1,40}$/))
    fc.assert(
      fc.property(anyText, (text) => {
        const address = serverAddress(text)
        if (address === undefined) return
        expect(address).to.match(/^[\da-f:.]+$/)
        expect(serverAddress(address)).to.equal(address)
      }),
    )
  })
})
