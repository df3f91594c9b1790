import { Gauge, type Registry } from 'prom-client'

/** Milliseconds between two looks at the clock, and so what a reading may be too long by. */
const resolution = 4

/**
 * Measures how long the event loop was busy with one thing: `haproxy_gateway_event_loop_longest_block_seconds` on the clock, and
 * `…_longest_block_cpu_seconds` in processor time of the loop's thread, which leaves out what other programs of the machine took. Both are
 * the longest since they were last read. Costs a quarter of a percent of a core. The returned function ends it.
 */
export function watchEventLoop(registry: Registry): () => void {
  const longest = { clock: 0, processor: 0 }
  let before = lookAtClocks()
  const timer = setInterval(() => {
    const now = lookAtClocks()
    longest.clock = Math.max(longest.clock, now.clock - before.clock)
    longest.processor = Math.max(longest.processor, now.processor - before.processor)
    before = now
  }, resolution).unref()
  const gauge = (name: string, what: keyof typeof longest, help: string): void => {
    void new Gauge({
      name: `haproxy_gateway_event_loop_longest_block_${name}`,
      help,
      registers: [registry],
      collect() {
        this.set(longest[what] / 1000)
        longest[what] = 0
      },
    })
  }
  gauge('seconds', 'clock', 'The longest time since the last look in which nothing else got its turn; 0.004 is none.')
  gauge('cpu_seconds', 'processor', 'The same in processor time, so without what other programs took.')
  return () => clearInterval(timer)
}

// Both in milliseconds.
function lookAtClocks(): { readonly clock: number; readonly processor: number } {
  const { user, system } = process.threadCpuUsage()
  return { clock: performance.now(), processor: (user + system) / 1000 }
}
