// What processes of pods take of this machine: memory, processor time and bytes on the wire, read from /proc. So the cluster's node must be this
// machine, as both kinds of test cluster are, and the reader root.

import { readdirSync, readFileSync } from 'node:fs'
import { z } from 'zod'

import { callApi, get } from '../lib/cluster.ts'
import type { Pod } from '../lib/gateway.ts'

/** `memory`: proportional set size in MiB, which counts a page that n processes share as 1/n; `cpu`: seconds since they began, those of ended children too. */
export type Footprint = { readonly memory: number; readonly cpu: number }
/** Bytes over a pod's network interface since it began. */
export type Wire = { readonly received: number; readonly sent: number }

const ticksPerSecond = 100

/** What the processes of a pod take of whose command line the test says yes. Throws when there is none. */
export function footprint({ metadata }: Pod, which: (commandLine: string) => boolean = () => true): Footprint {
  const chosen = processesOf(metadata.uid).filter((pid) => which(commandLineOf(pid)))
  if (chosen.length === 0) throw new Error(`pod ${metadata.name} has no such process on this machine`)
  const memory = sum(chosen.map(memoryOf)) / 1024
  if (memory === 0) throw new Error(`the memory of pod ${metadata.name} cannot be read; run this as root.`)
  return { memory, cpu: sum(chosen.map(cpuOf)) / ticksPerSecond }
}

/** Of all interfaces of a pod but loopback. */
export function wire({ metadata }: Pod): Wire {
  const [pid] = processesOf(metadata.uid)
  if (pid === undefined) throw new Error(`pod ${metadata.name} has no process on this machine`)
  const interfaces = readFileSync(`/proc/${pid}/net/dev`, 'utf8')
    .split('\n')
    .slice(2)
    .map((line) => line.trim().split(/[\s:]+/))
    .filter(([name]) => name !== '' && name !== 'lo')
  return {
    received: sum(interfaces.map((fields) => Number(fields[1]))),
    sent: sum(interfaces.map((fields) => Number(fields[9]))),
  }
}

/** What the kubelet calls the working set of a pod's containers, in MiB: anonymous memory and file pages in use, shared ones with who had them first. */
export async function workingSet({ metadata }: Pod): Promise<number> {
  const { items } = await get('/api/v1/nodes', nodeNames)
  const texts = await Promise.all(
    items.map((node) => callApi({ path: `/api/v1/nodes/${node.metadata.name}/proxy/metrics/resource` })),
  )
  const lines = texts.flatMap(({ text }) => text.split('\n'))
  const own = lines.filter(
    (line) => line.startsWith('container_memory_working_set_bytes{') && line.includes(`pod="${metadata.name}"`),
  )
  if (own.length === 0) throw new Error(`the kubelet has no metrics of pod ${metadata.name}`)
  return sum(own.map((line) => Number(line.split(' ').at(-2)))) / 2 ** 20
}

const nodeNames = z.object({ items: z.array(z.object({ metadata: z.object({ name: z.string() }) })) })

// Control groups of a pod have its uid in their name, with either sign.
function processesOf(uid: string): readonly number[] {
  const group = `pod${uid.replaceAll('-', '_')}`
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => textOf(pid, 'cgroup').replaceAll('-', '_').includes(group))
}

function commandLineOf(pid: number): string {
  return textOf(pid, 'cmdline').replaceAll('\0', ' ')
}

function memoryOf(pid: number): number {
  return Number(/^Pss:\s+(\d+) kB/m.exec(textOf(pid, 'smaps_rollup'))?.[1] ?? 0)
}

// The name of a process may contain blanks; it ends with the last parenthesis.
function cpuOf(pid: number): number {
  const fields = textOf(pid, 'stat')
    .replace(/^.*\) /s, '')
    .split(' ')
  return sum(fields.slice(11, 15).map(Number))
}

// A process may end while it is looked at.
function textOf(pid: number, file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8')
  } catch {
    return ''
  }
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0)
}
