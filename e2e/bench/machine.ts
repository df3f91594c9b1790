// On what figures were measured, and with which versions.

import { readFileSync } from 'node:fs'
import { availableParallelism, cpus, release, totalmem } from 'node:os'
import { join } from 'node:path'
import { z } from 'zod'

import { findHaproxy } from '../../operator/scenarios/haproxy-files.ts'
import { kubectl, repository, run } from '../lib/cluster.ts'

export type Machine = {
  readonly cpu: string
  readonly cores: number
  readonly memory_gib: number
  readonly kernel: string
  readonly kubernetes: string
  readonly haproxy: string
  readonly node: string
  readonly operator: string
  /** Absent outside of a git repository; ends with `+` when files differ from it. */
  readonly commit?: string
}

const manifestShape = z.object({ version: z.string() })

/** This machine; what cannot be asked, such as a cluster that does not run, is `unknown`. */
export async function thisMachine(): Promise<Machine> {
  const haproxy = findHaproxy()
  const said = haproxy === undefined ? '' : await textOf(() => run(haproxy, ['-v']))
  const manifest = manifestShape.parse(JSON.parse(readFileSync(join(repository, 'package.json'), 'utf8')))
  const commit = await commitOf()
  return {
    cpu: cpus()[0]?.model ?? 'unknown',
    cores: availableParallelism(),
    memory_gib: Math.round(totalmem() / 2 ** 30),
    kernel: release(),
    kubernetes:
      (await textOf(() => kubectl(['get', 'node', '-o', 'jsonpath={.items[0].status.nodeInfo.kubeletVersion}']))) ||
      'unknown',
    haproxy: /version (\S+)/.exec(said)?.[1] ?? 'unknown',
    node: process.version,
    operator: manifest.version,
    ...(commit === '' ? {} : { commit }),
  }
}

async function commitOf(): Promise<string> {
  const git = (...args: string[]): Promise<string> => textOf(() => run('git', ['-C', repository, ...args]))
  const commit = await git('rev-parse', '--short', 'HEAD')
  // The page and the figures are written by the bench itself.
  const changed = await git('status', '--porcelain', '--', ':!docs/benchmarks')
  return commit === '' ? '' : `${commit}${changed === '' ? '' : '+'}`
}

async function textOf(ask: () => Promise<string>): Promise<string> {
  try {
    return (await ask()).trim()
  } catch {
    return ''
  }
}
