// One data plane pod as the operator makes it, without a cluster: its files in a temporary folder, HAProxy and the Data Plane API on free
// loopback ports, an origin behind it, and the operator's own worker that brings it wherever a test wants.

import { spawn, type ChildProcess } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

import { Registry } from 'prom-client'

import { silentLog } from '../../operator/lib/log.ts'
import type { RenderedConfig } from '../../operator/model/rendered.ts'
import { Secret } from '../../operator/model/secret.ts'
import { defaultDataPlane, type DataPlaneSettings } from '../../operator/model/settings.ts'
import type { PodApi } from '../../operator/push/pod-api.ts'
import { podConnector } from '../../operator/push/pod-client.ts'
import { PodWorker } from '../../operator/push/pod.ts'
import { createPushMetrics } from '../../operator/push/push-metrics.ts'
import { Reloads } from '../../operator/push/reloads.ts'
import { archiveFiles } from '../../operator/push/state-archive.ts'
import { configOf, type ConfigSpec } from '../../operator/push/testing/configs.ts'
import { testIdentity, writePki } from '../../operator/push/testing/pki.ts'
import { usualTiming } from '../../operator/push/timing.ts'

import { freePorts } from '../lib/free-ports.ts'
import { answers, ended, haproxyPath, said, type Program } from './lab.ts'

/** Described in short, or rendered for where the pod lives. */
type Spec = Omit<ConfigSpec, 'machine' | 'port'> | ((settings: DataPlaneSettings) => RenderedConfig)

export class PushLab {
  readonly folder = mkdtempSync(join(tmpdir(), 'push-'))
  readonly settings: DataPlaneSettings
  readonly httpPort: number
  readonly httpsPort: number
  readonly log: string[] = []
  /** False: the operator's connections to the Runtime API lead nowhere. */
  hasRuntime = true
  readonly #program: Program
  readonly #originPort: number
  readonly #origin: Server
  #haproxy: ChildProcess | undefined
  #api: ChildProcess | undefined
  #worker: PodWorker | undefined

