import type { HTTPRoute, HTTPRouteRule } from '../../model/kubernetes.ts'

import type { BackendReferences } from './backend-refs.ts'
import { httpDefaults } from './http-defaults.ts'
import { translateMatch } from './http-matches.ts'
import { draftRequestRoute, type RequestKind } from './request-rules.ts'
import type { RouteDraft } from './route-draft.ts'

const http: RequestKind<HTTPRouteRule> = {
  kind: 'HTTPRoute',
  speaks: 'http',
  failure: 500,
  matches(rule, field, refuse) {
    const wanted = rule.matches === undefined || rule.matches.length === 0 ? httpDefaults.matches : rule.matches
    return wanted.map((match, at) => translateMatch(match, `${field}[${at}]`, refuse))
  },
}

/** The rules of an HTTPRoute. https://gateway-api.sigs.k8s.io/reference/spec/#httproutespec */
export function draftHttpRoute({ metadata, spec }: HTTPRoute, references: BackendReferences): RouteDraft {
  const { hostnames, rules = httpDefaults.rules } = spec
  return draftRequestRoute({ metadata, spec: { hostnames, rules } }, http, references)
}
