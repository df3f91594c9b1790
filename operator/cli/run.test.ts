import { expect } from 'chai'
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'

const main = join(import.meta.dirname, '../main.ts')

describe('cli/run', () => {
  let folder: string
  let child: ChildProcess | undefined

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'operator-'))
  })

  afterEach(() => {
    child?.kill('SIGKILL')
    rmSync(folder, { recursive: true })
  })

  function kubeconfig(): string {
    const file = join(folder, 'config')
    // Nobody listens on port 1.
    const cluster = { server: 'http://127.0.0.1:1', 'insecure-skip-tls-verify': true }
    const contexts = [{ name: 'c', context: { cluster: 'c', user: 'u' } }]
    const clusters = [{ name: 'c', cluster }]
    writeFileSync(
      file,
      JSON.stringify({ clusters, contexts, users: [{ name: 'u', user: {} }], 'current-context': 'c' }),
    )
    return file
  }

  it('waits for an API server that is away, is live but not ready, and stops when told to', async () => {
    const started = spawn(process.execPath, [main, 'run', '--kubeconfig', kubeconfig(), '--health-port', '0'])
    child = started
    let port = 0
    for await (const line of createInterface({ input: started.stderr })) {
      const { message, health, uptime }: { message?: string; health?: number; uptime?: number } = JSON.parse(line)
      if (message !== 'started') continue
      port = health ?? 0
      expect(uptime, 'milliseconds since the process began').to.be.within(10, 60_000)
      break
    }
    const [livez, readyz] = await Promise.all(
      ['livez', 'readyz'].map((path) => fetch(`http://127.0.0.1:${port}/${path}`)),
    )
    expect([livez?.status, readyz?.status]).to.deep.equal([200, 503])
    started.stderr.resume()
    started.kill('SIGTERM')
    const [code]: readonly unknown[] = await once(started, 'exit')
    expect(code).to.equal(0)
  })

  it('ends with one clear sentence when a setting is wrong', async () => {
    const started = spawn(process.execPath, [main, 'run', '--health-port', 'web'])
    child = started
    let words = ''
    started.stderr.on('data', (chunk: Buffer) => {
      words += chunk.toString()
    })
    const [code]: readonly unknown[] = await once(started, 'exit')
    expect([code, words]).to.deep.equal([
      1,
      '--health-port "web" is not a port number from 0 (any free port) to 65535; correct it, or leave it out for the default (8080).\n',
    ])
  })
})
