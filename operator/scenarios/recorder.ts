// For tests only.

import { Secret } from '../model/secret.ts'
import type { PodApi } from '../push/pod-api.ts'

/** A pod that takes every call and keeps every text in it, and every line of the Runtime API. */
export function recorder(sent: string[], lines: string[] = []): PodApi {
  const keep = (given: unknown): void => {
    if (typeof given === 'string') sent.push(given)
    else if (typeof given === 'object' && given !== null && !(given instanceof Secret))
      Object.values(given).forEach(keep)
  }
  const call = (...given: readonly unknown[]): Promise<void> => {
    given.forEach(keep)
    return Promise.resolve()
  }
  return {
    runtime: {
      isOpen: true,
      maps: '/gw/maps',
      ask: async (commands) => {
        lines.push(...commands)
        await Promise.resolve()
        return commands.map(() => '')
      },
      renew: () => {},
    },
    readEntry: nothing,
    listMap: nothing,
    listServers: nothing,
    readFile: nothing,
    listListEntries: none,
    listCertificateFiles: none,
    listGeneralFiles: none,
    deleteGeneralFile: call,
    // Certificates go as a file that is uploaded.
    newAuthorities: (file) => call(file),
    putAuthorities: (file) => call(file),
    deleteAuthorities: call,
    addEntry: call,
    replaceEntry: call,
    deleteEntry: call,
    putMap: call,
    addServer: call,
    readyServer: call,
    deleteServer: call,
    moveServer: call,
    newCertificate: call,
    putCertificate: call,
    hasCertificate: () => Promise.resolve(false),
    deleteCertificate: call,
    addListEntry: call,
    deleteListEntry: call,
    putFile: call,
    deleteCertificateFile: call,
    reload: call,
    isRunning: () => Promise.resolve(true),
    dropFailedTransactions: nothing,
    close: nothing,
  }
}

const nothing = () => Promise.resolve(undefined)
const none = () => Promise.resolve([])
