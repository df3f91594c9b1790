#!/usr/bin/env node
// The program: reads the command line and hands over to a subcommand. Subcommands are imported when they run, so that the small ones
// start without the Kubernetes client.

import { Command } from 'commander'

import manifest from '../package.json' with { type: 'json' }

import { errorText } from './lib/log.ts'

import {
  environmentName,
  readSettings,
  settingNames,
  settingRows,
  type SettingName,
  type SettingRow,
} from './settings.ts'

const program = new Command('haproxy-gateway')
  .description('Kubernetes Gateway API on HAProxy: one data plane per Gateway, changes without reloads.')
  .version(manifest.version)
  .showHelpAfterError('Run "haproxy-gateway help" for what there is.')
  .addHelpText(
    'after',
    `
Examples:
  haproxy-gateway run                                     in a pod, or against the cluster of your kubeconfig
  haproxy-gateway run --namespaces shop,blog              look at two namespaces only
  haproxy-gateway translate shop.yaml                     what HAProxy would be told, without a cluster
  haproxy-gateway snapshot > bug.yaml                     what the operator sees, secrets blanked: translate can read it

Every setting is also an environment variable: --health-port is ${environmentName(settingRows.healthPort)}.`,
  )

withSettings(program.command('run'), settingNames)
  .description('Watch the cluster and keep the data planes of its Gateways as they should be.')
  .action(async (flags: Record<string, string>) => {
    const { runOperator } = await import('./cli/run.ts')
    await runOperator(readSettings(flags, process.env))
  })

withSettings(program.command('translate'), ['templates', 'dataPlaneImage', 'udpImage', 'dataPlaneReplicas'])
  .description('Print what manifests come to: HAProxy configuration, maps, Kubernetes objects and statuses.')
  .argument('<path>', 'a YAML file, or a folder of them')
  .action(async (path: string, flags: Record<string, string>) => {
    const { printTranslation } = await import('./cli/translate.ts')
    await printTranslation(path, readSettings(flags, process.env))
  })

withSettings(program.command('snapshot'), ['namespaces', 'kubeconfig'])
  .description('Print everything the operator reads of the cluster as YAML; of secrets only certificates.')
  .action(async (flags: Record<string, string>) => {
    const { printSnapshot } = await import('./cli/snapshot.ts')
    await printSnapshot(readSettings(flags, process.env))
  })

try {
  await program.parseAsync()
} catch (error) {
  process.stderr.write(`${errorText(error)}\n`)
  // Whatever a subcommand had opened would keep the process alive.
  process.exit(1)
}

function withSettings(command: Command, names: readonly SettingName[]): Command {
  for (const name of names) {
    const row: SettingRow = settingRows[name]
    command.option(`--${row.flag} ${row.argument}`, `${row.help} (default: ${row.otherwise})`)
  }
  return command
}
