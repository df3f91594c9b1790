import { expect } from 'chai'

import { flag, jsonBody, Refusal, textBody, upload, wholeNumber, type Call } from './exchange.ts'

const call = (contentType: string, body: string, query = ''): Call => ({
  params: {},
  query: new URLSearchParams(query),
  contentType,
  body: Buffer.from(body),
})
const multipart = (name: string, content: string, field = 'file_upload'): Call =>
  call(
    'multipart/form-data; boundary=cut',
    `--cut\r\nContent-Disposition: form-data; name="${field}"; filename="${name}"\r\nContent-Type: text/plain\r\n\r\n${content}\r\n--cut--\r\n`,
  )
const status = (work: () => unknown): number | undefined => {
  try {
    work()
    return undefined
  } catch (error) {
    return error instanceof Refusal ? error.status : -1
  }
}

describe('reading requests', () => {
  it('an upload keeps its content byte for byte, and loses folders in its name', () => {
    expect(upload(multipart('../x/é.map', 'a é\r\n\r\nb\n'))).to.deep.equal({ name: 'é.map', text: 'a é\r\n\r\nb\n' })
    expect(upload(multipart('empty', ''))).to.deep.equal({ name: 'empty', text: '' })
  })

  it('an upload in another field, or without a boundary, is refused', () => {
    expect(status(() => upload(multipart('x', 'y', 'other')))).to.equal(400)
    expect(status(() => upload(call('multipart/form-data', 'x')))).to.equal(400)
  })

  it('bodies have the type that was asked for', () => {
    expect(textBody(call('text/plain; charset=utf-8', 'x'))).to.equal('x')
    expect(status(() => textBody(call('application/json', 'x')))).to.equal(415)
    expect(status(() => jsonBody(call('application/json', '{')))).to.equal(400)
    expect(status(() => jsonBody(call('application/json', '')))).to.equal(400)
  })

  it('flags and numbers of the query are read strictly', () => {
    expect(flag(call('', '', 'a=true'), 'a')).to.equal(true)
    expect(flag(call('', '', 'a=0'), 'a')).to.equal(false)
    expect(flag(call('', '', ''), 'a')).to.equal(false)
    expect(status(() => flag(call('', '', 'a=maybe'), 'a'))).to.equal(400)
    expect(wholeNumber(call('', '', 'n=7'), 'n')).to.equal(7)
    expect(wholeNumber(call('', '', ''), 'n')).to.equal(undefined)
    expect(status(() => wholeNumber(call('', '', 'n=7x'), 'n'))).to.equal(400)
  })
})
