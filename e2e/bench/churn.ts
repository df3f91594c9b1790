// Another writer: a process of its own (churn-writer.ts), so that it does not delay those who measure.

import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { Client } from 'undici'
import { z } from 'zod'

import { eventually } from '../lib/eventually.ts'

export type ChurnOptions = {
  readonly namespace: string
  readonly gateway: string
  readonly address: string
  /** It changes the routes r0 … of which there are so many. */
  readonly routes: number
  readonly changesPerSecond: number
}

/** What was changed, and how many of the routes that were changed last do not serve what they were changed to. */
export type Churn = {
  readonly changes: number
  readonly changes_per_second: number
  readonly failed: number
  readonly wrong_routes: number
}

const summaryShape = z.object({
  changes: z.number(),
  changesPerSecond: z.number(),
  failed: z.number(),
  /** Host → path that the route has now. */
  last: z.array(z.object({ host: z.string(), path: z.string() })),
})

/** Starts the writer; resolves when it works. `stop` tells what it did; `kill` ends it when nobody wants to know. */
export async function startChurn(options: ChurnOptions): Promise<{ stop: () => Promise<Churn>; kill: () => void }> {
  const program = join(import.meta.dirname, 'churn-writer.ts')
  const child = spawn(process.execPath, [program, JSON.stringify(options)], { stdio: ['pipe', 'pipe', 'inherit'] })
  let output = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text))
  const ended = new Promise<void>((settle) => child.once('close', () => settle()))
  await eventually('the writer of other changes works', async () => {
    if (child.exitCode !== null) throw new Error(`it ended with ${child.exitCode}`)
    if (!output.startsWith('started\n')) throw new Error('not yet')
  })
  return {
    kill: () => void child.kill(),
    stop: async () => {
      child.stdin.end()
      await ended
      const { changes, changesPerSecond, failed, last } = summaryShape.parse(JSON.parse(output.split('\n')[1] ?? ''))
      const wrong = await wrongRoutes(options.address, last)
      return { changes, changes_per_second: changesPerSecond, failed, wrong_routes: wrong }
    },
  }
}

async function wrongRoutes(
  address: string,
  routes: readonly { readonly host: string; readonly path: string }[],
): Promise<number> {
  const client = new Client(`http://${address}`)
  let wrong = 0
  for (const { host, path } of routes) {
    const ask = async (where: string): Promise<number> => {
      const { statusCode, body } = await client.request({ path: where, method: 'GET', headers: { host } })
      await body.dump()
      return statusCode
    }
    try {
      await eventually(
        `${host}${path}`,
        async () => {
          const [there, elsewhere] = [await ask(path), await ask('/elsewhere')]
          if (there !== 200 || elsewhere !== 404) throw new Error(`${there} and ${elsewhere}`)
        },
        { within: 3_000, every: 50 },
      )
    } catch {
      wrong++
    }
  }
  await client.close()
  return wrong
}
