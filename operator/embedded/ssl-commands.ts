import { Refusal } from './exchange.ts'
import { CommandError, type RuntimeSocket } from './runtime-socket.ts'

/**
 * Replaces what HAProxy knows under a name. A text that HAProxy refuses leaves what was there; a key that does not fit leaves HAProxy's SSL
 * transaction open, for want of an abort here.
 */
export async function loadSsl(
  socket: RuntimeSocket,
  kind: 'cert' | 'ca-file',
  { name, text }: { readonly name: string; readonly text: string },
): Promise<void> {
  // An empty line ends a payload, so those between PEM blocks go.
  const payload = text.replaceAll('\r', '').replaceAll(/\n{2,}/g, '\n')
  await socket.command(`set ssl ${kind} ${name}`, payload.endsWith('\n') ? payload : `${payload}\n`)
  await socket.command(`commit ssl ${kind} ${name}`)
}

/** What HAProxy lists, without headings and without transactions under way. */
export function linesOf(text: string): readonly string[] {
  return text.split('\n').filter((line) => line !== '' && !line.startsWith('# ') && !line.startsWith('*'))
}

/** HAProxy's refusal becomes an answer of this status. */
export async function orRefusal<T>(status: number, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (!(error instanceof CommandError)) throw error
    throw new Refusal(status, `${error.message} ${status === 404 ? 'not found' : 'general error'}`)
  }
}
