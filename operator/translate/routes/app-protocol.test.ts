import { expect } from 'chai'

import { type AppProtocol, spokenTo } from './app-protocol.ts'

const plain: AppProtocol = { http2: false, needsTls: false }
const http2: AppProtocol = { http2: true, needsTls: false }
const tls: AppProtocol = { http2: false, needsTls: true }
const both: AppProtocol = { http2: true, needsTls: true }

describe('translate/routes/app-protocol', () => {
  const rows: readonly (readonly [string | undefined, AppProtocol, AppProtocol | undefined])[] = [
    [undefined, plain, http2],
    ['', plain, http2],
    ['http', plain, http2],
    ['example.com/own', plain, http2],
    ['kubernetes.io/h2c', http2, http2],
    ['grpc', http2, http2],
    ['kubernetes.io/ws', plain, undefined],
    ['kubernetes.io/wss', tls, undefined],
    ['HTTPS', tls, both],
    ['grpcs', both, both],
  ]
  for (const [name, http, grpc] of rows)
    it(`knows what is spoken to a port of ${name ?? 'no protocol'}`, () => {
      expect([spokenTo(name, 'http'), spokenTo(name, 'grpc')]).to.deep.equal([http, grpc])
    })
})
