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

/** A logger that writes JSON lines to standard error. */
export function createLog(level: LogLevel): Logger {
  const logger = createLogger({
    level,
    format: format.combine(format.timestamp(), format.json()),
    // Standard output is for what a command was asked to print.
    transports: [new transports.Console({ stderrLevels: ['error', 'warn', 'info', 'debug'] })],
  })
  return {
    debug: (message, fields) => void logger.debug(message, fields),
    info: (message, fields) => void logger.info(message, fields),
    warn: (message, fields) => void logger.warn(message, fields),
    error: (message, fields) => void logger.error(message, fields),
    isDebug: () => logger.isDebugEnabled(),
  }
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
