// Authorities in pieces by the Runtime API. A payload that HAProxy reads in several pieces (from about 14 KB on) is cut off now and then, 3.4.7 through its master process
// one time in three, which is the way of the Data Plane API; or its end is never seen. So none is longer than one piece.

import type { RuntimeApi } from './pod-api.ts'

/** Characters. */
const onePiece = 10_000

/** More than the Data Plane API brings to HAProxy for certain. */
export function isLarge(pem: string): boolean {
  return pem.length > onePiece
}

/** Replaces or adds the file in memory, as one. False when HAProxy did not take all of it; then it has what it had, or none. */
export async function setAuthorities(runtime: RuntimeApi, file: string, pem: string): Promise<boolean> {
  await runtime.ask([`new ssl ca-file ${file}`])
  for (const [at, piece] of piecesOf(pem).entries()) {
    const [answer = ''] = await runtime.ask([`${at === 0 ? 'set' : 'add'} ssl ca-file ${file} <<%end%\n${piece}%end%`])
    if (/^transaction (?:created|updated)/.test(answer)) continue
    await runtime.ask([`abort ssl ca-file ${file}`])
    return false
  }
  const [answer = ''] = await runtime.ask([`commit ssl ca-file ${file}`])
  return answer.endsWith('Success!')
}

/** Whole certificates together as long as they are no more than a piece. */
export function piecesOf(pem: string): readonly string[] {
  const pieces: string[] = []
  let last = ''
  for (const certificate of pem.split(/(?<=-----END CERTIFICATE-----\n)/)) {
    if (last !== '' && last.length + certificate.length > onePiece) {
      pieces.push(last)
      last = ''
    }
    last += certificate
  }
  return [...pieces, last]
}
