// Pauses short enough for a test to wait for.

import { type Timing, usualTiming } from '../timing.ts'

export const quickTiming: Timing = {
  ...usualTiming,
  persist: 20,
  settle: 5,
  settleAtMost: 20,
  drift: 10,
  busyServers: 10,
  refused: 30,
  reloadGather: 2,
  reloadPause: 10,
}
