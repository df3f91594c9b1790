/**
 * The API's defaults for HTTPRoutes. The API server fills them in; manifests from files come without.
 * https://gateway-api.sigs.k8s.io/reference/spec/#httprouterule
 */
export const httpDefaults = {
  /** One rule that matches every request. */
  rules: [{}],
  matches: [{}],
  pathType: 'PathPrefix',
  pathValue: '/',
  comparison: 'Exact',
  backendGroup: '',
  backendKind: 'Service',
  weight: 1,
  redirectStatus: 302,
  /** Seconds. */
  corsMaxAge: 5,
  mirrorDenominator: 100,
} as const
