// For tests only: a Gateway with ListenerSets, and what is said of them.

import { httpFrontends } from '../../model/frontends.ts'
import type { Gateway, GatewayListener } from '../../model/kubernetes.ts'
import type { Finding, ListenerReport } from '../../model/report.ts'

import type { Translation } from '../translate.ts'
import { gateway, listener } from './objects.ts'
import { itemsOf } from '../../lib/parts.ts'

type Allowed = NonNullable<Gateway['spec']['allowedListeners']>['namespaces']

export function web(
  listeners: readonly GatewayListener[] = [listener({ hostname: 'web.com' })],
  namespaces: Allowed = { from: 'All' },
) {
  return gateway('shop/web', listeners, { allowedListeners: { namespaces } })
}
export function told(findings: readonly Finding[] | undefined): readonly string[] | undefined {
  return findings?.map(({ type, status, reason }) => `${type}=${status}/${reason}`)
}
export function toldOf({ report }: Translation, key: string): readonly string[] | undefined {
  return told(report.listenerSets.get(key)?.findings)
}
export function listenersOf({ report }: Translation, key: string): readonly ListenerReport[] {
  return report.listenerSets.get(key)?.listeners ?? []
}
export function hosts({ proxies }: Translation): readonly string[] {
  const all = proxies.flatMap((proxy) => httpFrontends(proxy).flatMap((frontend) => itemsOf(frontend.hosts)))
  return all.map(({ port, hostname, rules }) => `${port} ${hostname || '*'}: ${rules.length}`).toSorted()
}
export const refused = (reason: string, programmed = reason): readonly string[] => [
  `Accepted=False/${reason}`,
  `Programmed=False/${programmed}`,
]
