// For tests only: the nginx of the data plane on this machine, and the container's own script around it.

import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { delimiter, dirname, join } from 'node:path'

import { readUdpState, type UdpState } from '../model/udp.ts'

export type Nginx = {
  /** Replaces the file as the Data Plane API does. */
  readonly deliver: (text: string) => void
  readonly state: () => UdpState
  readonly stop: () => Promise<void>
}

/** The program, or undefined where none can be had. */
export function findNginx(): string | undefined {
  const script = join(import.meta.dirname, '../../e2e/cluster/nginx.sh')
  const found = spawnSync(script, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'], timeout: 60_000 })
  return found.status === 0 ? found.stdout.trim() : undefined
}

/** What loads the stream module of that program. */
export function modulesOf(nginx: string): string {
  return join(dirname(nginx), 'modules/*.conf')
}

/** What `nginx -t` has to say; empty when it has nothing to complain about. */
export function checkUdp(nginx: string, folder: string, text: string): string {
  const file = join(folder, 'checked.conf')
  writeFileSync(file, text)
  const options = `include ${modulesOf(nginx)}; pid ${join(folder, 'checked.pid')};`
  const { status, stderr } = spawnSync(nginx, ['-e', 'stderr', '-t', '-q', '-c', file, '-g', options], {
    encoding: 'utf8',
  })
  return status === 0 ? stderr.replaceAll(/^.*\[warn\].*open file resource limit.*\n/gm, '') : stderr
}

/** Runs the container's script in a folder. `script` gets the paths that it is made for. */
export function startNginx(
  nginx: string,
  folder: string,
  script: (paths: { config: string; state: string; own: string; modules: string }) => string,
): Nginx {
  const [config, state, own] = ['udp.conf', 'udp.state', 'own'].map((name) => join(folder, name))
  if (config === undefined || state === undefined || own === undefined) throw new Error('no paths')
  mkdirSync(own)
  const path = [dirname(nginx), process.env['PATH']].join(delimiter)
  const child: ChildProcess = spawn('sh', ['-c', script({ config, state, own, modules: modulesOf(nginx) })], {
    env: { ...process.env, PATH: path },
    stdio: ['ignore', 'ignore', 'inherit'],
  })
  return {
    deliver(text) {
      writeFileSync(`${config}.part`, text)
      renameSync(`${config}.part`, config)
    },
    state: () => readUdpState(readFileSync(state, 'utf8')),
    async stop() {
      const ended = once(child, 'exit')
      child.kill('SIGTERM')
      await ended
    },
  }
}
