// For tests only: the certificates of a control channel as a pod has them.

import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

import { type Identity, newIdentity } from '../identity.ts'

/** One for all tests of a process: it takes some milliseconds to make. */
export const testIdentity: Identity = await newIdentity('test/pod', new Date())

/** Writes into a folder what the Secret of an identity mounts at a pod's `pki`. */
export function writePki(folder: string, { authority, server }: Identity = testIdentity): void {
  mkdirSync(folder, { recursive: true })
  const files = { 'ca.crt': authority.certificate, 'tls.crt': server.certificate, 'tls.key': server.key.reveal() }
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text, { mode: 0o600 })
}
