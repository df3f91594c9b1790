import type { GRPCRoute, GRPCRouteRule } from '../../model/kubernetes.ts'

import type { BackendReferences } from './backend-refs.ts'
import { translateGrpcMatch } from './grpc-matches.ts'
import { draftRequestRoute, type RequestKind } from './request-rules.ts'
import type { RouteDraft } from './route-draft.ts'

const grpc: RequestKind<GRPCRouteRule> = {
  kind: 'GRPCRoute',
  speaks: 'grpc',
  // What gRPC clients take for UNAVAILABLE. https://github.com/grpc/grpc/blob/master/doc/http-grpc-status-mapping.md
  failure: 503,
  streams: true,
  filterTypes: ['RequestHeaderModifier', 'ResponseHeaderModifier', 'RequestMirror'],
  matches(rule, field, refuse) {
    const wanted = rule.matches === undefined || rule.matches.length === 0 ? [{}] : rule.matches
    return wanted.map((match, at) => translateGrpcMatch(match, `${field}[${at}]`, refuse))
  },
}

/** The rules of a GRPCRoute. https://gateway-api.sigs.k8s.io/reference/spec/#grpcroutespec */
export function draftGrpcRoute(route: GRPCRoute, references: BackendReferences): RouteDraft {
  return draftRequestRoute(route, grpc, references)
}
