import type { Hostname } from '../model/proxy-model.ts'

import { compareTexts } from '../lib/compare-texts.ts'

/**
 * The hostnames that both a listener and a route serve, sorted, each once. Without hostnames of its own a route serves the
 * listener's; an empty hostname of a listener is any host. https://gateway-api.sigs.k8s.io/reference/spec/#httproutespec
 */
export function intersectHostnames(listener: Hostname, route: readonly Hostname[]): readonly Hostname[] {
  if (route.length === 0) return [listener]
  const common = route.flatMap((hostname) => intersection(listener, hostname))
  return [...new Set(common)].toSorted(compareTexts)
}

/** Which of `patterns` the requests for `hostname` belong to: the most specific that covers all of them. */
export function mostSpecific(
  patterns: { readonly has: (pattern: Hostname) => boolean },
  hostname: Hostname,
): Hostname | undefined {
  return patternsOf(hostname).find((pattern) => patterns.has(pattern))
}

/** Every hostname that covers `hostname`, the most specific first: itself, then ever shorter wildcards, any host last. */
export function patternsOf(hostname: Hostname): readonly Hostname[] {
  return [hostname, ...wildcardsAbove(hostname)]
}

/** `a.example.com` → `*.example.com`, `*.com`, and the empty hostname, which is any; of that none. */
export function wildcardsAbove(hostname: Hostname): readonly Hostname[] {
  if (hostname === '') return []
  const labels = hostname.replace(/^\*\./, '').split('.')
  return [...labels.slice(1).map((_, at) => `*.${labels.slice(at + 1).join('.')}`), '']
}

/** Whether every host that `hostname` stands for is one that `pattern` stands for. A wildcard covers any number of labels, not none. */
export function covers(pattern: Hostname, hostname: Hostname): boolean {
  if (pattern === '' || pattern === hostname) return true
  return pattern.startsWith('*.') && hostname.endsWith(pattern.slice(1)) && hostname.length > pattern.length - 1
}

/**
 * Whether a text can be the hostname of a listener or a route: labels of lower-case letters, digits and dashes, maybe after `*.`, and
 * no IPv4 address. https://gateway-api.sigs.k8s.io/reference/spec/#hostname
 */
export function isHostname(text: string): boolean {
  return text.length <= 253 && domainName.test(text) && !ipv4Address.test(text)
}

const domainName = /^(\*\.)?[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/
const ipv4Address = /^\d+(\.\d+){3}$/

function intersection(a: Hostname, b: Hostname): readonly Hostname[] {
  if (covers(a, b)) return [b]
  return covers(b, a) ? [a] : []
}
