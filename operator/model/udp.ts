// What the container that carries UDP and the door to the pods agree on: two files below the pod's root folder.

/** nginx's configuration. Its first line is `# HASH`, a fingerprint of the others; the last line is `# end`. */
export const udpConfigFile = 'general/udp.conf'
/** Written by the container: the hash of what nginx runs, then maybe `refused`, the hash of what it would not load, and its words. */
export const udpStateFile = 'general/udp.state'

export type UdpState = {
  /** Hash of the configuration that nginx runs; empty: none. */
  readonly running: string
  /** What nginx would not load, and its words. */
  readonly refused?: { readonly hash: string; readonly words: string }
}

/** The content of `udpStateFile`. */
export function readUdpState(text: string): UdpState {
  const [, running = '', hash, words = ''] = /^(\S*)(?: refused (\S+) ?([^]*))?/.exec(text.trimEnd()) ?? []
  return {
    running,
    ...(hash === undefined ? {} : { refused: { hash, words: words.replaceAll(/\s+/g, ' ').slice(0, 500) } }),
  }
}
