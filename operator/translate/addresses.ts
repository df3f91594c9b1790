// Where a server may be. Whoever writes EndpointSlices by hand must not reach what only the data plane's pods can: their own loopback
// interface, their node's link-local services (a cloud's metadata among them). The API server refuses such addresses for slices of type
// IPv4 and IPv6, but not for those of type FQDN, and manifests from files come without any check.

type Bits = { readonly value: bigint; readonly width: 32 | 128 }
type Range = { readonly base: string; readonly length: number }

/** In order: this host, loopback, link-local, multicast, reserved and broadcast; of IPv6 unspecified, loopback and IPv4-compatible too. */
const special: readonly Range[] = [
  { base: '0.0.0.0', length: 8 },
  { base: '127.0.0.0', length: 8 },
  { base: '169.254.0.0', length: 16 },
  { base: '224.0.0.0', length: 3 },
  { base: '::', length: 96 },
  { base: 'fe80::', length: 10 },
  { base: 'ff00::', length: 8 },
]

/**
 * The one spelling of an IP address of a server, or undefined when it is none that traffic may be sent to. An IPv4-mapped address becomes
 * the IPv4 address that it is. Short forms, zones (`fe80::1%eth0`) and domain names are no addresses.
 */
export function serverAddress(text: string): string | undefined {
  const address = canonical(text)
  if (address === undefined) return undefined
  const bits = bitsOf(address)
  return special.some((range) => holds(range, bits)) ? undefined : address
}

function canonical(text: string): string | undefined {
  if (!text.includes(':')) return /^[\d.]+$/.test(text) && hostOf(text) === text ? text : undefined
  const host = /^[\da-f:.]+$/i.test(text) ? hostOf(`[${text}]`) : undefined
  if (host === undefined) return undefined
  const mapped = /^\[::ffff:([\da-f]{1,4}):([\da-f]{1,4})\]$/.exec(host)
  if (mapped === null) return host.slice(1, -1)
  const bytes = mapped.slice(1).flatMap((half) => [Number.parseInt(half, 16) >>> 8, Number.parseInt(half, 16) & 255])
  return bytes.join('.')
}

function hostOf(text: string): string | undefined {
  return URL.canParse(`http://${text}`) ? new URL(`http://${text}`).hostname : undefined
}

function holds({ base, length }: Range, { value, width }: Bits): boolean {
  const other = bitsOf(base)
  const rest = BigInt(width - length)
  return other.width === width && other.value >> rest === value >> rest
}

// Of an address in its one spelling.
function bitsOf(address: string): Bits {
  if (!address.includes(':')) return { value: join(address.split('.').map(Number), 8n), width: 32 }
  const [head = '', tail] = address.split('::')
  const [first, last] = [groupsOf(head), groupsOf(tail ?? '')]
  const zeros = Array.from({ length: 8 - first.length - last.length }, () => 0)
  return { value: join([...first, ...zeros, ...last], 16n), width: 128 }
}

function groupsOf(text: string): readonly number[] {
  return text === '' ? [] : text.split(':').map((group) => Number.parseInt(group, 16))
}

function join(parts: readonly number[], bits: bigint): bigint {
  return parts.reduce((sum, part) => (sum << bits) | BigInt(part), 0n)
}
