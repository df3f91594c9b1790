import type { Logger } from '../lib/log.ts'

/** JSON lines on standard output, without a package: this program also runs alone, beside HAProxy. */
export function lineLog(): Logger {
  return {
    debug: () => {},
    info: writer('info'),
    warn: writer('warn'),
    error: writer('error'),
    isDebug: () => false,
  }
}

function writer(level: string): Logger['info'] {
  return (message, fields) => {
    const line = { level, message, ...fields, timestamp: new Date().toISOString() }
    process.stdout.write(`${JSON.stringify(line)}\n`)
  }
}

/** The text of whatever was thrown. */
export function wordsOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
