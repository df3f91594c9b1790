#!/usr/bin/env node
// The embedded Data Plane API as a program. Usage: dataplaneapi.ts -f dataplaneapi.yaml

import { parseArgs } from 'node:util'

import { runDataPlaneApi } from './embedded.ts'
import { lineLog, wordsOf } from './line-log.ts'

const log = lineLog()
const { values } = parseArgs({ options: { file: { type: 'string', short: 'f' } } })
if (values.file === undefined) {
  log.error('the option -f FILE is missing: it names the dataplaneapi.yaml')
  process.exitCode = 2
} else {
  try {
    await runDataPlaneApi(values.file, log)
    // A question that HAProxy has not answered yet must not keep the program.
    process.exit(0)
  } catch (error) {
    log.error('the Data Plane API ends', { error: wordsOf(error) })
    process.exitCode = 1
  }
}
