import { isIPv6 } from 'node:net'

/** True when both texts are the same IP address, however IPv6 is spelled. */
export function sameAddress(a: string, b: string): boolean {
  return a === b || (isIPv6(a) && isIPv6(b) && canonical(a) === canonical(b))
}

function canonical(address: string): string {
  return new URL(`http://[${address}]/`).hostname
}
