import { expect } from 'chai'

import { parseEvent } from './wire.ts'

describe('watch/wire', () => {
  it('says of a broken line nothing that stands in it', () => {
    const line = '{"a":c2VjcmV0}'
    expect(() => parseEvent(line))
      .to.throw('is not JSON')
      .with.property('message')
      .that.does.not.include('c2Vj')
  })
})
