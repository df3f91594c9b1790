import { hostname, release, type as systemType } from 'node:os'

import type { Reply } from './exchange.ts'
import type { RuntimeSocket } from './runtime-socket.ts'

/** The program itself. */
export function info(): Reply {
  const system = {
    hostname: hostname(),
    os_string: `${systemType()} ${release()}`,
    time: Math.floor(Date.now() / 1000),
    uptime: Math.floor(process.uptime()),
  }
  return { status: 200, json: { api: { build_date: '0001-01-01T00:00:00.000Z', version: '3.4.2 embedded' }, system } }
}

/** Upstream asks a status command for this; without one it does not know, whatever HAProxy does. */
export function health(): Reply {
  return { status: 200, json: { haproxy: 'unknown' } }
}

/** The worker's own numbers. A HAProxy that is down is no error: the answer is 200 and says so in its body. */
export async function processInfo(socket: RuntimeSocket): Promise<Reply> {
  try {
    const lines = (await socket.command('show info')).split('\n')
    const fields = new Map(lines.map((line) => [line.split(': ', 1)[0] ?? '', line.slice(line.indexOf(': ') + 2)]))
    return { status: 200, json: { info: processFrom(fields), runtimeAPI: socket.path } }
  } catch (error) {
    const words = error instanceof Error ? error.message.replace(`${socket.path} `, '') : ''
    return { status: 200, json: { error: words, runtimeAPI: socket.path } }
  }
}

const numbers = {
  pid: 'Pid',
  uptime: 'Uptime_sec',
  nbthread: 'Nbthread',
  processes: 'Nbproc',
  process_num: 'Process_num',
  max_conn: 'Maxconn',
  hard_max_conn: 'Hard_maxconn',
  curr_conns: 'CurrConns',
  cum_conns: 'CumConns',
  cum_req: 'CumReq',
  curr_ssl_conns: 'CurrSslConns',
  cum_ssl_conns: 'CumSslConns',
  conn_rate: 'ConnRate',
  sess_rate: 'SessRate',
  ssl_rate: 'SslRate',
  tasks: 'Tasks',
  run_queue: 'Run_queue',
  idle_pct: 'Idle_pct',
  stopping: 'Stopping',
  jobs: 'Jobs',
  listeners: 'Listeners',
  ulimit_n: 'Ulimit-n',
  max_sock: 'Maxsock',
  total_bytes_out: 'TotalBytesOut',
} as const

function processFrom(fields: ReadonlyMap<string, string>): Readonly<Record<string, unknown>> {
  const values = Object.entries(numbers).map(([name, field]) => [name, Number(fields.get(field) ?? 0)])
  return {
    ...Object.fromEntries(values),
    node: fields.get('node') ?? '',
    release_date: (fields.get('Release_date') ?? '').replaceAll('/', '-'),
    version: fields.get('Version') ?? '',
  }
}
