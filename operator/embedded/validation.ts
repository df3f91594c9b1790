import { execFile } from 'node:child_process'

import type { Options } from './options.ts'

/** Milliseconds; large configurations take a few seconds. */
const deadline = 60_000

/** Runs `haproxy -c` over a candidate for haproxy.cfg and the files that go with it. Resolves to HAProxy's complaints; none when it is valid. */
export function complaints(candidate: string, options: Options): Promise<string | undefined> {
  const files = [...options.filesBefore, candidate, ...options.filesAfter]
  const args = ['-c', ...files.flatMap((file) => ['-f', file])]
  return new Promise((resolve, reject) => {
    execFile(options.haproxy, args, { maxBuffer: 16 << 20, timeout: deadline }, (error, stdout, stderr) => {
      if (error === null) return resolve(undefined)
      if (typeof error.code !== 'number') return reject(error)
      resolve(`exit status ${error.code}: ${messages(`${stdout}${stderr}`)}`)
    })
  })
}

// `[ALERT]    (4711) : config : parsing [FILE:5] : unknown keyword …` becomes `msg="config parsing [FILE:5] unknown keyword …"`.
function messages(text: string): string {
  return text
    .split('\n')
    .flatMap((line) => /^\[ALERT\]\s+\(\d+\) : (.*)$/.exec(line)?.[1] ?? [])
    .map((words) => `msg="${words.replaceAll(' : ', ' ')}"`)
    .join('\n')
}
