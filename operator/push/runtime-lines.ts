// Run-time commands → lines of HAProxy's Runtime API, and what its answers mean (Management Guide, section 9.3). Pure.
//
// Only what cannot be misread becomes a line; for everything else the Data Plane API stays.

import type { Command } from './change.ts'

/** What HAProxy said to one command: done; busy, a server that still has connections; or refused. */
export type Verdict = 'done' | 'busy' | 'refused'

export type Lines = {
  readonly lines: readonly string[]
  /** One answer for each line. */
  readonly judge: (answers: readonly string[]) => Verdict
}

/**
 * A command as lines that may stand behind each other, separated by semicolons. Undefined when it takes the Data Plane API: certificates and files, whole maps, and
 * texts with characters that separate, quote or escape. `maps`: the folder of the map files, by whose path HAProxy knows them.
 */
export function linesOf(command: Command, maps: string): Lines | undefined {
  if (command.kind === 'set-entry') return setEntry(command, `${maps}/${command.map}`)
  if (command.kind === 'delete-entry') return deleteEntry(command, `${maps}/${command.map}`)
  if (command.kind === 'put-server') return putServer(command)
  return command.kind === 'delete-server' ? deleteServer(command) : undefined
}

// HAProxy adds a key a second time without a word, hence the deletion of what should not be there.
function setEntry({ key, value, known }: Extract<Command, { kind: 'set-entry' }>, file: string): Lines | undefined {
  if (!plain(key) || !plain(value)) return undefined
  if (known) return { lines: [`set map ${file} ${key} ${value}`], judge: ([answer]) => judged(answer, '') }
  return {
    lines: [`del map ${file} ${key}`, `add map ${file} ${key} ${value}`],
    judge: ([, answer]) => judged(answer, ''),
  }
}

function deleteEntry({ key }: Extract<Command, { kind: 'delete-entry' }>, file: string): Lines | undefined {
  if (!plain(key)) return undefined
  return { lines: [`del map ${file} ${key}`], judge: ([answer]) => judged(answer, '', 'Key not found.') }
}

function putServer({ backend, server, line }: Extract<Command, { kind: 'put-server' }>): Lines | undefined {
  const { address, port, options } = line
  const words = [`${address}:${port}`]
  if (options?.proto !== undefined) words.push(`proto ${options.proto}`)
  if (options?.ssl !== undefined) {
    const { caFile, sni, certificate } = options.ssl
    if (![caFile, certificate ?? caFile].every(plain) || !/^[\w.-]+$/.test(sni)) return undefined
    words.push(`ssl verify required ca-file ${caFile} sni str(${sni})`)
    if (options.proto !== undefined) words.push(`alpn ${options.proto}`)
    if (certificate !== undefined) words.push(`crt ${certificate}`)
  }
  if (![backend, server, address].every(plain)) return undefined
  const name = `${backend}/${server}`
  return {
    lines: [`add server ${name} ${words.join(' ')}`, `set server ${name} state ready`],
    judge: ([added, ready]) => (judged(added, 'New server registered.') === 'done' ? judged(ready, '') : 'refused'),
  }
}

function deleteServer({ backend, server }: Extract<Command, { kind: 'delete-server' }>): Lines | undefined {
  if (![backend, server].every(plain)) return undefined
  const name = `${backend}/${server}`
  return {
    lines: [`set server ${name} state maint`, `del server ${name}`],
    judge: ([, answer = '']) =>
      answer.startsWith('Server still has connections attached to it')
        ? 'busy'
        : judged(answer, 'Server deleted.', 'No such server.'),
  }
}

function judged(answer: string | undefined, ...good: readonly string[]): Verdict {
  return answer !== undefined && good.includes(answer) ? 'done' : 'refused'
}

// No space, line break or semicolon ends it, no backslash or quote changes it, no `<<` begins a payload, no `#` makes a key a reference; and the
// line fits HAProxy's buffer of 16 KiB.
function plain(text: string): boolean {
  return text.length < 5_000 && /^[\x21\x24-\x26\x28-\x3a\x3d\x3f-\x5b\x5d-\x7f]+$/.test(text)
}
