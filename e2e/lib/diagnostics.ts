// When a test fails: what the cluster looked like, into a file, and the operator's last lines on the screen.

import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

import { clusterFolder, kubectl, systemNamespace } from './cluster.ts'

const questions: readonly (readonly string[])[] = [
  ['get', 'gatewayclasses,gateways,httproutes', '-A', '-o', 'yaml'],
  ['get', 'pods,services,deployments', '-A', '-o', 'wide'],
  ['get', 'events', '-A', '--sort-by=.lastTimestamp'],
  [
    '-n',
    systemNamespace,
    'logs',
    '-l',
    'app.kubernetes.io/name=haproxy-gateway-operator',
    '--tail=500',
    '--all-containers',
  ],
  ['-n', systemNamespace, 'get', 'deployments', '-o', 'yaml'],
  [
    'logs',
    '-A',
    '-l',
    'app.kubernetes.io/managed-by=haproxy-gateway-operator',
    '--tail=100',
    '--all-containers',
    '--prefix',
  ],
]

/** Writes a picture of the cluster for a failed test and returns the file's name. */
export async function takePicture(title: string): Promise<string> {
  const folder = join(clusterFolder, 'diagnostics')
  mkdirSync(folder, { recursive: true })
  const file = join(folder, `${title.replaceAll(/[^A-Za-z0-9]+/g, '-').slice(0, 100)}.txt`)
  const parts = await Promise.all(
    questions.map(async (question) => {
      const answer = await kubectl(question).catch((error: unknown) => String(error))
      return `==> kubectl ${question.join(' ')}\n${answer}\n`
    }),
  )
  writeFileSync(file, parts.join('\n'))
  return file
}

/** The operator's newest log lines that are not plain information. */
export async function operatorComplaints(): Promise<string> {
  const log = await kubectl(questions[3] ?? []).catch((error: unknown) => String(error))
  const lines = log.split('\n').filter((line) => /"level":"(warn|error)"/.test(line))
  return lines.slice(-10).join('\n')
}
