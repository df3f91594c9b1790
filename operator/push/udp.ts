// nginx in a pod: it takes the file that is delivered within about a second, and tells in another file which one it runs.

import type { RenderedConfig } from '../model/rendered.ts'
import { readUdpState, udpConfigFile, udpStateFile, type UdpState } from '../model/udp.ts'
import { shortHash } from '../lib/hash.ts'

import type { PodApi } from './pod-api.ts'

/** What a pod's udp.conf holds; nothing when there is none. */
export function heldUdp(text: string | undefined): { readonly udp?: { readonly hash: string } } {
  if (text === undefined) return {}
  return { udp: { hash: shortHash(text.slice(text.indexOf('\n') + 1)) } }
}

/** As `heldUdp`, of the pod's own file. */
export async function readHeldUdp(api: PodApi): Promise<ReturnType<typeof heldUdp>> {
  return heldUdp(await api.readFile(udpConfigFile))
}

/** Milliseconds between two looks while nginx does not run what it should. */
const pause = 250
/** Milliseconds that nginx may take before somebody is told. */
const patience = 5_000

/** Follows what the nginx of one pod runs. */
export class UdpFollower {
  /** When to look again, as of performance.now(). */
  due = Infinity
  #wanted: RenderedConfig['udp']
  #since = 0
  #state: UdpState = { running: '' }

  /** This configuration was delivered. */
  expect(wanted: RenderedConfig['udp']): void {
    if (wanted?.hash !== this.#wanted?.hash) this.#since = performance.now()
    this.#wanted = wanted
    this.due = this.#isDone() ? Infinity : performance.now()
  }

  /** nginx may have been started again since. */
  doubt(): void {
    if (this.#wanted !== undefined) this.due = Math.min(this.due, performance.now())
  }

  async look(api: PodApi): Promise<void> {
    this.#state = readUdpState((await api.readFile(udpStateFile)) ?? '')
    this.due = this.#isDone() ? Infinity : performance.now() + pause
  }

  /** Why the pod does not serve UDP as it should; undefined when it does. `soon`: nothing to worry about yet. */
  get trouble(): { readonly soon: boolean; readonly words: string } | undefined {
    if (this.#isDone()) return undefined
    const { refused, running } = this.#state
    if (refused !== undefined && refused.hash === this.#wanted?.hash)
      return { soon: false, words: `nginx does not take the configuration of the UDP listeners: ${refused.words}` }
    const soon = running !== '' && performance.now() - this.#since < patience
    return { soon, words: 'nginx has not loaded the configuration of the UDP listeners yet' }
  }

  #isDone(): boolean {
    return this.#wanted === undefined || this.#state.running === this.#wanted.hash
  }
}
