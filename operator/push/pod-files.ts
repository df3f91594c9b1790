// The files of one pod: written beside a running HAProxy (what a restart would load), or written and loaded by a reload.

import type { RenderedConfig } from '../model/rendered.ts'
import type { DataPlaneSettings } from '../model/settings.ts'
import { udpConfigFile } from '../model/udp.ts'
import { finished } from '../lib/turns.ts'
import { entriesNotIn } from '../lib/parts.ts'

import { backendsFile, changedFiles, parseMap, preparingFiles, unfinishedMeta } from './files.ts'
import { type HeldMachine, loadedMachine, metaMapFile, readMeta } from './held.ts'
import { PodError, type PodApi } from './pod-api.ts'

/** HAProxy's words on a configuration that it would not load. */
export class Refused extends Error {}

/** The generation that the pod's files hold; empty while they are being written. */
export async function generationOfFiles(api: PodApi): Promise<string> {
  return readMeta(parseMap((await api.readFile(metaMapFile)) ?? '')).generation
}

type Persisting = {
  readonly config: RenderedConfig
  /** The one in haproxy.cfg. */
  readonly machine: HeldMachine
  /** What the files hold now; undefined when that is not known. */
  readonly persisted: RenderedConfig | undefined
  readonly settings: DataPlaneSettings
}

/** Makes the files those of `config` and touches nothing in memory. */
export async function persistFiles(api: PodApi, files: Persisting): Promise<void> {
  const { config, persisted } = files
  await writeFiles(api, files)
  if (persisted?.certificates !== config.certificates) await dropCertificateFiles(api, config)
  if (persisted === undefined || !entriesNotIn(persisted.authorities, config.authorities).next().done)
    await dropAuthorityFiles(api, config)
}

type Loading = Pick<Persisting, 'persisted' | 'settings'> & {
  readonly wanted: RenderedConfig
  /** What is in haproxy.cfg until then. */
  readonly running: HeldMachine
}

/** All files, then haproxy.cfg and one reload. A refusal puts the files back and rejects with `Refused`; HAProxy runs on as it was. */
export async function loadConfig(api: PodApi, { wanted, running, persisted, settings }: Loading): Promise<void> {
  const former = persisted === undefined ? await readFormer(api, wanted) : []
  await writeFiles(api, { config: wanted, machine: loadedMachine(wanted.machine), persisted, settings })
  try {
    await api.reload(wanted.machine.text)
  } catch (error) {
    if (!(error instanceof PodError) || error.status !== 400) throw error
    // The API puts haproxy.cfg back by itself; the rest is ours. What cannot be put back must not be believed.
    if (persisted !== undefined)
      await writeFiles(api, { config: persisted, machine: running, persisted: undefined, settings })
    else await api.putFile(unfinishedMeta.name, unfinishedMeta.content)
    for (const [name, text] of former) await api.putFile(name, text)
    await dropped(api.dropFailedTransactions())
    throw new Refused(wordsOf(error))
  }
  await dropCertificateFiles(api, wanted)
  await dropAuthorityFiles(api, wanted)
}

async function writeFiles(api: PodApi, { config, machine, persisted, settings }: Persisting): Promise<void> {
  await api.putFile(unfinishedMeta.name, unfinishedMeta.content)
  await finished(preparingFiles(config))
  for (const { name, content } of changedFiles({ config, machine }, settings, persisted))
    await api.putFile(name, content)
}

// What HAProxy reads beside haproxy.cfg and could stumble over; maps are data that it takes as they are.
async function readFormer(api: PodApi, wanted: RenderedConfig): Promise<readonly (readonly [string, string])[]> {
  const former: (readonly [string, string])[] = []
  const scripts = [...wanted.machine.scripts.keys()].map((script) => `general/${script}`)
  const authorities = [...wanted.authorities.keys()].map((file) => `general/${file}`)
  for (const name of [backendsFile, ...authorities, ...scripts, ...(wanted.udp === undefined ? [] : [udpConfigFile])]) {
    const text = await api.readFile(name)
    if (text !== undefined && text !== '') former.push([name, text])
  }
  return former
}

// What lies about unused harms nobody: that it cannot be removed must not make a change fail that is done.
async function dropCertificateFiles(api: PodApi, config: RenderedConfig): Promise<void> {
  await dropped(
    (async () => {
      for (const file of await api.listCertificateFiles())
        if (!config.certificates.has(file)) await dropped(api.deleteCertificateFile(file))
    })(),
  )
}

// Nothing else in the general storage ends like this.
async function dropAuthorityFiles(api: PodApi, config: RenderedConfig): Promise<void> {
  await dropped(
    (async () => {
      for (const file of await api.listGeneralFiles())
        if (file.endsWith('.pem') && !config.authorities.has(file)) await dropped(api.deleteGeneralFile(file))
    })(),
  )
}

async function dropped(call: Promise<void>): Promise<void> {
  try {
    await call
  } catch (error) {
    if (!(error instanceof PodError)) throw error
  }
}

// One line a person can read in a status, without folders; the same refusal has the same words each time, whatever the candidate was called.
function wordsOf(error: PodError): string {
  const words = /msg="([\s\S]*?)"(?:\s|$)/.exec(error.message)?.[1] ?? error.message
  const withoutFolders = words.replaceAll(/(?<=^|[\s['"(])\/\S*\//g, '').replaceAll(/\.cfg\.[0-9a-f-]{8,}/g, '.cfg')
  return withoutFolders.replaceAll(/\s+/g, ' ').trim().slice(0, 1000)
}
