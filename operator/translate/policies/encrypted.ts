import type { Rule, Target } from '../../model/proxy-model.ts'

import type { BackendIdentity } from '../backend-key.ts'
import type { Lane } from '../protocols.ts'
import type { Policies } from './policies.ts'

/** Behind the id of a backend for connections that were decrypted here and go on encrypted, as a policy asks for. */
const suffix = '/tls'

/** Whether a policy says how a backend is connected to: what TCPRoutes and TLS listeners of mode Passthrough forward may be encrypted already. */
export function mayBeEncrypted({ id, profile }: BackendIdentity): boolean {
  return profile !== 'udp' && (profile !== 'tcp' || id.endsWith(suffix))
}

/**
 * The rules of a TLSRoute as a listener serves them. Where connections are decrypted, those to a Service port with a policy go to a backend
 * of their own: what passes through must not be encrypted once more. https://gateway-api.sigs.k8s.io/reference/spec/#backendtlspolicyspec
 */
export function encryptedRules(
  rules: readonly Rule[],
  lane: Lane,
  { encryptsBackend }: Pick<Policies, 'encryptsBackend'>,
): readonly Rule[] {
  if (lane !== 'terminate') return rules
  const encrypted = (target: Target): Target =>
    target.kind === 'backend' && encryptsBackend(target.backend)
      ? { ...target, backend: `${target.backend}${suffix}` }
      : target
  return rules.map((rule) =>
    rule.action.kind === 'forward'
      ? { ...rule, action: { ...rule.action, targets: rule.action.targets.map(encrypted) } }
      : rule,
  )
}
