import type { Port } from '../model/proxy-model.ts'

/** Whether it can be listened on or connected to. HAProxy refuses the whole configuration for one greater port, and takes 0 for the port of the request. */
export function isPort(port: Port): boolean {
  return Number.isInteger(port) && port >= 1 && port <= 65_535
}