  private constructor(program: Program, ports: readonly number[]) {
    this.#program = program
    const [http = 0, https = 0, origin = 0, apiPort = 0, statusPort = 0, runtimePort = 0] = ports
    this.httpPort = http
    this.httpsPort = https
    this.#originPort = origin
    const spares = { plain: 6, filtered: 4, named: 2, tcp: 1, 'named-tcp': 1, retry: 2 }
    const pki = join(this.folder, 'pki')
    this.settings = { ...defaultDataPlane, root: this.folder, pki, apiPort, statusPort, runtimePort, spares }
    // Tells which of its addresses was asked; `/slow` takes a while.
    this.#origin = createServer((request, response) => {
      const answer = () => response.end(request.socket.localAddress)
      if (request.url === '/slow') setTimeout(answer, 400)
      else answer()
    })
  }

  /** Everything runs and holds `spec` when this resolves; nobody has touched the pod yet. */
  static async start(program: Program, spec: Spec): Promise<PushLab> {
    const lab = new PushLab(program, await freePorts(6))
    try {
      await lab.#prepare(lab.config(spec))
    } catch (error) {
      await lab.stop()
      throw error
    }
    return lab
  }

  config(spec: Spec): RenderedConfig {
    if (typeof spec === 'function') return spec(this.settings)
    return configOf({ ...spec, machine: machine(this), port: this.#originPort })
  }

  /** The operator takes over, or starts again: what it knew of the pod is gone. */
  async operate(spec: Spec): Promise<PodWorker> {
    await this.#worker?.stop()
    const log = silentLog((level, message, fields) => this.log.push(`${level} ${message} ${JSON.stringify(fields)}`))
    const metrics = createPushMetrics(new Registry())
    const reloads = new Reloads({ log, metrics, onNews: () => {} })
    const worker = new PodWorker(
      {
        name: 'pod',
        connect: () => this.connect(),
        isReady: () => true,
        settings: this.settings,
        timing: { ...usualTiming, persist: 200, drift: 100, busyServers: 200, longestPause: 300, reloadPause: 100 },
        log,
        metrics,
        known: () => undefined,
        onFiles: () => {},
        onState: () => {},
        onReload: (reloaded) => reloads.add(reloaded),
      },
      this.config(spec),
    )
    this.#worker = worker
    return worker
  }

  connect(): PodApi {
    const settings = this.hasRuntime ? this.settings : { ...this.settings, runtimePort: 1 }
    return podConnector(settings, silentLog())('127.0.0.1', testIdentity)
  }

  /** The files under the pod's root, as `parseFiles` takes them. */
  files(): ReadonlyMap<string, string> {
    const folders = ['maps', 'general', 'ssl']
    const names = folders.flatMap((folder) => readdirSync(join(this.folder, folder)).map((name) => `${folder}/${name}`))
    return new Map(names.map((name) => [name, readFileSync(join(this.folder, name), 'utf8')]))
  }

  /** Ends the API without warning and starts it again, as the kubelet would. */
  async killApi(): Promise<void> {
    await ended(this.#api, 'SIGKILL')
    await this.#startApi()
  }

  /** Resolves when the pod has what `spec` says and its worker says so; throws, with the log's end, when that takes ten seconds. */
  async arrived(worker: PodWorker, spec: Spec): Promise<void> {
    const { generation } = this.config(spec)
    const isThere = () => worker.state.kind === 'programmed' && worker.state.generation === generation
    for (let round = 0; round < 1_000 && !isThere(); round += 1) await sleep(10)
    if (!isThere()) throw new Error(`${JSON.stringify(worker.state)}\n${this.log.slice(-20).join('\n')}`)
  }

  signalApi(signal: NodeJS.Signals): void {
    this.#api?.kill(signal)
  }

  /** The same with HAProxy: the worker dies, its master with it. */
  async killHAProxy(): Promise<void> {
    const master = this.#haproxy
    const [worker] = readFileSync(`/proc/${master?.pid}/task/${master?.pid}/children`, 'utf8')
      .trim()
      .split(' ')
      .slice(-1)
    const gone = ended(master, 'SIGCONT')
    process.kill(Number(worker), 'SIGKILL')
    await gone
    await this.#startHAProxy()
  }

  /** A reload that the operator knows nothing of. */
  reloadFromOutside(): void {
    this.#haproxy?.kill('SIGUSR2')
  }

  async stop(): Promise<void> {
    await this.#worker?.stop()
    await ended(this.#api, 'SIGTERM')
    await ended(this.#haproxy, 'SIGKILL')
    this.#origin.closeAllConnections()
    await new Promise((resolve) => this.#origin.close(resolve))
    rmSync(this.folder, { recursive: true, force: true })
  }

  async #prepare(config: RenderedConfig): Promise<void> {
    for (const folder of ['maps', 'ssl', 'general', 'spoe', 'run', 'dpapi/tx', 'dpapi/storage'])
      mkdirSync(join(this.folder, folder), { recursive: true })
    writePki(this.settings.pki)
    for (const { name, content } of archiveFiles(config, this.settings)) {
      const text = content instanceof Secret ? content.reveal() : content
      const own = name === 'dataplaneapi.yaml' ? text.replace('/usr/sbin/haproxy', haproxyPath()) : text
      writeFileSync(join(this.folder, name), own)
    }
    await new Promise<void>((resolve) => {
      this.#origin.listen(this.#originPort, '0.0.0.0', resolve)
    })
    await this.#startHAProxy()
    await this.#startApi()
  }

  async #startHAProxy(): Promise<void> {
    const socket = `${join(this.folder, 'run/master.sock')},mode,600,level,admin`
    const files = ['haproxy.cfg', 'general/backends.cfg'].flatMap((name) => ['-f', join(this.folder, name)])
    const child = spawn(haproxyPath(), ['-W', '-db', '-S', socket, ...files], { stdio: ['ignore', 'ignore', 'pipe'] })
    this.#haproxy = child
    await said(child, 'Loading success')
  }

  async #startApi(): Promise<void> {
    const [command, ...args] = this.#program.command
    const file = join(this.folder, 'dataplaneapi.yaml')
    const env = { ...process.env, TLS_HOST: '127.0.0.1' }
    const child = spawn(command, [...args, '-f', file], { stdio: 'ignore', env })
    this.#api = child
    for (let round = 0; round < 400 && child.exitCode === null; round += 1) {
      if (await answers(this.settings.apiPort)) return
      await sleep(25)
    }
    throw new Error(`${this.#program.name} does not listen`)
  }
}

function machine({ folder, httpPort, httpsPort, settings }: PushLab): string {
  const map = (name: string) => `${folder}/maps/${name}.map`
  return `# _version=1
global
  hard-stop-after 2s
  stats socket ${folder}/run/worker.sock mode 600 level admin
  stats timeout 1h
  stats maxconn 50
  tune.cli.max-payload-size 8388608
  tune.ssl.default-dh-param 2048

defaults base
  mode http
  timeout client 30s
  timeout server 30s
  timeout connect 1s
  option redispatch 1
  retries 2

defaults plain from base
  balance roundrobin

defaults filtered from base
  balance roundrobin
  http-response set-header x-filtered yes

defaults named from base
  balance roundrobin

defaults tcp from base
  mode tcp

defaults named-tcp from base
  mode tcp

crt-store
  load crt ${settings.pki}/tls.crt key ${settings.pki}/tls.key

listen runtime from tcp
  bind 127.0.0.1:${settings.runtimePort} ssl crt ${settings.pki}/tls.crt ca-file ${settings.pki}/ca.crt verify required
  maxconn 32
  timeout client 1h
  timeout server 1h
  server worker unix@${folder}/run/worker.sock

frontend visitors from base
  bind 127.0.0.1:${httpPort}
  bind 127.0.0.1:${httpsPort} ssl crt-list ${folder}/ssl/certificates-443.txt
  http-request return status 200 content-type text/plain lf-string %[str(@gen),map_str(${map('meta')},none)] if { path /generation }
  http-request set-var(txn.host) req.hdr(host),lower,concat(/),map_str(${map('hosts-80')},none)
  http-request set-var(txn.rt) var(txn.host),concat(/),map_beg(${map('paths-80')},none)
  http-request set-var(txn.act) var(txn.rt),map_str(${map('tree')},none),field(1,|)
  use_backend %[var(txn.act)] if { var(txn.rt) -m beg @n. }
  use_backend %[var(txn.rt)] if !{ var(txn.rt) -m str none }
  default_backend none

backend none from base
  http-request return status 404
`
}
