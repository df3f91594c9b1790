import { createLogger, format, transports } from 'winston'

export type Fields = Readonly<Record<string, unknown>>

/** One JSON line per call. Fields are data; never put a secret or an error body of a certificate call into them. */
export type Logger = {
  readonly debug: (message: string, fields?: Fields) => void
  readonly info: (message: string, fields?: Fields) => void
  readonly warn: (message: string, fields?: Fields) => void
  readonly error: (message: string, fields?: Fields) => void
  /** Guard for debug lines in loops: building their fields costs more than the check. */
  readonly isDebug: () => boolean
}

export type LogLevel = 'debug' | 'info' | 'warn' | 'error'

/**
 * A logger that writes JSON lines to standard error, in the order of the calls. What is no warning is written when the work of the moment is
 * done: a line takes longer than many a step on a change's way.
 */
export function createLog(level: LogLevel): Logger {
  const logger = createLogger({
    level,
    format: format.printf(lineOf),
    // Standard output is for what a command was asked to print.
    transports: [new transports.Console({ stderrLevels: ['error', 'warn', 'info', 'debug'] })],
  })
  const waiting: (() => void)[] = []
  const flush = (): void => waiting.splice(0).forEach((write) => write())
  const later = (write: () => void): void => {
    if (waiting.push(write) === 1) setImmediate(flush)
  }
  const now = (write: () => void): void => {
    flush()
    write()
  }
  process.once('exit', flush)
  return {
    debug: (message, fields) => logger.isDebugEnabled() && later(() => void logger.debug(message, fields)),
    info: (message, fields) => later(() => void logger.info(message, fields)),
    warn: (message, fields) => now(() => void logger.warn(message, fields)),
    error: (message, fields) => now(() => void logger.error(message, fields)),
    isDebug: () => logger.isDebugEnabled(),
  }
}

// What winston's own formats make of plain fields, in a third of the time.
function lineOf({ level, message, ...fields }: Fields): string {
  return JSON.stringify({ ...fields, level, message, timestamp: new Date().toISOString() })
}

/** A logger for tests: keeps nothing, or hands every line to `sink`. */
export function silentLog(sink: (level: LogLevel, message: string, fields?: Fields) => void = () => {}): Logger {
  return {
    debug: (message, fields) => sink('debug', message, fields),
    info: (message, fields) => sink('info', message, fields),
    warn: (message, fields) => sink('warn', message, fields),
    error: (message, fields) => sink('error', message, fields),
    isDebug: () => true,
  }
}

/** The text of whatever was thrown. */
export function errorText(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
