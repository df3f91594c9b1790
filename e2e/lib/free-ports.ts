import { once } from 'node:events'
import { createServer } from 'node:net'

// Below the range from which the system takes the ports of outgoing connections: none of those can be in the way a moment later.
const first = 20_000
const last = 32_000

/** Ports on which nobody listens, on no address. */
export async function freePorts(count: number): Promise<readonly number[]> {
  const ports = new Set<number>()
  while (ports.size < count) {
    const port = first + Math.floor(Math.random() * (last - first))
    if (await isFree(port)) ports.add(port)
  }
  return [...ports]
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer().listen(port, '0.0.0.0')
  try {
    await once(server, 'listening')
  } catch {
    return false
  }
  server.close()
  await once(server, 'close')
  return true
}
