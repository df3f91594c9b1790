import type { ProxyModel } from '../model/proxy-model.ts'
import type { DesiredObject } from '../model/rendered.ts'
import { metadata } from './metadata.ts'

/** An identity of their own for the pods, without a token: HAProxy has nothing to ask the API server. */
export function serviceAccount(proxy: ProxyModel): DesiredObject {
  const account = {
    apiVersion: 'v1',
    kind: 'ServiceAccount',
    metadata: metadata(proxy),
    automountServiceAccountToken: false,
  }
  return account
}
