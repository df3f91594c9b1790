// Sends requests and tells what came of them.

import { once } from 'node:events'
import { Agent, type IncomingMessage, request as httpRequest } from 'node:http'
import { Agent as TlsAgent, request as httpsRequest } from 'node:https'

import { type Answer, comparedHeaders, type Headers, type Request } from './oracle-answers.ts'

export type Client = { readonly send: (request: Request) => Promise<Answer>; readonly close: () => void }

/** Connections are kept, some at once. */
export function createClient(): Client {
  const agents = {
    clear: new Agent({ keepAlive: true }),
    // The certificate is not what is tested here.
    tls: new TlsAgent({ keepAlive: true, rejectUnauthorized: false, maxCachedSessions: 0 }),
  }
  return {
    send: (request) => sendTo(request, agents),
    close() {
      agents.clear.destroy()
      agents.tls.destroy()
    },
  }
}

type Agents = { readonly clear: Agent; readonly tls: TlsAgent }

async function sendTo(request: Request, agents: Agents): Promise<Answer> {
  const { port, sni, method, host, path, query } = request
  const options = {
    host: '127.0.0.1',
    port,
    method,
    path: query === '' ? path : `${path}?${query}`,
    setHost: false,
    headers: { host, ...request.headers },
  }
  const outgoing =
    sni === undefined
      ? httpRequest({ ...options, agent: agents.clear })
      : httpsRequest({ ...options, agent: agents.tls, servername: sni })
  const [response]: IncomingMessage[] = await once(outgoing.end(), 'response')
  if (response === undefined) throw new Error('no response')
  let body = ''
  for await (const chunk of response.setEncoding('utf8')) body += String(chunk)
  const { location } = response.headers
  const answer: Answer = {
    status: response.statusCode ?? 0,
    ...(location === undefined ? {} : { location }),
    responseHeaders: compared(response.headers),
  }
  if (answer.status !== 200) return answer
  const reached: Pick<Answer, 'backend' | 'target' | 'host' | 'requestHeaders'> = JSON.parse(body)
  const { backend, target, host: seen, requestHeaders } = reached
  return {
    ...answer,
    ...(backend && { backend }),
    ...(target && { target }),
    ...(seen && { host: seen }),
    ...(requestHeaders && { requestHeaders }),
  }
}

/** Of headers those that filters change. */
export function compared(headers: IncomingMessage['headers']): Headers {
  return Object.fromEntries(
    comparedHeaders.flatMap((name) => {
      const value = headers[name]
      return value === undefined ? [] : [[name, String(value)]]
    }),
  )
}
