// Unary calls of gRPC, each over a connection of its own, in HTTP/2 without TLS.

import { connect, type IncomingHttpHeaders, type IncomingHttpStatusHeader } from 'node:http2'

export type Call = { readonly address: string; readonly host: string; readonly method: string }
export type CallAnswer = {
  /** HTTP's. */
  readonly status: number
  /** gRPC's, from the trailers. */
  readonly code?: string
  readonly headers: IncomingHttpHeaders
  /** The answer as it came, with the texts of the message readable in it. */
  readonly body: string
}

/** Calls with an empty message. Rejects when there was no answer in time. */
export async function call({ address, host, method }: Call, deadline = 5_000): Promise<CallAnswer> {
  const session = connect(`http://${address}`)
  try {
    return await new Promise<CallAnswer>((resolve, reject) => {
      session.once('error', reject)
      session.setTimeout(deadline, () => reject(new Error(`no answer of ${address} to ${method}`)))
      const stream = session.request({
        ':method': 'POST',
        ':path': method,
        ':authority': host,
        'content-type': 'application/grpc',
        te: 'trailers',
      })
      let headers: IncomingHttpHeaders & IncomingHttpStatusHeader = {}
      let trailers: IncomingHttpHeaders = {}
      let body = ''
      stream.on('response', (given) => (headers = given))
      stream.on('trailers', (given: IncomingHttpHeaders) => (trailers = given))
      stream.on('data', (part: Buffer) => (body += part.toString('latin1')))
      stream.once('error', reject)
      stream.once('close', () => {
        const code = [trailers['grpc-status']].flat()[0]
        resolve({ status: headers[':status'] ?? 0, headers, body, ...(code === undefined ? {} : { code }) })
      })
      // One byte for "not compressed", four for the length of an empty message.
      stream.end(Buffer.alloc(5))
    })
  } finally {
    session.destroy()
  }
}
